"""Messages of this dialect → canonical messages."""

from __future__ import annotations

import base64
from typing import Any

from gateway.canonical import Document, Image, Message, Part, Source, Text, ToolCall, ToolResult
from gateway.dialects.anthropic_messages.blocks import (
    NAME,
    ORIGIN,
    extras_of,
    opaque,
    own,
    reasoning,
    tool_call,
)
from gateway.dialects.anthropic_messages.response import beside_text
from gateway.dialects.blobs import untie
from gateway.dialects.media import standard
from gateway.errors import InvalidParameter, MissingParameter

Block = dict[str, Any]

_NOTES = ("title", "context", "citations")  # what a document has besides its source


def parse_messages(messages: list[dict[str, Any]]) -> list[Message]:
    """The conversation. Raises InvalidParameter (also for a result without its call and a call without its result,
    which the provider refuses), MissingParameter and InvalidMedia."""
    conversation: list[Message] = []
    waiting: dict[str, ToolCall] = {}  # calls of the last assistant turn that have no result yet
    results: Message | None = None
    for index, message in enumerate(messages):
        where, role = f"messages[{index}]", message["role"]
        parts = _parts(message["content"], role, where)
        if role == "user":
            answers = [part for part in parts if isinstance(part, ToolResult)]
            for answer in answers:
                _pair(answer, waiting, where)
            if answers and results is not None:  # results of one turn may come in several messages
                results.parts += answers
            elif answers:
                results = Message("user", list(answers))
                conversation.append(results)
            rest = [part for part in parts if not isinstance(part, ToolResult)]
            _all_answered(waiting if rest or not answers else {}, where)
            if answers and results is not None and results is conversation[-1]:
                results.parts += rest
            elif rest or not answers:
                conversation.append(Message("user", rest))
            continue
        if role == "assistant":
            _all_answered(waiting, where)
            results = None
            waiting = {part.id: part for part in parts if isinstance(part, ToolCall)}
            conversation.append(Message("assistant", parts))
        else:
            conversation.append(Message("system", parts, extras={NAME: {"role": "system"}}))
    _all_answered(waiting, f"messages[{len(messages) - 1}]")
    return conversation


def text_blocks(content: str | list[Block], where: str) -> list[Part]:
    """Instructions: text and nothing else."""
    if isinstance(content, str):
        return [Text(content)] if content else []
    parts: list[Part] = []
    for at, block in enumerate(content):
        inside = f"{where}[{at}]"
        if block.get("type") != "text":
            raise InvalidParameter(f"`{inside}.type` must be text.", param=f"{inside}.type", value=block.get("type"))
        parts.append(_text(block, inside))
    return parts


def cache_of(block: Block) -> str | None:
    """The time to live of a cache breakpoint; "" for the provider's own choice."""
    mark = block.get("cache_control")
    if not isinstance(mark, dict):
        return None
    ttl = mark.get("ttl")
    return ttl if isinstance(ttl, str) else ""


def _pair(answer: ToolResult, waiting: dict[str, ToolCall], where: str) -> None:
    call = waiting.pop(answer.call_id, None)
    if call is None:
        raise InvalidParameter(
            f"`{where}` has a tool_result that answers no tool_use of the assistant's turn before it.", param=where
        )
    answer.name = call.name


def _all_answered(waiting: dict[str, ToolCall], where: str) -> None:
    if waiting:
        raise InvalidParameter(
            f"Every tool_use must be followed by a tool_result with its id; missing before or at {where}: "
            f"{', '.join(waiting)}.",
            param=where,
        )


def _parts(content: str | list[Block], role: str, where: str) -> list[Part]:
    if role == "system":
        return text_blocks(content, f"{where}.content")
    if isinstance(content, str):
        return [Text(content)] if content else []
    parts: list[Part] = []
    for at, block in enumerate(content):
        inside = f"{where}.content[{at}]"
        _needed(block, "type", inside)
        if role == "assistant":
            parts += _assistant(block, inside)
        elif block.get("type") == "tool_result":
            parts.append(_result(block, inside))
        else:
            parts.append(_shown(block, inside))
    return beside_text(parts) if role == "assistant" else parts


def _assistant(block: Block, where: str) -> list[Part]:
    match block.get("type"):
        case "text":
            return [_text(block, where)]
        case "thinking" | "redacted_thinking":
            return [reasoning(block)]
        case "tool_use":
            _needed(block, "id", where)
            call = tool_call(block, _needed(block, "name", where))
            call.id, thought, call.blob = untie(call.id)
            call.cache = cache_of(block)
            return [*thought, call]
        case "image" | "document" | "tool_result":
            raise InvalidParameter(f"`{where}` may not be in an assistant's turn.", param=where)
    return [opaque(block)]


def _text(block: Block, where: str) -> Text:
    notes = block.get("citations")
    extras = extras_of({"citations": notes} if isinstance(notes, list) and notes else {})
    return Text(_needed(block, "text", where), cache=cache_of(block), extras=extras)


def _result(block: Block, where: str) -> ToolResult:
    call_id, _, _ = untie(_needed(block, "tool_use_id", where))
    content = block.get("content")
    parts: list[Part] = []
    if isinstance(content, str):
        parts = [Text(content)] if content else []
    elif isinstance(content, list):
        parts = [_shown(inner, f"{where}.content[{at}]") for at, inner in enumerate(content)]
    elif content is not None:
        raise InvalidParameter(f"`{where}.content` must be a string or a list of blocks.", param=f"{where}.content")
    return ToolResult(call_id=call_id, parts=parts, is_error=block.get("is_error") is True, cache=cache_of(block))


def _shown(block: Block, where: str) -> Part:
    """What a user, or a tool, shows."""
    match block.get("type"):
        case "text":
            return _text(block, where)
        case "image":
            return Image(_source(block, where), cache=cache_of(block))
        case "document":
            return _document(block, where)
        case "search_result":
            return _search_result(block, where)
        case "thinking" | "redacted_thinking" | "tool_use" | "tool_result":
            raise InvalidParameter(f"`{where}` may not stand here.", param=where)
    return _foreign(block)


def _foreign(block: Block) -> Document:
    """Something that only this provider can read. As a file in its store, which it is or comes near to, it goes back
    to it whole, and every other provider's renderer refuses it: leaving it out would change the question."""
    name = block.get("type")
    source = Source(file_id=name if isinstance(name, str) else "", origin=ORIGIN)
    return Document(source, cache=cache_of(block), extras={NAME: {"block": block}})


def _source(block: Block, where: str) -> Source:
    match block.get("source"):
        case {"type": "base64", "media_type": str(media_type), "data": str(data)}:
            return Source(data=standard(data, where), media_type=media_type.lower())
        case {"type": "url", "url": str(url)}:
            return Source(url=url)
        case {"type": "file", "file_id": str(file_id)}:
            return Source(file_id=file_id, origin=ORIGIN)
    raise InvalidParameter(f"`{where}.source` must be one of base64, url and file, with its data.", param=where)


def _document(block: Block, where: str) -> Document:
    title = block.get("title")
    notes = {name: block[name] for name in _NOTES[1:] if block.get(name) is not None}
    match block.get("source"):
        case {"type": "text", "data": str(text)}:
            source = _plain(text)
        case {"type": "content", "content": content}:
            texts = [content] if isinstance(content, str) else _only_texts(content)
            if texts is None:
                return _foreign(block)
            source = _plain("\n\n".join(texts))
            notes["source"] = block["source"]
        case _:
            source = _source(block, where)
            if source.url is not None:
                source = Source(url=source.url, media_type="application/pdf")
    return Document(source, title if isinstance(title, str) else None, cache=cache_of(block), extras=extras_of(notes))


def _plain(text: str) -> Source:
    return Source(data=base64.b64encode(text.encode("utf-8", "replace")).decode(), media_type="text/plain")


def _only_texts(content: object) -> list[str] | None:
    """The texts of blocks that are nothing else; None when they are."""
    texts: list[str] = []
    for inner in content if isinstance(content, list) else ():
        text = inner.get("text") if isinstance(inner, dict) and inner.get("type") == "text" else None
        if not isinstance(text, str):
            return None
        texts.append(text)
    return texts


def _search_result(block: Block, where: str) -> Text:
    """A search result in words; this dialect gets the block itself back."""
    texts = _only_texts(block.get("content"))
    if texts is None:
        raise InvalidParameter(f"`{where}.content` must hold text blocks.", param=f"{where}.content")
    head = [_needed(block, name, where) for name in ("title", "source")]
    return Text("\n".join([*head, "", *texts]), cache=cache_of(block), extras={NAME: {"block": block}})


def notes(messages: list[Message]) -> dict[str, Any]:
    """What the parts hold that only this dialect can carry: by name, for the list of what another one drops."""
    found: dict[str, Any] = {}
    for message in messages:
        for part in message.parts:
            members = own(part)
            kind = members["block"].get("type") if "block" in members else None
            if isinstance(kind, str) and not (isinstance(part, Text) and part.text):
                found[kind] = True
            asked = members.get("citations")
            if isinstance(part, Document) and isinstance(asked, dict) and asked.get("enabled"):
                found["citations"] = True
    return found


def _needed(block: Block, name: str, where: str) -> str:
    text = block.get(name)
    if text is None:
        raise MissingParameter(f"`{where}.{name}` is required.", param=f"{where}.{name}")
    if not isinstance(text, str):
        raise InvalidParameter(f"`{where}.{name}` must be a string.", param=f"{where}.{name}")
    return text
