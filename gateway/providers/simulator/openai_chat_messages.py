"""The messages of OpenAI's chat completions as heard: JSON → turns of a conversation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.providers.simulator import openai_fields as fields
from gateway.providers.simulator.conversation import Attachment, Role, ToolCall, Turn
from gateway.providers.simulator.openai_errors import Refusal, invalid

ROLES: Mapping[str, Role] = {
    "system": "system",
    "assistant": "assistant",
    "user": "user",
    "function": "tool",
    "tool": "tool",
    "developer": "system",
}
LOW_DETAIL, HIGH_DETAIL = 85, 765  # tokens of a picture


def parse(value: Mapping[str, Any]) -> tuple[Turn, ...]:
    """The conversation; Refusal for what OpenAI refuses, also for tool calls and results that do not match."""
    messages = fields.listed(value, "messages", "messages")
    if messages is None:
        raise fields.missing("messages")
    if not messages:
        told = "empty array. Expected an array with minimum length 1, but got an empty array instead."
        raise invalid(f"Invalid 'messages': {told}", param="messages", code="empty_array")
    turns: list[Turn] = []
    waiting: dict[str, None] = {}  # calls that tool messages must answer before anything else is said
    for at, message in enumerate(messages):
        param = f"messages[{at}]"
        message = fields.record(message, param)
        if message.get("role") is None:
            raise fields.missing(f"{param}.role")
        spoken = fields.one_of(message["role"], f"{param}.role", tuple(ROLES))
        turn = _turn(message, spoken, param)
        if spoken == "tool":
            if turn.call_id not in waiting:
                raise invalid(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
                    "'tool_calls'.",
                    param=f"messages.[{at}].role",
                )
            del waiting[turn.call_id]
        elif waiting:
            raise _unanswered(waiting, at)
        if spoken == "assistant" and message.get("tool_calls"):
            waiting = dict.fromkeys(call.id for call in turn.tool_calls)
        turns.append(turn)
    if waiting:
        raise _unanswered(waiting, len(messages))
    return tuple(turns)


def _unanswered(waiting: Mapping[str, None], at: int) -> Refusal:
    return invalid(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
        f"The following tool_call_ids did not have response messages: {', '.join(waiting)}",
        param=f"messages.[{at}].role",
    )


def _turn(message: Mapping[str, Any], spoken: str, param: str) -> Turn:
    text, attachments = _content(message, spoken, param)
    calls: list[ToolCall] = []
    call_id = None
    if spoken == "assistant":
        for at, call in enumerate(fields.listed(message, "tool_calls", f"{param}.tool_calls") or ()):
            calls.append(_said_call(fields.record(call, f"{param}.tool_calls[{at}]"), f"{param}.tool_calls[{at}]"))
        if message.get("function_call") is not None:
            called = fields.record(message["function_call"], f"{param}.function_call")
            name = fields.text(called, "name", f"{param}.function_call.name", required=True) or ""
            calls.append(ToolCall(f"function {name}", name, str(called.get("arguments") or "")))
    elif spoken == "tool":
        call_id = fields.text(message, "tool_call_id", f"{param}.tool_call_id", required=True)
    elif spoken == "function":
        call_id = "function " + (fields.text(message, "name", f"{param}.name", required=True) or "")
    return Turn(ROLES[spoken], text, attachments, tuple(calls), call_id)


def _said_call(call: Mapping[str, Any], param: str) -> ToolCall:
    kind = fields.one_of(call.get("type", "function"), f"{param}.type", ("function", "custom"))
    inner = fields.record(call.get(kind), f"{param}.{kind}")
    written = "input" if kind == "custom" else "arguments"
    return ToolCall(
        id=fields.text(call, "id", f"{param}.id", required=True) or "",
        name=fields.text(inner, "name", f"{param}.{kind}.name", required=True) or "",
        arguments=fields.text(inner, written, f"{param}.{kind}.{written}", required=True) or "",
        free_form=kind == "custom",
    )


def _content(message: Mapping[str, Any], spoken: str, param: str) -> tuple[str, tuple[Attachment, ...]]:
    content = message.get("content")
    if content is None:
        if spoken == "assistant":
            return str(message.get("refusal") or ""), ()
        raise invalid(
            "Invalid value for 'content': expected a string, got null.", param=f"{param}.content", code="invalid_type"
        )
    if isinstance(content, str):
        return content, ()
    if not isinstance(content, list):
        raise fields.wrong_type(f"{param}.content", "one of a string or array of objects", content)
    texts: list[str] = []
    attachments: list[Attachment] = []
    for at, part in enumerate(content):
        inside = f"{param}.content[{at}]"
        part = fields.record(part, inside)
        known = ("text", "image_url", "input_audio", "file") if spoken == "user" else ("text", "refusal")
        kind = fields.one_of(part.get("type"), f"{inside}.type", known)
        if kind in ("text", "refusal"):
            texts.append(fields.text(part, kind, f"{inside}.{kind}", required=True) or "")
        else:
            attachments.append(_attachment(kind, fields.record(part.get(kind), f"{inside}.{kind}"), f"{inside}.{kind}"))
    return "\n".join(texts), tuple(attachments)


def _attachment(kind: str, inner: Mapping[str, Any], param: str) -> Attachment:
    if kind == "image_url":
        url = fields.text(inner, "url", f"{param}.url", required=True) or ""
        if not url.startswith(("https://", "http://", "data:image/")):
            raise invalid(
                "Invalid image data. Expected a base64-encoded data URL with an image MIME type (e.g. "
                "'data:image/png;base64,aW1nIGJ5dGVzIGhlcmU='), or a URL.",
                param=f"{param}.url",
                code="invalid_value",
            )
        return Attachment("picture", "", LOW_DETAIL if inner.get("detail") == "low" else HIGH_DETAIL)
    if kind == "input_audio":
        data = fields.text(inner, "data", f"{param}.data", required=True) or ""
        fields.one_of(inner.get("format"), f"{param}.format", ("wav", "mp3"))
        return Attachment("recording", "", 10 + len(data) // 2_000)
    data = fields.text(inner, "file_data", f"{param}.file_data") or ""
    if not data and not inner.get("file_id"):
        raise fields.missing(f"{param}.file_id")
    return Attachment("document", fields.text(inner, "filename", f"{param}.filename") or "", 50 + len(data) // 20)
