"""The messages of Anthropic's API as heard: JSON → turns of a conversation.

Reasoning that comes back must be what was handed out: every signature is verified against the thought that it signs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gateway.providers.simulator import seals
from gateway.providers.simulator.anthropic import fields
from gateway.providers.simulator.anthropic.errors import invalid
from gateway.providers.simulator.conversation import Attachment, ToolCall, Turn

IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")
PICTURE, PDF = 1_200, 1_500  # tokens, at least
COMMON = frozenset({"type", "cache_control"})
BLOCKS: Mapping[str, frozenset[str]] = {
    "text": COMMON | {"text", "citations"},
    "image": COMMON | {"source"},
    "document": COMMON | {"source", "title", "context", "citations"},
    "search_result": COMMON | {"source", "title", "content", "citations"},
    "thinking": frozenset({"type", "thinking", "signature"}),
    "redacted_thinking": frozenset({"type", "data"}),
    "tool_use": COMMON | {"id", "name", "input", "caller", "toolset_name"},
    "tool_result": COMMON | {"tool_use_id", "content", "is_error"},
}
OF_USER = ("text", "image", "document", "search_result", "tool_result")
OF_ASSISTANT = ("text", "thinking", "redacted_thinking", "tool_use")
OF_RESULT = ("text", "image", "document", "search_result")


def parse(value: Mapping[str, Any]) -> tuple[Turn, ...]:
    """The conversation, the system prompt first; Refusal for what Anthropic refuses."""
    turns = _system(value.get("system"))
    if value.get("messages") is None:
        raise invalid("messages: Field required")
    messages = fields.listed(value["messages"], "messages")
    if not messages:
        raise invalid("messages: at least one message is required")
    waiting: dict[str, None] = {}  # calls that the next user message must answer before it says anything else
    for at, message in enumerate(messages):
        path = f"messages.{at}"
        message = fields.record(message, path)
        fields.only(message, ("role", "content"), path)
        role = message.get("role")
        if role == "system":
            turns.append(Turn("system", _texts(message.get("content"), path)))
            continue
        if role not in ("user", "assistant"):
            told = "Field required" if role is None else "Input should be 'user', 'assistant' or 'system'"
            raise invalid(f"{path}.role: {told}")
        content = message.get("content")
        if role == "user":
            turns += _user(content, path, waiting)
        else:
            _unanswered(waiting, path)
            turn = _assistant(content, path, last=at == len(messages) - 1)
            waiting = dict.fromkeys(call.id for call in turn.tool_calls)
            turns.append(turn)
    _unanswered(waiting, f"messages.{len(messages)}")
    return tuple(turns)


def _system(system: object) -> list[Turn]:
    if system is None or system == "" or system == []:
        return []
    return [Turn("system", _texts(system, "system"))]


def _texts(content: object, path: str) -> str:
    if isinstance(content, str):
        return content
    texts = [_block(block, f"{path}.{at}", ("text",)) for at, block in enumerate(fields.listed(content, path))]
    return "\n".join(_text(block, f"{path}.{at}") for at, block in enumerate(texts))


def _block(block: object, path: str, known: tuple[str, ...]) -> dict[str, Any]:
    found = fields.record(block, path)
    kind = fields.one_of(found.get("type"), f"{path}.type" if found.get("type") is None else path, known)
    fields.only(found, BLOCKS[kind], f"{path}.{kind}")
    return found


def _text(block: Mapping[str, Any], path: str) -> str:
    text = fields.text(block, "text", f"{path}.text", required=True) or ""
    if not text:
        raise invalid("messages: text content blocks must be non-empty")
    return text


def _user(content: object, path: str, waiting: dict[str, None]) -> list[Turn]:
    """The user's words, then the results of tools: a conversation that ends with results is about them."""
    if isinstance(content, str):
        if not content.strip():
            raise invalid(f"{path}: user messages must have non-empty content")
        _unanswered(waiting, path)
        return [Turn("user", content)]
    blocks = [_block(one, f"{path}.content.{at}", OF_USER) for at, one in enumerate(fields.listed(content, path))]
    if not blocks:
        raise invalid(f"{path}: user messages must have non-empty content")
    results, others = [], []
    for at, block in enumerate(blocks):
        inside = f"{path}.content.{at}"
        if block["type"] != "tool_result":
            others.append((inside, block))
            continue
        call_id = fields.text(block, "tool_use_id", f"{inside}.tool_result", required=True) or ""
        if call_id not in waiting:
            raise invalid(
                f"{inside}: unexpected `tool_use_id` found in `tool_result` blocks: {call_id}. Each `tool_result` "
                "block must have a corresponding `tool_use` block in the previous message."
            )
        if others:
            _unanswered(waiting, path)
        del waiting[call_id]
        results.append(_result(block, call_id, f"{inside}.tool_result"))
    if others:
        _unanswered(waiting, path)
    return [*([Turn("user", *_heard(others))] if others else []), *results]


def _heard(blocks: list[tuple[str, dict[str, Any]]]) -> tuple[str, tuple[Attachment, ...]]:
    texts, attachments = [], []
    for path, block in blocks:
        if block["type"] == "text":
            texts.append(_text(block, path))
        elif block["type"] == "search_result":
            attachments.append(Attachment("document", str(block.get("title") or ""), 50))
        else:
            attachments.append(_attachment(block, f"{path}.{block['type']}"))
    return "\n".join(texts), tuple(attachments)


def _attachment(block: Mapping[str, Any], path: str) -> Attachment:
    source = fields.record(block.get("source"), f"{path}.source")
    picture = block["type"] == "image"
    kinds = ("base64", "url", "file") if picture else ("base64", "text", "url", "content", "file")
    kind = fields.one_of(source.get("type"), f"{path}.source", kinds)
    tokens = PICTURE if picture else PDF
    if kind == "base64":
        media = fields.text(source, "media_type", f"{path}.source.base64", required=True) or ""
        allowed = IMAGE_TYPES if picture else ("application/pdf",)
        if media not in allowed:
            words = ", ".join(f"'{one}'" for one in allowed)
            raise invalid(f"{path}.source.base64.media_type: Input should be {words}")
        data = fields.text(source, "data", f"{path}.source.base64", required=True) or ""
        if seals.read(data) is None:
            raise invalid(f"{path}.source.base64: invalid base64 data")
        tokens += len(data) // 2_000
    elif kind == "url":
        url = fields.text(source, "url", f"{path}.source.url", required=True) or ""
        if not url.startswith(("https://", "http://")):
            raise invalid(f"{path}.source.url.url: Only HTTP and HTTPS URLs are supported.")
    elif kind == "text":
        tokens = 50 + len(fields.text(source, "data", f"{path}.source.text", required=True) or "") // 4
    return Attachment("picture" if picture else "document", str(block.get("title") or ""), tokens)


def _result(block: Mapping[str, Any], call_id: str, path: str) -> Turn:
    content = block.get("content")
    plain = [{"type": "text", "text": content}] if isinstance(content, str) and content else []
    listed = fields.listed(content or [], f"{path}.content") if not isinstance(content, str) else plain
    inner = [(f"{path}.content.{at}", one) for at, one in enumerate(listed)]
    text, attachments = _heard([(inside, _block(one, inside, OF_RESULT)) for inside, one in inner])
    if attachments:
        text = ", ".join(part for part in (text, f"{len(attachments)} {attachments[0].kind}") if part)
    if fields.flag(block, "is_error", path):
        text = json.dumps({"error": text or "no reason given"})
    return Turn("tool", text, attachments, call_id=call_id)


def _assistant(content: object, path: str, *, last: bool) -> Turn:
    if isinstance(content, str):
        blocks: list[dict[str, Any]] = [{"type": "text", "text": content}] if content else []
    else:
        listed = fields.listed(content, f"{path}.content")
        blocks = [_block(block, f"{path}.content.{at}", OF_ASSISTANT) for at, block in enumerate(listed)]
    if not blocks and not last:
        raise invalid(
            f"{path}: all messages must have non-empty content except for the optional final assistant message"
        )
    texts: list[str] = []
    calls: list[ToolCall] = []
    for at, block in enumerate(blocks):
        inside = f"{path}.content.{at}"
        if block["type"] == "text":
            texts.append(_text(block, inside))
        elif block["type"] == "tool_use":
            arguments = fields.record(block.get("input"), f"{inside}.tool_use.input")
            identity = fields.text(block, "id", f"{inside}.tool_use", required=True) or ""
            name = fields.text(block, "name", f"{inside}.tool_use", required=True) or ""
            if any(call.id == identity for call in calls):
                raise invalid("messages: `tool_use` ids must be unique")
            calls.append(ToolCall(identity, name, json.dumps(arguments, ensure_ascii=False)))
        else:
            _verify(block, inside)
    if last and texts and texts[-1] != texts[-1].rstrip():
        raise invalid("messages: final assistant content cannot end with trailing whitespace")
    return Turn("assistant", "\n".join(texts), (), tuple(calls))


def _verify(block: Mapping[str, Any], path: str) -> None:
    """Refusal for a thought that was not handed out here, or was changed on the way."""
    if block["type"] == "redacted_thinking":
        data = fields.text(block, "data", f"{path}.redacted_thinking", required=True)
        if not seals.is_genuine("redacted", seals.read(data)):
            raise invalid(f"{path}: Invalid `data` in `redacted_thinking` block")
        return
    thought = fields.text(block, "thinking", f"{path}.thinking", required=True) or ""
    signature = fields.text(block, "signature", f"{path}.thinking", required=True)
    if not seals.is_genuine("thinking", seals.read(signature), thought):
        raise invalid(f"{path}: Invalid `signature` in `thinking` block")


def _unanswered(waiting: Mapping[str, None], path: str) -> None:
    if waiting:
        raise invalid(
            f"{path}: `tool_use` ids were found without `tool_result` blocks immediately after: "
            f"{', '.join(waiting)}. Each `tool_use` block must have a corresponding `tool_result` block in the next "
            "message."
        )
