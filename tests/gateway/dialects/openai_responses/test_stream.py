"""Events of a stream as they pass: what each one is, whose name it bears, and an end that is honest."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest

from billing.usage import Usage
from gateway import errors
from gateway.dialects.base import Kind
from gateway.dialects.openai_responses.closing import failure
from gateway.dialects.openai_responses.minding import KEPT_TEXT
from gateway.dialects.openai_responses.payload import event as make
from gateway.dialects.openai_responses.stream import ending, rename
from gateway.dialects.openai_responses.telling import Renderer
from gateway.dialects.openai_responses.usage import Watch
from tests.gateway.dialects.openai_responses.law import check, values
from tests.gateway.dialects.recordings import WIRE, split

USAGE = {
    "input_tokens": 10,
    "input_tokens_details": {"cached_tokens": 4},
    "output_tokens": 5,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 15,
}
MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
CALL = {"id": "fc_1", "type": "function_call", "call_id": "c", "name": "f", "arguments": "", "status": "in_progress"}
TEXT = {"type": "output_text", "text": "Hi", "annotations": []}
THOUGHT = {"id": "rs_1", "type": "reasoning", "summary": []}


def event(kind: str, **members: Any) -> bytes:
    return make(f"response.{kind}", 7, members)


def at(kind: str, **members: Any) -> bytes:
    return event(kind, item_id="msg_1", output_index=0, content_index=0, **members)


def item(kind: str, value: dict[str, Any]) -> bytes:
    return event(f"output_item.{kind}", output_index=0, item=value)


def life(status: str, **members: Any) -> bytes:
    response = {"id": "resp_1", "object": "response", "status": status, "model": "theirs", "output": [], **members}
    return event(status, response=response)


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (life("created"), Kind.OPENING),
        (life("in_progress", usage=None), Kind.OPENING),
        (life("queued"), Kind.OPENING),
        (item("added", MESSAGE), Kind.OPENING),
        (item("added", THOUGHT), Kind.OPENING),
        (at("content_part.added", part={**TEXT, "text": ""}), Kind.OPENING),
        (at("output_text.delta", delta=""), Kind.OPENING),
        (at("output_text.delta", delta="x", logprobs=[]), Kind.CONTENT),
        (at("refusal.delta", delta="x"), Kind.CONTENT),
        (at("reasoning_text.delta", delta="x"), Kind.CONTENT),
        (event("reasoning_summary_text.delta", summary_index=0, output_index=0, delta="x"), Kind.CONTENT),
        (event("function_call_arguments.delta", output_index=0, item_id="fc_1", delta="{"), Kind.CONTENT),
        (event("custom_tool_call_input.delta", output_index=0, item_id="fc_1", delta="x"), Kind.CONTENT),
        (event("mcp_call_arguments.delta", output_index=0, item_id="mcp_1", delta="{"), Kind.CONTENT),
        (event("image_generation_call.partial_image", output_index=0, partial_image_b64="AAAA"), Kind.CONTENT),
        (event("audio.delta", delta="AAAA"), Kind.CONTENT),
        (item("added", CALL), Kind.CONTENT),
        (item("added", {"id": "ws_1", "type": "web_search_call", "status": "in_progress"}), Kind.CONTENT),
        (item("done", {**CALL, "arguments": "{}"}), Kind.CONTENT),
        (item("done", {**MESSAGE, "content": [TEXT]}), Kind.CONTENT),
        (item("done", {**THOUGHT, "encrypted_content": "gAAAA"}), Kind.CONTENT),
        (item("done", THOUGHT), Kind.OTHER),
        (item("done", MESSAGE), Kind.OTHER),
        (at("output_text.done", text="Hi"), Kind.OTHER),
        (at("content_part.done", part=TEXT), Kind.OTHER),
        (event("function_call_arguments.done", output_index=0, arguments="{}"), Kind.OTHER),
        (at("output_text.annotation.added", annotation={}, annotation_index=0), Kind.OTHER),
        (event("web_search_call.searching", output_index=0, item_id="ws_1"), Kind.OTHER),
        (event("of_tomorrow", delta={"x": 1}), Kind.OTHER),
        (life("completed", usage=USAGE), Kind.DONE),
        (life("incomplete", incomplete_details={"reason": "max_output_tokens"}), Kind.DONE),
        (life("failed", error={"code": "server_error", "message": "m"}), Kind.ERROR),
        (life("failed"), Kind.ERROR),
        (life("completed", error={"code": "server_error", "message": "m"}), Kind.ERROR),
        (life("cancelled"), Kind.ERROR),
        (event("failed", response={"id": "resp_1"}), Kind.ERROR),
        (b'event: error\ndata: {"type":"error","code":"x","message":"m","param":null}\n\n', Kind.ERROR),
        (b'event: error\ndata: {"message": "m"}\n\n', Kind.ERROR),
        (b"event: error\ndata: out of memory\n\n", Kind.ERROR),
        (b'data: {"error":{"message":"m","type":"server_error"}}\n\n', Kind.ERROR),
        (b"data: [DONE]\n\n", Kind.OTHER),
        (b": keep-alive\n\n", Kind.COMMENT),
        (b"\n\n", Kind.COMMENT),
        (b"data: {broken\n\n", Kind.OTHER),
        (b"data: 5\n\n", Kind.OTHER),
        (b"data: \xff\xfe\n\n", Kind.OTHER),
        (b'data: {"type":5}\n\n', Kind.OTHER),
        (b'data: {"type":"response.output_item.done","item":5}\n\n', Kind.OTHER),
        (b'data: {"type":"response.completed"}\n\n', Kind.OTHER),
    ],
)
def test_each_event_is_recognised(raw: bytes, kind: Kind) -> None:
    watch = Watch()
    assert watch.watch(raw) is kind
    assert (watch.error is not None) == (kind is Kind.ERROR)
    assert watch.produced == (kind is Kind.CONTENT)


def test_the_last_event_tells_usage_and_why() -> None:
    watch = Watch()
    watch.watch(life("in_progress"))
    assert (watch.finish, watch.usage) == (None, None)
    watch.watch(life("incomplete", incomplete_details={"reason": "content_filter"}, usage=USAGE))
    assert watch.finish == "content_filter"
    assert watch.usage == Usage(input=6, cached_input=4, output=3, reasoning=2)
    assert (watch.id, watch.model) == ("resp_1", "theirs")


def test_usage_that_cannot_be_true_is_rejected_and_what_was_known_stays() -> None:
    watch = Watch()
    watch.watch(life("in_progress", usage=USAGE))
    for wrong in ({**USAGE, "input_tokens": -5}, "x", {**USAGE, "output_tokens": 10**9}):
        watch.watch(life("completed", usage=wrong))
    assert watch.usage == Usage(input=6, cached_input=4, output=3, reasoning=2)
    assert watch.suspect


def test_a_failed_stream_still_tells_its_usage() -> None:
    watch = Watch()
    watch.watch(life("failed", error={"code": "server_error", "message": "m"}, usage=USAGE))
    assert watch.usage is not None
    assert watch.id == "resp_1"


def test_words_are_counted_once_although_they_are_told_three_times() -> None:
    watch = Watch()
    message = {**MESSAGE, "content": [TEXT]}
    for raw in (
        item("added", MESSAGE),
        at("output_text.delta", delta="H"),
        at("output_text.delta", delta="i"),
        at("output_text.done", text="Hi"),
        item("done", message),
        life("completed", output=[message], usage=USAGE),
    ):
        watch.watch(raw)
    assert watch.take_text() == "Hi"
    assert watch.take_text() == ""


@pytest.mark.parametrize("begun", [True, False])
def test_a_provider_that_tells_items_whole_is_metered_too(begun: bool) -> None:
    watch = Watch()
    if begun:
        watch.watch(item("added", CALL))
    watch.watch(item("done", {**CALL, "arguments": '{"a":1}'}))
    assert watch.take_text() == 'f{"a":1}'
    alone = Watch()
    assert alone.watch(life("completed", output=[{**MESSAGE, "content": [TEXT]}])) is Kind.DONE
    assert alone.take_text() == "Hi"
    assert alone.produced


def test_a_long_stream_is_watched_in_flat_memory() -> None:
    watch = Watch()
    for raw in (life("created"), item("added", MESSAGE), at("content_part.added", part={**TEXT, "text": ""})):
        watch.watch(raw)
    raw = at("output_text.delta", delta="word " * 10)
    for _ in range(KEPT_TEXT // 50 + 2):
        watch.watch(raw)
        watch.take_text()
    tracemalloc.start()
    for _ in range(20_000):
        watch.watch(raw)
        watch.take_text()
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 20_000
    assert not watch.minding.whole


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (
            b'event: response.created\ndata: {"response":{"tools":[{"model":"a"}],"model":"theirs"},"model":"b"}\n\n',
            b'event: response.created\ndata: {"response":{"tools":[{"model":"a"}],"model":"our\\"s"},"model":"b"}\n\n',
        ),
        (
            b'data:{"response" : {"x":"\\"model\\":1", "model" : "th\\"eirs"}}\r\n\r\n',
            b'data:{"response" : {"x":"\\"model\\":1", "model" : "our\\"s"}}\r\n\r\n',
        ),
        (b'data: {"item":{"model":"x"},"y":"response"}\n\n', b'data: {"item":{"model":"x"},"y":"response"}\n\n'),
        (b'data: {"response":"model"}\n\n', b'data: {"response":"model"}\n\n'),
        (b'data: {"response":["model"]}\n\n', b'data: {"response":["model"]}\n\n'),
        (b'data: {"response":{"model":"a"', b'data: {"response":{"model":"our\\"s"'),
        (b'data: {"response":{"x":[],"model":"a"', b'data: {"response":{"x":[],"model":"a"'),
        (b": model\n\n", b": model\n\n"),
    ],
)
def test_only_the_responses_own_model_is_renamed(raw: bytes, expected: bytes) -> None:
    assert rename(raw, 'our"s') == expected


STREAMS = [path for path in sorted((WIRE / "openai_responses").glob("*.sse")) if not path.name.startswith("error_")]


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.stem)
def test_an_early_end_closes_what_is_open_and_repeats_what_was_said(path: Any) -> None:
    raws = split(path.read_bytes())
    watch = Watch()
    for count, raw in enumerate(raws):
        if watch.finish is not None:
            break
        said = ending(watch, reason="length", usage=Usage(input=3, output=2), model="our-name")
        told = [rename(each, "our-name") for each in raws[:count]]
        if count != 1 and "vllm" not in path.read_text():  # whose objects lack members
            final = check(b"".join(told) + said, theirs=count)[-1]
            assert final["type"] == "response.incomplete"
            assert final["response"]["incomplete_details"] == {"reason": "max_output_tokens"}
            assert final["response"]["usage"]["total_tokens"] == 5
        watch.watch(raw)


def test_an_early_end_after_more_than_is_remembered_tells_nothing_wrong() -> None:
    watch = Watch()
    for raw in (life("created"), item("added", MESSAGE), at("content_part.added", part={**TEXT, "text": ""})):
        watch.watch(raw)
    for _ in range(3):
        watch.watch(at("output_text.delta", delta="x" * KEPT_TEXT))
    (final,) = values(ending(watch, reason="length", usage=None))
    assert final["type"] == "response.incomplete"
    assert final["sequence_number"] == 8
    assert final["response"]["id"] == "resp_1"
    assert final["response"]["output"] == []
    assert final["response"]["usage"] is None


def test_an_early_end_without_a_beginning_has_one() -> None:
    assert len(check(ending(Watch(), reason="length", usage=None, model="m"))) == 3


ERROR = errors.UpstreamError("It broke.", reason="stream_broken")


def test_a_failure_is_a_failed_response_with_our_code_and_the_requests_id() -> None:
    (event,) = values(failure(ERROR, "req_0123", "https://docs.example"))
    response = event["response"]
    assert event["type"] == "response.failed"
    assert (response["id"], response["status"], response["object"]) == ("resp_0123", "failed", "response")
    assert response["error"]["code"] == "server_error"
    assert response["error"]["message"] == "It broke."
    assert response["error"]["doc_url"].startswith("https://docs.example/")
    assert response["metadata"] == {"error_code": "upstream_error", "request_id": "req_0123"}


def test_a_failure_in_the_middle_belongs_to_the_response_that_began() -> None:
    watch = Watch()
    for raw in split((WIRE / "openai_responses" / "plain.sse").read_bytes())[:5]:
        watch.watch(raw)
    (event,) = values(failure(ERROR, "req_1", told=watch, model="our-name"))
    assert event["sequence_number"] == 5
    assert event["response"]["id"] == watch.id
    assert event["response"]["instructions"].startswith("You are a helpful")
    assert event["response"]["model"] == "our-name"
    teller = Renderer("our-name", id="resp_9")
    teller.finish()
    (event,) = values(failure(ERROR, "req_1", told=teller))
    assert (event["response"]["id"], event["sequence_number"]) == ("resp_9", 3)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.RateLimitPerKey(), "rate_limit_exceeded"),
        (errors.ConcurrencyLimit(), "rate_limit_exceeded"),
        (errors.InsufficientBalance(), "insufficient_quota"),
        (errors.ContextLengthExceeded(), "context_length_exceeded"),
        (errors.ContentPolicyViolation(), "invalid_prompt"),
        (errors.UpstreamTimeout(), "server_error"),
        (errors.InternalError(), "server_error"),
    ],
)
def test_failures_have_codes_that_clients_know(error: errors.GatewayError, code: str) -> None:
    (event,) = values(failure(error, "req_1"))
    assert event["response"]["error"]["code"] == code
    assert event["response"]["error"]["error_code"] == error.code


def test_events_pass_as_json_of_one_line() -> None:
    raw = make("response.output_text.delta", 3, {"delta": "a\nb\r\n\u2028"})
    assert json.loads(raw.split(b"data: ")[1]) == {
        "type": "response.output_text.delta",
        "sequence_number": 3,
        "delta": "a\nb\r\n\u2028",
    }
    assert raw.count(b"\n") == 3
