"""A streamed answer of chat completions → canonical events."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway import sse
from gateway.canonical import (
    Blob,
    BlockDelta,
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    End,
    ErrorEvent,
    Event,
    Extras,
    Fault,
    Part,
    Reasoning,
    Refusal,
    Start,
    Text,
    ToolCall,
    UsageReport,
)
from gateway.dialects.members import UNREADABLE
from gateway.dialects.openai_chat.counting import read_usage
from gateway.dialects.openai_chat.details import blob_of, detail_text, merged, sealed
from gateway.dialects.openai_chat.envelope import MOST_CHOICES
from gateway.dialects.openai_chat.errors import failed, fault_in
from gateway.dialects.openai_chat.finishing import finish_of
from gateway.dialects.openai_chat.output import strings
from gateway.dialects.openai_chat.response import content_parts, media_parts


class _Choice:
    """What is known of one choice while it streams."""

    def __init__(self) -> None:
        self.block: int | None = None  # the open block of text, refusal or reasoning
        self.kind: type[Part] | None = None
        self.details: list[dict[str, Any]] = []  # opaque entries of the open reasoning
        self.calls: dict[object, _Call] = {}
        self.called = False
        self.ended = False


class _Call:
    """A tool call that is still open."""

    def __init__(self, block: int, identity: str) -> None:
        self.block = block
        self.id = identity
        self.arguments: list[str] = []

    def complete(self) -> bool:
        """Whether its arguments are whole: JSON to the last bracket."""
        try:
            msgspec.json.decode("".join(self.arguments))
        except UNREADABLE:
            return False
        return True


class Parser:
    """See gateway.dialects.base.Parser."""

    def __init__(self) -> None:
        self._choices: dict[int, _Choice] = {}
        self._blocks = 0
        self._started = False
        self._dead = False
        self._ended = False
        self._events: list[Event] = []

    def feed(self, raw_event: bytes) -> list[Event]:
        """The canonical events of one raw event."""
        if self._dead or self._ended:
            return []
        data = sse.data(raw_event)
        if data is None:
            return []
        if data.strip() == b"[DONE]":
            return self.finish()
        try:
            value = msgspec.json.decode(data)
        except UNREADABLE:
            return self._fail(Fault("server", code="bad_event"))
        if not isinstance(value, dict):
            return []
        fault = fault_in({"error": value} if sse.name(raw_event) == "error" and "error" not in value else value)
        if fault is not None:
            return self._fail(fault)
        self._events = []
        self._read(value)
        return self._events

    def finish(self) -> list[Event]:
        """The end of the stream."""
        if self._dead or self._ended:
            return []
        if not self._choices or not all(choice.ended for choice in self._choices.values()):
            return self._fail(Fault("server", code="stream_broken"))
        self._ended = True
        return [End()]

    def _fail(self, fault: Fault) -> list[Event]:
        self._dead = True
        return [ErrorEvent(fault)]

    def _read(self, value: dict[str, Any]) -> None:
        choices = value.get("choices")
        # Some providers begin with an event that says nothing of the answer, not even its id.
        if not self._started and (value.get("id") or choices):
            self._started = True
            own = {name: value[name] for name in ("system_fingerprint", "service_tier") if value.get(name) is not None}
            created = value.get("created")
            self._events.append(
                Start(
                    _text(value.get("id")),
                    _text(value.get("model")),
                    created if isinstance(created, int) else 0,
                    extras={"openai_chat": own} if own else {},
                )
            )
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict):
                index = choice.get("index")
                self._read_choice(index if isinstance(index, int) and 0 <= index < MOST_CHOICES else 0, choice)
        usage = read_usage(value.get("usage")).usage
        if usage is not None and self._started:
            self._events.append(UsageReport(usage))

    def _read_choice(self, index: int, choice: dict[str, Any]) -> None:
        state = self._choices.setdefault(index, _Choice())
        if state.ended:
            return
        delta = choice.get("delta")
        if isinstance(delta, dict):
            self._read_delta(index, state, delta, choice.get("logprobs"))
        word = choice.get("finish_reason")
        if isinstance(word, str) and word and not failed(word):
            self._close(state)
            for call in list(state.calls):
                self._end_call(state, call)
            state.ended = True
            self._events.append(ChoiceEnd(finish_of(word, called=state.called), index, word))

    def _read_delta(self, index: int, state: _Choice, delta: dict[str, Any], logprobs: Any) -> None:
        self._read_reasoning(index, state, delta)
        notes = delta.get("annotations")
        tokens = logprobs if isinstance(logprobs, dict) else {}
        for part in content_parts(delta.get("content")):
            if isinstance(part, Reasoning):
                self._say(index, state, Reasoning, part.text)
            elif isinstance(part, Text):
                self._say(index, state, Text, part.text, _extras(tokens.get("content"), notes))
                notes = None
        if notes and state.kind is Text:
            self._say(index, state, Text, "", _extras(None, notes))
        refusal = delta.get("refusal")
        if isinstance(refusal, str) and refusal:
            self._say(index, state, Refusal, refusal, _extras(tokens.get("refusal"), None))
        for part in media_parts(delta):
            self._close(state)
            self._events += (BlockStart(self._blocks, part, index), BlockEnd(self._blocks))
            self._blocks += 1
        calls = delta.get("tool_calls")
        for position, call in enumerate(calls if isinstance(calls, list) else ()):
            if isinstance(call, dict):
                self._read_call(index, state, position, call)
        if isinstance(delta.get("function_call"), dict):
            self._read_call(index, state, 0, {"id": "call_function", "function": delta["function_call"]})

    def _read_reasoning(self, index: int, state: _Choice, delta: dict[str, Any]) -> None:
        words = "".join(strings(delta.get("reasoning_content") or delta.get("reasoning")))
        details = delta.get("reasoning_details")
        entries = [entry for entry in details if isinstance(entry, dict)] if isinstance(details, list) else []
        if not words:
            # Our own entries come last and repeat what was streamed.
            repeats = state.kind is Reasoning
            words = "".join(detail_text(entry) for entry in entries if not (repeats and sealed(entry)))
        if words or entries:
            self._say(index, state, Reasoning, words)
            state.details += entries

    def _say(
        self,
        index: int,
        state: _Choice,
        kind: type[Text | Refusal | Reasoning],
        text: str,
        extras: Extras | None = None,
    ) -> None:
        """More of the open block, or of a new one when the open one is of another kind."""
        if state.kind is not kind or state.block is None:
            self._close(state)
            for call in list(state.calls):
                self._end_call(state, call)
            state.block, state.kind = self._blocks, kind
            self._blocks += 1
            self._events.append(BlockStart(state.block, kind(), index))
        if text or extras:
            self._events.append(BlockDelta(state.block, text, extras or {}))

    def _close(self, state: _Choice) -> None:
        if state.block is not None:
            self._events.append(BlockEnd(state.block, _blob(merged(state.details))))
            state.block, state.kind, state.details = None, None, []

    def _read_call(self, index: int, state: _Choice, position: int, call: dict[str, Any]) -> None:
        custom = isinstance(call.get("custom"), dict)
        body: Any = call["custom"] if custom else call.get("function")
        body = body if isinstance(body, dict) else {}
        identity, name = _text(call.get("id")), _text(body.get("name"))
        key = call.get("index")
        key = key if isinstance(key, int) else position
        known = state.calls.get(key)
        # Some providers number every call 0: another id is another call.
        if known is not None and identity and known.id and identity != known.id and name:
            self._end_call(state, key)
            known = None
        if known is None:
            self._close(state)
            for other in list(state.calls):
                # The next call begins, so this one is over unless its arguments say otherwise.
                if state.calls[other].complete():
                    self._end_call(state, other)
            known = state.calls[key] = _Call(self._blocks, identity)
            self._blocks += 1
            state.called = True
            self._events.append(BlockStart(known.block, ToolCall(identity, name, "", custom), index))
        arguments = body.get("input" if custom else "arguments")
        if arguments is not None and not isinstance(arguments, str):
            arguments = msgspec.json.encode(arguments).decode()
        if arguments:
            known.arguments.append(arguments)
            self._events.append(BlockDelta(known.block, arguments))

    def _end_call(self, state: _Choice, key: object) -> None:
        self._events.append(BlockEnd(state.calls.pop(key).block))


def _extras(tokens: object, notes: object) -> Extras:
    own: dict[str, Any] = {}
    if isinstance(tokens, list) and tokens:
        own["logprobs"] = tokens
    if isinstance(notes, list) and notes:
        own["annotations"] = notes
    return {"openai": own} if own else {}


def _blob(details: list[dict[str, Any]]) -> Blob | None:
    ours = next((blob for detail in details if (blob := sealed(detail)) is not None), None)
    return ours or blob_of(details)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
