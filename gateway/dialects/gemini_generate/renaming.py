"""Put our model id where the provider wrote its own (`modelVersion`); no other byte changes."""

from __future__ import annotations

import re

import msgspec

from gateway import sse
from gateway.dialects.members import UNREADABLE, DuplicateMember, Edit, edited, members

_NAME = b'"modelVersion"'

# The member's value, and after it only strings, numbers and literals up to the last brace: then it belongs to the
# outermost object, and nothing within the answer can be mistaken for it.
_LATE = re.compile(
    rb'"modelVersion"\s*:\s*("(?:[^"\\]|\\.)*")'
    rb'(?:\s*,\s*"[^"\\]*"\s*:\s*(?:"[^"\\]*"|[-+.0-9eE]+|null|true|false))*\s*\}\s*\Z'
)
_BEFORE = frozenset(b",{")
_SPACE = b" \t\r\n"


def rename(body: bytes, model: str) -> bytes:
    """See ResponseCodec.rename."""
    late = _late(body)
    if late is not None:
        return edited(body, [Edit(*late, msgspec.json.encode(model))])
    if _NAME not in body:
        return body
    try:
        found = members(body).get("modelVersion")
    except (*UNREADABLE, DuplicateMember):
        return body
    if found is None:
        return body
    return edited(body, [Edit(*found, msgspec.json.encode(model))])


def rename_event(raw_event: bytes, model: str) -> bytes:
    """See StreamCodec.rename."""
    late = _late(raw_event)
    if late is not None:
        return raw_event[: late[0]] + msgspec.json.encode(model) + raw_event[late[1] :]
    if _NAME not in raw_event:
        return raw_event
    data = sse.data(raw_event)
    if data is None:
        return raw_event
    renamed = rename(data, model)
    if renamed == data:
        return raw_event
    start = raw_event.find(data)
    if start < 0:  # the JSON is spread over several data lines
        return sse.render(renamed, sse.name(raw_event) or None)
    return raw_event[:start] + renamed + raw_event[start + len(data) :]


def _late(text: bytes) -> tuple[int, int] | None:
    """Where the value stands, when the member is among the last of the object, as it is in this provider's answers."""
    at = text.rfind(_NAME)
    if at < 1:
        return None
    before = at - 1
    while before and text[before] in _SPACE:
        before -= 1
    # Anything else before the quotation mark, and this is a value, or inside of a text.
    if text[before] not in _BEFORE:
        return None
    found = _LATE.match(text, at)
    return found.span(1) if found else None
