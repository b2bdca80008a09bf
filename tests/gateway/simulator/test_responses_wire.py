"""OpenAI's Responses on the wire: every event in its place, every field of the object, and what is refused."""

from __future__ import annotations

import json
from itertools import chain
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai.types.responses import Response

from tests.gateway.simulator.asking import WEATHER, named_events
from tests.gateway.simulator.test_refusals import ANYTHING

TOOL = {"type": "function", "name": WEATHER.name, "description": WEATHER.description, "parameters": WEATHER.schema}
CALL = {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"}
OPTIONAL = {"image", "conversation", "prompt", "moderation", "tool_usage", "access_programs", "input_transformations"}
NEWEST = {"prompt_cache_diagnostics", "prompt_cache_options"}


def body(given: Any = "Hello", **fields: Any) -> dict[str, Any]:
    return {"model": "gpt-4o", "input": given, **fields}


def streamed(wire: httpx.Client, given: Any, **fields: Any) -> list[tuple[str, Any]]:
    reply = wire.post("/responses", json=body(given, stream=True, **fields))
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert b"[DONE]" not in reply.content
    return named_events(reply.content)


def names(told: list[tuple[str, Any]]) -> list[str]:
    """The names of the events, runs of one name as one."""
    plain = [name.removeprefix("response.") for name, _ in told]
    return [name for at, name in enumerate(plain) if at == 0 or plain[at - 1] != name]


def test_a_text_comes_in_openais_order_and_numbered(wire: httpx.Client) -> None:
    told = streamed(wire, "Say one two")
    assert [value["sequence_number"] for _, value in told] == list(range(len(told)))
    assert all(name == value["type"] for name, value in told)
    part = ["content_part.added", "output_text.delta", "output_text.done", "content_part.done"]
    assert names(told) == ["created", "in_progress", "output_item.added", *part, "output_item.done", "completed"]
    first, last = told[0][1]["response"], told[-1][1]["response"]
    assert (first["status"], first["output"], first["usage"]) == ("in_progress", [], None)
    assert first["id"] == last["id"]
    assert last["output"][0]["content"][0]["text"] == "one two"
    assert {value["item_id"] for _, value in told if "item_id" in value} == {last["output"][0]["id"]}


def test_reasoning_and_parallel_calls_come_in_openais_order(wire: httpx.Client) -> None:
    question = "What's the weather in Paris and London?"
    told = streamed(wire, question, model="gpt-5", tools=[TOOL], reasoning={"summary": "auto"})
    summary = "reasoning_summary"
    thought = [f"{summary}_part.added", f"{summary}_text.delta", f"{summary}_text.done", f"{summary}_part.done"]
    call = ["function_call_arguments.delta", "function_call_arguments.done"]
    items = (("output_item.added", *inner, "output_item.done") for inner in (thought, call, call))
    assert names(told) == ["created", "in_progress", *chain.from_iterable(items), "completed"]
    final = told[-1][1]["response"]["output"]
    for index, item in enumerate(final):
        added, *between, done = [value for _, value in told if value.get("output_index") == index]
        assert (added["type"], done["item"]) == ("response.output_item.added", item)
        if item["type"] == "function_call":
            assert added["item"] == {**item, "status": "in_progress", "arguments": ""}
            assert "".join(value.get("delta", "") for value in between) == item["arguments"]


def test_a_refusal_and_a_cut_and_a_filter_have_their_own_ends(wire: httpx.Client) -> None:
    refused = streamed(wire, "Hello [[fault: refusal]]")
    assert {"response.refusal.delta", "response.refusal.done"} <= {name for name, _ in refused}
    assert refused[-1][1]["response"]["output"][0]["content"][0]["type"] == "refusal"
    for fields, reason in (({"max_output_tokens": 16}, "max_output_tokens"), ({}, "content_filter")):
        question = "Tell me about tea" + (" [[fault: content-filter after=3]]" if not fields else "")
        name, value = streamed(wire, question, **fields)[-1]
        assert (name, value["response"]["incomplete_details"]) == ("response.incomplete", {"reason": reason})
    assert "completed" not in names(streamed(wire, "Hello [[fault: no-done]]"))
    assert streamed(wire, "Hello [[fault: no-usage]]")[-1][1]["response"]["usage"] is None
    assert streamed(wire, "Hello [[fault: empty]]")[-1][1]["response"]["output"] == []


def test_every_field_of_the_object_is_there(wire: httpx.Client) -> None:
    whole = wire.post("/responses", json=body()).json()
    assert set(Response.model_fields) - OPTIONAL - NEWEST <= set(whole)
    Response.model_validate(whole, strict=False)


def test_the_same_request_gets_the_same_answer(wire: httpx.Client) -> None:
    first, second = (wire.post("/responses", json=body("Tell me about tea")).json() for _ in range(2))
    times = {"created_at": 0, "completed_at": 0}
    assert first | times == second | times


def said(role: str, kind: str) -> dict[str, Any]:
    return {"role": role, "content": [{"type": kind, "text": "x"}]}


REFUSED: list[tuple[dict[str, Any], str | None, str | None]] = [
    ({"model": None}, "model", "missing_required_parameter"),
    ({"input": None}, "input", "missing_required_parameter"),
    ({"input": 5}, "input", "invalid_type"),
    ({"messages": []}, "messages", "unknown_parameter"),
    ({"max_tokens": 5}, "max_tokens", "unknown_parameter"),
    ({"stop": ["x"]}, "stop", "unknown_parameter"),
    ({"response_format": {"type": "text"}}, "response_format", "unknown_parameter"),
    ({"max_output_tokens": 15}, "max_output_tokens", "integer_below_min_value"),
    ({"model": "gpt-5", "temperature": 0.5}, "temperature", "unsupported_parameter"),
    ({"background": True}, "background", "unsupported_parameter"),
    ({"input": [{"role": "king", "content": "x"}]}, "input[0].role", "invalid_value"),
    ({"input": [{"type": "smell"}]}, "input[0].type", "invalid_value"),
    ({"input": [said("assistant", "input_text")]}, "input[0].content[0].type", "invalid_value"),
    ({"input": [said("user", "text")]}, "input[0].content[0].type", "invalid_value"),
    ({"input": [CALL]}, "input", None),
    ({"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}, "input", None),
    ({"input": [{**CALL, "id": "call_1"}]}, "input[0].id", "invalid_value"),
    ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools[0].name", "missing_required_parameter"),
    ({"tools": [TOOL], "tool_choice": {"type": "function", "name": "g"}}, "tool_choice", None),
    (
        {"text": {"format": {"type": "json_schema", "json_schema": {}}}},
        "text.format.name",
        "missing_required_parameter",
    ),
    ({"text": {"format": {"type": "json_object"}}}, "input", None),
    ({"reasoning": {"effort": "heroic"}}, "reasoning.effort", "invalid_value"),
    ({"input": "[[fault: earthquake]]"}, None, "unknown_simulator_wish"),
]


@pytest.mark.parametrize(("fields", "param", "code"), REFUSED, ids=[json.dumps(row[0])[:50] for row in REFUSED])
def test_what_openai_refuses_is_refused(
    wire: httpx.Client, fields: dict[str, Any], param: str | None, code: str | None
) -> None:
    asked = {key: value for key, value in (body() | fields).items() if value is not None}
    reply = wire.post("/responses", json=asked)
    error = reply.json()["error"]
    assert (reply.status_code, error["type"]) == (400, "invalid_request_error")
    assert (error["param"], error["code"]) == (param, code)


FIELDS = st.sampled_from(["model", "input", "tools", "tool_choice", "text", "reasoning", "include", "stream", "store"])


@given(st.dictionaries(FIELDS, ANYTHING, max_size=4))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_request_makes_it_fail(wire: httpx.Client, fields: dict[str, Any]) -> None:
    reply = wire.post("/responses", json=body() | fields)
    assert reply.status_code in (200, 400, 404), reply.text
