"""Streams of providers that leave out what OpenAI sends: nothing is lost, nothing is told twice."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.canonical import Completion, End, ErrorEvent, Part, Reasoning, Refusal, Text, ToolCall
from gateway.dialects import DIALECTS
from gateway.dialects.openai_responses.usage import Watch
from tests.gateway.dialects.recordings import WIRE, assembled, check_order, parsed, split

RESPONSES = DIALECTS["openai_responses"]
MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "Hi", "annotations": [{"type": "file_path", "file_id": "f"}]}],
}
CALL = {"id": "fc_1", "type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a":1}'}
THOUGHT = {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}
USAGE = {"input_tokens": 3, "output_tokens": 2}


def stream(*events: dict[str, Any], output: list[Any] | None = None, last: str = "completed") -> bytes:
    life = {"id": "resp_1", "object": "response", "created_at": 1.5, "model": "theirs"}
    everything = [
        {"type": "response.created", "response": {**life, "status": "in_progress"}},
        *events,
        {"type": f"response.{last}", "response": {**life, "status": last, "output": output or [], "usage": USAGE}},
    ]
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in everything)


def heard(content: bytes) -> Completion:
    raws = split(content)
    events = parsed(RESPONSES, raws)
    check_order(events)
    assert isinstance(events[-1], End)
    watch = Watch()
    texts = []
    for raw in raws:
        watch.watch(raw)
        texts.append(watch.take_text())
    completion = assembled(events)
    said = [
        str(getattr(part, name, ""))
        for choice in completion.choices
        for part in choice.parts
        for name in ("text", "name", "arguments")
    ]
    assert sorted("".join(texts)) == sorted("".join(said)), "what is metered is what is told"
    assert completion.created == 1
    return completion


def added(item: dict[str, Any], index: int = 0) -> dict[str, Any]:
    empty: dict[str, Any] = {"content": [], "summary": [], "arguments": ""}
    bare = {**item, **{name: empty[name] for name in empty if name in item}}
    return {"type": "response.output_item.added", "output_index": index, "item": bare}


def done(item: dict[str, Any], index: int = 0) -> dict[str, Any]:
    return {"type": "response.output_item.done", "output_index": index, "item": item}


def delta(kind: str, text: str, index: int = 0) -> dict[str, Any]:
    return {"type": f"response.{kind}.delta", "output_index": index, "content_index": 0, "delta": text}


def shape(parts: list[Part]) -> list[tuple[str, str]]:
    return [(type(part).__name__, getattr(part, "text", "") or getattr(part, "arguments", "")) for part in parts]


@pytest.mark.parametrize(
    "events",
    [
        [delta("output_text", "H"), delta("output_text", "i")],
        [added(MESSAGE), delta("output_text", "H"), delta("output_text", "i"), done(MESSAGE)],
        [added(MESSAGE), delta("output_text", "Hi")],
        [added(MESSAGE), done(MESSAGE)],
        [done(MESSAGE)],
        [],
    ],
    ids=["deltas", "no parts", "no ends", "no deltas", "item only", "end only"],
)
def test_a_text_is_heard_however_it_is_told(events: list[dict[str, Any]]) -> None:
    completion = heard(stream(*events, output=[MESSAGE]))
    assert shape(completion.choices[0].parts) == [("Text", "Hi")]
    assert completion.choices[0].finish == "stop"


@pytest.mark.parametrize(
    "events",
    [
        [added(CALL), delta("function_call_arguments", '{"a"'), delta("function_call_arguments", ":1}"), done(CALL)],
        [added(CALL), delta("function_call_arguments", '{"a":1}')],
        [added(CALL), done(CALL)],
        [{**added(CALL), "item": CALL}, done(CALL)],
        [done(CALL)],
        [],
    ],
    ids=["deltas", "no end", "no deltas", "whole at the start", "item only", "end only"],
)
def test_a_call_is_heard_however_it_is_told(events: list[dict[str, Any]]) -> None:
    raws = stream(*events, output=[CALL])
    completion = assembled(parsed(RESPONSES, split(raws)))
    (call,) = completion.choices[0].parts
    assert isinstance(call, ToolCall)
    assert (call.id, call.name, call.arguments) == ("c", "f", '{"a":1}')
    assert completion.choices[0].finish == "tool_calls"


@pytest.mark.parametrize(
    "events",
    [
        [delta("reasoning_text", "hm"), delta("output_text", "Hi", 1)],
        [added(THOUGHT), delta("reasoning_summary_text", "hm"), done(THOUGHT), delta("output_text", "Hi", 1)],
        [added(THOUGHT), done(THOUGHT), done(MESSAGE, 1)],
        [],
    ],
    ids=["deltas", "summary", "items", "end only"],
)
def test_reasoning_is_heard_however_it_is_told(events: list[dict[str, Any]]) -> None:
    completion = heard(stream(*events, output=[THOUGHT, MESSAGE]))
    assert shape(completion.choices[0].parts) == [("Reasoning", "hm"), ("Text", "Hi")]


def test_items_may_be_told_at_the_same_time() -> None:
    other = {**CALL, "id": "fc_2", "call_id": "d"}
    completion = heard(
        stream(
            added(CALL, 0),
            added(other, 1),
            delta("function_call_arguments", "{}", 1),
            delta("function_call_arguments", "[]", 0),
            done({**CALL, "arguments": "[]"}, 0),
            done({**other, "arguments": "{}"}, 1),
        )
    )
    assert shape(completion.choices[0].parts) == [("ToolCall", "[]"), ("ToolCall", "{}")]


def test_annotations_that_only_the_end_of_a_part_tells_are_heard() -> None:
    part = MESSAGE["content"][0]
    completion = heard(
        stream(
            added(MESSAGE),
            {"type": "response.content_part.added", "output_index": 0, "part": {"type": "output_text", "text": ""}},
            delta("output_text", "Hi"),
            {"type": "response.content_part.done", "output_index": 0, "part": part},
            done(MESSAGE),
        )
    )
    (text,) = completion.choices[0].parts
    assert text.extras["openai"]["annotations"] == [{"type": "file_path", "file_path": {"file_id": "f"}}]


def test_a_text_that_becomes_a_refusal_is_two_parts() -> None:
    completion = heard(stream(added(MESSAGE), delta("output_text", "Well"), delta("refusal", "No.")))
    first, second = completion.choices[0].parts
    assert isinstance(first, Text)
    assert isinstance(second, Refusal)


@pytest.mark.parametrize(("last", "finish"), [("completed", "stop"), ("incomplete", "length"), ("of_tomorrow", None)])
def test_the_last_event_says_how_it_ended(last: str, finish: str | None) -> None:
    events = parsed(RESPONSES, split(stream(delta("output_text", "Hi"), last=last)))
    if finish is None:
        assert isinstance(events[-1], ErrorEvent), "a stream without a known end is a broken one"
    else:
        assert assembled(events).choices[0].finish == finish


def test_a_stream_without_its_last_event_is_broken_even_after_done() -> None:
    whole = split((WIRE / "openai_responses" / "plain.sse").read_bytes())
    events = parsed(RESPONSES, [*whole[:-1], b"data: [DONE]\n\n"])
    assert isinstance(events[-1], ErrorEvent)
    watch = Watch()
    for raw in [*whole[:-1], b"data: [DONE]\n\n"]:
        watch.watch(raw)
    assert watch.finish is None, "so that the relay sees it too"


def test_hidden_reasoning_keeps_its_blob() -> None:
    item = {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "gAAAA"}
    for events in ([added(item), done(item)], [done(item)], []):
        (part,) = heard(stream(*events, output=[item])).choices[0].parts
        assert isinstance(part, Reasoning)
        assert part.blob is not None
        assert (part.blob.data, part.blob.id) == ("gAAAA", "rs_1")


def test_what_only_the_end_knows_is_told_at_the_end() -> None:
    whole = split((WIRE / "openai_responses" / "plain.sse").read_bytes())
    completion = assembled(parsed(RESPONSES, whole))
    assert completion.extras["openai_responses"]["service_tier"] == "auto"
    assert completion.choices[0].extras == {"openai_responses": {"service_tier": "default"}}
    teller = RESPONSES.stream.renderer("m")
    told = b"".join([teller.feed(event) for event in parsed(RESPONSES, whole)])
    tiers = [
        json.loads(raw.split(b"data: ")[1])["response"]["service_tier"] for raw in split(told) if b'"response":' in raw
    ]
    assert tiers == ["auto", "auto", "default"]
