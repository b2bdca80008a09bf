"""Contents of this wire → canonical messages."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.canonical import Message, Part, Reasoning, Text, ToolCall, ToolResult
from gateway.dialects.blobs import untie
from gateway.dialects.gemini_generate.content import arguments_of, blob_of, opaque
from gateway.dialects.gemini_generate.showing import shown
from gateway.dialects.gemini_generate.spelling import camel, extras_of, listed
from gateway.errors import InvalidParameter, MissingParameter

# A result that is only words stands under one of these; the first is ours.
RESULTS = ("result", "output")
ERROR = "error"


class Conversation:
    """The turns so far, and the calls that still wait for their results.

    Neighbouring contents of one role are one turn: clients of this wire keep every piece of a streamed answer as a
    content of its own.
    """

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._waiting: list[tuple[str, ToolCall]] = []  # the id as the client wrote it, "" for none
        self._ids: set[str] = set()

    def read(self, content: dict[str, Any], where: str) -> None:
        """One more content. Raises InvalidParameter (also for a result without its call and a call without its result,
        which every provider refuses), MissingParameter, InvalidMedia."""
        members = camel(content, f"{where}.")
        parts = [
            (camel(part, f"{where}.parts[{at}]."), f"{where}.parts[{at}]")
            for at, part in enumerate(listed(members.get("parts")))
        ]
        if members.get("role") == "model":
            self._all_answered(where)
            turn = self._turn("assistant")
            for part, inside in parts:
                self._answer(turn, part, inside)
            return
        results = [(part, inside) for part, inside in parts if "functionResponse" in part]
        if not results:
            self._all_answered(where, new_turn=True)
        turn = self._turn("user")
        for part, inside in results:
            first = sum(isinstance(known, ToolResult) for known in turn.parts)
            turn.parts.insert(first, self._result(part, inside))
        turn.parts += [plain_part(part, inside) for part, inside in parts if "functionResponse" not in part]

    def finish(self) -> list[Message]:
        """All turns. Raises InvalidParameter."""
        self._all_answered("contents", new_turn=True)
        return [message for message in self.messages if message.parts]

    def _turn(self, role: str) -> Message:
        if not self.messages or self.messages[-1].role != role:
            self.messages.append(Message("assistant" if role == "assistant" else "user"))
        return self.messages[-1]

    def _all_answered(self, where: str, *, new_turn: bool = False) -> None:
        """Calls may wait as long as the model's own turn goes on."""
        if self._waiting and (new_turn or self.messages[-1].role != "assistant"):
            names = ", ".join(call.name for _, call in self._waiting)
            raise InvalidParameter(
                f"Every function call must be followed by its function response; missing before or at {where}: "
                f"{names}.",
                param=where,
            )

    def _answer(self, turn: Message, part: dict[str, Any], where: str) -> None:
        if "functionCall" in part:
            turn.parts += self._call(turn, part, where)
        elif "functionResponse" in part:
            raise InvalidParameter(f"`{where}` is a function response in a turn of the model.", param=where)
        elif part.keys() & {"inlineData", "fileData"}:
            made = plain_part(part, where)
            made.blob = blob_of(part)
            turn.parts.append(made)
        elif isinstance(part.get("text"), str) or part.keys() <= {"thought", "thoughtSignature"}:
            text, blob = part.get("text", ""), blob_of(part)
            kind = Reasoning if part.get("thought") is True else Text
            last = turn.parts[-1] if turn.parts else None
            if type(last) is kind and last.blob is None and not last.extras:
                last.text += text
                last.blob = blob
            elif text or blob is not None:
                turn.parts.append(kind(text, blob=blob))
        else:
            turn.parts.append(opaque(part))

    def _call(self, turn: Message, part: dict[str, Any], where: str) -> list[Part]:
        call = _object(part, "functionCall", where)
        name, wire_id = call.get("name"), call.get("id")
        if not isinstance(name, str) or not name:
            raise MissingParameter(f"`{where}.functionCall.name` is required.", param=f"{where}.functionCall.name")
        if not isinstance(call.get("args"), dict | None):
            raise InvalidParameter(
                f"`{where}.functionCall.args` must be an object.", param=f"{where}.functionCall.args"
            )
        wire_id = wire_id if isinstance(wire_id, str) else ""
        identity, thoughts, own = untie(wire_id)
        made = ToolCall(self._unique(identity), name, arguments_of(call.get("args")), blob=blob_of(part) or own)
        self._waiting.append((identity, made))
        known = {thought.blob for thought in turn.parts if thought.blob is not None}
        return [*(thought for thought in thoughts if thought.blob not in known), made]

    def _unique(self, identity: str) -> str:
        """An id that no other call of the conversation has: clients leave ids out, or write the name instead."""
        if not identity or identity in self._ids:
            number = len(self._ids)
            while (identity := f"call_{number}") in self._ids:
                number += 1
        self._ids.add(identity)
        return identity

    def _result(self, part: dict[str, Any], where: str) -> ToolResult:
        wire = _object(part, "functionResponse", where)
        name, wire_id, response = wire.get("name"), wire.get("id"), wire.get("response")
        if not isinstance(name, str | None) or not isinstance(response, dict | None):
            raise InvalidParameter(
                f"`{where}.functionResponse` has a member of the wrong type.", param=f"{where}.functionResponse"
            )
        call = self._called(untie(wire_id)[0] if isinstance(wire_id, str) else "", name or "")
        if call is None:
            raise InvalidParameter(
                f"`{where}.functionResponse` answers no function call of the turn before it.",
                param=f"{where}.functionResponse",
            )
        parts, is_error = _said(response or {})
        for at, inside in enumerate(listed(wire.get("parts"))):
            place = f"{where}.functionResponse.parts[{at}]"
            if not isinstance(inside, dict):
                raise InvalidParameter(f"`{place}` must be an object.", param=place)
            parts.append(plain_part(camel(inside, f"{place}."), place))
        rest = {key: value for key, value in wire.items() if key in ("scheduling", "willContinue")}
        return ToolResult(call_id=call.id, parts=parts, is_error=is_error, name=call.name, extras=extras_of(rest))

    def _called(self, identity: str, name: str) -> ToolCall | None:
        """The call that a result answers: by its id, else the first of its name."""
        by_id = [pair for pair in self._waiting if identity and pair[0] == identity and pair[1].name == name]
        by_id = by_id or [pair for pair in self._waiting if identity and pair[0] == identity]
        found = next(iter(by_id or [pair for pair in self._waiting if pair[1].name == name]), None)
        if found is None:
            return None
        self._waiting.remove(found)
        return found[1]


def _object(part: dict[str, Any], name: str, where: str) -> dict[str, Any]:
    value = part[name]
    if not isinstance(value, dict):
        raise InvalidParameter(f"`{where}.{name}` must be an object.", param=f"{where}.{name}")
    return camel(value, f"{where}.{name}.")


def _said(response: dict[str, Any]) -> tuple[list[Part], bool]:
    """What a function said, and whether that is an error."""
    if not response:
        return [], False
    if len(response) == 1:
        ((name, value),) = response.items()
        if name == ERROR:
            return [Text(value if isinstance(value, str) else msgspec.json.encode(value).decode())], True
        if name in RESULTS and isinstance(value, str):
            return [Text(value)] if value else [], False
    return [Text(msgspec.json.encode(response).decode())], False


def plain_part(part: dict[str, Any], where: str) -> Part:
    """A part that is no call and no result: text, or something to look at."""
    if isinstance(part.get("text"), str):
        return Text(part["text"])
    for kind in ("inlineData", "fileData"):
        value = part.get(kind)
        if value is not None:
            if not isinstance(value, dict):
                raise InvalidParameter(f"`{where}.{kind}` must be an object.", param=f"{where}.{kind}")
            beside = {name: item for name, item in part.items() if name not in (kind, "thought", "thoughtSignature")}
            return shown(kind, value, beside, f"{where}.{kind}")
    if not part or "functionCall" in part:
        raise InvalidParameter(f"`{where}` holds nothing that such a turn can say.", param=where)
    return opaque(part)
