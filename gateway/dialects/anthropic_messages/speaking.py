"""Canonical messages → system and messages of this dialect, as its provider wants them."""

from __future__ import annotations

import base64
import hashlib
import re
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
    Source,
    Text,
    ToolCall,
    ToolResult,
)
from gateway.dialects.anthropic_messages.blocks import NAME, ORIGIN, hidden_block, input_of, own
from gateway.errors import InvalidMedia, InvalidParameter, UnsupportedCapability

Block = dict[str, Any]
Turn = dict[str, Any]

# The provider refuses text that is empty or nothing but white space, and a conversation that it does not begin with.
PLACEHOLDER = "."
_IDENTITY = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TEXTUAL = ("application/json", "application/xml", "application/yaml", "application/javascript")


def render_messages(request: ChatRequest) -> tuple[list[Block], list[Turn]]:
    """The system blocks and the turns, each of them with a list of blocks.

    Instructions between turns join the system prompt, where every model takes them; those that came in this dialect
    stay where they were. Neighbouring turns of one role become one, tool results first. Raises UnsupportedCapability,
    InvalidMedia and InvalidParameter.
    """
    system: list[Block] = []
    turns: list[Turn] = []
    for message in request.messages:
        if message.name:
            request.drop("name")
        if message.role == "system" and not (turns and message.extras.get(NAME, {}).get("role")):
            system += _blocks(message, request)
            continue
        blocks = _blocks(message, request)
        if not blocks:
            continue
        if turns and turns[-1]["role"] == message.role:
            turns[-1]["content"] = _results_first(turns[-1]["content"] + blocks)
        else:
            turns.append({"role": message.role, "content": _results_first(blocks)})
    if not turns and system:
        turns.append({"role": "user", "content": system})  # instructions alone are a question
        system = []
    if not turns:
        raise InvalidParameter("`messages` says nothing.", param="messages")
    if turns[0]["role"] != "user":
        turns.insert(0, {"role": "user", "content": [{"type": "text", "text": PLACEHOLDER}]})
    last = turns[-1]["content"][-1]
    if turns[-1]["role"] == "assistant" and last["type"] == "text":
        last["text"] = last["text"].rstrip()  # the provider refuses to go on after white space
    return system, turns


def _results_first(blocks: list[Block]) -> list[Block]:
    return sorted(blocks, key=lambda block: block["type"] != "tool_result")


def _blocks(message: Message, request: ChatRequest) -> list[Block]:
    blocks: list[Block] = []
    for part in message.parts:
        block = _assistant(part, request) if message.role == "assistant" else _shown(part, request)
        if block is None:
            continue
        if part.cache is not None and "cache_control" not in block:
            block["cache_control"] = cache_control(part.cache)
        blocks.append(block)
    return blocks


def cache_control(ttl: str) -> Block:
    """A cache breakpoint. Times to live that the provider does not know are its default."""
    return {"type": "ephemeral", "ttl": ttl} if ttl in ("5m", "1h") else {"type": "ephemeral"}


def _assistant(part: Part, request: ChatRequest) -> Block | None:
    match part:
        case Text():
            return _text(part)
        case Refusal(text=text):
            return _text(Text(text))
        case Reasoning():
            return _reasoning(part)
        case ToolCall():
            block: Block = {"type": "tool_use", "id": identity(part.id), "name": part.name, "input": input_of(part)}
            return {**block, **own(part)}
    request.drop("assistant media")
    return None


def _reasoning(part: Reasoning) -> Block | None:
    """Only what this provider has signed; it refuses any other thinking."""
    blob = part.blob
    if blob is None or blob.origin != ORIGIN:
        return None
    if blob.kind == "signature":
        return {"type": "thinking", "thinking": part.text, "signature": blob.data}
    return hidden_block(blob) if blob.kind == "redacted" else None


def _text(part: Text) -> Block | None:
    members = own(part)
    if "block" in members:
        return dict(members["block"])
    if not part.text.strip():
        return None
    block: Block = {"type": "text", "text": part.text}
    if "citations" in members:
        block["citations"] = members["citations"]
    return block


def _shown(part: Part, request: ChatRequest) -> Block | None:
    match part:
        case Text():
            return _text(part)
        case Refusal(text=text):
            return _text(Text(text))
        case ToolResult():
            return _result(part, request)
        case Image():
            if part.detail not in (None, "auto"):
                request.drop("detail")
            return {"type": "image", "source": _image_source(part.source)}
        case Document():
            return _document(part)
        case Audio():
            raise UnsupportedCapability("This model cannot hear.", capability="audio")
    raise UnsupportedCapability("The request holds something that this model cannot read.", capability="content")


def _result(result: ToolResult, request: ChatRequest) -> Block:
    blocks: list[Block] = []
    for part in result.parts:
        block = _shown(part, request)
        if block is not None:
            if part.cache is not None and "cache_control" not in block:
                block["cache_control"] = cache_control(part.cache)
            blocks.append(block)
    wire: Block = {"type": "tool_result", "tool_use_id": identity(result.call_id)}
    if len(blocks) == 1 and blocks[0].keys() == {"type", "text"}:
        wire["content"] = blocks[0]["text"]
    elif blocks:
        wire["content"] = blocks
    if result.is_error:
        wire["is_error"] = True
    return wire


def identity(call_id: str) -> str:
    """A call's id as this provider takes it: one with other characters is replaced by one that is made from it, the
    same for the call and its result."""
    if _IDENTITY.fullmatch(call_id):
        return call_id
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", call_id)[:40]
    return f"{plain}_{hashlib.sha256(call_id.encode('utf-8', 'replace')).hexdigest()[:16]}"


def _image_source(source: Source) -> Block:
    if source.data is not None:
        media_type = source.media_type or "image/png"
        return {"type": "base64", "media_type": media_type.replace("image/jpg", "image/jpeg"), "data": source.data}
    return _elsewhere(source)


def _elsewhere(source: Source) -> Block:
    if source.url is not None:
        return {"type": "url", "url": source.url}
    if source.origin != ORIGIN:
        raise InvalidMedia("A file in another provider's store cannot be read by this model.", reason="file_id")
    return {"type": "file", "file_id": source.file_id}


def _document(part: Document) -> Block:
    members = own(part)
    if "block" in members:
        return dict(members["block"])
    block: Block = {"type": "document", "source": members.get("source") or _document_source(part.source)}
    if part.name is not None:
        block["title"] = part.name
    block.update((name, members[name]) for name in ("context", "citations") if name in members)
    return block


def _document_source(source: Source) -> Block:
    media_type = (source.media_type or "application/pdf").lower()
    if media_type.startswith(("video/", "audio/")):
        kind = media_type.partition("/")[0]
        raise UnsupportedCapability(f"This model cannot take in {kind}.", capability=kind)
    if source.data is None:
        return _elsewhere(source)
    if media_type == "application/pdf":
        return {"type": "base64", "media_type": media_type, "data": source.data}
    if media_type.startswith("text/") or media_type in _TEXTUAL:
        text = base64.b64decode(source.data).decode("utf-8", "replace")
        return {"type": "text", "media_type": "text/plain", "data": text}
    raise InvalidMedia("Documents must be PDF or text for this model.", reason="media_type")
