"""Make a customer's request a provider's: the model, the output limit, and what another provider's model left behind;
every other byte as it came."""

from __future__ import annotations

import msgspec

from gateway.dialects.members import DuplicateMember, Edit, Member, edited, inserted, members, opening
from gateway.dialects.openai_responses.cleaning import SEALED, cleaned
from gateway.dialects.openai_responses.envelope import UNRESOLVED
from gateway.errors import InvalidJson, UnsupportedParameter

_LIMIT = "max_output_tokens"


def retarget(body: bytes, *, model: str | None, ask_usage: bool, max_output: int | None) -> bytes:
    """See RequestCodec.retarget. Usage is always reported, so there is nothing to ask for.

    Reasoning of other providers that rides sealed in the input is taken out: this provider refuses what it did not
    encrypt itself. Raises UnsupportedParameter for state kept with the provider, which customers share there.
    """
    found = scan(body)
    for name in UNRESOLVED:
        if name in found and _value(body, found[name]) is not None:
            raise UnsupportedParameter(f"`{name}` is not supported here.", param=name)
    edits: list[Edit] = []
    if model is not None and "model" in found and _value(body, found["model"]) != model:
        edits.append(Edit(*found["model"], msgspec.json.encode(model)))
    if max_output is not None:
        edits += _limiting(body, found, max_output)
    if SEALED in body and "input" in found:
        edits.append(Edit(*found["input"], cleaned(body[slice(*found["input"])])))
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
    """No limit above `most`; a smaller one stays. Where there is none, or only null, one is set."""
    text = str(most).encode()
    if _LIMIT not in found:
        return [inserted(body, _LIMIT, text, after=opening(body))]
    value = _value(body, found[_LIMIT])
    if isinstance(value, int | float) and value <= most:
        return []
    return [Edit(*found[_LIMIT], text)]
