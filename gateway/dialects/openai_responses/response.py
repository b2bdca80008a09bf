"""Whole answers of Responses. Reference: platform.openai.com/docs/api-reference/responses/object."""

from __future__ import annotations

import msgspec

from gateway.canonical import Choice, Completion, Part, ToolCall
from gateway.dialects.assembly import as_events
from gateway.dialects.members import UNREADABLE
from gateway.dialects.openai_responses.counting import read_usage
from gateway.dialects.openai_responses.errors import fault_in
from gateway.dialects.openai_responses.finishing import finish_of, word_of
from gateway.dialects.openai_responses.items import beside_text, parts_of
from gateway.dialects.openai_responses.objects import NAME, own_members
from gateway.dialects.openai_responses.output import items_of
from gateway.dialects.openai_responses.renaming import rename
from gateway.dialects.openai_responses.telling import Renderer
from gateway.errors import UpstreamError

__all__ = ["parse", "rename", "render"]

_UNFINISHED = ("queued", "in_progress")


def parse(body: bytes) -> Completion:
    """See ResponseCodec.parse."""
    try:
        value = msgspec.json.decode(body)
    except UNREADABLE:
        raise UpstreamError(reason="bad_response") from None
    if not isinstance(value, dict) or fault_in(value) is not None or not isinstance(value.get("output"), list):
        raise UpstreamError(reason="bad_response")
    word, created = word_of(value), value.get("created_at")
    if word in _UNFINISHED:
        raise UpstreamError(reason="bad_response")
    parts: list[Part] = beside_text([part for item in items_of(value) for part in parts_of(item)])
    called = any(isinstance(part, ToolCall) for part in parts)
    members = own_members(value)
    return Completion(
        id=value["id"] if isinstance(value.get("id"), str) else "",
        model=value["model"] if isinstance(value.get("model"), str) else "",
        choices=[Choice(parts, finish_of(word, called=called) if word else None, word)],
        usage=read_usage(value.get("usage"), value.get("tool_usage")).usage,
        created=int(created) if isinstance(created, int | float) else 0,
        extras={NAME: members} if members else {},
    )


def render(completion: Completion) -> bytes:
    """See ResponseCodec.render. Of several choices only the first can be said.

    What the response repeats of the request is taken from `completion.extras["openai_responses"]`; see `objects.echo`.
    """
    renderer = Renderer(completion.model, id=completion.id, created=completion.created)
    for event in as_events(completion):
        renderer.feed(event)
    return msgspec.json.encode(renderer.response)
