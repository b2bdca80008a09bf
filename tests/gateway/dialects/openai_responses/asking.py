"""Requests of this dialect, put together from what they ask."""

from __future__ import annotations

import json
from typing import Any

from gateway.canonical import ChatRequest, Message, Part
from gateway.dialects.openai_responses.request import peek, render


def asking(*items: dict[str, Any], **members: Any) -> bytes:
    return json.dumps({"model": "m", "input": list(items) or "hello", **members}).encode()


def user(content: Any = "go") -> dict[str, Any]:
    return {"role": "user", "content": content}


def calling(call_id: str, name: str = "f") -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": "{}"}


def result(call_id: str, output: Any = "done") -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": output}


def rendered(request: ChatRequest, model: str = "theirs") -> dict[str, Any]:
    body = render(request, model)
    value: dict[str, Any] = json.loads(body)
    assert value["model"] == model
    assert peek(body).fault is None
    return value


def saying(*parts: Part, role: Any = "user", **members: Any) -> ChatRequest:
    return ChatRequest("m", [Message(role, list(parts))], **members)
