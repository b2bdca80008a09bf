"""Make a customer's request a provider's: the model, and where the money is short the limits; no other byte changes."""

from __future__ import annotations

import msgspec

from gateway.dialects.members import DuplicateMember, Edit, Member, edited, inserted, members, opening
from gateway.errors import InvalidJson

LEAST_BUDGET = 1024  # tokens of thinking; the provider refuses less


def retarget(body: bytes, *, model: str | None, ask_usage: bool, max_output: int | None) -> bytes:
    """See RequestCodec.retarget. Usage is always reported, so there is nothing to ask for.

    A budget for thinking must be smaller than `max_tokens`. Where a lowered limit is at or below it, the budget becomes
    half the limit, and where even that is less than the provider allows, thinking is turned off.
    """
    found = scan(body)
    edits: list[Edit] = []
    if model is not None and "model" in found and _value(body, found["model"]) != model:
        edits.append(Edit(*found["model"], msgspec.json.encode(model)))
    if max_output is not None:
        edits += _limiting(body, found, max_output)
    return edited(body, edits)


def scan(body: bytes) -> dict[str, Member]:
    """The top-level members. Raises InvalidJson when one stands twice: the price is that of the model which we read,
    so nobody may read another."""
    try:
        return members(body)
    except DuplicateMember as error:
        raise InvalidJson(
            f"A member of the request stands twice (near byte {error.position}).", position=error.position
        ) from None


def _value(body: bytes, member: Member) -> object:
    return msgspec.json.decode(body[member[0] : member[1]])


def _limiting(body: bytes, found: dict[str, Member], most: int) -> list[Edit]:
    text = str(most).encode()
    if "max_tokens" not in found:
        return [inserted(body, "max_tokens", text, after=opening(body)), *_thinking(body, found, most)]
    value = _value(body, found["max_tokens"])
    if isinstance(value, int | float) and value <= most:
        return []
    return [Edit(*found["max_tokens"], text), *_thinking(body, found, most)]


def _thinking(body: bytes, found: dict[str, Member], most: int) -> list[Edit]:
    if "thinking" not in found:
        return []
    start, end = found["thinking"]
    if body[start : start + 1] != b"{":
        return []
    try:
        inside = members(body[start:end], offset=start)
    except DuplicateMember as error:
        raise InvalidJson("A member of `thinking` stands twice.", position=error.position) from None
    if "budget_tokens" not in inside:
        return []
    budget = _value(body, inside["budget_tokens"])
    if not isinstance(budget, int | float) or budget < most:
        return []
    if most <= LEAST_BUDGET:
        return [Edit(start, end, b'{"type":"disabled"}')]
    return [Edit(*inside["budget_tokens"], str(max(LEAST_BUDGET, most // 2)).encode())]
