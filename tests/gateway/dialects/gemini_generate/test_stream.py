"""Streams of this wire: how they end, fail, and turn into one JSON array."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from billing.usage import Usage
from gateway import errors, sse
from gateway.canonical import (
    BlockDelta,
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    Completion,
    End,
    ErrorEvent,
    Event,
    Reasoning,
    Start,
    Text,
    ToolCall,
    UsageReport,
)
from gateway.dialects.gemini_generate import array, response, stream, usage
from gateway.dialects.gemini_generate.errors import render as render_error
from tests.gateway.dialects.recordings import split

WIRE = Path(__file__).parents[3] / "wire" / "gemini_generate"
STREAMS = pytest.mark.parametrize("path", sorted(WIRE.glob("*.sse")), ids=lambda path: path.stem)


def values(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(data) for raw in split(content) if (data := sse.data(raw)) is not None]


def told(events: list[Event]) -> list[dict[str, Any]]:
    renderer = stream.renderer("our-name", id="answer-1")
    return values(b"".join(renderer.feed(event) for event in events) + renderer.finish())


def test_an_ending_closes_every_candidate_that_is_still_open() -> None:
    watch = usage.Watch()
    raw = {"candidates": [{"index": 0, "finishReason": "STOP"}, {"index": 2, "content": {"parts": [{"text": "x"}]}}]}
    watch.watch(b"data: " + json.dumps({**raw, "responseId": "r", "modelVersion": "g"}).encode() + b"\n\n")
    (value,) = values(stream.ending(watch, reason="length", usage=Usage(input=5, output=2), model="our-name"))
    assert [(item["index"], item["finishReason"]) for item in value["candidates"]] == [
        (1, "MAX_TOKENS"),
        (2, "MAX_TOKENS"),
    ]
    assert (value["modelVersion"], value["responseId"]) == ("our-name", "r")
    assert value["usageMetadata"]["totalTokenCount"] == 7


def test_a_call_is_told_whole_and_the_end_comes_with_usage_in_the_last_event() -> None:
    chunks = told(
        [
            Start("theirs", "their-name"),
            BlockStart(0, Text()),
            BlockDelta(0, "Both."),
            BlockEnd(0),
            BlockStart(1, ToolCall("call_a", "f")),
            BlockStart(2, ToolCall("call_b", "f")),
            BlockDelta(1, '{"x"'),
            BlockDelta(2, '{"y":2}'),
            BlockDelta(1, ":1}"),
            BlockEnd(1),
            BlockEnd(2),
            ChoiceEnd("tool_calls", 0, "tool_use"),
            UsageReport(Usage(input=3, output=4)),
            End(),
        ]
    )
    parts = [chunk["candidates"][0]["content"]["parts"][0] for chunk in chunks]
    assert parts == [
        {"text": "Both."},
        {"functionCall": {"id": "call_a", "name": "f", "args": {"x": 1}}},
        {"functionCall": {"id": "call_b", "name": "f", "args": {"y": 2}}},
        {"text": ""},
    ]
    assert ["finishReason" in chunk["candidates"][0] for chunk in chunks] == [False, False, False, True]
    assert chunks[-1]["candidates"][0]["finishReason"] == "STOP"
    assert chunks[-1]["usageMetadata"]["candidatesTokenCount"] == 4
    assert {(chunk["modelVersion"], chunk["responseId"]) for chunk in chunks} == {("our-name", "answer-1")}


def test_arguments_that_are_no_object_do_not_break_the_stream() -> None:
    for arguments, args in (('{"x":', {"INVALID_JSON": '{"x":'}), ("[1]", {"INVALID_JSON": "[1]"}), ("", {})):
        (call, _) = told(
            [
                Start(),
                BlockStart(0, ToolCall("c", "f")),
                BlockDelta(0, arguments),
                BlockEnd(0),
                ChoiceEnd("length"),
            ]
        )
        assert call["candidates"][0]["content"]["parts"][0]["functionCall"]["args"] == args


def test_words_are_passed_on_as_they_come() -> None:
    renderer = stream.renderer("m")
    renderer.feed(Start())
    renderer.feed(BlockStart(0, Reasoning()))
    assert b'"thought":true' in renderer.feed(BlockDelta(0, "Hm"))
    renderer.feed(BlockEnd(0))
    renderer.feed(BlockStart(1, Text()))
    assert b'{"text":"A"}' in renderer.feed(BlockDelta(1, "A"))


def test_a_failure_is_an_error_object_and_nothing_follows_it() -> None:
    (value,) = values(stream.failure(errors.UpstreamError(reason="stream_broken"), "req_1"))
    assert value["error"]["status"] == "UNAVAILABLE"
    renderer = stream.renderer("m")
    assert renderer.feed(ErrorEvent(watched("error_at_once.sse"))) == b""  # type: ignore[arg-type]
    assert renderer.feed(ChoiceEnd("stop")) == renderer.finish() == b""


def watched(name: str) -> object:
    watch = usage.Watch()
    for raw in split((WIRE / name).read_bytes()):
        watch.watch(raw)
    return watch.error


def test_a_refused_prompt_streams_as_an_end_without_an_answer() -> None:
    raw = (
        b'data: {"promptFeedback":{"blockReason":"OTHER"},"usageMetadata":{"promptTokenCount":4},"responseId":"r"}\n\n'
    )
    parser = stream.parser()
    events = [*parser.feed(raw), *parser.finish()]
    assert [type(event) for event in events] == [Start, ChoiceEnd, UsageReport, End]
    assert isinstance(events[1], ChoiceEnd)
    assert (events[1].finish, events[1].native_finish) == ("content_filter", "OTHER")
    (value,) = told(events)
    assert value["promptFeedback"] == {"blockReason": "OTHER"}
    assert "candidates" not in value


@STREAMS
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_stream_becomes_one_array_of_the_same_objects(path: Path, size: int) -> None:
    content = path.read_bytes()
    framing = array.ArrayFraming()
    out = b"".join(framing.feed(content[at : at + size]) for at in range(0, len(content), size))
    out += framing.finish()
    assert json.loads(out) == values(content)
    assert framing.finish() == b""


@STREAMS
def test_an_array_is_valid_wherever_it_is_closed(path: Path) -> None:
    raws = split(path.read_bytes())
    for count in range(len(raws) + 1):
        framing = array.ArrayFraming()
        out = b"".join(framing.feed(raw) for raw in raws[:count])
        assert json.loads(out + framing.finish()) == values(b"".join(raws[:count]))


def test_every_element_of_an_array_is_there_as_soon_as_its_event_is() -> None:
    framing = array.ArrayFraming()
    assert framing.feed(b'data: {"a":1}\n\n') == b'[{"a":1}'
    assert json.loads(framing.feed(b'data: {"a":2}\n\n').strip(b"\n,")) == {"a": 2}


def test_keep_alives_become_white_space_and_what_is_no_json_is_left_out() -> None:
    framing = array.ArrayFraming()
    pieces = [b": keep-alive\n\n", b'data: {"a":1}\n\n', b": keep-alive\n\n", b"data: {oops\n\n", b"data: [DONE]\n\n"]
    outs = [framing.feed(piece) for piece in pieces]
    assert outs[0] == b"["
    assert outs[2].isspace()
    error = stream.failure(errors.UpstreamError(reason="stream_broken"), "req_1")
    outs += [framing.feed(b'data: {"a":2}'), framing.feed(b"\n\n" + error), framing.finish()]
    first, second, last = json.loads(b"".join(outs))
    assert (first, second) == ({"a": 1}, {"a": 2})
    assert last["error"]["code"] == 502
    assert framing.feed(b'data: {"late":1}\n\n') == b""


def test_an_array_of_nothing_is_empty() -> None:
    assert json.loads(array.ArrayFraming().finish()) == []
    quiet = array.ArrayFraming()
    assert json.loads(quiet.feed(sse.KEEPALIVE) + quiet.feed(sse.KEEPALIVE) + quiet.finish()) == []


def test_an_unterminated_last_event_is_the_last_element() -> None:
    framing = array.ArrayFraming()
    assert json.loads(framing.feed(b'data: {"a":1}') + framing.finish()) == [{"a": 1}]


def test_an_error_before_the_stream_is_wrapped_in_an_array() -> None:
    body = render_error(errors.InvalidApiKey(), request_id="req_1", docs_url="")
    assert json.loads(array.wrapped(body)) == [json.loads(body)]


def test_a_call_without_an_id_gets_one_of_its_own_in_every_answer() -> None:
    def calls(identity: str | None) -> list[str]:
        part = {"functionCall": {"name": "f", "args": {}}}
        value: dict[str, Any] = {"candidates": [{"content": {"parts": [part, part]}, "finishReason": "STOP"}]}
        if identity is not None:
            value["responseId"] = identity
        completion: Completion = response.parse(json.dumps(value).encode())
        return [part.id for part in completion.choices[0].parts if isinstance(part, ToolCall)]

    assert calls("r1") == calls("r1")
    assert len({*calls("r1"), *calls("r2"), *calls(None), *calls(None)}) == 8
