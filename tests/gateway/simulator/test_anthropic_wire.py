"""Anthropic's Messages on the wire: the order of the events, and what is refused in which words."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.providers.simulator.anthropic.caching import Cache, Use, marks
from tests.gateway.simulator.asking import WEATHER, named_events
from tests.gateway.simulator.test_refusals import ANYTHING

HEADERS = {"anthropic-version": "2023-06-01", "x-api-key": "sk-bob"}
TOOL = {"name": WEATHER.name, "description": WEATHER.description, "input_schema": WEATHER.schema}
USER = {"role": "user", "content": "Hello"}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "fine"}


def body(question: str = "Hello", **fields: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": question}]
    return {"model": "claude-sonnet-4-5", "max_tokens": 2000, "messages": messages, **fields}


def post(wire: httpx.Client, asked: Any, **headers: str) -> httpx.Response:
    del wire.headers["authorization"]
    return wire.post("/messages", json=asked, headers={**HEADERS, **headers})


def test_the_events_of_a_stream_come_in_anthropics_order(wire: httpx.Client) -> None:
    asked = body("What's the weather in Paris?", stream=True, tools=[TOOL])
    asked["thinking"] = {"type": "enabled", "budget_tokens": 1024}
    reply = post(wire, asked)
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    told = named_events(reply.content)
    assert all(name == value["type"] for name, value in told)
    runs = [name for at, (name, _) in enumerate(told) if at == 0 or told[at - 1][0] != name]
    block = ["content_block_start", "content_block_delta", "content_block_stop"]
    first = ["content_block_start", "ping", "content_block_delta", "content_block_stop"]
    assert runs == ["message_start", *first, *block, "message_delta", "message_stop"]
    start, end = told[0][1]["message"], told[-2][1]
    assert (start["content"], start["stop_reason"], start["usage"]["output_tokens"]) == ([], None, 1)
    assert end["delta"] == {"stop_reason": "tool_use", "stop_sequence": None}
    assert end["usage"]["output_tokens"] > end["usage"]["output_tokens_details"]["thinking_tokens"] > 0
    deltas = [value["delta"] for name, value in told if name == "content_block_delta" and value["index"] == 0]
    assert [delta["type"] for delta in deltas[-2:]] == ["thinking_delta", "signature_delta"]
    blocks = [value["content_block"] for name, value in told if name == "content_block_start"]
    assert blocks[0] == {"type": "thinking", "thinking": "", "signature": ""}
    assert (blocks[1]["type"], blocks[1]["input"]) == ("tool_use", {})
    written = [
        value["delta"]["partial_json"] for name, value in told if name == "content_block_delta" and value["index"]
    ]
    assert json.loads("".join(written)) == {"city": "Paris"}
    assert len(written) > 2


def test_the_same_request_gets_the_same_answer(wire: httpx.Client) -> None:
    asked = body("Tell me about tea", thinking={"type": "adaptive"})
    first = post(wire, asked).json()
    assert wire.post("/messages", json=asked, headers=HEADERS).json() == first


FIVE = {"cache_control": {"type": "ephemeral"}}
HOUR = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"max_tokens": None}, "max_tokens: Field required"),
    ({"max_tokens": 0}, "max_tokens: Input should be greater than or equal to 1"),
    ({"messages": None}, "messages: Field required"),
    ({"messages": []}, "messages: at least one message is required"),
    ({"messages": [{"role": "king", "content": "x"}]}, "messages.0.role: Input should be"),
    ({"messages": [{"role": "user", "content": ""}]}, "messages.0: user messages must have non-empty content"),
    ({"messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]}, "text content blocks must be non-"),
    ({"messages": [{"role": "user", "content": [{"type": "smell"}]}]}, "messages.0.content.0: Input tag 'smell'"),
    ({"messages": [{"role": "user", "content": [RESULT]}]}, "unexpected `tool_use_id` found"),
    ({"messages": [USER, {"role": "assistant", "content": [CALL]}, USER]}, "without `tool_result` blocks immediately"),
    ({"messages": [USER, {"role": "assistant", "content": "x "}]}, "cannot end with trailing whitespace"),
    ({"stop": ["x"]}, "stop: Extra inputs are not permitted"),
    ({"n": 2}, "n: Extra inputs are not permitted"),
    ({"temperature": 1.5}, "temperature: Input should be less than or equal to 1"),
    ({"stop_sequences": [" "]}, "must contain non-whitespace"),
    ({"thinking": {"type": "enabled", "budget_tokens": 100}}, "budget_tokens: Input should be greater than or equal"),
    ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, "`max_tokens` must be greater than"),
    ({"thinking": {"type": "adaptive"}, "temperature": 0.5}, "may only be set to 1 when thinking is enabled"),
    ({"tools": [TOOL, TOOL]}, "Tool names must be unique"),
    ({"tools": [{"name": "f", "input_schema": {"type": "array"}}]}, "input_schema.type: Input should be 'object'"),
    ({"tools": [{"name": "f", "parameters": {}}]}, "input_schema: Field required"),
    ({"tool_choice": {"type": "auto"}}, "may only be specified while providing tools"),
    ({"tools": [TOOL], "tool_choice": {"type": "tool", "name": "g"}}, "Tool 'g' not found"),
    ({"model": "claude-opus-4-7", "temperature": 0.5}, "`temperature` is not supported for this model"),
    (
        {"model": "claude-opus-4-7", "thinking": {"type": "enabled", "budget_tokens": 1024}},
        '"thinking.type.enabled" is not supported',
    ),
    ({"model": "claude-opus-4-6", "messages": [USER, {"role": "assistant", "content": "x"}]}, "message prefill"),
    ({"model": "claude-opus-5-5", "tools": [TOOL], "tool_choice": {"type": "any"}}, "forcing tool use"),
    ({"system": [{"type": "text", "text": "x", **FIVE}] * 5}, "A maximum of 4 blocks"),
    ({"system": [{"type": "text", "text": "x", **FIVE}, {"type": "text", "text": "y", **HOUR}]}, "a ttl='1h'"),
    ({"messages": [{"role": "user", "content": "[[fault: earthquake]]"}]}, "does not understand the wish"),
]


@pytest.mark.parametrize(("fields", "told"), REFUSED, ids=[row[1][:40] for row in REFUSED])
def test_what_anthropic_refuses_is_refused(wire: httpx.Client, fields: dict[str, Any], told: str) -> None:
    asked = {key: value for key, value in (body() | fields).items() if value is not None}
    reply = post(wire, asked)
    error = reply.json()
    assert reply.status_code == 400, reply.text
    assert (error["type"], error["error"]["type"]) == ("error", "invalid_request_error")
    assert told in error["error"]["message"]


def test_the_version_and_the_key_must_be_there(wire: httpx.Client) -> None:
    reply = wire.post("/messages", json=body())
    assert "anthropic-version: header is required" in reply.text
    newer = wire.post("/messages", json=body(temperature=0.5), headers={**HEADERS, "anthropic-version": "2026-10-21"})
    assert "temperature: Extra inputs are not permitted" in newer.text
    del wire.headers["authorization"]
    nobody = wire.post("/messages", json=body(), headers={"anthropic-version": "2023-06-01"})
    assert (nobody.status_code, nobody.json()["error"]["type"]) == (401, "authentication_error")
    assert post_raw(wire, b"{").json()["error"]["message"] == "The request body is not valid JSON"
    assert wire.get("/messages", headers=HEADERS).status_code == 405


def post_raw(wire: httpx.Client, content: bytes) -> httpx.Response:
    return wire.post("/messages", content=content, headers=HEADERS)


@pytest.mark.parametrize(
    "fault", ["no-done", "no-finish", "no-usage", "wrong-usage kind=string", "empty", "crlf", "comments"]
)
def test_faults_of_the_stream_work_in_this_dialect_too(wire: httpx.Client, fault: str) -> None:
    reply = post(wire, body(f"Tell me about tea [[fault: {fault}]]", stream=True))
    text = reply.text
    assert ("message_stop" in text) == (fault != "no-done")
    assert ("message_delta" in text) == (fault != "no-finish")
    assert ('"usage"' in text) == (fault != "no-usage")
    assert bool(re.search(r'\d tokens"', text)) == (fault == "wrong-usage kind=string")
    assert ("\r\n\r\n" in text) == (fault == "crlf")
    assert ("content_block_start" in text) == (fault != "empty")


def test_a_stream_that_is_cut_has_no_end(wire: httpx.Client) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        post(wire, body("Tell me about tea [[fault: cut-stream after=3]]", stream=True))


def test_the_cache_forgets_in_time_and_keeps_what_is_read() -> None:
    now = [0]
    cache = Cache(clock=lambda: now[0])
    prompt = marks(body("x" + " word" * 2000, cache_control={"type": "ephemeral"}))
    size = prompt[-1].tokens
    assert cache.use("bob", prompt, 10_000) == Use(0, size, 0)
    assert cache.use("alice", prompt, 10_000) == Use(0, size, 0)
    for moment in (200, 400, 600):  # each reading gives it five more minutes
        now[0] = moment
        assert cache.use("bob", prompt, 10_000) == Use(size, 0, 0)
    now[0] = 901
    assert cache.use("bob", prompt, 10_000) == Use(0, size, 0)


FIELDS = st.sampled_from(
    ["messages", "system", "tools", "tool_choice", "thinking", "stop_sequences", "stream", "model"]
)


@given(st.dictionaries(FIELDS, ANYTHING, max_size=4))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_request_makes_it_fail(wire: httpx.Client, fields: dict[str, Any]) -> None:
    reply = wire.post("/messages", json=body() | fields, headers=HEADERS)
    assert reply.status_code in (200, 400, 404), reply.text
