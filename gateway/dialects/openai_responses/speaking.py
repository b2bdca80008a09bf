"""Canonical messages → input items, as a provider wants them."""

from __future__ import annotations

import hashlib
from typing import Any

from gateway.canonical import (
    Audio,
    ChatRequest,
    Document,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from gateway.dialects.openai_responses.content import ORIGIN, marked, render_shown
from gateway.dialects.openai_responses.items import ENCRYPTED, own
from gateway.dialects.openai_responses.objects import NAME
from gateway.errors import InvalidParameter, UnsupportedCapability

Item = dict[str, Any]

LONGEST_ID = 64  # characters of a call's id


def render_input(request: ChatRequest) -> tuple[str | None, list[Item]]:
    """`instructions` and `input`. Raises UnsupportedCapability, InvalidMedia and InvalidParameter."""
    instructions: str | None = None
    items: list[Item] = []
    for message in request.messages:
        if message.name:
            request.drop("name")
        if message.role == "assistant":
            items += _assistant(message, request)
        elif instructions is None and not items and message.extras.get(NAME, {}).get("instructions"):
            instructions = "".join(part.text for part in message.parts if isinstance(part, Text))
        else:
            items += _others(message, request)
    if not items and instructions is not None:
        items.append({"type": "message", "role": "user", "content": instructions})  # instructions alone are a question
        instructions = None
    if not items:
        raise InvalidParameter("The conversation says nothing.", param="messages")
    return instructions, items


def _others(message: Message, request: ChatRequest) -> list[Item]:
    """A system or user message: first the results, then what else it says."""
    items = [_result(part, request) for part in message.parts if isinstance(part, ToolResult)]
    shown = [_shown(part, request) for part in message.parts if not isinstance(part, ToolResult)]
    if shown or not items:
        role = message.extras.get("openai", {}).get("role", message.role)
        # One plain text as a string, which every provider understands.
        plain = len(shown) == 1 and shown[0].keys() == {"type", "text"}
        items.append({"type": "message", "role": role, "content": shown[0]["text"] if plain else shown or ""})
    return items


def _shown(part: Part, request: ChatRequest) -> Item:
    if marked(part):
        request.drop("cache_control")
    return render_shown(part)


def _result(result: ToolResult, request: ChatRequest) -> Item:
    mark = result.parts[-1].extras.get("openai", {}) if result.parts else {}
    if result.cache is not None and "prompt_cache_breakpoint" not in mark:
        request.drop("cache_control")
    for part in result.parts:
        if isinstance(part, Audio):
            raise UnsupportedCapability("A tool cannot show sound to this model.", capability="audio")
    parts = [_shown(part, request) for part in result.parts]
    if result.is_error and not _complains(result):
        parts.insert(0, {"type": "input_text", "text": "Error: " if parts else "Error"})  # the wire has no other word
    output: Any = parts
    if all(part.keys() == {"type", "text"} for part in parts) and (len(parts) < 2 or result.is_error):
        output = "".join(part["text"] for part in parts)
    kind = "custom_tool_call_output" if result.custom else "function_call_output"
    return {"type": kind, "call_id": identity(result.call_id), "output": output}


def _complains(result: ToolResult) -> bool:
    first = result.parts[0] if result.parts else None
    return isinstance(first, Text) and first.text.lower().startswith("error")


def _assistant(message: Message, request: ChatRequest) -> list[Item]:
    items: list[Item] = []
    for part in message.parts:
        if marked(part):
            request.drop("cache_control")
        match part:
            case Text() if "item" in own(part):
                items.append(own(part)["item"])
            case Text(text="") | Refusal(text=""):
                pass
            case Text() | Refusal():
                _speak(items, part)
            case Reasoning():
                items += _reasoning(part)
            case ToolCall():
                items.append(_call(part))
            case Image() | Document() | Audio():
                request.drop("assistant media")
    return items


def _speak(items: list[Item], part: Text | Refusal) -> None:
    """More of the message before it, or a new one."""
    phase = own(part).get("phase")
    last = items[-1] if items else None
    if last is None or last["type"] != "message" or last.get("phase") != phase:
        last = {"type": "message", "role": "assistant", "content": []}
        if phase is not None:
            last["phase"] = phase
        items.append(last)
    if isinstance(part, Refusal):
        last["content"].append({"type": "refusal", "refusal": part.text})
    else:
        last["content"].append({"type": "output_text", "text": part.text})


def _reasoning(part: Reasoning) -> list[Item]:
    """Only what this provider has encrypted; it takes no other reasoning back."""
    blob = part.blob
    if blob is None or (blob.origin, blob.kind) != (ORIGIN, ENCRYPTED):
        return []
    summary = [{"type": "summary_text", "text": part.text}] if part.text else []
    item: Item = {"type": "reasoning", "summary": summary, "encrypted_content": blob.data}
    return [{**item, "id": blob.id} if blob.id else item]


def _call(call: ToolCall) -> Item:
    wire: Item = {"type": "custom_tool_call" if call.custom else "function_call", "call_id": identity(call.id)}
    wire["name"] = call.name
    wire["input" if call.custom else "arguments"] = call.arguments if call.custom else call.arguments or "{}"
    namespace = own(call).get("namespace")
    return {**wire, "namespace": namespace} if namespace is not None else wire


def identity(call_id: str) -> str:
    """A call's id as this provider takes it: a longer one is cut to one that is made from it, the same for the call and
    its result."""
    if len(call_id) <= LONGEST_ID:
        return call_id
    return f"{call_id[:31]}_{hashlib.sha256(call_id.encode('utf-8', 'replace')).hexdigest()[:32]}"
