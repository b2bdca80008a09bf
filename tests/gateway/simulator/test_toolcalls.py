"""The simulator calls tools that suit the question, with arguments that their schemas allow."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import jsonschema_rs
import pytest

from gateway.providers.simulator.answering import answer
from gateway.providers.simulator.conversation import Conversation, Options, Tool, ToolCall, Turn
from tests.gateway.simulator.asking import CLOCK, WEATHER, plan

TOOLS = (WEATHER, CLOCK)
WRITE = Tool(
    "write_file",
    "Writes a file to disk",
    {
        "type": "object",
        "properties": {"path": {"type": "string"}, "content": {"type": "string"}},
        "required": ["path", "content"],
    },
)


def called(*said: str, tools: tuple[Tool, ...] = TOOLS, **options: Any) -> list[tuple[str, object]]:
    """(name, arguments) of the calls; each checked against its schema."""
    calls = plan(*said, tools=tools, **options).answers[0].tool_calls
    schemas = {tool.name: tool.schema for tool in tools}
    for call in calls:
        jsonschema_rs.validate(dict(schemas[call.name] or {}), json.loads(call.arguments))
    return [(call.name, json.loads(call.arguments)) for call in calls]


def test_the_tool_that_suits_the_question_is_called() -> None:
    assert called("What's the weather in Paris?") == [("get_weather", {"city": "Paris"})]
    assert called("What time is it in Tokyo?") == [("get_time", {"place": "Tokyo"})]
    assert called("Hello!") == []
    assert called("What is the capital of France?") == []


def test_arguments_use_what_the_question_offers() -> None:
    assert called("Weather in Oslo in fahrenheit for 3 days, please") == [
        ("get_weather", {"city": "Oslo", "unit": "fahrenheit", "days": 3})
    ]
    assert called('Create a file hello.txt that says "hello there"', tools=(WRITE,)) == [
        ("write_file", {"path": "hello.txt", "content": "hello there"})
    ]


def test_several_places_make_parallel_calls_unless_they_are_switched_off() -> None:
    both = [("get_weather", {"city": "Paris"}), ("get_weather", {"city": "London"})]
    assert called("What's the weather in Paris and London?") == both
    assert called("What's the weather in Paris and London?", parallel=False) == both[:1]


def test_several_fitting_tools_are_called_together() -> None:
    assert called("Tell me the weather and the time in Tokyo") == [
        ("get_weather", {"city": "Tokyo"}),
        ("get_time", {"place": "Tokyo"}),
    ]


def test_the_choice_of_tools_is_obeyed() -> None:
    assert called("What's the weather in Paris?", tool_choice="none") == []
    assert [name for name, _ in called("Hello!", tool_choice="required")] in (["get_weather"], ["get_time"])
    only = frozenset({"get_time"})
    assert called("What's the weather in Paris?", tool_choice="required", allowed=only) == [
        ("get_time", {"place": "Paris"})
    ]
    assert called("What's the weather in Paris?", allowed=only) == []


def test_a_tool_without_a_schema_gets_free_text() -> None:
    shell = Tool("run_shell", "Runs a shell command", None)
    (call,) = plan("Run the shell command `ls -l`", tools=(shell,)).answers[0].tool_calls
    assert (call.name, call.arguments, call.free_form) == ("run_shell", "ls -l", True)


def test_after_the_results_comes_text() -> None:
    call = ToolCall("call_1", "get_weather", '{"city": "Paris"}')
    turns = (
        Turn("user", "What's the weather in Paris?"),
        Turn("assistant", "", tool_calls=(call,)),
        Turn("tool", "21 degrees", call_id="call_1"),
    )
    told = answer(Conversation(turns), Options("gpt-4o", tools=TOOLS)).answers[0]
    assert not told.tool_calls
    assert "21 degrees" in "".join(told.text)


def test_a_call_that_exceeds_the_limit_is_cut_in_its_arguments() -> None:
    whole = plan("What's the weather in Paris?", tools=TOOLS)
    cut = plan("What's the weather in Paris?", tools=TOOLS, max_tokens=whole.completion_tokens - 2)
    (call,) = cut.answers[0].tool_calls
    assert cut.answers[0].finish == "length"
    assert cut.completion_tokens == whole.completion_tokens - 2
    assert whole.answers[0].tool_calls[0].arguments.startswith(call.arguments)


@pytest.mark.parametrize("schema", [{}, {"type": "object"}, {"properties": None}, {"type": "object", "properties": {}}])
def test_a_tool_with_an_empty_schema_is_called_with_an_empty_object(schema: dict[str, object]) -> None:
    ping = replace(CLOCK, name="ping_server", description="Pings the server", schema=schema)
    (call,) = plan("Please ping the server", tools=(ping,)).answers[0].tool_calls
    assert json.loads(call.arguments) == {}
