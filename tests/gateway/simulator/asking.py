"""Short ways to put a question, to the core and over the wire."""

from __future__ import annotations

import json
from typing import Any

import httpx

from gateway.providers.simulator.answering import answer
from gateway.providers.simulator.conversation import Conversation, Options, Plan, Role, Tool, Turn

WEATHER = Tool(
    "get_weather",
    "Get the current weather in a city",
    {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            "days": {"type": "integer", "minimum": 1, "maximum": 14},
        },
        "required": ["city"],
        "additionalProperties": False,
    },
)
CLOCK = Tool(
    "get_time",
    "Tells the local time",
    {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
)


def plan(*said: str, instructions: str = "", model: str = "gpt-4o", **options: Any) -> Plan:
    """What the core makes of a conversation in which user and assistant take turns."""
    turns = [Turn("system", instructions)] if instructions else []
    roles: tuple[Role, Role] = ("user", "assistant")
    turns += [Turn(roles[at % 2], text) for at, text in enumerate(said)]
    return answer(Conversation(tuple(turns)), Options(model=model, **options))


def spoken(*said: str, **options: Any) -> str:
    """The text of its first choice."""
    return "".join(plan(*said, **options).answers[0].text)


def body(question: str, **fields: Any) -> dict[str, Any]:
    """A chat request over the wire."""
    return {"model": "gpt-4o", "messages": [{"role": "user", "content": question}], **fields}


def events(content: bytes) -> list[Any]:
    """The objects of a stream in plain framing, `[DONE]` as it stands."""
    assert content.endswith(b"\n\n")
    lines = content[:-2].split(b"\n\n")
    assert all(line.startswith(b"data: ") for line in lines)
    return [json.loads(line[6:]) if line != b"data: [DONE]" else "[DONE]" for line in lines]


def streamed(wire: httpx.Client, question: str, *, headers: dict[str, str] | None = None, **fields: Any) -> list[Any]:
    """The events of a streamed answer."""
    reply = wire.post("/chat/completions", json=body(question, stream=True, **fields), headers=headers)
    assert reply.status_code == 200, reply.text
    return events(reply.content)


def named_events(content: bytes) -> list[tuple[str, Any]]:
    """(name, object) of the events of a stream that names them."""
    assert content.endswith(b"\n\n")
    found = []
    for event in content[:-2].split(b"\n\n"):
        name, data = event.split(b"\n")
        assert name.startswith(b"event: ")
        assert data.startswith(b"data: ")
        found.append((name[7:].decode(), json.loads(data[6:])))
    return found
