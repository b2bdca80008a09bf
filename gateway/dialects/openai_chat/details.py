"""`reasoning_details`: the member in which providers of this dialect, and we, hand out opaque reasoning.

It is no part of OpenAI's own wire format; clients keep it with the message and send it back. Entries are
`{"type": "reasoning.text", "text", "signature"}`, `{"type": "reasoning.encrypted", "data"}` and
`{"type": "reasoning.summary", "summary"}`. What we write is sealed (see gateway/dialects/blobs.py); what a provider of
this dialect wrote goes back to it as it came, as one Blob of the origin "openai_chat".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.canonical import Blob, Part, Reasoning, ToolCall
from gateway.dialects.blobs import seal, unseal
from gateway.dialects.members import UNREADABLE

ORIGIN = "openai_chat"


def render_details(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """The entries for a customer. Parts without a blob need none; that of a tool call rides in its id."""
    details: list[dict[str, Any]] = []
    for part in parts:
        if part.blob is not None and not isinstance(part, ToolCall):
            details.append(
                {**entry(part.blob, part.text if isinstance(part, Reasoning) else ""), "index": len(details)}
            )
    return details


def entry(blob: Blob, text: str) -> dict[str, Any]:
    """One entry."""
    if text:
        return {"type": "reasoning.text", "text": text, "signature": seal(blob)}
    return {"type": "reasoning.encrypted", "data": seal(blob)}


def provider_details(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """The entries that a provider of this dialect wrote, for it alone."""
    details: list[dict[str, Any]] = []
    for part in parts:
        if isinstance(part, Reasoning) and part.blob is not None and part.blob.origin == ORIGIN:
            try:
                value = msgspec.json.decode(part.blob.data)
            except UNREADABLE:
                continue
            details += value if isinstance(value, list) else [value]
    return [detail for detail in details if isinstance(detail, dict)]


def parse_details(value: object) -> list[Reasoning]:
    """Reasoning from entries: ours are opened one by one, a provider's own stay together."""
    found: list[Reasoning] = []
    foreign: list[dict[str, Any]] = []
    for detail in value if isinstance(value, list) else ():
        if not isinstance(detail, dict):
            continue
        blob = sealed(detail)
        if blob is not None:
            found.append(Reasoning(detail_text(detail), blob=blob))
        else:
            foreign.append(detail)
    if foreign:
        text = "".join(detail_text(detail) for detail in foreign)
        found.append(Reasoning(text, blob=blob_of(foreign)))
    return found


def sealed(detail: dict[str, Any]) -> Blob | None:
    """The blob in an entry of ours; None for a provider's own."""
    text = detail.get("signature") or detail.get("data")
    return unseal(text) if isinstance(text, str) else None


def blob_of(details: list[dict[str, Any]]) -> Blob | None:
    """A provider's own entries as one blob; None when there is nothing opaque in them, only text."""
    if not any(detail.get("signature") or detail.get("data") for detail in details):
        return None
    return Blob(ORIGIN, "details", msgspec.json.encode(details).decode())


def detail_text(detail: dict[str, Any]) -> str:
    """What an entry says in words."""
    text = detail.get("text") or detail.get("summary")
    return text if isinstance(text, str) else ""


def merged(details: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Entries that were streamed in fragments, joined by their index."""
    whole: dict[object, dict[str, Any]] = {}
    for position, detail in enumerate(details):
        key = detail.get("index", position)
        known = whole.setdefault(key if isinstance(key, int | str) else position, {})
        for name, value in detail.items():
            if name in ("text", "summary", "data", "signature") and isinstance(known.get(name), str):
                known[name] += value if isinstance(value, str) else ""
            elif value is not None or name not in known:
                known[name] = value
    return list(whole.values())
