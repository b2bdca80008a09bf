"""Canonical messages → messages of chat completions, as a provider wants them."""

from __future__ import annotations

import base64
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
from gateway.dialects.media import data_url
from gateway.dialects.openai_chat.details import provider_details
from gateway.errors import InvalidMedia, UnsupportedCapability

_FORMATS = {"audio/mpeg": "mp3", "audio/mp3": "mp3", "audio/wav": "wav", "audio/x-wav": "wav", "audio/wave": "wav"}

Wire = dict[str, Any]


def render_messages(request: ChatRequest, reasoning_member: str | None) -> list[Wire]:
    """The conversation. Raises UnsupportedCapability and InvalidMedia."""
    return [
        wire
        for message in request.messages
        for wire in (
            [_assistant(message, request, reasoning_member)]
            if message.role == "assistant"
            else _others(message, request)
        )
    ]


def _others(message: Message, request: ChatRequest) -> list[Wire]:
    """A system or user message: first one tool message for each result, then what else it says."""
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    wires: list[Wire] = []
    seen: list[Part] = []  # what a tool showed: tool messages hold text only, so the user shows it right after them
    for result in results:
        wires.append(_result(result, request))
        seen += [part for part in result.parts if isinstance(part, Image | Document | Audio) and not _is_text(part)]
    parts = seen + [part for part in message.parts if not isinstance(part, ToolResult)]
    if not parts and results:
        return wires
    role = message.extras.get("openai", {}).get("role", message.role)
    wire: Wire = {"role": role, "content": _content(parts, request)}
    if message.name:
        wire["name"] = message.name
    wire.update(_own(message, wire))
    return [*wires, wire]


def _result(result: ToolResult, request: ChatRequest) -> Wire:
    _mark(result, request)
    texts = [text for part in result.parts if (text := _text_of(part)) is not None]
    content: Any = "".join(texts)
    shown = sum(isinstance(part, Image | Document | Audio) and not _is_text(part) for part in result.parts)
    if shown and not content:
        content = "The result is in the next message."
    if result.is_error and not content.lower().startswith("error"):
        texts.insert(0, "Error: " if content else "Error")
        content = "".join(texts)
    if len(texts) > 1 and not result.is_error:
        content = [{"type": "text", "text": text} for text in texts]
    return {"role": "tool", "tool_call_id": result.call_id, "content": content}


def _assistant(message: Message, request: ChatRequest, reasoning_member: str | None) -> Wire:
    texts: list[str] = []
    calls: list[Wire] = []
    refusals: list[str] = []
    thoughts: list[str] = []
    for part in message.parts:
        _mark(part, request)
        match part:
            case Text(text=text):
                texts.append(text)
            case Refusal(text=text):
                refusals.append(text)
            case Reasoning(text=text):
                thoughts.append(text)
            case ToolCall():
                calls.append(_call(part))
            case Image() | Document() | Audio():
                request.drop("assistant media")
    wire: Wire = {"role": "assistant", "content": "".join(texts) if texts else None}
    if wire["content"] is None and not calls and not refusals:
        wire["content"] = ""
    if refusals:
        wire["refusal"] = "".join(refusals)
    if calls:
        wire["tool_calls"] = calls
    if reasoning_member and any(thoughts):
        wire[reasoning_member] = "".join(thoughts)
    details = provider_details(message.parts)
    if details:
        wire["reasoning_details"] = details
    if message.name:
        wire["name"] = message.name
    wire.update(_own(message, wire))
    return wire


def _call(call: ToolCall) -> Wire:
    if call.custom:
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}}
    function = {"name": call.name, "arguments": call.arguments or "{}"}
    return {"id": call.id, "type": "function", "function": function}


def _own(message: Message, wire: Wire) -> Wire:
    return {name: value for name, value in message.extras.get("openai_chat", {}).items() if name not in wire}


def _content(parts: list[Part], request: ChatRequest) -> Any:
    """One plain text as a string, which every provider understands; anything else as parts."""
    wires = [_part(part, request) for part in parts]
    if len(wires) == 1 and wires[0].keys() == {"type", "text"}:
        return wires[0]["text"]
    return wires or ""


def _part(part: Part, request: ChatRequest) -> Wire:
    wire = _plain_part(part)
    own = part.extras.get("openai", {}).get("prompt_cache_breakpoint")
    if own is not None:
        wire["prompt_cache_breakpoint"] = own
    else:
        _mark(part, request)
    return wire


def _plain_part(part: Part) -> Wire:
    text = _text_of(part)
    if text is not None:
        return {"type": "text", "text": text}
    if isinstance(part, Image):
        if part.source.file_id is not None:
            raise InvalidMedia("An image in a provider's file store cannot be shown to this model.", reason="file_id")
        image: Wire = {"url": data_url(part.source)}
        if part.detail is not None:
            image["detail"] = part.detail
        return {"type": "image_url", "image_url": image}
    if isinstance(part, Audio):
        media_type = part.source.media_type or ""
        if part.source.data is None:
            raise InvalidMedia("Sound must be sent inline to this model.", reason="address")
        form = _FORMATS.get(media_type, media_type.removeprefix("audio/"))
        return {"type": "input_audio", "input_audio": {"data": part.source.data, "format": form}}
    if isinstance(part, Document):
        return _document(part.source, part.name)
    raise UnsupportedCapability("The request holds something that this model cannot read.", capability="content")


def _document(source: Source, name: str | None) -> Wire:
    if (source.media_type or "").startswith("video/"):
        return {"type": "video_url", "video_url": {"url": data_url(source)}}
    if source.file_id is not None:
        if source.origin != "openai":
            raise InvalidMedia("A file in another provider's store cannot be read here.", reason="file_id")
        return {"type": "file", "file": {"file_id": source.file_id}}
    if source.data is None:
        raise InvalidMedia("Documents must be sent inline to this model.", reason="address")
    return {"type": "file", "file": {"filename": name or "document.pdf", "file_data": data_url(source)}}


def _text_of(part: Part) -> str | None:
    """What a part says in words: text, a refusal, or a document that is plain text."""
    if isinstance(part, Text | Refusal):
        return part.text
    if isinstance(part, Document) and _is_text(part):
        text = base64.b64decode(part.source.data or "").decode("utf-8", "replace")
        return f"{part.name}\n\n{text}" if part.name else text
    return None


def _is_text(part: Part) -> bool:
    if not isinstance(part, Document) or part.source.data is None:
        return False
    media_type = part.source.media_type or ""
    return media_type.startswith("text/") or media_type == "application/json"


def _mark(part: Part, request: ChatRequest) -> None:
    if part.cache is not None:
        request.drop("cache_control")
