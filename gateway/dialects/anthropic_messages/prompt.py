"""What a Messages request weighs: its text for the tokenizer, its media by kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.canonical import Measure
from gateway.dialects.members import UNREADABLE

# What a document that is only linked to, or lies in the provider's store, is taken for: about ten pages.
LINKED_DOCUMENT_BYTES = 160 * 1024

# Members of a block that are addresses, labels or media, and no text that a model reads.
_UNREAD = frozenset(
    {"type", "id", "tool_use_id", "cache_control", "signature", "media_type", "url", "file_id", "is_error", "caller"}
)
# Members of the request besides the conversation that become part of the prompt, as JSON.
_READ = ("tools", "output_config")


def text_of(body: bytes) -> Iterator[str]:
    """All text of the prompt in order: system, roles, blocks, and tool definitions and arguments as JSON.

    Members of blocks that nobody knows yet count as text, so that the sum stays an upper bound.
    """
    try:
        request = msgspec.json.decode(body)
    except UNREADABLE:  # nested just below what the reader of the envelope could bear
        yield body.decode("utf-8", "replace")
        return
    yield from _texts(request.get("system"))
    yield from _texts(request.get("messages"))
    for name in _READ:
        value = request.get(name)
        if value:
            yield msgspec.json.encode(value).decode()


def _texts(value: object) -> Iterator[str]:
    left: list[Any] = [value]  # a stack and no recursion: the depth is the customer's choice
    while left:
        item = left.pop()
        if isinstance(item, str):
            if item:
                yield item
        elif isinstance(item, list):
            left.extend(reversed(item))
        elif isinstance(item, dict):
            if item.get("type") == "base64":
                continue  # a picture or a document
            arguments = item.get("input")
            if isinstance(arguments, dict):
                yield msgspec.json.encode(arguments).decode()
            left.extend(
                member
                for name, member in reversed(item.items())
                if name not in _UNREAD and not (name == "input" and isinstance(member, dict))
            )


def measure(body: bytes) -> Measure:
    """What the prompt weighs; see RequestCodec.measure."""
    text_bytes = sum(len(text) if text.isascii() else len(text.encode("utf-8", "replace")) for text in text_of(body))
    try:
        messages = msgspec.json.decode(body).get("messages")
    except UNREADABLE:
        return Measure(text_bytes=text_bytes)
    messages = messages if isinstance(messages, list) else []
    images = documents = 0
    left: list[Any] = [message.get("content") for message in messages if isinstance(message, dict)]
    while left:
        item = left.pop()
        if isinstance(item, list):
            left.extend(item)
        elif isinstance(item, dict):
            kind, source = item.get("type"), item.get("source")
            if kind == "image":
                images += 1
            elif kind == "container_upload":
                documents += LINKED_DOCUMENT_BYTES
            elif kind == "document" and isinstance(source, dict):
                documents += _document_bytes(source)
                left.append(source.get("content"))
            else:
                left.append(item.get("content"))
    return Measure(text_bytes, images, documents, 0, len(messages))


def _document_bytes(source: dict[str, Any]) -> int:
    kind, data = source.get("type"), source.get("data")
    if kind in ("text", "content"):
        return 0  # counted as text
    if kind == "base64" and isinstance(data, str):
        return max(1, len(data) * 3 // 4)
    return LINKED_DOCUMENT_BYTES
