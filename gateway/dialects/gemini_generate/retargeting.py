"""Make a customer's request a provider's: only the output limit is edited, every other byte as it came. The model
stands in the address of this wire, and usage is always told."""

from __future__ import annotations

import msgspec

from gateway.dialects.gemini_generate.inspecting import whole
from gateway.dialects.gemini_generate.spelling import camel_name, snake_name
from gateway.dialects.members import UNREADABLE, DuplicateMember, Edit, Member, edited, inserted, members, opening
from gateway.errors import InvalidJson

_CONFIG, _LIMIT = "generationConfig", "maxOutputTokens"


def retarget(body: bytes, *, model: str | None, ask_usage: bool, max_output: int | None) -> bytes:
    """See RequestCodec.retarget. `model` and `ask_usage` change nothing in this wire's body."""
    found = scan(body)
    config = _either(found, _CONFIG)
    inside: dict[str, Member] = {}
    if config is not None and body[config[0] : config[0] + 1] == b"{":
        inside = scan(body[config[0] : config[1]], offset=config[0])
    if max_output is None:
        return body
    text = str(max_output).encode()
    limit = _either(inside, _LIMIT)
    if limit is not None:
        asked = _value(body, limit)
        return body if asked is not None and asked <= max_output else edited(body, [Edit(*limit, text)])
    if config is None:
        return edited(body, [inserted(body, _CONFIG, b'{"maxOutputTokens":' + text + b"}", after=opening(body))])
    if body[config[0] : config[0] + 1] != b"{":  # null
        return edited(body, [Edit(*config, b'{"maxOutputTokens":' + text + b"}")])
    return edited(body, [inserted(body, _LIMIT, text, after=config[0])])


def scan(body: bytes, *, offset: int = 0) -> dict[str, Member]:
    """The members of an object. Raises InvalidJson when one stands twice, in one spelling or in both: the price is for
    the limits which we read, so nobody may read others."""
    try:
        found = members(body, offset)
    except DuplicateMember as error:
        raise InvalidJson(
            f"A member of the request stands twice (near byte {error.position}).", position=error.position
        ) from None
    for name, (start, _) in found.items():
        if camel_name(name) != name and camel_name(name) in found:
            raise InvalidJson(f"{camel_name(name)!r} stands twice, in two spellings.", position=start)
    return found


def _either(found: dict[str, Member], name: str) -> Member | None:
    return found.get(name) or found.get(snake_name(name))


def _value(body: bytes, member: Member) -> int | None:
    try:
        return whole(msgspec.json.decode(body[member[0] : member[1]]))
    except UNREADABLE:
        return None
