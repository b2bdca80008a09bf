"""Watch a streamed answer of chat completions as it passes: kind, usage, finish, output text. On the hot path."""

from __future__ import annotations

from typing import Any

import msgspec

from billing.usage import Usage
from gateway import sse
from gateway.canonical import Fault
from gateway.dialects.base import Kind
from gateway.dialects.members import UNREADABLE
from gateway.dialects.openai_chat import errors
from gateway.dialects.openai_chat.counting import read_usage
from gateway.dialects.openai_chat.envelope import MOST_CHOICES
from gateway.dialects.openai_chat.output import output_of, strings, text_or_none

_NULL = msgspec.Raw(b"null")  # stands for an absent member too


class _Named(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: str | None = None
    input: str | None = None


class _ToolCall(msgspec.Struct, gc=False):
    function: _Named | None = None
    custom: _Named | None = None


class _Delta(msgspec.Struct, gc=False):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None
    function_call: _Named | None = None
    # Media and forms of reasoning that only some providers send; looked into the slow way.
    audio: msgspec.Raw = _NULL
    images: msgspec.Raw = _NULL
    reasoning_details: msgspec.Raw = _NULL


class _Choice(msgspec.Struct, gc=False):
    delta: _Delta | None = None
    finish_reason: str | None = None
    index: int = 0


class _Chunk(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    usage: msgspec.Raw = _NULL
    error: msgspec.Raw = _NULL


class _FirstChunk(_Chunk, gc=False):
    id: str | None = None
    model: str | None = None
    created: int | None = None


_CHUNK = msgspec.json.Decoder(_Chunk)
_FIRST_CHUNK = msgspec.json.Decoder(_FirstChunk)


class Watch:
    """One per streamed answer; see Watcher. `created` and `choices` (how many, as far as seen) are for an own ending,
    `finished` the indexes of those that have ended."""

    __slots__ = (
        "_decoder",
        "_texts",
        "choices",
        "created",
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
        self.created = 0
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
            return self._watch_odd(raw_event, data)
        choices = chunk.choices
        if not choices or chunk.error != _NULL:
            return self._watch_odd(raw_event, data)
        if self._decoder is _FIRST_CHUNK:
            self._note(chunk.id, chunk.model, chunk.created)
        kind = Kind.OPENING
        for choice in choices:
            delta = choice.delta
            if self.choices <= choice.index < MOST_CHOICES:
                self.choices = choice.index + 1
            if delta is not None:
                if delta.content:
                    self._texts.append(delta.content)
                    kind = Kind.CONTENT
                if (
                    delta.reasoning_content is not None
                    or delta.reasoning is not None
                    or delta.refusal is not None
                    or delta.tool_calls is not None
                    or delta.function_call is not None
                    or delta.reasoning_details is not _NULL
                    or delta.audio is not _NULL
                    or delta.images is not _NULL
                ) and self._other_output(delta):
                    kind = Kind.CONTENT
            if choice.finish_reason:
                if errors.failed(choice.finish_reason):
                    self.produced = self.produced or kind is Kind.CONTENT
                    return self._watch_odd(raw_event, data)
                self.finish = choice.finish_reason
                self.finished.add(choice.index)
                if kind is Kind.OPENING:
                    kind = Kind.FINISH
        if chunk.usage != _NULL:
            self._report(_decoded(chunk.usage))
        if kind is Kind.CONTENT:
            self.produced = True
        return kind

    def _other_output(self, delta: _Delta) -> bool:
        """Everything but plain content, which is what nearly every event brings; whether there was any."""
        texts = self._texts
        before = len(texts)
        if delta.reasoning_content:
            texts.append(delta.reasoning_content)
        elif delta.reasoning:
            texts.append(delta.reasoning)
        elif delta.reasoning_details != _NULL:
            texts.extend(strings(_decoded(delta.reasoning_details)))
        if delta.refusal:
            texts.append(delta.refusal)
        found = False
        for call in delta.tool_calls or ():
            found = True
            _take_named(texts, call.function)
            _take_named(texts, call.custom)
        _take_named(texts, delta.function_call)
        if delta.audio != _NULL:
            found = True
            audio = _decoded(delta.audio)
            if isinstance(audio, dict) and isinstance(audio.get("transcript"), str):
                texts.append(audio["transcript"])
        if delta.images != _NULL and bytes(delta.images) != b"[]":
            found = True
        return found or len(texts) > before

    def _watch_odd(self, raw_event: bytes, data: bytes) -> Kind:
        """Events without choices, failures, and shapes that only some providers send."""
        if data.strip() == b"[DONE]":
            return Kind.DONE
        named_error = sse.name(raw_event) == "error"
        try:
            value = msgspec.json.decode(data)
        except UNREADABLE:
            value = None
            if named_error:
                value = {"error": data.decode("utf-8", "replace")}
        if not isinstance(value, dict):
            return Kind.OTHER
        self._note(text_or_none(value.get("id")), text_or_none(value.get("model")), value.get("created"))
        reported = value.get("usage") is not None
        if reported:
            self._report(value["usage"])
        fault = errors.fault_in({"error": value} if named_error and "error" not in value else value)
        if fault is not None:
            self.error = fault
            return Kind.ERROR
        choices = value.get("choices")
        if not choices:
            return Kind.USAGE_ONLY if reported else Kind.OTHER
        return self._watch_choices(choices)

    def _watch_choices(self, choices: object) -> Kind:
        before = len(self._texts)
        finish: str | None = None
        for choice in choices if isinstance(choices, list) else ():
            if not isinstance(choice, dict):
                continue
            delta = choice.get("delta")
            if isinstance(delta, dict):
                self._texts.extend(output_of(delta))
            word = text_or_none(choice.get("finish_reason"))
            if word is not None:
                finish = word
                index = choice.get("index")
                self.finished.add(index if isinstance(index, int) else 0)
        if finish is not None:
            self.finish = finish
        if len(self._texts) > before:
            self.produced = True
            return Kind.CONTENT
        return Kind.FINISH if finish is not None else Kind.OTHER

    def _note(self, identity: str | None, model: str | None, created: object) -> None:
        self.id = self.id or identity
        self.model = self.model or model
        if isinstance(created, int) and not self.created:
            self.created = created
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


def _take_named(texts: list[str], named: _Named | None) -> None:
    if named is not None:
        for text in (named.name, named.arguments, named.input):
            if text:
                texts.append(text)
