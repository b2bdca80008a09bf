"""What a generateContent request weighs: its text for the tokenizer, its media by kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.canonical import Measure
from gateway.dialects.gemini_generate.inspecting import media_in
from gateway.dialects.gemini_generate.spelling import both, either, listed
from gateway.dialects.members import UNREADABLE

# What a document, film or sound that is only linked to is taken for: about ten pages, or a few minutes.
LINKED_BYTES = 160 * 1024

# Members of a part that are addresses, labels or media, and no text that a model reads.
_UNREAD = both(
    (
        "id",
        "data",
        "displayName",
        "fileUri",
        "mimeType",
        "mediaResolution",
        "thought",
        "thoughtSignature",
        "videoMetadata",
    )
)
# Members that are JSON of the customer's own: read by the model as such, names included.
_JSON = frozenset({"args", "response"})
_SCHEMAS = ("responseSchema", "responseJsonSchema")


def text_of(body: bytes) -> Iterator[str]:
    """All text of the prompt in order: instructions, roles, parts, and as JSON tool definitions, arguments and results.

    Members of parts that nobody knows yet count as text, so that the sum stays an upper bound.
    """
    request = _request(body)
    if request is None:  # nested just below what the reader of the envelope could bear
        yield body.decode("utf-8", "replace")
        return
    yield from _texts(either(request, "systemInstruction"))
    yield from _texts(request.get("contents"))
    config = either(request, "generationConfig")
    schemas = [either(config, name) for name in _SCHEMAS] if isinstance(config, dict) else []
    for value in (request.get("tools"), *schemas):
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
            for name in _JSON & item.keys():
                yield msgspec.json.encode(item[name]).decode()
            left.extend(member for name, member in reversed(item.items()) if name not in _UNREAD and name not in _JSON)


def measure(body: bytes) -> Measure:
    """What the prompt weighs; see RequestCodec.measure."""
    text_bytes = sum(len(text) if text.isascii() else len(text.encode("utf-8", "replace")) for text in text_of(body))
    request = _request(body)
    if request is None:
        return Measure(text_bytes=text_bytes)
    contents = listed(request.get("contents"))
    images = documents = audio = 0
    for content in (*contents, either(request, "systemInstruction")):
        for part in listed(content.get("parts")) if isinstance(content, dict) else ():
            for kind in ("inlineData", "fileData", "functionResponse"):
                value = either(part, kind) if isinstance(part, dict) else None
                for file in media_in(kind, value) if isinstance(value, dict) else ():
                    media_type = either(file, "mimeType")
                    family = media_type.partition("/")[0].lower() if isinstance(media_type, str) else ""
                    if family == "image":
                        images += 1
                    elif family == "audio":
                        audio += _bytes(file)
                    else:
                        documents += _bytes(file)
    return Measure(text_bytes, images, documents, audio, len(contents))


def _bytes(file: dict[str, Any]) -> int:
    data = file.get("data")
    return max(1, len(data) * 3 // 4) if isinstance(data, str) else LINKED_BYTES


def _request(body: bytes) -> dict[str, Any] | None:
    try:
        value = msgspec.json.decode(body)
    except UNREADABLE:
        return None
    return value if isinstance(value, dict) else None
