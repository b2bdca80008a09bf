"""Content blocks as both directions know them: the parts that an assistant's turn is made of.

A block of a type that the canonical form has no word for (the provider's own tools and their results, and what is yet
to come) becomes an empty Text that carries the whole block in its extras. This dialect writes it back, others have
nothing to say of it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.canonical import Blob, Part, Reasoning, Refusal, Text, ToolCall
from gateway.dialects.blobs import opened, seal, tie
from gateway.dialects.members import UNREADABLE

NAME = "anthropic_messages"
ORIGIN = "anthropic"
BESIDE_TEXT = "text/"  # starts the kind of a blob that belongs to the text before it, not to reasoning

# Arguments that are no JSON object stand under this name; the provider's own advice for fragments that broke off.
_INVALID = "INVALID_JSON"
_TOOL_USE = frozenset({"type", "id", "name", "input", "cache_control"})


def own(part: Part) -> dict[str, Any]:
    """What only this dialect knows of a part."""
    return part.extras.get(NAME, {})


def extras_of(members: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Members as extras of this dialect; none for none."""
    return {NAME: members} if members else {}


def answered(block: dict[str, Any]) -> Part | None:
    """The part that a block of an answer is; None for an empty text."""
    match block:
        case {"type": "text", "text": str(text)}:
            notes = block.get("citations")
            if not text and not notes:
                return None
            return Text(text, extras=extras_of({"citations": notes} if isinstance(notes, list) and notes else {}))
        case {"type": "thinking" | "redacted_thinking"}:
            return reasoning(block)
        case {"type": "tool_use", "name": str(name)}:
            return tool_call(block, name)
    return opaque(block)


def reasoning(block: dict[str, Any]) -> Reasoning:
    """Thinking in words with its signature, or redacted."""
    if block.get("type") == "redacted_thinking":
        data = block.get("data")
        return Reasoning("", blob=opened(data, origin=ORIGIN, kind="redacted") if isinstance(data, str) else None)
    text, signature = block.get("thinking"), block.get("signature")
    blob = opened(signature, origin=ORIGIN, kind="signature") if isinstance(signature, str) and signature else None
    return Reasoning(text if isinstance(text, str) else "", blob=blob)


def tool_call(block: dict[str, Any], name: str) -> ToolCall:
    """A call of one of the customer's tools, with the id as it stands there."""
    identity = block.get("id")
    more = {name: value for name, value in block.items() if name not in _TOOL_USE and value is not None}
    return ToolCall(
        identity if isinstance(identity, str) else "", name, arguments_of(block.get("input")), extras=extras_of(more)
    )


def arguments_of(value: object) -> str:
    """The arguments as JSON text."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and len(value) == 1:
        text = value.get(_INVALID)
        if isinstance(text, str):
            return text
    return msgspec.json.encode(value).decode()


def input_of(call: ToolCall) -> Any:
    """The arguments as the object that this wire wants, byte for byte where they are one."""
    if call.custom:
        return {"input": call.arguments}
    if not call.arguments.strip():
        return {}
    try:
        msgspec.json.decode(call.arguments, type=dict[str, Any])
    except UNREADABLE:
        return {_INVALID: call.arguments}
    return msgspec.Raw(call.arguments.encode())


def opaque(block: dict[str, Any]) -> Text:
    """A block that only this dialect knows."""
    return Text("", extras={NAME: {"block": block}})


def answer_block(part: Part) -> dict[str, Any] | None:
    """The block that tells a customer of a part; None when there is nothing to tell."""
    members = own(part)
    if isinstance(part, Text):
        if "block" in members:
            return dict(members["block"])
        block: dict[str, Any] = {"type": "text", "text": part.text}
        if "citations" in members:
            block["citations"] = members["citations"]
        return block if part.text or "citations" in members else None
    if isinstance(part, Refusal):
        return None if "stop_details" in members else {"type": "text", "text": part.text}
    if isinstance(part, Reasoning):
        if part.text:
            signature = signature_of(part.blob) if part.blob is not None else ""
            return {"type": "thinking", "thinking": part.text, "signature": signature}
        return hidden_block(part.blob) if part.blob is not None else None
    if isinstance(part, ToolCall):
        return tool_block(part)
    return media_block(part)


def tool_block(call: ToolCall) -> dict[str, Any]:
    """A tool call. A foreign blob of its own rides on its id."""
    identity = tie(call.id, [], call.blob)
    return {"type": "tool_use", "id": identity, "name": call.name, "input": input_of(call), **own(call)}


def signature_of(blob: Blob) -> str:
    """What stands in the place of a signature: the provider's own, or a sealed foreign blob."""
    return blob.data if (blob.origin, blob.kind) == (ORIGIN, "signature") else seal(blob)


def hidden_block(blob: Blob) -> dict[str, Any]:
    """Reasoning that has no words."""
    if (blob.origin, blob.kind) == (ORIGIN, "signature"):
        return {"type": "thinking", "thinking": "", "signature": blob.data}
    data = blob.data if (blob.origin, blob.kind) == (ORIGIN, "redacted") else seal(blob)
    return {"type": "redacted_thinking", "data": data}


def text_blob_block(blob: Blob) -> dict[str, Any]:
    """The block after a text that carries the text's own blob, for which this dialect has no place."""
    sealed = seal(Blob(blob.origin, BESIDE_TEXT + blob.kind, blob.data, blob.id))
    return {"type": "redacted_thinking", "data": sealed}


def media_block(part: Part) -> dict[str, Any] | None:
    """A picture that the model made, in the form in which customers send theirs; of sound only the words."""
    source = getattr(part, "source", None)
    transcript = getattr(part, "transcript", "")
    if transcript:
        return {"type": "text", "text": transcript}
    media_type = getattr(source, "media_type", None) or ""
    if source is None or not (media_type.startswith("image/") or source.url is not None):
        return None
    if source.data is None:
        return {"type": "image", "source": {"type": "url", "url": source.url or ""}}
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": source.data}}
