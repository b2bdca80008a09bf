"""An answer → canonical events: streamed piece by piece, or whole, which on this wire is one large piece."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import msgspec

from gateway import sse
from gateway.canonical import (
    Audio,
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
    Image,
    Part,
    Reasoning,
    Start,
    Text,
    ToolCall,
    UsageReport,
)
from gateway.dialects.gemini_generate.content import arguments_of, blob_of, made_id, opaque
from gateway.dialects.gemini_generate.counting import read_usage
from gateway.dialects.gemini_generate.errors import fault_in
from gateway.dialects.gemini_generate.finishing import block_reason, finish_of, word_of
from gateway.dialects.gemini_generate.logprobs import read_logprobs
from gateway.dialects.gemini_generate.output import candidates_of, parts_of
from gateway.dialects.gemini_generate.showing import shown
from gateway.dialects.gemini_generate.spelling import extras_of
from gateway.dialects.gemini_generate.watching import MOST_CANDIDATES
from gateway.dialects.members import UNREADABLE
from gateway.errors import GatewayError

_OWN = ("promptFeedback", "modelStatus")
# What a candidate says besides its parts and the end; logprobsResult is canonical.
_KNOWN = frozenset({"content", "finishReason", "index", "logprobsResult"})


class _Candidate:
    """What is known of one candidate while it streams."""

    def __init__(self) -> None:
        self.block: int | None = None  # the open block of text or reasoning
        self.kind: type[Part] | None = None
        self.calls = 0
        self.ended = False
        self.own: dict[str, Any] = {}  # safety ratings, sources and the like, as far as told


class Parser:
    """See gateway.dialects.base.Parser."""

    def __init__(self) -> None:
        self._candidates: dict[int, _Candidate] = {}
        self._blocks = 0
        self._started = False
        self._dead = False
        self._ended = False
        self._id = ""
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
        fault = fault_in(value)
        if fault is not None:
            return self._fail(fault)
        return self.read(value) if isinstance(value, dict) else []

    def finish(self) -> list[Event]:
        """The end of the stream."""
        if self._dead or self._ended:
            return []
        if not self._candidates or not all(candidate.ended for candidate in self._candidates.values()):
            return self._fail(Fault("server", code="stream_broken"))
        self._ended = True
        return [End()]

    def read(self, value: dict[str, Any], *, whole: bool = False) -> list[Event]:
        """The canonical events of one response object. With `whole` nothing follows it, so its blocks end with it."""
        self._events = []
        feedback = value.get("promptFeedback")
        reason = block_reason(feedback)
        candidates = list(candidates_of(value))
        if not self._started and (candidates or reason or value.get("responseId")):
            self._start(value, refused=reason is not None and not candidates)
        for index, candidate in candidates:
            self._read_candidate(index if index < MOST_CANDIDATES else 0, candidate)
        if whole:
            for state in self._candidates.values():
                self._close(state)
        if reason is not None and not self._candidates:
            self._candidates[0] = state = _Candidate()
            state.ended = True
            self._events.append(ChoiceEnd("content_filter", 0, reason, extras=extras_of({"promptFeedback": feedback})))
        usage = read_usage(value.get("usageMetadata")).usage
        if usage is not None and self._started:
            self._events.append(UsageReport(usage))
        return self._events

    def _fail(self, fault: Fault) -> list[Event]:
        self._dead = True
        return [ErrorEvent(fault)]

    def _start(self, value: dict[str, Any], *, refused: bool) -> None:
        self._started = True
        identity, model = value.get("responseId"), value.get("modelVersion")
        self._id = identity if isinstance(identity, str) else ""
        names = _OWN[1:] if refused else _OWN
        own = {name: value[name] for name in names if value.get(name) is not None}
        self._events.append(Start(self._id, model if isinstance(model, str) else "", extras=extras_of(own)))

    def _read_candidate(self, index: int, candidate: dict[str, Any]) -> None:
        state = self._candidates.setdefault(index, _Candidate())
        if state.ended:
            return
        state.own.update((name, value) for name, value in candidate.items() if name not in _KNOWN and value is not None)
        tokens = read_logprobs(candidate.get("logprobsResult"))
        for part in parts_of(candidate):
            if tokens and isinstance(part.get("text"), str) and not part.get("thought"):
                self._read_part(index, state, part, {"openai": {"logprobs": tokens}})
                tokens = []
            else:
                self._read_part(index, state, part, {})
        word = word_of(candidate.get("finishReason"))
        if word is not None:
            self._close(state)
            state.ended = True
            finish = finish_of(word, called=state.calls > 0)
            self._events.append(ChoiceEnd(finish, index, word, extras=extras_of(state.own)))

    def _read_part(self, index: int, state: _Candidate, part: dict[str, Any], extras: Extras) -> None:
        blob, text = blob_of(part), part.get("text")
        call, media = part.get("functionCall"), part.get("inlineData")
        if isinstance(call, dict):
            self._call(index, state, call, blob)
        elif isinstance(text, str):
            self._say(index, state, Reasoning if part.get("thought") is True else Text, text, blob, extras)
        elif isinstance(media, dict):
            self._show(index, state, part, media, blob)
        elif part.keys() <= {"thought", "thoughtSignature"}:
            self._say(index, state, Reasoning if part.get("thought") is True else Text, "", blob, extras)
        else:
            self._whole(index, state, opaque(part))

    def _say(
        self,
        index: int,
        state: _Candidate,
        kind: type[Text | Reasoning],
        text: str,
        blob: Blob | None,
        extras: Extras,
    ) -> None:
        """More of the open block, or of a new one when the open one is of another kind. A signature ends its block: no
        other part may be joined to one that is signed."""
        if not text and not extras and blob is None:
            return
        if state.kind is not kind or state.block is None:
            self._close(state)
            state.block, state.kind = self._blocks, kind
            self._blocks += 1
            self._events.append(BlockStart(state.block, kind(), index))
        if text or extras:
            self._events.append(BlockDelta(state.block, text, extras))
        if blob is not None:
            self._close(state, blob)

    def _close(self, state: _Candidate, blob: Blob | None = None) -> None:
        if state.block is not None:
            self._events.append(BlockEnd(state.block, blob))
            state.block, state.kind = None, None

    def _call(self, index: int, state: _Candidate, call: dict[str, Any], blob: Blob | None) -> None:
        self._close(state)
        identity, name = call.get("id"), call.get("name")
        if not isinstance(identity, str) or not identity:
            self._id = self._id or uuid4().hex
            identity = made_id(self._id, index, state.calls)
        state.calls += 1
        block, arguments = self._blocks, arguments_of(call.get("args"))
        self._blocks += 1
        part = ToolCall(identity, name if isinstance(name, str) else "", blob=blob)
        self._events.append(BlockStart(block, part, index))
        if arguments:
            self._events.append(BlockDelta(block, arguments))
        self._events.append(BlockEnd(block))

    def _show(
        self, index: int, state: _Candidate, part: dict[str, Any], media: dict[str, Any], blob: Blob | None
    ) -> None:
        try:
            made = shown("inlineData", media, {}, "inlineData")
        except GatewayError:  # a picture that is none
            return
        if not isinstance(made, Image | Audio):
            self._whole(index, state, opaque(part))
            return
        made.blob = blob
        self._whole(index, state, made)

    def _whole(self, index: int, state: _Candidate, part: Part) -> None:
        """A part that does not grow."""
        self._close(state)
        self._events += (BlockStart(self._blocks, part, index), BlockEnd(self._blocks))
        self._blocks += 1
