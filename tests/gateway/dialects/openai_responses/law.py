"""What OpenAI's clients count on in a streamed response, checked event by event."""

from __future__ import annotations

import json
from typing import Any, get_args

from openai.types.responses import Response, ResponseStreamEvent

from gateway import sse
from gateway.dialects.openai_responses.objects import response_object
from tests.gateway.dialects.recordings import split

# The client's own type of each event.
TYPES: dict[str, Any] = {
    name: kind
    for kind in get_args(get_args(ResponseStreamEvent)[0])
    for name in get_args(kind.model_fields["type"].annotation)
}
ENDS = ("response.completed", "response.incomplete", "response.failed")
MEMBERS = set(response_object(id="", model="", created=0, status=""))

# What is told once whole, and the deltas that it repeats: done → (delta, member of done).
WHOLE = {
    "response.output_text.done": ("response.output_text.delta", "text"),
    "response.refusal.done": ("response.refusal.delta", "refusal"),
    "response.reasoning_summary_text.done": ("response.reasoning_summary_text.delta", "text"),
    "response.function_call_arguments.done": ("response.function_call_arguments.delta", "arguments"),
    "response.custom_tool_call_input.done": ("response.custom_tool_call_input.delta", "input"),
}


def values(content: bytes) -> list[dict[str, Any]]:
    """The events of a stream; each is named as its data say."""
    found = []
    for raw in split(content):
        data = sse.data(raw)
        assert data is not None
        value = json.loads(data)
        assert sse.name(raw) == value["type"]
        found.append(value)
    return found


def check(content: bytes, *, theirs: int = 0) -> list[dict[str, Any]]:
    """The law. The first events, `theirs`, are a provider's own. Gives back the events."""
    events = values(content)
    assert b"[DONE]" not in content
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    assert events[-1]["type"] in ENDS
    items: dict[int, dict[str, Any]] = {}
    done: list[dict[str, Any]] = []
    texts: dict[tuple[Any, ...], str] = {}
    parts: set[tuple[Any, ...]] = set()
    for event in events:
        kind = event["type"]
        if event["sequence_number"] >= theirs:
            TYPES[kind].model_validate(event)
        place = tuple(event.get(name) for name in ("output_index", "content_index", "summary_index"))
        if "response" in event:
            check_object(event["response"])
            assert event["response"]["id"] == events[0]["response"]["id"]
            assert event["response"]["model"] == events[0]["response"]["model"]
        elif kind == "response.output_item.added":
            assert event["output_index"] == len(done), "items come one after another"
            assert not items
            items[event["output_index"]] = event["item"]
        elif kind == "response.output_item.done":
            begun = items.pop(event["output_index"])
            assert begun["id"] == event["item"]["id"]
            assert begun["type"] == event["item"]["type"]
            assert not parts, "its parts have ended before"
            done.append(event["item"])
        else:
            assert event["item_id"] == items[event["output_index"]]["id"]
            if kind.endswith("part.added"):
                assert not parts
                parts.add(place)
            elif kind.endswith("part.done"):
                parts.remove(place)
            elif kind.endswith(".delta"):
                texts[(kind, *place)] = texts.get((kind, *place), "") + event["delta"]
            elif kind in WHOLE:
                delta, member = WHOLE[kind]
                assert texts.pop((delta, *place), "") == event[member]
    assert not items
    assert not texts
    assert events[-1]["response"]["output"] == done
    return events


def check_object(response: dict[str, Any]) -> None:
    """Every member is there, and the client's own type agrees."""
    assert response.keys() >= MEMBERS
    Response.model_validate(response)
