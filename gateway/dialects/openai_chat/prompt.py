"""What a chat completion request weighs: its text for the tokenizer, its media by kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.canonical import Measure
from gateway.dialects.members import UNREADABLE

# Members of a message that are addresses, labels or media, and no text that a model reads.
_UNREAD = frozenset(
    {"type", "id", "tool_call_id", "detail", "format", "url", "data", "file_data", "file_id", "index", "cache_control"}
)
# Members of the request besides the messages that become part of the prompt.
_READ = ("tools", "functions", "response_format", "prediction")


def text_of(body: bytes) -> Iterator[str]:
    """All text of the prompt in order: roles, contents, tool calls, and tool definitions as JSON.

    Fields of messages that nobody knows yet count as text, so that the sum stays an upper bound.
    """
    try:
        request = msgspec.json.decode(body)
    except UNREADABLE:  # nested just below what the reader of the envelope could bear
        yield body.decode("utf-8", "replace")
        return
    yield from _texts(request.get("messages"))
    for name in _READ:
        value = request.get(name)
        if value:
            yield value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _texts(messages: object) -> Iterator[str]:
    left: list[Any] = [messages]  # a stack and no recursion: the depth is the customer's choice
    while left:
        value = left.pop()
        if isinstance(value, str):
            if value:
                yield value
        elif isinstance(value, list):
            left.extend(reversed(value))
        elif isinstance(value, dict):
            left.extend(member for name, member in reversed(value.items()) if name not in _UNREAD)


def measure(body: bytes) -> Measure:
    """What the prompt weighs; see RequestCodec.measure."""
    text_bytes = sum(len(text) if text.isascii() else len(text.encode("utf-8", "replace")) for text in text_of(body))
    try:
        messages = msgspec.json.decode(body).get("messages")
    except UNREADABLE:
        return Measure(text_bytes=text_bytes)
    messages = messages if isinstance(messages, list) else []
    images = documents = audio = 0
    for message in messages:
        content = message.get("content") if isinstance(message, dict) else None
        for part in content if isinstance(content, list) else ():
            kind = part.get("type") if isinstance(part, dict) else None
            if kind == "image_url":
                images += 1
            elif kind == "input_audio":
                audio += decoded_size(_member(part, "input_audio", "data"))
            elif kind == "file":
                documents += decoded_size(_member(part, "file", "file_data"))
            elif isinstance(kind, str) and kind.endswith("_url"):  # films and what else may come
                documents += decoded_size(_member(part, kind, "url"))
    return Measure(text_bytes, images, documents, audio, len(messages))


def decoded_size(text: object) -> int:
    """How many bytes a base64 text, with or without `data:…;base64,` before it, stands for; 0 for an address."""
    if not isinstance(text, str) or text.startswith(("http://", "https://")):
        return 0
    start = text.find(",") + 1 if text.startswith("data:") else 0
    return (len(text) - start) * 3 // 4


def _member(part: dict[str, Any], *path: str) -> object:
    value: Any = part
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value
