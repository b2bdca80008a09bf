"""What Messages report of themselves, and what a stream's watcher sees."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from billing.pricing import cost
from billing.usage import Usage
from gateway.dialects.anthropic_messages.counting import read_usage, render_usage
from gateway.dialects.anthropic_messages.usage import Watch, read
from gateway.dialects.base import Kind
from tests.billing.lists import OPUS
from tests.gateway.dialects.recordings import WIRE, split

RECORDED = WIRE / "anthropic_messages"
CLASSES = Usage(input=100, cached_input=50_000, cache_write_5m=2_000, cache_write_1h=1_000, output=800)


def raw(kind: str, **members: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **members})}\n\n".encode()


def started(**usage: Any) -> Watch:
    watch = Watch()
    assert watch.watch(raw("message_start", message={"id": "msg_1", "model": "m", "usage": usage})) is Kind.OPENING
    return watch


def test_cache_reads_and_writes_are_billed_once_whole_and_streamed() -> None:
    whole = read((RECORDED / "cache_classes.response.json").read_bytes())
    watch = Watch()
    for event in split((RECORDED / "cache_classes.sse").read_bytes()):
        watch.watch(event)
    assert whole.usage == watch.usage == CLASSES
    assert cost(CLASSES, OPUS).exact == Decimal("0.0544")


def test_nothing_is_settled_from_the_start_of_a_stream() -> None:
    watch = started(input_tokens=0, output_tokens=0)
    assert watch.usage is None
    assert watch.prompt is None
    watch = started(input_tokens=100, cache_read_input_tokens=50_000, output_tokens=3)
    watch.watch(raw("content_block_delta", index=0, delta={"type": "text_delta", "text": "x"}))
    assert watch.usage is None, "three tokens are not what the answer cost"
    assert watch.prompt == Usage(input=100, cached_input=50_000), "but what the prompt was is known"


def test_the_last_figures_count_and_what_they_leave_out_stays() -> None:
    watch = started(input_tokens=100, cache_read_input_tokens=7, output_tokens=1)
    watch.watch(raw("message_delta", delta={}, usage={"output_tokens": 10}))
    watch.watch(raw("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 30}))
    assert watch.usage == Usage(input=100, cached_input=7, output=30)
    watch.watch(raw("message_delta", delta={}, usage={"input_tokens": 150, "output_tokens": 31}))
    assert watch.usage == Usage(input=150, cached_input=7, output=31)


def test_zeros_at_the_end_do_not_erase_the_prompt() -> None:
    watch = started(input_tokens=100, cache_read_input_tokens=7)
    watch.watch(
        raw("message_delta", delta={}, usage={"input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 5})
    )
    assert watch.usage == Usage(input=100, cached_input=7, output=5)


def test_a_call_that_claims_to_have_read_nothing_is_not_believed() -> None:
    watch = started(input_tokens=0, output_tokens=0)
    watch.watch(raw("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 57}))
    assert watch.usage is None
    assert watch.suspect


@pytest.mark.parametrize(
    "wrong",
    [
        {"input_tokens": -5, "output_tokens": 5},
        {"input_tokens": "25", "output_tokens": 5},
        {"input_tokens": True, "output_tokens": 5},
        {"input_tokens": 10**9, "output_tokens": 5},
        {"input_tokens": 25},
        {"input_tokens": 25, "output_tokens": 5, "cache_creation": []},
        {"input_tokens": 25, "output_tokens": 5, "cache_creation": {"ephemeral_1h_input_tokens": -1}},
        ["usage"],
    ],
)
def test_figures_that_cannot_be_are_rejected_and_flagged(wrong: Any) -> None:
    assert read_usage(wrong) == (None, True)
    watch = started(input_tokens=9)
    watch.watch(raw("message_delta", delta={}, usage={"output_tokens": 4}))
    watch.watch(
        raw("message_delta", delta={}, usage=wrong if isinstance(wrong, list) else {**wrong, "input_tokens": -5})
    )
    assert watch.suspect
    assert watch.usage == Usage(input=9, output=4), "what was believable stays"


@pytest.mark.parametrize(
    ("written", "by_age", "expected", "suspect"),
    [
        (3000, {"ephemeral_5m_input_tokens": 2000, "ephemeral_1h_input_tokens": 1000}, (2000, 1000), False),
        (3000, None, (3000, 0), False),
        (None, {"ephemeral_5m_input_tokens": 2000, "ephemeral_1h_input_tokens": 1000}, (2000, 1000), False),
        (3000, {"ephemeral_1h_input_tokens": 1000}, (2000, 1000), False),
        (500, {"ephemeral_5m_input_tokens": 2000, "ephemeral_1h_input_tokens": 1000}, (0, 500), True),
    ],
)
def test_cache_writes_are_never_more_than_their_sum(
    written: int | None, by_age: Any, expected: tuple[int, int], suspect: bool
) -> None:
    value = {"input_tokens": 1, "cache_creation_input_tokens": written, "cache_creation": by_age, "output_tokens": 1}
    usage, flagged = read_usage(value)
    assert usage is not None
    assert (usage.cache_write_5m, usage.cache_write_1h) == expected
    assert flagged is suspect


def test_usage_says_the_same_there_and_back() -> None:
    usage = Usage(1, 2, 3, 4, 5, 6)
    assert read_usage(render_usage(usage)) == (usage, False)
    assert render_usage(Usage(input=1, audio_input=2, image_input=4, audio_output=8))["input_tokens"] == 7


def test_every_event_is_what_it_is() -> None:
    watch = Watch()
    kinds = [watch.watch(event) for event in split((RECORDED / "thinking.sse").read_bytes())]
    assert kinds == [
        *(Kind.OPENING, Kind.OPENING, Kind.CONTENT, Kind.CONTENT, Kind.COMMENT, Kind.CONTENT, Kind.OTHER),
        *(Kind.CONTENT, Kind.OTHER, Kind.OPENING, Kind.CONTENT, Kind.OTHER, Kind.FINISH, Kind.DONE),
    ]
    assert watch.finish == "end_turn"
    assert watch.usage == Usage(input=44, cached_input=10, output=16, reasoning=44)


def test_hidden_thinking_and_tool_calls_are_output() -> None:
    for block in (
        {"type": "redacted_thinking", "data": "x"},
        {"type": "tool_use", "id": "t", "name": "f", "input": {}},
        {"type": "server_tool_use", "id": "t", "name": "web_search", "input": {}},
        {"type": "yet_to_come"},
    ):
        watch = Watch()
        assert watch.watch(raw("content_block_start", index=0, content_block=block)) is Kind.CONTENT
        assert watch.produced
        assert read(json.dumps({"content": [block], "usage": {}}).encode()).produced
    watch = Watch()
    signed = raw("content_block_delta", index=0, delta={"type": "signature_delta", "signature": "x"})
    assert watch.watch(signed) is Kind.CONTENT
    assert not read(b'{"content":[{"type":"text","text":""}]}').produced


def test_an_unknown_event_and_a_fragment_are_ignored() -> None:
    watch = Watch()
    for event in (
        raw("something_new", x=1),
        b'data: {"type"\n\n',
        b"data: [1]\n\n",
        b": keep-alive\n\n",
        raw("content_block_delta", index=0, delta=None),
        raw("content_block_delta", index="x", delta={"text": 5}),
    ):
        assert watch.watch(event) in (Kind.OTHER, Kind.COMMENT)
    assert not watch.produced
    assert watch.error is None


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}', "overloaded"),
        (b'{"type":"error","error":{"type":"api_error","message":"Internal server error"}}', "server"),
        (b'{"type":"invalid_request_error","message":"prompt is too long: 9 tokens > 8 maximum"}', "context_length"),
        (b"upstream went away", "server"),
        (b'"rate limited"', "server"),
    ],
)
def test_errors_in_a_stream_are_understood_in_any_shape(data: bytes, kind: str) -> None:
    watch = Watch()
    assert watch.watch(b"event: error\ndata: " + data + b"\n\n") is Kind.ERROR
    assert watch.error is not None
    assert watch.error.kind == kind
