"""Whole answers of Messages. Reference: platform.claude.com/docs/en/api/messages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from billing.usage import Usage
from gateway.canonical import Choice, Completion, Part, Reasoning, Refusal, Text, ToolCall
from gateway.dialects.anthropic_messages.blocks import (
    BESIDE_TEXT,
    NAME,
    answer_block,
    answered,
    extras_of,
    own,
    text_blob_block,
)
from gateway.dialects.anthropic_messages.counting import read_usage, render_usage
from gateway.dialects.anthropic_messages.errors import fault_in
from gateway.dialects.anthropic_messages.finishing import finish_of, render_finish
from gateway.dialects.anthropic_messages.renaming import rename
from gateway.dialects.anthropic_messages.usage import explained
from gateway.dialects.members import UNREADABLE
from gateway.errors import UpstreamError

__all__ = ["parse", "rename", "render"]

NOTHING = Usage()

# What the canonical form says itself.
_KNOWN = frozenset(
    {"id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "stop_details", "usage"},
)


def parse(body: bytes) -> Completion:
    """See ResponseCodec.parse."""
    try:
        value = msgspec.json.decode(body)
    except UNREADABLE:
        raise UpstreamError(reason="bad_response") from None
    content = value.get("content") if isinstance(value, dict) else None
    if not isinstance(content, list) or fault_in(value) is not None:
        raise UpstreamError(reason="bad_response")
    parts = [part for block in content if isinstance(block, dict) and (part := answered(block)) is not None]
    parts = beside_text(parts)
    refusal = refusal_of(value.get("stop_details"))
    if refusal is not None:
        parts.append(refusal)
    return Completion(
        id=value["id"] if isinstance(value.get("id"), str) else "",
        model=value["model"] if isinstance(value.get("model"), str) else "",
        choices=[_choice(value, parts)],
        usage=read_usage(value.get("usage")).usage,
    )


def _choice(value: dict[str, Any], parts: list[Part]) -> Choice:
    word, sequence = value.get("stop_reason"), value.get("stop_sequence")
    word = word if isinstance(word, str) and word else None
    called = any(isinstance(part, ToolCall) for part in parts)
    return Choice(
        parts,
        finish_of(word, called=called) if word else None,
        word,
        sequence if isinstance(sequence, str) else None,
        extras=extras_of(unknown(value, details_told=any(isinstance(part, Refusal) for part in parts))),
    )


def unknown(value: dict[str, Any], *, details_told: bool = False) -> dict[str, Any]:
    """The members that nobody else knows; `stop_details` too, unless they became a refusal in words."""
    found = {name: member for name, member in value.items() if name not in _KNOWN and member is not None}
    if value.get("stop_details") is not None and not details_told:
        found["stop_details"] = value["stop_details"]
    return found


def refusal_of(details: object) -> Refusal | None:
    """Why the model refused, where it says so in words."""
    explanation = explained(details)
    if explanation is None or not isinstance(details, dict):
        return None
    rest = {name: member for name, member in details.items() if name != "explanation"}
    return Refusal(explanation, extras={NAME: {"stop_details": rest}})


def beside_text(parts: list[Part]) -> list[Part]:
    """The parts with each blob that was written beside a text back on it."""
    found: list[Part] = []
    for part in parts:
        blob = part.blob if isinstance(part, Reasoning) else None
        if blob is not None and blob.kind.startswith(BESIDE_TEXT) and found and isinstance(found[-1], Text):
            found[-1].blob = replace(blob, kind=blob.kind.removeprefix(BESIDE_TEXT))
        else:
            found.append(part)
    return found


def render(completion: Completion) -> bytes:
    """See ResponseCodec.render. Of several choices only the first can be said."""
    choice = completion.choices[0] if completion.choices else Choice()
    content: list[dict[str, Any]] = []
    details: dict[str, Any] | None = None
    for part in choice.parts:
        if isinstance(part, Refusal) and "stop_details" in own(part):
            details = {**own(part)["stop_details"], "explanation": part.text}
        block = answer_block(part)
        if block is not None:
            content.append(block)
        if isinstance(part, Text) and part.blob is not None:
            content.append(text_blob_block(part.blob))
    value: dict[str, Any] = {
        "id": completion.id,
        "type": "message",
        "role": "assistant",
        "model": completion.model,
        "content": content,
        "stop_reason": render_finish(
            choice.finish,
            native=choice.native_finish,
            stop_sequence=choice.stop_sequence,
            refused=any(isinstance(part, Refusal) for part in choice.parts),
        ),
        "stop_sequence": choice.stop_sequence,
        "usage": render_usage(completion.usage or NOTHING),
    }
    if details is not None:
        value["stop_details"] = details
    value.update(choice.extras.get(NAME, {}))
    return msgspec.json.encode(value)
