"""The contents of a Gemini request as heard: JSON → turns of a conversation.

Signatures that come back must be what was handed out: each is verified, that of a function call against the call.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gateway.providers.simulator import seals
from gateway.providers.simulator.conversation import Attachment, ToolCall, Turn
from gateway.providers.simulator.gemini import fields
from gateway.providers.simulator.gemini.errors import Refusal, invalid

DATA = (
    "text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode", "codeExecutionResult",
    "toolCall", "toolResponse",
)  # fmt: skip
PART = frozenset(
    {*DATA, "thought", "thoughtSignature", "videoMetadata", "mediaResolution", "partMetadata", "mediaProcessing"}
)
PICTURE, PAGE = 258, 258  # tokens
DUMMIES = ("context_engineering_is_the_way_to_go", "skip_thought_signature_validator")
# What Google's documents offer to those who bring in calls that no model of theirs made.


def parse(value: Mapping[str, Any], *, signs: bool) -> tuple[Turn, ...]:
    """The conversation, the system instruction first; Refusal for what Google refuses. With `signs` the calls of the
    current turn must carry their signatures."""
    turns: list[Turn] = []
    if value.get("systemInstruction") is not None:
        instruction = _content(value["systemInstruction"], "system_instruction")
        turns.append(Turn("system", "\n".join(_texts(instruction["parts"], "system_instruction"))))
    contents = fields.listed(value, "contents", "contents")
    if not contents:
        raise invalid("* GenerateContentRequest.contents: contents is not specified", field="contents")
    waiting: list[ToolCall] = []  # calls that the next content must answer
    heard = [_content(content, f"contents[{at}]") for at, content in enumerate(contents)]
    last_asked = max((at for at, content in enumerate(heard) if _asks(content)), default=-1)
    for at, content in enumerate(heard):
        path = f"contents[{at}]"
        spoken = content["role"]
        if spoken == "model":
            if waiting:
                raise _unbalanced()
            turn = _model(content["parts"], path, at, strict=signs and at > last_asked)
            waiting = list(turn.tool_calls)
            turns.append(turn)
        else:
            turns += _user(content["parts"], path, waiting)
            waiting = []
    if waiting:
        raise _unbalanced()
    return tuple(turns)


def _content(value: object, path: str) -> dict[str, Any]:
    if isinstance(value, str) and path == "system_instruction":
        value = {"parts": [{"text": value}]}
    content = fields.known(value, ("role", "parts"), path)
    role = fields.text(content, "role", path) or "user"
    if role not in ("user", "model", "function") and path != "system_instruction":
        raise invalid("Please use a valid role: user, model.", field=f"{path}.role")
    parts = [fields.known(part, PART, f"{path}.parts") for part in fields.listed(content, "parts", path)]
    if not parts:
        raise invalid(f"* GenerateContentRequest.{path}.parts: contents.parts must not be empty.", field=path)
    for at, part in enumerate(parts):
        inside = f"{path}.parts[{at}]"
        if sum(name in part for name in DATA) != 1:
            raise invalid(
                f"* GenerateContentRequest.{inside}.data: required oneof field 'data' must have one initialized field",
                field=inside,
            )
    return {"role": role, "parts": parts}


def _asks(content: Mapping[str, Any]) -> bool:
    """Whether the user speaks here, and not only the user's functions."""
    return content["role"] != "model" and any("functionResponse" not in part for part in content["parts"])


def _texts(parts: list[dict[str, Any]], path: str) -> list[str]:
    return [fields.text(part, "text", path) or "" for part in parts if "text" in part and not part.get("thought")]


def _model(parts: list[dict[str, Any]], path: str, number: int, *, strict: bool) -> Turn:
    calls: list[ToolCall] = []
    for at, part in enumerate(parts):
        if "functionCall" in part:
            calls.append(_call(part, f"{path}.parts[{at}]", len(calls), number))
            if strict and len(calls) == 1 and "thoughtSignature" not in part:
                raise invalid(
                    f"Function call is missing a thought_signature in functionCall parts. This is required for tools "
                    f"to work correctly. Function call `{calls[0].name}`, position {number + 1}."
                )
        elif part.get("thoughtSignature") is not None:
            _verify(part, "text", "")
    return Turn("assistant", "".join(_texts(parts, path)), (), tuple(calls))


def _call(part: Mapping[str, Any], path: str, place: int, number: int) -> ToolCall:
    called = fields.known(part["functionCall"], ("id", "name", "args"), f"{path}.function_call")
    name = fields.text(called, "name", path)
    if not name:
        raise invalid(f"* GenerateContentRequest.{path}.function_call.name: Name cannot be empty.", field=path)
    arguments = called.get("args") or {}
    if not isinstance(arguments, dict):
        raise fields.wrong(arguments, path, "args")
    if part.get("thoughtSignature") is not None:
        _verify(part, "call", signed(name, arguments))
    identity = fields.text(called, "id", path) or f"{number}/{place}/{name}"
    return ToolCall(identity, name, json.dumps(arguments, ensure_ascii=False))


def signed(name: str, arguments: Mapping[str, Any]) -> str:
    """What a signature on a function call stands for."""
    return json.dumps([name, arguments], sort_keys=True)


def _verify(part: Mapping[str, Any], kind: str, content: str) -> None:
    """Refusal for a signature that was not handed out here, or for something else."""
    signature = part["thoughtSignature"]
    blob = seals.read(signature, url_safe=True)
    if signature in DUMMIES or (blob is not None and blob.decode("latin-1") in DUMMIES):
        return
    if blob is None:
        raise invalid("Invalid value at 'contents.parts.thought_signature' (TYPE_BYTES), Base64 decoding failed")
    if not seals.is_genuine(kind, blob, content):
        raise Refusal(400, "Thought signature is not valid.")


def _user(parts: list[dict[str, Any]], path: str, waiting: list[ToolCall]) -> list[Turn]:
    """The user's words, then the responses of functions: a conversation that ends with responses is about them."""
    texts, attachments, results = [], [], []
    left = list(waiting)
    for at, part in enumerate(parts):
        inside = f"{path}.parts[{at}]"
        if "functionResponse" in part:
            results.append(_result(part, inside, left))
        elif "text" in part:
            texts.append(fields.text(part, "text", inside) or "")
        elif "inlineData" in part or "fileData" in part:
            attachments.append(_attachment(part, inside))
    if left:
        raise _unbalanced()
    if not (texts or attachments):
        return results
    return [Turn("user", "\n".join(texts), tuple(attachments)), *results]


def _result(part: Mapping[str, Any], path: str, left: list[ToolCall]) -> Turn:
    names = ("id", "name", "response", "parts", "willContinue", "scheduling")
    told = fields.known(part["functionResponse"], names, f"{path}.function_response")
    name, identity = fields.text(told, "name", path), fields.text(told, "id", path)
    if not name:
        raise invalid(f"* GenerateContentRequest.{path}.function_response.name: Name cannot be empty.", field=path)
    call = next((one for one in left if one.name == name and identity in (None, one.id)), None)
    if call is None:
        raise _unbalanced()
    left.remove(call)
    response = told.get("response")
    if not isinstance(response, dict):
        raise fields.wrong(response, f"{path}.function_response", "response")
    result = response.get("result", response.get("output")) if len(response) == 1 else None
    return Turn("tool", result if isinstance(result, str) else json.dumps(response), call_id=call.id)


def _attachment(part: Mapping[str, Any], path: str) -> Attachment:
    inline = "inlineData" in part
    where = f"{path}.{'inline_data' if inline else 'file_data'}"
    names = ("mimeType", "data" if inline else "fileUri", "displayName")
    given = fields.known(part["inlineData" if inline else "fileData"], names, where)
    media = fields.text(given, "mimeType", where) or ""
    if inline:
        data = fields.text(given, "data", where) or ""
        if not data or seals.read(data, url_safe=True) is None:
            raise invalid(f"Invalid value at '{where}.data' (TYPE_BYTES), Base64 decoding failed", field=where)
        if "/" not in media:
            raise invalid(f"Unsupported MIME type: {media}", field=where)
    elif not fields.text(given, "fileUri", where):
        raise invalid(f"* GenerateContentRequest.{where}.file_uri: must not be empty.", field=where)
    name = fields.text(given, "displayName", where) or ""
    if media.startswith("audio/"):
        return Attachment("recording", name, 32 + len(str(given.get("data") or "")) // 2_000)
    if media.startswith("image/") or not media:
        return Attachment("picture", name, PICTURE)
    return Attachment("document", name, PAGE + len(str(given.get("data") or "")) // 2_000)


def _unbalanced() -> Refusal:
    return invalid(
        "Please ensure that the number of function response parts is equal to the number of function call parts of the "
        "function call turn."
    )
