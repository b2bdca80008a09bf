"""Answers as customers of this dialect read them, whoever gave them: the order of events, whole objects, blobs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import Response

from billing.usage import Usage
from gateway.canonical import (
    Audio,
    Blob,
    BlockDelta,
    BlockEnd,
    BlockStart,
    Choice,
    ChoiceEnd,
    Completion,
    End,
    Event,
    Fault,
    Image,
    Part,
    Reasoning,
    Refusal,
    Source,
    Start,
    Text,
    ToolCall,
    UsageReport,
)
from gateway.canonical import ErrorEvent as Broken
from gateway.dialects.assembly import as_events
from gateway.dialects.base import Dialect
from gateway.dialects.openai_responses import response
from gateway.dialects.openai_responses.keeping import final_response
from gateway.dialects.openai_responses.objects import echo
from gateway.dialects.openai_responses.request import parse
from gateway.dialects.openai_responses.stream import renderer
from tests.gateway.dialects import portable
from tests.gateway.dialects.openai_responses.law import check, check_object
from tests.gateway.dialects.recordings import parsed, recordings, split

SIGNATURE = Blob("anthropic", "signature", "EqoBCkgIARABGAI=")
THOUGHT = Blob("gemini", "signature", "CvcBAVSoXO4")
OWN = Blob("openai", "encrypted", "gAAAAABpHkq7", "rs_1")


def told(events: list[Event], **options: Any) -> bytes:
    teller = renderer("our-model", **options)
    return b"".join([*(teller.feed(event) for event in events), teller.finish()])


def answer(*parts: Part, finish: Any = "stop", usage: Usage | None = None) -> Completion:
    return Completion("resp_1", "m", [Choice(list(parts), finish)], usage or Usage(input=3, output=2), 1763480000)


def whole(completion: Completion) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(response.render(completion))
    check_object(value)
    return value


@pytest.mark.parametrize(("dialect", "content"), recordings(".sse"))
def test_any_providers_stream_is_told_in_the_order_that_clients_count_on(dialect: Dialect, content: bytes) -> None:
    events = check(told(parsed(dialect, split(content)), id="resp_1", created=1763480000))
    assert events[0]["response"]["id"] == "resp_1"
    assert events[0]["response"]["model"] == "our-model"
    assert events[0]["response"]["usage"] is None


@pytest.mark.parametrize(("dialect", "body"), recordings(".response.json"))
def test_any_providers_answer_is_a_whole_response(dialect: Dialect, body: bytes) -> None:
    completion = dialect.response.parse(body)
    value = whole(completion)
    assert value["status"] in ("completed", "incomplete")
    final = check(told(list(as_events(completion)), id=completion.id, created=completion.created))[-1]["response"]
    assert {**final, "model": value["model"]} == value, "streamed and whole answers say the same"


@given(portable.answers())
def test_any_answer_obeys_the_law(completion: Completion) -> None:
    check(told(list(as_events(completion))))
    whole(completion)


def test_a_plain_answer_is_told_event_by_event() -> None:
    kinds = [event["type"] for event in check(told(list(as_events(answer(Text("Hi"))))))]
    assert kinds == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]


def test_reasoning_is_told_as_a_summary_with_its_blob_sealed() -> None:
    events = check(told(list(as_events(answer(Reasoning("I must look.", blob=SIGNATURE), Text("Hi"))))))
    assert [event["type"].removeprefix("response.") for event in events[2:8]] == [
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
    ]
    item = events[7]["item"]
    assert item["summary"] == [{"type": "summary_text", "text": "I must look."}]
    assert item["encrypted_content"] not in (None, "", SIGNATURE.data)


def test_arguments_are_streamed_as_they_come_and_an_item_ends_when_the_next_begins() -> None:
    teller = renderer("m")
    teller.feed(Start("resp_1"))
    assert b"output_item.added" in teller.feed(BlockStart(0, ToolCall("call_1", "f")))
    assert b'"delta":"{\\"a"' in teller.feed(BlockDelta(0, '{"a'))
    assert b'"delta":"\\":1}"' in teller.feed(BlockDelta(0, '":1}'))
    ended = teller.feed(BlockEnd(0))
    assert b"function_call_arguments.done" in ended
    assert b"output_item.done" not in ended
    assert teller.feed(BlockStart(1, ToolCall("call_2", "f"))).startswith(b"event: response.output_item.done")


def test_overlapping_calls_are_told_one_after_another() -> None:
    events: list[Event] = [
        Start("resp_1"),
        BlockStart(0, ToolCall("a", "f")),
        BlockStart(1, ToolCall("b", "g")),
        BlockDelta(1, '{"b":1}'),
        BlockDelta(0, '{"a":1}'),
        BlockEnd(1),
        BlockEnd(0),
        ChoiceEnd("tool_calls"),
        End(),
    ]
    output = check(told(events))[-1]["response"]["output"]
    assert [(item["call_id"], item["arguments"]) for item in output] == [("a", '{"a":1}'), ("b", '{"b":1}')]


def test_a_call_without_arguments_has_an_empty_object() -> None:
    assert whole(answer(ToolCall("a", "f", "")))["output"][0]["arguments"] == "{}"
    assert whole(answer(ToolCall("a", "f", "", custom=True)))["output"][0]["input"] == ""


@pytest.mark.parametrize(
    ("finish", "status", "reason"),
    [
        ("stop", "completed", None),
        ("tool_calls", "completed", None),
        ("length", "incomplete", "max_output_tokens"),
        ("content_filter", "incomplete", "content_filter"),
        (None, "completed", None),
    ],
)
def test_an_answer_ends_for_a_reason(finish: Any, status: str, reason: str | None) -> None:
    for parts in ([Text("Hi")], [Text("Hi"), ToolCall("a", "f", '{"x"')]):
        value = whole(answer(*parts, finish=finish))
        assert value["status"] == status
        assert value["incomplete_details"] == ({"reason": reason} if reason else None)
        assert value["output"][-1]["status"] == status, "what was cut is said to be"
        assert [item["status"] for item in value["output"][:-1]] == ["completed"] * (len(parts) - 1)


def test_usage_is_in_the_last_event_only() -> None:
    usage = Usage(input=10, cached_input=5, cache_write_5m=2, cache_write_1h=1, output=4, reasoning=6)
    events: list[Event] = [Start("r", usage=Usage(input=18)), ChoiceEnd("stop"), UsageReport(usage), End()]
    said = check(told(events, usage=False))
    assert [event["response"]["usage"] for event in said[:-1]] == [None, None]
    assert said[-1]["response"]["usage"] == {
        "input_tokens": 18,
        "input_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 3},
        "output_tokens": 10,
        "output_tokens_details": {"reasoning_tokens": 6},
        "total_tokens": 28,
    }


def test_nothing_follows_a_providers_error() -> None:
    teller = renderer("m")
    for event in (Start("r"), BlockStart(0, Text()), Broken(Fault("server"))):
        teller.feed(event)
    assert teller.feed(ChoiceEnd("stop")) == b""
    assert teller.finish() == b""
    assert teller.response == {}


def test_a_response_repeats_its_request() -> None:
    asked = json.dumps(
        {"model": "m", "input": "x", "instructions": "Be brief.", "temperature": 0.2, "tools": [TOOL], "user": None}
    ).encode()
    said = check(told(list(as_events(answer(Text("Hi")))), echo=echo(asked)))
    for event in (said[0], said[-1]):
        assert event["response"]["instructions"] == "Be brief."
        assert (event["response"]["temperature"], event["response"]["top_p"]) == (0.2, 1.0)
        assert event["response"]["tools"] == [TOOL]
        assert event["response"]["user"] is None
    completion = answer(Text("Hi"))
    completion.extras = {"openai_responses": echo(asked)}
    assert whole(completion)["instructions"] == "Be brief."
    assert echo(b"{") == echo(b"[]") == {}


TOOL = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": False}


def test_pictures_sound_and_refusals_have_their_places() -> None:
    value = whole(
        answer(
            Image(Source(data="iVBORw0KGgo=", media_type="image/png")),
            Image(Source(url="https://example.com/a.png")),
            Audio(Source(data="AAAA", media_type="audio/wav"), "spoken"),
            Refusal("No."),
        )
    )
    picture, message = value["output"]
    assert (picture["type"], picture["result"]) == ("image_generation_call", "iVBORw0KGgo=")
    assert [part.get("text") for part in message["content"]] == ["https://example.com/a.png", "spoken", None]
    assert message["content"][2] == {"type": "refusal", "refusal": "No."}


def test_annotations_are_written_flat() -> None:
    place = {"url": "https://example.com", "title": "t", "start_index": 0, "end_index": 2}
    note = {"type": "url_citation", "url_citation": place}
    value = whole(answer(Text("Hi", extras={"openai": {"annotations": [note]}})))
    (wire,) = value["output"][0]["content"][0]["annotations"]
    assert wire == {"type": "url_citation", **place}
    again = response.parse(json.dumps(value).encode()).choices[0].parts[0]
    assert again.extras["openai"]["annotations"] == [note]


def test_the_final_response_can_be_kept_from_the_stream() -> None:
    content = told(list(as_events(answer(Text("Hi")))))
    kept = final_response(split(content))
    assert kept is not None
    assert Response.model_validate(kept).output_text == "Hi"


THINKING: list[Part] = [
    Reasoning("I must look.", blob=SIGNATURE),
    Reasoning("", blob=Blob("anthropic", "redacted", "EmwKAhgB")),
    Text("Let me look.", blob=THOUGHT),
    ToolCall("toolu_1", "look", "{}", blob=THOUGHT),
    Reasoning("And there.", blob=OWN),
    ToolCall("toolu_2", "look", '{"a":1}'),
]


@pytest.mark.parametrize("streamed", [False, True])
def test_opaque_blobs_of_any_provider_return_on_the_next_turn(streamed: bool) -> None:
    completion = answer(*THINKING, finish="tool_calls")
    if streamed:
        output = check(told(list(as_events(completion))))[-1]["response"]["output"]
    else:
        output = whole(completion)["output"]
    results = [
        {"type": "function_call_output", "call_id": item["call_id"], "output": "seen"}
        for item in output
        if item["type"] == "function_call"
    ]
    asked = {"model": "m", "input": [{"role": "user", "content": "look"}, *output, *results]}
    _, assistant, answered = parse(json.dumps(asked).encode()).messages
    assert assistant.parts == THINKING
    assert [part.call_id for part in answered.parts] == ["toolu_1", "toolu_2"]  # type: ignore[attr-defined]


@given(st.lists(st.sampled_from(THINKING), max_size=6))
def test_blobs_in_any_order_obey_the_law(parts: list[Part]) -> None:
    check(told(list(as_events(answer(*parts)))))


@pytest.mark.parametrize("status", ["queued", "in_progress", "failed", "cancelled"])
def test_a_response_that_is_no_answer_is_a_failure(status: str) -> None:
    body = {**whole(answer(Text("Hi"))), "status": status, "error": {"code": "server_error", "message": "x"}}
    for error in (body["error"], None):
        with pytest.raises(Exception, match="provider"):
            response.parse(json.dumps({**body, "error": error}).encode())
