"""Watch a streamed answer as it passes: kind, usage, finish, output text. On the hot path.

There is no last word on this wire: the connection closes after the event with the finish reason. So `finish` is what
tells an end from a break.
"""

from __future__ import annotations

from typing import Any

import msgspec

from billing.usage import Usage
from gateway import sse
from gateway.canonical import Fault
from gateway.dialects.base import Kind
from gateway.dialects.gemini_generate import errors
from gateway.dialects.gemini_generate.content import arguments_of
from gateway.dialects.gemini_generate.counting import read_usage
from gateway.dialects.gemini_generate.finishing import block_reason, word_of
from gateway.dialects.gemini_generate.output import candidates_of, output_of
from gateway.dialects.members import UNREADABLE

MOST_CANDIDATES = 128  # more than any provider gives; a larger index is a fault of whoever wrote it

_NULL = msgspec.Raw(b"null")  # stands for an absent member too


class _Object(msgspec.Struct, gc=False):
    pass


class _Call(msgspec.Struct, gc=False):
    name: str | None = None
    args: msgspec.Raw = _NULL
    partialArgs: msgspec.Raw = _NULL  # noqa: N815 — a member of the wire


class _Part(msgspec.Struct, gc=False):
    text: str | None = None
    functionCall: _Call | None = None  # noqa: N815
    inlineData: _Object | None = None  # noqa: N815
    # What the provider's own tools write; looked into the slow way.
    executableCode: msgspec.Raw = _NULL  # noqa: N815
    codeExecutionResult: msgspec.Raw = _NULL  # noqa: N815


class _Content(msgspec.Struct, gc=False):
    parts: list[_Part] | None = None


class _Candidate(msgspec.Struct, gc=False):
    content: _Content | None = None
    finishReason: str | None = None  # noqa: N815
    index: int | None = None


class _Chunk(msgspec.Struct, gc=False):
    candidates: list[_Candidate] | None = None
    usageMetadata: msgspec.Raw = _NULL  # noqa: N815
    error: msgspec.Raw = _NULL


class _FirstChunk(_Chunk, gc=False):
    responseId: str | None = None  # noqa: N815
    modelVersion: str | None = None  # noqa: N815


_CHUNK = msgspec.json.Decoder(_Chunk)
_FIRST_CHUNK = msgspec.json.Decoder(_FirstChunk)


class Watch:
    """One per streamed answer; see Watcher. `choices` (how many, as far as seen) is for an own ending, `finished` holds
    the indexes of those that have ended."""

    __slots__ = (
        "_decoder",
        "_texts",
        "choices",
        "error",
        "finish",
        "finished",
        "id",
        "model",
        "produced",
        "suspect",
        "usage",
    )

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.suspect = False
        self.finish: str | None = None
        self.produced = False
        self.model: str | None = None
        self.id: str | None = None
        self.error: Fault | None = None
        self.choices = 1
        self.finished: set[int] = set()
        self._texts: list[str] = []
        self._decoder: msgspec.json.Decoder[Any] = _FIRST_CHUNK

    def take_text(self) -> str:
        """See Watcher.take_text."""
        texts = self._texts
        if not texts:
            return ""
        text = texts[0] if len(texts) == 1 else "".join(texts)
        texts.clear()
        return text

    def watch(self, raw_event: bytes) -> Kind:
        """See Watcher.watch."""
        data = sse.data(raw_event)
        if data is None:
            return Kind.COMMENT
        try:
            chunk = self._decoder.decode(data)
        except UNREADABLE:
            return self._watch_odd(data)
        candidates = chunk.candidates
        if not candidates or chunk.error != _NULL:
            return self._watch_odd(data)
        if self._decoder is _FIRST_CHUNK:
            self._note(chunk.responseId, chunk.modelVersion)
        kind = Kind.OPENING
        for position, candidate in enumerate(candidates):
            index = position if candidate.index is None else candidate.index
            if self.choices <= index < MOST_CANDIDATES:
                self.choices = index + 1
            content = candidate.content
            if content is not None and content.parts:
                for part in content.parts:
                    if part.text:
                        self._texts.append(part.text)
                        kind = Kind.CONTENT
                    elif part.text is None and self._other_output(part):
                        kind = Kind.CONTENT
            word = candidate.finishReason
            if word and self._end(index, word) and kind is Kind.OPENING:
                kind = Kind.FINISH
        if chunk.usageMetadata != _NULL:
            self._report(_decoded(chunk.usageMetadata))
        if kind is Kind.CONTENT:
            self.produced = True
        return kind

    def _other_output(self, part: _Part) -> bool:
        """Everything but text; whether there was any."""
        call = part.functionCall
        if call is not None:
            if call.name:
                self._texts.append(call.name)
            for arguments in (call.args, call.partialArgs):
                if arguments != _NULL:
                    self._texts.append(arguments_of(_decoded(arguments)))
            return True
        for raw, name in ((part.executableCode, "code"), (part.codeExecutionResult, "output")):
            if raw != _NULL:
                value = _decoded(raw)
                text = value.get(name) if isinstance(value, dict) else None
                self._texts.append(text if isinstance(text, str) else "")
                return True
        return part.inlineData is not None

    def _watch_odd(self, data: bytes) -> Kind:
        """Events without candidates, failures, refused prompts, and shapes that nobody should send."""
        if data.strip() == b"[DONE]":
            return Kind.DONE  # some that imitate this wire say it
        try:
            value = msgspec.json.decode(data)
        except UNREADABLE:
            return Kind.OTHER
        fault = errors.fault_in(value)
        if not isinstance(value, dict):
            value = {}
        self._note(value.get("responseId"), value.get("modelVersion"))
        reported = value.get("usageMetadata") is not None
        if reported:
            self._report(value["usageMetadata"])
        if fault is not None:
            self.error = fault
            return Kind.ERROR
        found, finished = False, False
        for index, candidate in candidates_of(value):
            texts, media = output_of(candidate)
            self._texts += texts
            found = found or bool(texts) or media
            word = word_of(candidate.get("finishReason"))
            finished = (word is not None and self._end(index, word)) or finished
        if found:
            self.produced = True
            return Kind.CONTENT
        reason = block_reason(value.get("promptFeedback"))
        if reason is not None and not finished:
            finished = self._end(0, reason)
        if finished:
            return Kind.FINISH
        return Kind.USAGE_ONLY if reported and not value.get("candidates") else Kind.OTHER

    def _end(self, index: int, word: str) -> bool:
        if word_of(word) is None:
            return False
        self.finish = word
        self.finished.add(index)
        return True

    def _note(self, identity: object, model: object) -> None:
        self.id = self.id or (identity if isinstance(identity, str) and identity else None)
        self.model = self.model or (model if isinstance(model, str) and model else None)
        if self.id and self.model:
            self._decoder = _CHUNK  # they are the same in every event; no need to read them again

    def _report(self, value: object) -> None:
        usage, suspect = read_usage(value)
        if usage is not None:
            self.usage = usage
        self.suspect = self.suspect or suspect


def _decoded(raw: msgspec.Raw) -> Any:
    try:
        return msgspec.json.decode(raw)
    except UNREADABLE:  # well formed, but holding what no text may hold
        return "unreadable"
