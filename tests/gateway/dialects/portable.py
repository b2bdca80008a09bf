"""Requests and answers that every dialect can say, for property tests: random, but within what all wires carry."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
from hypothesis import strategies as st

from billing.usage import Usage
from gateway.canonical import (
    ChatRequest,
    Choice,
    Completion,
    Image,
    Message,
    Part,
    Source,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

TOOLS = ("get_weather", "now", "search_the_archive")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).filter(lambda text: text.strip())
PICTURES = st.builds(
    lambda source: Image(source=source),
    st.sampled_from([Source(url="https://example.com/a.png"), Source(data="iVBORw0KGgo=", media_type="image/png")]),
)
ARGUMENTS = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5),
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | TEXTS | st.lists(TEXTS, max_size=2),
    max_size=3,
).map(lambda value: msgspec.json.encode(value).decode())
SCHEMAS = st.sampled_from(
    [
        {"type": "object", "properties": {}},
        {"type": "object", "properties": {"city": {"type": "string", "description": "where"}}, "required": ["city"]},
    ]
)


@st.composite
def calls(draw: st.DrawFn, turn: int) -> list[ToolCall]:
    count = draw(st.integers(0, 3))
    return [ToolCall(f"call_{turn}_{at}", draw(st.sampled_from(TOOLS)), draw(ARGUMENTS)) for at in range(count)]


@st.composite
def conversations(draw: st.DrawFn) -> list[Message]:
    messages: list[Message] = []
    if draw(st.booleans()):
        messages.append(Message("system", [Text(draw(TEXTS))]))
    messages.append(Message("user", [Text(draw(TEXTS)), *draw(st.lists(PICTURES, max_size=2))]))
    for turn in range(draw(st.integers(0, 3))):
        made = draw(calls(turn))
        said: list[Part] = [Text(draw(TEXTS))] if not made or draw(st.booleans()) else []
        messages.append(Message("assistant", [*said, *made]))
        results: list[Part] = [ToolResult(call_id=call.id, parts=[Text(draw(TEXTS))], name=call.name) for call in made]
        if not made or draw(st.booleans()):
            results.append(Text(draw(TEXTS)))
        messages.append(Message("user", results))
    return messages


@st.composite
def requests(draw: st.DrawFn) -> ChatRequest:
    """A request of several turns with tools, pictures and settings."""
    messages = draw(conversations())
    tools = [Tool(name, description=draw(st.none() | TEXTS), schema=draw(SCHEMAS)) for name in TOOLS]
    choices: list[Any] = [None, ToolChoice("auto"), ToolChoice("none"), ToolChoice("required")]
    choices.append(ToolChoice("required", (TOOLS[0],)))
    return ChatRequest(
        "m",
        messages,
        max_output=draw(st.integers(16, 4096)),
        temperature=draw(st.sampled_from([None, 0.0, 0.25, 0.5, 1.0])),
        top_p=draw(st.sampled_from([None, 0.5, 0.75])),
        tools=tools,
        tool_choice=draw(st.sampled_from(choices)),
    )


@st.composite
def answers(draw: st.DrawFn) -> Completion:
    """A whole answer: text, tool calls, or both, and usage."""
    made = draw(calls(0))
    said: list[Part] = [Text(draw(TEXTS))] if not made or draw(st.booleans()) else []
    usage = Usage(
        input=draw(st.integers(1, 10**6)),
        cached_input=draw(st.integers(0, 10**6)),
        output=draw(st.integers(1, 10**6)),
        reasoning=draw(st.integers(0, 10**6)),
    )
    finish = "tool_calls" if made else draw(st.sampled_from(["stop", "length"]))
    return Completion("answer-1", "m", [Choice([*said, *made], finish)], usage)  # type: ignore[arg-type]


def plain_request(request: ChatRequest) -> ChatRequest:
    """A request as all wires mean it: neighbouring turns of one role are one, a tool is strict or it is not."""
    messages: list[Message] = []
    for message in request.messages:
        if messages and messages[-1].role == message.role:
            messages[-1] = replace(messages[-1], parts=[*messages[-1].parts, *message.parts])
        else:
            messages.append(replace(message, extras={}))
    tools = [replace(tool, strict=tool.strict or None, extras={}) for tool in request.tools]
    return replace(
        request, messages=messages, tools=tools, model="m", stream=False, wants_usage=False, dropped=[], extras={}
    )


def plain_answer(completion: Completion) -> Completion:
    """An answer as all wires mean it."""
    choices = [
        replace(choice, native_finish=None, extras={}, parts=[replace(part, extras={}) for part in choice.parts])
        for choice in completion.choices
    ]
    return replace(completion, choices=choices, created=0, extras={})
