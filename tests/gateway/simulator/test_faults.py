"""Faults on demand: each goes wrong in its own way, by header and by magic phrase alike."""

from __future__ import annotations

import asyncio
import json
import re
import time
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from gateway.providers.simulator import faults
from gateway.providers.simulator.app import Simulator
from gateway.providers.simulator.pace import Pace
from tests.gateway.simulator.asking import body, events, streamed

ESSAY = "Write an essay about rivers"


def stream_of(wire: httpx.Client, fault: str, question: str = ESSAY, **fields: Any) -> tuple[bytes, Exception | None]:
    """All bytes of a stream that goes wrong, and how it broke (None: it ended properly)."""
    got: list[bytes] = []
    try:
        asked = body(f"{question} [[fault: {fault}]]", stream=True, **fields)
        with wire.stream("POST", "/chat/completions", json=asked) as reply:
            assert reply.status_code == 200
            got.extend(reply.iter_raw())
    except httpx.TransportError as error:
        return b"".join(got), error
    return b"".join(got), None


def hear(wire: httpx.Client, asked: dict[str, Any], got: list[bytes]) -> None:
    """Keep what comes, with little patience."""
    with wire.stream("POST", "/chat/completions", json=asked, timeout=httpx.Timeout(20, read=0.7)) as reply:
        got.extend(reply.iter_raw())


def contents(raw: bytes) -> list[str]:
    """The pieces of content among the events."""
    found = [json.loads(data) for data in re.findall(rb"^data: (\{.*\})\r?$", raw, re.MULTILINE)]
    deltas = [event["choices"][0]["delta"] for event in found if event.get("choices")]
    return [delta["content"] for delta in deltas if delta.get("content")]


def test_a_cut_stream_ends_in_the_middle_without_a_farewell(wire: httpx.Client) -> None:
    raw, error = stream_of(wire, "cut-stream after=4")
    assert isinstance(error, httpx.RemoteProtocolError)
    assert len(contents(raw)) == 4
    assert b'finish_reason":"' not in raw
    assert b"[DONE]" not in raw


def test_a_whole_answer_can_be_cut_too(wire: httpx.Client) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        wire.post("/chat/completions", json=body("Hello [[fault: cut-stream]]"))


@pytest.mark.parametrize("after", [0, 2])
def test_an_error_in_the_stream_comes_before_or_after_content(
    wire: httpx.Client, alice: openai.OpenAI, after: int
) -> None:
    raw, error = stream_of(wire, f"error-in-stream after={after} status=503")
    assert error is None
    *_, last = events(raw)
    assert last["error"]["code"] == "server_is_overloaded"
    assert len(contents(raw)) == after
    assert (b'"role":"assistant"' in raw) == (after > 0)
    messages: Any = [{"role": "user", "content": f"{ESSAY} [[fault: error-in-stream after={after}]]"}]
    with pytest.raises(openai.APIError, match="had an error"):
        list(alice.chat.completions.create(model="gpt-4o", messages=messages, stream=True))


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("http-400", 400, None),
        ("http-401", 401, "invalid_api_key"),
        ("http-402", 402, "billing_not_active"),
        ("http-404", 404, "model_not_found"),
        ("http-429", 429, "rate_limit_exceeded"),
        ("http-429 code=insufficient_quota", 429, "insufficient_quota"),
        ("http-400 code=context_length_exceeded", 400, "context_length_exceeded"),
        ("http-500", 500, None),
        ("http-503", 503, "server_is_overloaded"),
        ("http-418", 418, None),
        ("http-529", 529, None),
    ],
)
def test_refusals_on_demand_have_openais_shape(wire: httpx.Client, fault: str, status: int, code: str | None) -> None:
    for stream in (False, True):
        reply = wire.post("/chat/completions", json=body(f"Hello [[fault: {fault}]]", stream=stream))
        assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)


def test_a_refusal_may_ask_for_patience_or_come_as_a_web_page(wire: httpx.Client) -> None:
    assert wire.post("/chat/completions", json=body("[[fault: http-429 retry-after=7]]")).headers["retry-after"] == "7"
    page = wire.post("/chat/completions", json=body("[[fault: http-502 body=html]]"))
    assert (page.status_code, page.headers["content-type"], page.text[:6]) == (502, "text/html", "<html>")
    assert wire.post("/chat/completions", json=body("[[fault: http-500 body=empty]]")).content == b""


def test_a_fault_can_pass_after_so_many_times(wire: httpx.Client) -> None:
    asked = body("Say hi [[fault: http-503 times=2]]", user="test-times")
    assert [wire.post("/chat/completions", json=asked).status_code for _ in range(4)] == [503, 503, 200, 200]


def test_a_header_asks_like_the_phrase_does(wire: httpx.Client) -> None:
    reply = wire.post("/chat/completions", json=body("Say hi"), headers={faults.HEADER: "http-503 retry-after=1"})
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "1")
    several = wire.post("/chat/completions", json=body("Say hi", stream=True), headers={faults.HEADER: "crlf; no-done"})
    assert several.content.endswith(b"\r\n\r\n")
    assert b"[DONE]" not in several.content


def test_only_the_last_thing_said_can_ask_for_a_fault_and_it_is_never_talked_about(wire: httpx.Client) -> None:
    said = [
        {"role": "user", "content": "I like tea. [[fault: http-500]]"},
        {"role": "assistant", "content": "Good."},
        {"role": "user", "content": "Summarise our conversation. [[fault: crlf]] [[pace: instant]]"},
    ]
    reply = wire.post("/chat/completions", json={"model": "gpt-4o", "messages": said})
    assert reply.json()["choices"][0]["message"]["content"].startswith("Earlier you said “I like tea.”")


def test_usage_can_be_missing(wire: httpx.Client) -> None:
    assert "usage" not in wire.post("/chat/completions", json=body("Hello [[fault: no-usage]]")).json()
    told = streamed(wire, "Hello [[fault: no-usage]]", stream_options={"include_usage": True})
    assert all(not chunk["usage"] for chunk in told[:-1])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("negative", int),
        ("string", str),
        ("numeric-string", str),
        ("absurd", int),
        ("null", type(None)),
        ("float", float),
    ],
)
def test_usage_can_be_wrong_in_many_ways(wire: httpx.Client, kind: str, expected: type) -> None:
    fault = f"[[fault: wrong-usage kind={kind}]]"
    whole = wire.post("/chat/completions", json=body(f"Hello {fault}")).json()["usage"]
    *_, last, _ = streamed(wire, f"Hello {fault}", stream_options={"include_usage": True})
    for usage in (whole, last["usage"]):
        assert isinstance(usage["prompt_tokens"], expected)
        assert kind != "negative" or usage["completion_tokens"] < 0
        assert kind != "absurd" or usage["completion_tokens"] > 10**17


@pytest.mark.parametrize("kind", ["array", "text"])
def test_usage_can_even_be_something_else(wire: httpx.Client, kind: str) -> None:
    reply = wire.post("/chat/completions", json=body(f"Hello [[fault: wrong-usage kind={kind}]]")).json()
    assert isinstance(reply["usage"], list | str)


def test_json_can_be_malformed(wire: httpx.Client) -> None:
    with pytest.raises(json.JSONDecodeError):
        wire.post("/chat/completions", json=body("Hello [[fault: malformed-json]]")).json()
    raw, error = stream_of(wire, "malformed-json after=2")
    assert error is None
    lines = [line[6:] for line in raw.split(b"\n\n") if line.startswith(b"data: {")]
    broken = [at for at, line in enumerate(lines) if not line.endswith(b"}")]
    assert broken == [3]


def test_an_answer_can_be_empty_with_a_blank_finish(wire: httpx.Client) -> None:
    choice = wire.post("/chat/completions", json=body("Hello [[fault: empty]]")).json()["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("", None)
    told = streamed(wire, "Hello [[fault: empty finish=stop]]", stream_options={"include_usage": True})
    assert [chunk["choices"][0]["finish_reason"] for chunk in told[:-2]] == [None, "stop"]
    assert told[-2]["usage"]["completion_tokens"] == 0


def test_the_simulator_can_refuse_and_be_filtered(wire: httpx.Client) -> None:
    refused = wire.post("/chat/completions", json=body("Hello [[fault: refusal]]")).json()["choices"][0]["message"]
    assert (refused["content"], refused["refusal"]) == (None, "I'm sorry, but I can't help with that.")
    told = streamed(wire, f"{ESSAY} [[fault: content-filter after=2]]")
    assert told[-2]["choices"][0]["finish_reason"] == "content_filter"
    assert len([chunk for chunk in told[:-1] if chunk["choices"][0]["delta"].get("content")]) == 2


def test_events_can_be_split_anywhere_and_huge_and_end_in_crlf(wire: httpx.Client) -> None:
    plain, _ = stream_of(wire, "no-usage", "Say żółw")
    split, _ = stream_of(wire, "split bytes=1", "Say żółw")
    assert contents(split) == contents(plain) == ["żó", "łw"] or "".join(contents(plain)) == "żółw"
    huge, _ = stream_of(wire, "huge-event")
    assert max(len(piece) for piece in contents(huge)) == 1024 * 1024
    crlf, _ = stream_of(wire, "crlf")
    assert crlf.count(b"\r\n\r\n") == crlf.count(b"data: ")
    assert b"\n\n" not in crlf


def test_streams_can_be_untidy(wire: httpx.Client) -> None:
    comments, _ = stream_of(wire, "comments", "Say hi")
    assert comments.startswith(b": SIMULATOR PROCESSING\n\ndata: ")
    undone, error = stream_of(wire, "no-done", "Say hi")
    assert error is None
    assert b"[DONE]" not in undone
    unfinished, _ = stream_of(wire, "no-finish", "Say hi")
    assert b'"finish_reason":"' not in unfinished
    assert unfinished.endswith(b"data: [DONE]\n\n")
    renamed = wire.post("/chat/completions", json=body("Say hi [[fault: other-model name=gpt-4o-2024-08-06]]")).json()
    assert renamed["model"] == "gpt-4o-2024-08-06"


@pytest.mark.parametrize("fault", ["slow-first-byte", "slow-first-event", "silence"])
def test_slowness_lasts_as_long_as_it_was_ordered(wire: httpx.Client, fault: str) -> None:
    started = time.monotonic()
    raw, error = stream_of(wire, f"{fault} seconds=0.15", "Say one two three four five")
    assert error is None
    assert time.monotonic() - started >= 0.15
    assert "".join(contents(raw)) == "one two three four five"


def test_the_first_event_can_be_slow_while_the_headers_are_quick(wire: httpx.Client) -> None:
    asked = body("Say hi [[fault: slow-first-event seconds=60]]", stream=True)
    with wire.stream("POST", "/chat/completions", json=asked) as reply:
        assert reply.status_code == 200


@pytest.mark.parametrize("fault", ["hang", "hang after=0", "hang after=2"])
def test_a_hanging_answer_hangs_until_the_client_loses_patience(wire: httpx.Client, fault: str) -> None:
    got: list[bytes] = []
    asked = body(f"{ESSAY} [[fault: {fault}]]", stream=True)
    with pytest.raises(httpx.ReadTimeout):
        hear(wire, asked, got)
    assert len(contents(b"".join(got))) == (2 if fault.endswith("2") else 0)


@pytest.mark.parametrize("question", ["Write a story, never stop [[pace: 50]]", "Hello [[fault: hang]]"])
def test_a_client_that_leaves_ends_the_answer(question: str) -> None:
    asked = json.dumps(body(question, stream=True, max_tokens=100_000)).encode()
    sent: list[Any] = []

    async def converse() -> None:
        left = asyncio.Event()
        coming = [{"type": "http.request", "body": asked}]

        async def receive() -> Any:
            if coming:
                return coming.pop()
            if "hang" not in question:
                await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)
            left.set()

        headers = [(b"authorization", b"Bearer k")]
        scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": headers}
        await asyncio.wait_for(Simulator(pace=Pace(first=0))(scope, receive, send), 10)

    asyncio.run(converse())
    assert len(sent) < 5


def test_embeddings_know_the_faults_that_concern_them(wire: httpx.Client) -> None:
    asked = {"model": "text-embedding-3-small", "input": "x"}
    assert wire.post("/embeddings", json=asked, headers={faults.HEADER: "http-429"}).status_code == 429
    assert "usage" not in wire.post("/embeddings", json=asked, headers={faults.HEADER: "no-usage"}).json()
    wrong = wire.post("/embeddings", json=asked, headers={faults.HEADER: "wrong-usage kind=absurd"}).json()
    assert wrong["usage"]["prompt_tokens"] > 10**17


def test_every_fault_is_documented_and_every_documented_fault_exists() -> None:
    page = Path("docs/simulator.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `((?:[a-z]+-?)+(?:NNN)?)`", page, re.MULTILINE))
    assert {"http" if name == "http-NNN" else name for name in documented} == set(faults.NAMES)
