"""Canonical messages → contents of this wire, as the provider wants them."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.canonical import (
    Audio,
    Blob,
    ChatRequest,
    Document,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from gateway.dialects.gemini_generate.content import is_own, object_of, own
from gateway.dialects.gemini_generate.generations import Generation
from gateway.dialects.gemini_generate.showing import show
from gateway.dialects.gemini_generate.turns import ERROR, RESULTS
from gateway.dialects.members import UNREADABLE
from gateway.errors import UnsupportedCapability

# What the provider accepts in the place of a signature, for calls that another model made.
UNSIGNED = "skip_thought_signature_validator"
_FILLER = "…"  # says nothing, where this wire wants a turn of the user's

Wire = dict[str, Any]


def render_contents(request: ChatRequest, able: Generation) -> list[Wire]:
    """The conversation without the instructions. Raises UnsupportedCapability and InvalidMedia."""
    contents: list[Wire] = []
    for message in request.messages:
        if message.role == "system":
            continue
        if message.name:
            request.drop("name")
        if message.role == "assistant":
            parts = _answer(message, request, able)
            if not contents and any("functionCall" in part for part in parts):
                contents.append({"role": "user", "parts": [{"text": _FILLER}]})
            wire = {"role": "model", "parts": parts}
        else:
            wire = {"role": "user", "parts": _asked(message, request, able)}
        if wire["parts"]:
            contents.append(wire)
    return contents or [{"role": "user", "parts": [{"text": _FILLER}]}]


def render_instruction(request: ChatRequest) -> list[Wire]:
    """The parts of all instructions, wherever they were said."""
    said = [part for message in request.messages if message.role == "system" for part in message.parts]
    return [wire for part in said if (wire := _plain(part, request)) is not None]


def _asked(message: Message, request: ChatRequest, able: Generation) -> list[Wire]:
    wires: list[Wire] = []
    beside: list[Wire] = []  # what a tool showed, for models that cannot look into results
    for part in message.parts:
        if isinstance(part, ToolResult):
            wires.append(_result(part, request, able, beside))
        else:
            wire = _plain(part, request)
            if wire is not None:
                wires.append(wire)
    results = sum("functionResponse" in wire for wire in wires)
    return [*wires[:results], *beside, *wires[results:]]


def _result(result: ToolResult, request: ChatRequest, able: Generation, beside: list[Wire]) -> Wire:
    _mark(result, request)
    texts = [part.text for part in result.parts if isinstance(part, Text | Refusal) and part.text]
    shown = [
        wire for part in result.parts if isinstance(part, Image | Audio | Document) and (wire := _shown(part, request))
    ]
    function: Wire = {"id": result.call_id, "name": result.name or result.call_id}
    function["response"] = _response("\n".join(texts), is_error=result.is_error)
    if shown and able.sees_results:
        function["parts"] = shown
    elif shown:
        beside += shown
        if not texts:
            function["response"] = {RESULTS[0]: "The result is shown below."}
    function.update(own(result))
    return {"functionResponse": function}


def _response(text: str, *, is_error: bool) -> Any:
    """The object that a result must be: a function's own, or the words under a name of this wire's."""
    if not text:
        return {ERROR: "Error"} if is_error else {}
    value: Any = text
    if text[:1] in "{[ \n":
        try:
            value = msgspec.json.decode(text, type=dict[str, Any])
        except UNREADABLE:
            value = text
    if is_error:
        return {ERROR: msgspec.Raw(text.encode()) if isinstance(value, dict) else text}
    if not isinstance(value, dict) or not value or _wraps(value):
        return {RESULTS[0]: text}
    return msgspec.Raw(text.encode())


def _wraps(value: dict[str, Any]) -> bool:
    """Whether an object would be taken for a mere wrapping of what is in it."""
    if len(value) != 1:
        return False
    ((name, inside),) = value.items()
    return name == ERROR or (name in RESULTS and isinstance(inside, str))


def _answer(message: Message, request: ChatRequest, able: Generation) -> list[Wire]:
    """A turn of the model's. Only signatures of its own provider come back to it; what another model thought stays
    away, and calls that another model made are marked as such where that is demanded."""
    wires: list[Wire] = []
    loose: list[Blob] = []  # signatures that came back without the part they were on
    for part in message.parts:
        blob = part.blob if is_own(part.blob) else None
        if isinstance(part, Reasoning):
            if blob is not None and not part.text:
                loose.append(blob)
            elif part.text and (part.blob is None or blob is not None):
                wires.append(_signed({"text": part.text, "thought": True}, blob))
            continue
        if isinstance(part, ToolCall):
            _mark(part, request)
            call = {"id": part.id, "name": part.name, "args": object_of(part)}
            wires.append(_signed({"functionCall": call}, blob))
            continue
        if isinstance(part, Text) and not part.text and blob is not None:
            wires.append(_signed({"text": ""}, blob))
            continue
        wire = _plain(part, request)
        if wire is not None:
            if blob is None and loose and isinstance(part, Text):
                blob = loose.pop(0)
            wires.append(_signed(wire, blob))
    wires += [_signed({"text": ""}, blob) for blob in loose]
    if able.signs:
        calls = [wire for wire in wires if "functionCall" in wire]
        if calls and not any("thoughtSignature" in wire for wire in calls):
            calls[0]["thoughtSignature"] = UNSIGNED
    return wires


def _signed(wire: Wire, blob: Blob | None) -> Wire:
    if blob is not None:
        wire["thoughtSignature"] = blob.data
    return wire


def _plain(part: Part, request: ChatRequest) -> Wire | None:
    _mark(part, request)
    members = own(part)
    if "part" in members:
        return dict(members["part"])
    if isinstance(part, Text | Refusal):
        return {"text": part.text} if part.text else None
    if isinstance(part, Image | Audio | Document):
        return _shown(part, request)
    raise UnsupportedCapability("The request holds something that this model cannot read.", capability="content")


def _shown(part: Image | Audio | Document, request: ChatRequest) -> Wire:
    if isinstance(part, Document) and part.name:
        request.drop("filename")
    return {**show(part), **own(part)}


def _mark(part: Part, request: ChatRequest) -> None:
    if part.cache is not None:
        request.drop("cache_control")
