"""What OpenAI refuses the simulator refuses, in the same words; and nothing whatsoever makes it fail."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.gateway.simulator.asking import body

USER = {"role": "user", "content": "Hello"}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {}}}
REFUSED: list[tuple[str, dict[str, Any], str | None, str | None]] = [
    ("no messages", {"messages": None}, "messages", "missing_required_parameter"),
    ("empty messages", {"messages": []}, "messages", "empty_array"),
    ("messages as text", {"messages": "Hello"}, "messages", "invalid_type"),
    ("a message as text", {"messages": ["Hello"]}, "messages[0]", "invalid_type"),
    ("no role", {"messages": [{"content": "x"}]}, "messages[0].role", "missing_required_parameter"),
    ("an unknown role", {"messages": [{"role": "king", "content": "x"}]}, "messages[0].role", "invalid_value"),
    ("null content", {"messages": [{"role": "user", "content": None}]}, "messages[0].content", "invalid_type"),
    ("content as a number", {"messages": [{"role": "user", "content": 5}]}, "messages[0].content", "invalid_type"),
    (
        "an unknown part",
        {"messages": [{"role": "user", "content": [{"type": "smell"}]}]},
        "messages[0].content[0].type",
        "invalid_value",
    ),
    (
        "a picture from nowhere",
        {
            "messages": [
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}]}
            ]
        },
        "messages[0].content[0].image_url.url",
        "invalid_value",
    ),
    (
        "a result without a call",
        {"messages": [USER, {"role": "tool", "tool_call_id": "c1", "content": ""}]},
        "messages.[1].role",
        None,
    ),
    (
        "a call without a result",
        {"messages": [USER, {"role": "assistant", "tool_calls": [CALL]}, USER]},
        "messages.[2].role",
        None,
    ),
    ("temperature of fever", {"temperature": 2.5}, "temperature", "decimal_above_max_value"),
    ("no tokens at all", {"max_tokens": 0}, "max_tokens", "integer_below_min_value"),
    ("tokens as text", {"max_tokens": "10"}, "max_tokens", "invalid_type"),
    ("a truth for a number", {"n": True}, "n", "invalid_type"),
    ("too many choices", {"n": 129}, "n", "integer_above_max_value"),
    ("two limits", {"max_tokens": 5, "max_completion_tokens": 5}, "max_tokens", "invalid_parameter_combination"),
    ("five stops", {"stop": list("abcde")}, "stop", "array_above_max_length"),
    ("stream as text", {"stream": "yes"}, "stream", "invalid_type"),
    ("options of no stream", {"stream_options": {"include_usage": True}}, "stream_options", None),
    ("alternatives without logprobs", {"top_logprobs": 2}, "top_logprobs", None),
    ("json without the word", {"response_format": {"type": "json_object"}}, "messages", None),
    (
        "a schema without one",
        {"response_format": {"type": "json_schema"}},
        "response_format.json_schema",
        "missing_required_parameter",
    ),
    ("an unknown format", {"response_format": {"type": "xml"}}, "response_format.type", "invalid_value"),
    ("no tools", {"tools": []}, "tools", "empty_array"),
    (
        "a nameless tool",
        {"tools": [{"type": "function", "function": {}}]},
        "tools[0].function.name",
        "missing_required_parameter",
    ),
    (
        "an odd name",
        {"tools": [{"type": "function", "function": {"name": "a b"}}]},
        "tools[0].function.name",
        "invalid_value",
    ),
    ("a choice without tools", {"tool_choice": "auto"}, "tool_choice", None),
    (
        "a choice of another tool",
        {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "g"}}},
        "tool_choice",
        None,
    ),
    ("an unknown effort", {"reasoning_effort": "heroic"}, "reasoning_effort", "invalid_value"),
    (
        "an unknown fault",
        {"messages": [{"role": "user", "content": "[[fault: earthquake]]"}]},
        None,
        "unknown_simulator_wish",
    ),
    (
        "an unknown pace",
        {"messages": [{"role": "user", "content": "[[pace: allegro]]"}]},
        None,
        "unknown_simulator_wish",
    ),
]


@pytest.mark.parametrize(("fields", "param", "code"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_openai_refuses_is_refused(
    wire: httpx.Client, fields: dict[str, Any], param: str | None, code: str | None
) -> None:
    asked = {key: value for key, value in (body("Hello") | fields).items() if value is not None}
    reply = wire.post("/chat/completions", json=asked)
    error = reply.json()["error"]
    assert (reply.status_code, error["type"], error["param"], error["code"]) == (
        400,
        "invalid_request_error",
        param,
        code,
    )
    assert list(error) == ["message", "type", "param", "code"]


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"model": "gpt-4o"', b"[" * 100_000])
def test_a_body_that_is_no_object_is_a_400(wire: httpx.Client, raw: bytes) -> None:
    reply = wire.post("/chat/completions", content=raw)
    assert (reply.status_code, reply.json()["error"]["type"]) == (400, "invalid_request_error")


def test_a_deeply_nested_schema_is_an_answer_or_a_400(wire: httpx.Client) -> None:
    nested = b'{"properties":{"a":' * 300 + b"{}" + b"}}" * 300
    raw = b'{"model":"gpt-4o","messages":[{"role":"user","content":"x"}],"response_format":{"type":"json_schema",'
    reply = wire.post("/chat/completions", content=raw + b'"json_schema":{"name":"n","schema":' + nested + b"}}}")
    assert reply.status_code in (200, 400)


def test_without_a_model_or_a_key_nobody_is_served(wire: httpx.Client) -> None:
    assert wire.post("/chat/completions", json={"messages": [USER]}).json()["error"]["message"] == (
        "you must provide a model parameter"
    )
    for header in ({}, {"authorization": "Basic eDp5"}, {"authorization": "Bearer"}):
        reply = httpx.post(f"{wire.base_url}chat/completions", json=body("Hello"), headers=header)
        assert reply.status_code == 401
        assert reply.json()["error"]["message"].startswith("You didn't provide an API key.")


def test_a_model_is_offered_for_what_it_can_do_only(wire: httpx.Client) -> None:
    assert wire.post("/chat/completions", json=body("Hello", model="text-embedding-3-small")).status_code == 404
    assert wire.post("/embeddings", json={"model": "gpt-4o", "input": "x"}).status_code == 403
    assert wire.post("/embeddings", json={"model": "unknown-embedding", "input": "x"}).status_code == 404


@pytest.mark.parametrize(
    "fields",
    [
        {"input": None},
        {"input": ""},
        {"input": []},
        {"input": ["a", ""]},
        {"input": {"a": 1}},
        {"input": [1.5]},
        {"input": ["a"] * 2049},
        {"input": "word " * 9000},
        {"dimensions": 0},
        {"dimensions": 4000},
        {"encoding_format": "hex"},
        {"model": "text-embedding-ada-002", "dimensions": 8},
    ],
)
def test_impossible_embeddings_are_refused(wire: httpx.Client, fields: dict[str, Any]) -> None:
    asked = {"model": "text-embedding-3-small", "input": "x"} | fields
    reply = wire.post("/embeddings", json={key: value for key, value in asked.items() if value is not None})
    assert (reply.status_code, reply.json()["error"]["type"]) == (400, "invalid_request_error")


FIELDS = st.sampled_from(
    ["model", "messages", "stream", "n", "stop", "tools", "tool_choice", "response_format", "max_tokens", "seed"]
)
INNER = st.sampled_from(
    [
        "role",
        "content",
        "type",
        "text",
        "name",
        "function",
        "parameters",
        "tool_calls",
        "id",
        "arguments",
        "json_schema",
    ]
)
WORDS = st.sampled_from(["user", "assistant", "tool", "gpt-4o", "function", "json_schema", "auto", "[[fault: empty]]"])
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | WORDS
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(INNER, inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(FIELDS, ANYTHING, max_size=5))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_request_makes_the_simulator_fail(wire: httpx.Client, fields: dict[str, Any]) -> None:
    reply = wire.post("/chat/completions", json=body("Hello") | fields)
    assert reply.status_code in (200, 400, 404), reply.text
