"""Messages of chat completions → canonical messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.canonical import (
    Audio,
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
from gateway.dialects.blobs import untie
from gateway.dialects.media import source_of, standard
from gateway.dialects.openai_chat.details import parse_details
from gateway.errors import InvalidParameter, MissingParameter, UnsupportedParameter

_MEDIA_TYPES = {"mp3": "audio/mpeg", "wav": "audio/wav"}
_KNOWN = frozenset(
    {"role", "content", "name", "tool_calls", "tool_call_id", "refusal", "cache_control"}
    | {"reasoning", "reasoning_content", "reasoning_details"}
)


def parse_messages(messages: list[dict[str, Any]]) -> list[Message]:
    """The conversation. Raises InvalidParameter (also for a tool message without its call and a call without its tool
    message, which every provider refuses), MissingParameter, InvalidMedia, UnsupportedParameter."""
    conversation: list[Message] = []
    waiting: dict[str, ToolCall] = {}  # calls of the last assistant message that have no result yet
    results: Message | None = None
    for index, message in enumerate(messages):
        where, role = f"messages[{index}]", message["role"]
        if role == "function":
            raise UnsupportedParameter("Messages of the role `function` are not supported; use `tool`.", param=where)
        if role == "tool":
            result = _result(message, waiting, where)
            if results is None:
                results = Message("user")
                conversation.append(results)
            results.parts.append(result)
            continue
        _all_answered(waiting, where)
        results = None
        parts = list(_assistant(message, where)) if role == "assistant" else _content(message, where)
        turn = Message(
            "system" if role == "developer" else role, parts, _string(message, "name", where), extras=_extras(message)
        )
        conversation.append(turn)
        for part in parts:
            if isinstance(part, ToolCall):
                waiting[part.id] = part
    _all_answered(waiting, f"messages[{len(messages) - 1}]")
    return conversation


def _all_answered(waiting: dict[str, ToolCall], where: str) -> None:
    if waiting:
        raise InvalidParameter(
            f"Every tool call must be followed by a tool message with its id; missing before or at {where}: "
            f"{', '.join(waiting)}.",
            param=where,
        )


def _extras(message: dict[str, Any]) -> dict[str, dict[str, Any]]:
    extras: dict[str, dict[str, Any]] = {}
    if message["role"] == "developer":
        extras["openai"] = {"role": "developer"}
    own = {name: value for name, value in message.items() if name not in _KNOWN and value is not None}
    if own:
        extras["openai_chat"] = own
    return extras


def _result(message: dict[str, Any], waiting: dict[str, ToolCall], where: str) -> ToolResult:
    identity = message.get("tool_call_id")
    if not isinstance(identity, str):
        raise MissingParameter(f"`{where}.tool_call_id` is required.", param=f"{where}.tool_call_id")
    call_id, _, _ = untie(identity)
    call = waiting.pop(call_id, None)
    if call is None:
        raise InvalidParameter(
            f"`{where}` answers no tool call of the assistant message before it.", param=f"{where}.tool_call_id"
        )
    parts = _content(message, where)
    # A cache breakpoint said of the only part is one of the whole result.
    cache = parts[-1].cache if parts else None
    if cache is not None:
        parts[-1].cache = None
    return ToolResult(call_id=call_id, parts=parts, name=call.name, custom=call.custom, cache=cache)


def _assistant(message: dict[str, Any], where: str) -> Iterator[Part]:
    reasoning = parse_details(message.get("reasoning_details"))
    if not reasoning:
        text = message.get("reasoning_content") or message.get("reasoning")
        if isinstance(text, str):
            reasoning.append(Reasoning(text))
    calls = [_call(call, f"{where}.tool_calls[{at}]") for at, call in enumerate(_calls(message, where))]
    known = {part.blob for part in reasoning if part.blob is not None}
    for _, tied in calls:
        reasoning += [part for part in tied if part.blob not in known]
    if any(part.blob is not None for part in reasoning):
        # Where reasoning came back with its blobs, the words beside it only repeat it.
        reasoning = [part for part in reasoning if part.blob is not None]
    yield from reasoning
    yield from _content(message, where)
    refusal = _string(message, "refusal", where)
    if refusal:
        yield Refusal(refusal)
    for call, _ in calls:
        yield call


def _calls(message: dict[str, Any], where: str) -> list[Any]:
    if message.get("function_call"):
        raise UnsupportedParameter("`function_call` is not supported; use `tool_calls`.", param=where)
    calls = message.get("tool_calls")
    if calls is None:
        return []
    if not isinstance(calls, list):
        raise InvalidParameter(f"`{where}.tool_calls` must be a list.", param=f"{where}.tool_calls")
    return calls


def _call(call: Any, where: str) -> tuple[ToolCall, list[Reasoning]]:
    kind = call.get("type", "function") if isinstance(call, dict) else None
    body = call.get(kind) if kind in ("function", "custom") else None
    if not isinstance(body, dict) or not isinstance(call.get("id"), str):
        raise InvalidParameter(f"`{where}` must be a function or custom call with an id.", param=where)
    custom = kind == "custom"
    name, arguments = body.get("name"), body.get("input" if custom else "arguments")
    if not isinstance(name, str) or not isinstance(arguments, str | None):
        raise InvalidParameter(f"`{where}` must have a name, and its arguments as a string.", param=where)
    identity, reasoning, blob = untie(call["id"])
    return ToolCall(identity, name, arguments or "", custom, blob=blob), reasoning


def _content(message: dict[str, Any], where: str) -> list[Part]:
    content = message.get("content")
    if content is None:
        return []
    if isinstance(content, str):
        parts: list[Part] = [Text(content)] if content else []
    else:
        parts = [_part(part, f"{where}.content[{at}]") for at, part in enumerate(content)]
    mark = _cache(message)
    if mark is not None and parts:
        parts[-1].cache = mark
    return parts


def _part(part: dict[str, Any], where: str) -> Part:
    made = _plain_part(part, where)
    made.cache = _cache(part)
    breakpoint_ = part.get("prompt_cache_breakpoint")
    if isinstance(breakpoint_, dict):
        made.extras["openai"] = {"prompt_cache_breakpoint": breakpoint_}
    return made


def _plain_part(part: dict[str, Any], where: str) -> Part:
    kind = part.get("type")
    value: Any = part.get(kind) if isinstance(kind, str) else None
    match kind:
        case "text" | "refusal":
            text = _needed(part, kind, where)
            return Text(text) if kind == "text" else Refusal(text)
        case "image_url":
            address = value if isinstance(value, str) else _needed(value, "url", f"{where}.image_url")
            detail = value.get("detail") if isinstance(value, dict) else None
            return Image(source_of(address, where), detail if isinstance(detail, str) else None)
        case "input_audio":
            text = standard(_needed(value, "data", f"{where}.input_audio"), where)
            form = _needed(value, "format", f"{where}.input_audio")
            return Audio(Source(data=text, media_type=_MEDIA_TYPES.get(form, f"audio/{form}")))
        case "video_url":
            address = value if isinstance(value, str) else _needed(value, "url", f"{where}.video_url")
            source = source_of(address, where)
            if source.media_type is None:
                source = Source(url=source.url, media_type="video/mp4")
            return Document(source)
        case "file":
            return _file(value, f"{where}.file")
    raise InvalidParameter(f"`{where}.type` is not a known kind of content.", param=f"{where}.type", value=kind)


def _file(value: Any, where: str) -> Document:
    if not isinstance(value, dict):
        raise InvalidParameter(f"`{where}` must be an object.", param=where)
    name = value.get("filename")
    name = name if isinstance(name, str) else None
    if isinstance(value.get("file_id"), str):
        return Document(Source(file_id=value["file_id"], origin="openai"), name)
    text = _needed(value, "file_data", where)
    if not text.startswith("data:"):  # some clients send bare base64
        return Document(Source(data=standard(text, where), media_type="application/pdf"), name)
    return Document(source_of(text, where), name)


def _cache(value: dict[str, Any]) -> str | None:
    """The time to live of a breakpoint in either spelling: OpenAI's own, and that of clients of many models."""
    for name in ("cache_control", "prompt_cache_breakpoint"):
        mark = value.get(name)
        if isinstance(mark, dict):
            ttl = mark.get("ttl")
            return ttl if isinstance(ttl, str) else ""
    return None


def _needed(value: Any, name: str, where: str) -> str:
    text = value.get(name) if isinstance(value, dict) else None
    if text is None:
        raise MissingParameter(f"`{where}.{name}` is required.", param=f"{where}.{name}")
    if not isinstance(text, str):
        raise InvalidParameter(f"`{where}.{name}` must be a string.", param=f"{where}.{name}")
    return text


def _string(message: dict[str, Any], name: str, where: str) -> str | None:
    value = message.get(name)
    if not isinstance(value, str | None):
        raise InvalidParameter(f"`{where}.{name}` must be a string.", param=f"{where}.{name}")
    return value
