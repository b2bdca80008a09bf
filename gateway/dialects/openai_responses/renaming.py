"""Put our model id where a provider wrote its own; no other byte changes.

A whole answer names the model at the top. In a stream only the events of the response's life name it, inside
`response`, where a customer's instructions and tools may hold the same word at any depth.
"""

from __future__ import annotations

import re

import msgspec

from gateway import sse
from gateway.dialects.members import UNREADABLE, DuplicateMember, Edit, Member, edited, members
from gateway.dialects.openai_responses.payload import payload

# Up to the model's value when only strings, numbers and literals stand before it: then it is the response's own, and
# nothing within it can be mistaken for it. Anything else goes the slow way.
_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_PLAIN = rb"(?:" + _STRING + rb"\s*+:\s*+(?:" + _STRING + rb"|[-+.0-9eE]++|null|true|false)\s*+,\s*+)*?"
_MODEL = _PLAIN + rb'"model"\s*+:\s*+(' + _STRING + rb")"
_EARLY_IN_BODY = re.compile(rb"\s*+\{\s*+" + _MODEL, re.DOTALL)
_EARLY_IN_EVENT = re.compile(
    rb"(?:event: ?[a-z_.]++\r?\n)?data: ?\{\s*+" + _PLAIN + rb'"response"\s*+:\s*+\{\s*+' + _MODEL, re.DOTALL
)


def rename(body: bytes, model: str) -> bytes:
    """See ResponseCodec.rename."""
    early = _EARLY_IN_BODY.match(body)
    if early is not None:
        return edited(body, [Edit(*early.span(1), msgspec.json.encode(model))])
    return _replace(body, _found(body), model)


def rename_event(raw_event: bytes, model: str) -> bytes:
    """See StreamCodec.rename."""
    if b'"model"' not in raw_event or b'"response"' not in raw_event:
        return raw_event
    early = _EARLY_IN_EVENT.match(raw_event)
    if early is not None:
        return edited(raw_event, [Edit(*early.span(1), msgspec.json.encode(model))])
    data = payload(raw_event)
    if data is None:
        return raw_event
    renamed = _replace(data, _found(data, "response"), model)
    if renamed is data:
        return raw_event
    start = raw_event.find(data)
    if start < 0:  # the JSON is spread over several data lines
        return sse.render(renamed, sse.name(raw_event) or None)
    return raw_event[:start] + renamed + raw_event[start + len(data) :]


def _found(body: bytes, inside: str | None = None) -> Member | None:
    """Where the model's value stands, at the top or in the object `inside`."""
    try:
        found = members(body)
        if inside is None:
            return found.get("model")
        if inside not in found:
            return None
        start, end = found[inside]
        return members(body[start:end], offset=start).get("model")
    except (*UNREADABLE, DuplicateMember):
        return None


def _replace(body: bytes, member: Member | None, model: str) -> bytes:
    return body if member is None else edited(body, [Edit(*member, msgspec.json.encode(model))])
