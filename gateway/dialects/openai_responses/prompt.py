"""What a Responses request weighs: its text for the tokenizer, its media by kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.canonical import Measure
from gateway.dialects.members import UNREADABLE
from gateway.dialects.openai_responses.envelope import PICTURED

# Members of items that are addresses, labels or media, and no text that a model reads. `encrypted_content` is not among
# them: it is reasoning that the model reads again.
_UNREAD = frozenset(
    {"type", "id", "call_id", "status", "detail", "format", "image_url", "file_url", "file_id", "file_data", "data"}
    | {"result", "prompt_cache_breakpoint", "approval_request_id", "server_label", "fingerprint"}
)


def text_of(body: bytes) -> Iterator[str]:
    """All text of the prompt in order: instructions, roles, contents, calls and results, then tools and the answer's
    form as JSON. Fields of items that nobody knows yet count as text, so that the sum stays an upper bound."""
    request = _decoded(body)
    if request is None:  # nested just below what the reader of the envelope could bear
        yield body.decode("utf-8", "replace")
        return
    yield from _texts([request.get("instructions"), request.get("input")])
    for value in (request.get("tools"), _member(request, "text", "format")):
        if value:
            yield msgspec.json.encode(value).decode()


def measure(body: bytes) -> Measure:
    """What the prompt weighs; see RequestCodec.measure."""
    text_bytes = sum(len(text) if text.isascii() else len(text.encode("utf-8", "replace")) for text in text_of(body))
    request = _decoded(body) or {}
    items = request.get("input")
    items = items if isinstance(items, list) else [items]
    images = documents = audio = 0
    for item in items:
        if not isinstance(item, dict):
            continue
        images += item.get("type") == PICTURED
        for part in _parts(item):
            kind = part.get("type")
            if kind in ("input_image", "computer_screenshot"):
                images += 1
            elif kind == "input_audio":
                audio += decoded_size(_member(part, "input_audio", "data"))
            elif kind == "input_file":
                documents += decoded_size(part.get("file_data"))
    count = len(items) + bool(request.get("instructions"))
    return Measure(text_bytes, images, documents, audio, count)


def decoded_size(text: object) -> int:
    """How many bytes a base64 text, with or without `data:…;base64,` before it, stands for; 0 for anything else."""
    if not isinstance(text, str):
        return 0
    start = text.find(",") + 1 if text.startswith("data:") else 0
    return (len(text) - start) * 3 // 4


def _decoded(body: bytes) -> dict[str, Any] | None:
    try:
        value = msgspec.json.decode(body)
    except UNREADABLE:
        return None
    return value if isinstance(value, dict) else {}


def _parts(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name in ("content", "output"):
        value = item.get(name)
        for part in value if isinstance(value, list) else (value,):
            if isinstance(part, dict):
                yield part


def _texts(value: object) -> Iterator[str]:
    left: list[Any] = [value]  # a stack and no recursion: the depth is the customer's choice
    while left:
        value = left.pop()
        if isinstance(value, str):
            if value:
                yield value
        elif isinstance(value, list):
            left.extend(reversed(value))
        elif isinstance(value, dict):
            left.extend(member for name, member in reversed(value.items()) if name not in _UNREAD)


def _member(part: dict[str, Any], *path: str) -> object:
    value: Any = part
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value
