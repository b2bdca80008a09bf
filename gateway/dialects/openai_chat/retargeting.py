"""Make a customer's request a provider's: three members edited in place, every other byte as it came."""

from __future__ import annotations

import msgspec

from gateway.dialects.members import DuplicateMember, Edit, Member, edited, inserted, members, opening
from gateway.errors import InvalidJson

_ASKING = b'{"include_usage":true}'
_LIMITS = ("max_completion_tokens", "max_tokens")


def retarget(
    body: bytes,
    *,
    model: str | None,
    ask_usage: bool,
    max_output: int | None,
    limit_member: str = "max_tokens",
) -> bytes:
    """See RequestCodec.retarget. Where the request names no output limit, one is added as `limit_member`: most
    providers know max_tokens, and for models that do not, the catalogue's restrictions rename it."""
    found = scan(body)
    edits: list[Edit] = []
    if model is not None and "model" in found and _value(body, found["model"]) != model:
        edits.append(Edit(*found["model"], msgspec.json.encode(model)))
    if ask_usage:
        edits += _asking(body, found)
    if max_output is not None:
        edits += _limiting(body, found, max_output, limit_member)
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


def _asking(body: bytes, found: dict[str, Member]) -> list[Edit]:
    if "stream_options" not in found:
        return [inserted(body, "stream_options", _ASKING, after=opening(body))]
    start, end = found["stream_options"]
    if body[start : start + 1] != b"{":
        return [Edit(start, end, _ASKING)]
    try:
        options = members(body[start:end], offset=start)
    except DuplicateMember as error:
        raise InvalidJson("A member of `stream_options` stands twice.", position=error.position) from None
    asked = options.get("include_usage")
    if asked is None:
        return [inserted(body, "include_usage", b"true", after=start)]
    return [] if body[asked[0] : asked[1]] == b"true" else [Edit(*asked, b"true")]


def _limiting(body: bytes, found: dict[str, Member], most: int, limit_member: str) -> list[Edit]:
    """No limit above `most`; smaller ones stay. Where there is none, or only null, one is set."""
    text = str(most).encode()
    limited = False
    edits: list[Edit] = []
    absent: list[Edit] = []
    for name in _LIMITS:
        if name not in found:
            continue
        value = _value(body, found[name])
        if value is None:
            absent.append(Edit(*found[name], text))
            continue
        limited = True
        if not isinstance(value, int | float) or value > most:
            edits.append(Edit(*found[name], text))
    if limited:
        return edits
    if absent:
        return absent[:1]
    return [inserted(body, limit_member, text, after=opening(body))]
