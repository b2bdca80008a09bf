"""Parts as both directions know them: what an answer, or the history of one, is made of.

A part that the canonical form has no word for (the provider's own tools and their results, and what is yet to come)
becomes a Text that carries the whole part in its extras, with the code that was run and what it printed as its words.
This dialect writes the part back, others have only the words.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import msgspec

from gateway.canonical import Audio, Blob, Document, Image, Part, Reasoning, Refusal, Text, ToolCall
from gateway.dialects.blobs import opened, seal, tie
from gateway.dialects.gemini_generate.showing import show
from gateway.dialects.gemini_generate.spelling import NAME
from gateway.dialects.members import UNREADABLE

ORIGIN = "gemini"
SIGNATURE = "signature"

# Arguments that are no JSON object stand under this name: on this wire they must be one.
_INVALID = "INVALID_JSON"


def own(part: Part) -> dict[str, Any]:
    """What only this dialect knows of a part."""
    return part.extras.get(NAME, {})


def blob_of(part: dict[str, Any]) -> Blob | None:
    """What stands in a part's `thoughtSignature`: the provider's own, or a foreign blob that was sealed."""
    signature = part.get("thoughtSignature")
    return opened(signature, origin=ORIGIN, kind=SIGNATURE) if isinstance(signature, str) and signature else None


def is_own(blob: Blob | None) -> bool:
    """Whether a blob is of this provider."""
    return blob is not None and (blob.origin, blob.kind) == (ORIGIN, SIGNATURE)


def made_id(*of: object) -> str:
    """An id for a call to which the wire gave none; the same for the same."""
    return "call_" + blake2b(msgspec.json.encode([str(item) for item in of]), digest_size=12).hexdigest()


def arguments_of(value: object) -> str:
    """The arguments as JSON text."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and len(value) == 1 and isinstance(invalid := value.get(_INVALID), str):
        return invalid
    return msgspec.json.encode(value).decode()


def object_of(call: ToolCall) -> Any:
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


def opaque(part: dict[str, Any]) -> Text:
    """A part that only this dialect knows."""
    text = ""
    match part:
        case {"executableCode": {"code": str(code), **rest}}:
            language = rest.get("language")
            text = f"```{language.lower() if isinstance(language, str) else ''}\n{code}\n```"
        case {"codeExecutionResult": {"output": str(output)}}:
            text = f"```\n{output}\n```"
    return Text(text, extras={NAME: {"part": part}})


def call_part(call: ToolCall, thoughts: list[Reasoning]) -> dict[str, Any]:
    """A tool call of an answer. Foreign reasoning before it rides on its id too: clients of this wire are known to
    forget thoughts, and never ids."""
    function: dict[str, Any] = {"name": call.name, "args": object_of(call)}
    identity = tie(call.id, [part for part in thoughts if not is_own(part.blob)])
    if identity:
        function = {"id": identity, **function}
    return signed({"functionCall": function}, call.blob)


def signed(part: dict[str, Any], blob: Blob | None) -> dict[str, Any]:
    """A part with its signature: this provider's own as it is, any other sealed."""
    if blob is not None:
        part["thoughtSignature"] = blob.data if is_own(blob) else seal(blob)
    return part


def answer_part(part: Part, thoughts: list[Reasoning]) -> dict[str, Any] | None:
    """The part that tells a customer of a part; None when there is nothing to tell. `thoughts` is the reasoning with
    blobs since the last call."""
    if isinstance(part, ToolCall):
        return call_part(part, thoughts)
    members = own(part)
    if "part" in members:
        return dict(members["part"])
    if isinstance(part, Reasoning):
        return signed({"text": part.text, "thought": True}, part.blob) if part.text or part.blob else None
    if isinstance(part, Text | Refusal):
        return signed({"text": part.text}, part.blob) if part.text or part.blob else None
    if isinstance(part, Audio) and part.source.data is None:
        return {"text": part.transcript} if part.transcript else None
    if isinstance(part, Image | Audio | Document):
        return signed(show(part), part.blob)
    return None
