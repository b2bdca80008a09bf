"""Put our model id where a provider wrote its own; no other byte changes."""

from __future__ import annotations

import re

import msgspec

from gateway import sse
from gateway.dialects.members import UNREADABLE, DuplicateMember, Edit, edited, members

# Up to the model's value when only strings, numbers and literals stand before it: then it is the event's own, and
# nothing within it can be mistaken for it.
_EARLY = (
    rb'\{\s*(?:"[^"\\]*"\s*:\s*(?:"[^"\\]*"|[-+.0-9eE]+|null|true|false)\s*,\s*)*?"model"\s*:\s*("(?:[^"\\]|\\.)*")'
)
_EARLY_IN_BODY = re.compile(rb"\s*" + _EARLY, re.DOTALL)
_EARLY_IN_EVENT = re.compile(rb"data: ?" + _EARLY, re.DOTALL)


def rename(body: bytes, model: str) -> bytes:
    """See ResponseCodec.rename."""
    early = _EARLY_IN_BODY.match(body)
    if early is not None:
        return edited(body, [Edit(*early.span(1), msgspec.json.encode(model))])
    try:
        found = members(body).get("model")
    except (*UNREADABLE, DuplicateMember):
        return body
    if found is None:
        return body
    return edited(body, [Edit(*found, msgspec.json.encode(model))])


def rename_event(raw_event: bytes, model: str) -> bytes:
    """See StreamCodec.rename."""
    if b'"model"' not in raw_event:
        return raw_event
    early = _EARLY_IN_EVENT.match(raw_event)
    if early is not None:
        start, end = early.span(1)
        return raw_event[:start] + msgspec.json.encode(model) + raw_event[end:]
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
