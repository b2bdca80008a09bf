"""Events of a stream as they pass: what each one is, whose name it bears, and an end that is honest."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest

from billing.usage import Usage
from gateway import errors, sse
from gateway.dialects.base import Kind
from gateway.dialects.openai_chat.stream import ending, failure, rename
from gateway.dialects.openai_chat.usage import Watch

HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1741570283, "model": "vendor-model"}


def event(value: Any) -> bytes:
    return sse.render(json.dumps(value).encode())


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, index: int = 0, **members: Any) -> bytes:
    choice = {"index": index, "delta": delta or {}, "logprobs": None, "finish_reason": finish}
    return event({**HEAD, "choices": [choice], **members})


USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (chunk({"role": "assistant", "content": ""}), Kind.OPENING),
        (chunk({"role": "assistant", "content": None, "refusal": None}), Kind.OPENING),
        (chunk({"content": "x"}), Kind.CONTENT),
        (chunk({"role": "assistant", "content": "x"}), Kind.CONTENT),
        (chunk({"content": "x"}, "stop"), Kind.CONTENT),
        (chunk({"content": "x"}, "stop", usage=USAGE), Kind.CONTENT),
        (chunk({"refusal": "no"}), Kind.CONTENT),
        (chunk({"content": "", "reasoning_content": "hm"}), Kind.CONTENT),
        (chunk({"reasoning": "hm"}), Kind.CONTENT),
        (chunk({"reasoning_details": [{"type": "reasoning.summary", "summary": "hm"}]}), Kind.CONTENT),
        (chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]}), Kind.CONTENT),
        (chunk({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": ""}}]}), Kind.CONTENT),
        (chunk({"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]}), Kind.CONTENT),
        (chunk({"tool_calls": [{"index": 0, "custom": {"input": "x"}}]}), Kind.CONTENT),
        (chunk({"function_call": {"name": "f"}}), Kind.CONTENT),
        (chunk({"audio": {"id": "a", "data": "AAAA"}}), Kind.CONTENT),
        (chunk({"images": [{"image_url": {"url": "data:image/png;base64,AAAA"}}]}), Kind.CONTENT),
        (chunk({}, "stop"), Kind.FINISH),
        (chunk({}, "length", usage=USAGE), Kind.FINISH),
        (event({**HEAD, "choices": [], "usage": USAGE}), Kind.USAGE_ONLY),
        (event({**HEAD, "usage": USAGE}), Kind.USAGE_ONLY),
        (event({**HEAD, "choices": []}), Kind.OTHER),
        (event({**HEAD, "choices": [], "usage": None}), Kind.OTHER),
        (b"data: [DONE]\n\n", Kind.DONE),
        (b"data:[DONE]\r\n\r\n", Kind.DONE),
        (b"data: [DONE]", Kind.DONE),
        (b": keep-alive\n\n", Kind.COMMENT),
        (b"\n\n", Kind.COMMENT),
        (b"event: ping\n\n", Kind.COMMENT),
        (b"data: {broken\n\n", Kind.OTHER),
        (b"data: 5\n\n", Kind.OTHER),
        (b"data: \xff\xfe\n\n", Kind.OTHER),
        (event({"error": {"message": "m", "type": "server_error"}}), Kind.ERROR),
        (event({**HEAD, "choices": [], "usage": USAGE, "error": {"code": 502, "message": "m"}}), Kind.ERROR),
        (event({"object": "error", "message": "m", "code": 40001}), Kind.ERROR),
        (b'event: error\ndata: {"message": "m"}\n\n', Kind.ERROR),
        (b"event: error\ndata: out of memory\n\n", Kind.ERROR),
        (chunk({"content": ""}, "error", error={"code": 429, "message": "m"}), Kind.ERROR),
        (chunk({}, "error"), Kind.ERROR),
        (chunk({}, "insufficient_system_resource"), Kind.ERROR),
    ],
)
def test_each_event_is_recognised(raw: bytes, kind: Kind) -> None:
    watch = Watch()
    assert watch.watch(raw) is kind
    assert (watch.error is not None) == (kind is Kind.ERROR)
    assert watch.produced == (kind is Kind.CONTENT)


def test_the_last_believable_usage_counts() -> None:
    watch = Watch()
    watch.watch(chunk({"content": "x"}, usage={"prompt_tokens": 10, "completion_tokens": 1}))
    watch.watch(chunk({"content": "y"}, usage={"prompt_tokens": 10, "completion_tokens": 2}))
    assert watch.usage == Usage(input=10, output=2)
    assert not watch.suspect
    for wrong in ({"prompt_tokens": -5, "completion_tokens": 2}, "x", {"prompt_tokens": 10**9, "completion_tokens": 1}):
        watch.watch(event({**HEAD, "choices": [], "usage": wrong}))
    assert watch.usage == Usage(input=10, output=2)
    assert watch.suspect


def test_all_output_text_is_handed_over_once() -> None:
    watch = Watch()
    watch.watch(chunk({"content": "a", "reasoning_content": "b", "refusal": "c"}))
    watch.watch(chunk({"tool_calls": [{"index": 0, "id": "x", "function": {"name": "f", "arguments": "{}"}}]}))
    assert sorted(watch.take_text()) == sorted("abcf{}")
    assert watch.take_text() == ""


def test_a_blank_finish_reason_is_none() -> None:
    watch = Watch()
    watch.watch(chunk({}, ""))
    assert watch.finish is None


def test_a_long_stream_is_watched_in_flat_memory() -> None:
    watch = Watch()
    raw = chunk({"content": "word "})
    watch.watch(raw)
    tracemalloc.start()
    for _ in range(20_000):
        watch.watch(raw)
        watch.take_text()
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 20_000


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'data: {"id":"1","model":"theirs","choices":[]}\n\n', b'data: {"id":"1","model":"our\\"s","choices":[]}\n\n'),
        (b'data:{"model" : "th\\"eirs"}\r\n\r\n', b'data:{"model" : "our\\"s"}\r\n\r\n'),
        (
            b'data: {"choices":[{"model":"a"}],"x":{"model":"b"},"model":"theirs"}\n\n',
            b'data: {"choices":[{"model":"a"}],"x":{"model":"b"},"model":"our\\"s"}\n\n',
        ),
        (b'data: {"x":{"model":"b"}}\n\n', b'data: {"x":{"model":"b"}}\n\n'),
        (b'data: {"x":"\\"model\\":\\"b\\""}\n\n', b'data: {"x":"\\"model\\":\\"b\\""}\n\n'),
        (b'\xef\xbb\xbfdata: {"model":"theirs"}\n\n', b'\xef\xbb\xbfdata: {"model":"our\\"s"}\n\n'),
        (b'event: m\ndata: {"model":"theirs"}\n\n', b'event: m\ndata: {"model":"our\\"s"}\n\n'),
        (b'data: {"model":null}\n\n', b'data: {"model":"our\\"s"}\n\n'),
        (b"data: [DONE]\n\n", b"data: [DONE]\n\n"),
        (b": model\n\n", b": model\n\n"),
        (b'data: {"model":"theirs"', b'data: {"model":"our\\"s"'),
    ],
)
def test_only_the_events_own_model_is_renamed(raw: bytes, expected: bytes) -> None:
    assert rename(raw, 'our"s') == expected


def values(raws: bytes) -> list[Any]:
    return [json.loads(data) for raw in sse.Splitter().feed(raws) if (data := sse.data(raw)) and data != b"[DONE]"]


def test_an_early_end_says_length_for_each_open_choice_and_then_done() -> None:
    watch = Watch()
    watch.watch(chunk({"content": "a"}))
    watch.watch(chunk({"content": "b"}, index=2))
    watch.watch(chunk({}, "stop", index=1))
    raws = ending(watch, reason="length", usage=None, model="ours")
    assert raws.endswith(b"data: [DONE]\n\n")
    ends = values(raws)
    assert [end["choices"][0]["index"] for end in ends] == [0, 2]
    for end in ends:
        assert end["choices"][0]["finish_reason"] == "length"
        assert (end["id"], end["created"], end["model"]) == ("chatcmpl-1", 1741570283, "ours")


def test_an_early_end_tells_usage_to_those_who_asked() -> None:
    raws = ending(Watch(), reason="length", usage=Usage(input=3, cached_input=1, output=2), model="ours")
    *_, last = values(raws)
    assert last["choices"] == []
    assert last["usage"]["prompt_tokens"] == 4
    assert last["usage"]["total_tokens"] == 6


def test_a_failure_in_a_stream_is_one_error_event_and_never_done() -> None:
    raw = failure(errors.UpstreamError(reason="stream_broken"), "req_7")
    assert b"[DONE]" not in raw
    (value,) = values(raw)
    assert value["error"]["code"] == "upstream_error"
    assert value["request_id"] == "req_7"
    assert value["status_code"] == 502
