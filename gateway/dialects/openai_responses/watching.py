"""Watch a streamed answer of Responses as it passes: kind, usage, finish, output text. On the hot path."""

from __future__ import annotations

from typing import Any

import msgspec

from billing.usage import Usage
from gateway import sse
from gateway.canonical import Fault
from gateway.dialects.base import Kind
from gateway.dialects.members import UNREADABLE
from gateway.dialects.openai_responses import errors
from gateway.dialects.openai_responses.counting import read_usage
from gateway.dialects.openai_responses.finishing import word_of
from gateway.dialects.openai_responses.minding import Minding
from gateway.dialects.openai_responses.output import SPOKEN, is_output, items_of, text_or_none, words_of
from gateway.dialects.openai_responses.payload import payload

_NULL = msgspec.Raw(b"null")  # stands for an absent member too


class _Event(msgspec.Struct, gc=False):
    type: str
    sequence_number: int = -1
    output_index: int = 0
    content_index: int = 0
    summary_index: int = 0
    delta: str | None = None
    response: msgspec.Raw = _NULL
    item: msgspec.Raw = _NULL
    part: msgspec.Raw = _NULL
    error: msgspec.Raw = _NULL


_EVENT = msgspec.json.Decoder(_Event)

# Deltas that are output. Those of sound and of pictures are no text.
_WORDS = frozenset(
    {
        "response.output_text.delta",
        "response.refusal.delta",
        "response.reasoning_text.delta",
        "response.reasoning_summary_text.delta",
        "response.function_call_arguments.delta",
        "response.custom_tool_call_input.delta",
        "response.mcp_call_arguments.delta",
        "response.code_interpreter_call_code.delta",
        "response.shell_call_command.delta",
        "response.audio.transcript.delta",
    }
)
_REPEATED = frozenset(word.removesuffix("delta") + "done" for word in _WORDS)
_WORDLESS = frozenset({"response.audio.delta", "response.image_generation_call.partial_image"})
_BEGINNINGS = frozenset({"response.created", "response.in_progress", "response.queued"})
_ENDS = frozenset({"response.completed", "response.incomplete", "response.cancelled"})


class Watch:
    """One per streamed answer; see Watcher. `minding` is what an own ending needs, and bounded in size."""

    __slots__ = (
        "_said",
        "_texts",
        "error",
        "finish",
        "id",
        "minding",
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
        self.minding = Minding()
        self._texts: list[str] = []
        self._said: set[int] = set()  # output indexes of the items whose words have come in deltas

    @property
    def last_sequence(self) -> int:
        """The number of the last event; -1 before the first."""
        return self.minding.sequence

    def begun(self) -> dict[str, Any]:
        """The response object of the first events; {} when it is not known."""
        return self.minding.begun()

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
        data = payload(raw_event)
        if data is None:
            return Kind.COMMENT
        try:
            event = _EVENT.decode(data)
        except UNREADABLE:
            return self._watch_odd(raw_event, data)
        kind = event.type
        minding = self.minding
        if event.sequence_number > minding.sequence:
            minding.sequence = event.sequence_number
        if kind in _WORDS:
            delta = event.delta
            if not delta:
                return Kind.OPENING
            self._texts.append(delta)
            self._said.add(event.output_index)
            minding.delta(event.output_index, delta)
            self.produced = True
            return Kind.CONTENT
        try:
            return self._watch_rare(raw_event, data, event)
        except UNREADABLE:  # well formed, but holding what no text may hold
            return Kind.OTHER

    def _watch_rare(self, raw_event: bytes, data: bytes, event: _Event) -> Kind:
        """Everything but deltas, which is what nearly every event is."""
        kind = event.type
        if kind == "response.output_item.added":
            return self._item_added(event)
        if kind == "response.output_item.done":
            return self._item_done(event)
        if kind in ("response.content_part.added", "response.reasoning_summary_part.added"):
            return self._part_added(event)
        if kind in ("response.content_part.done", "response.reasoning_summary_part.done"):
            self.minding.part_done(event.output_index)
            return Kind.OTHER
        if kind in _REPEATED:
            self.minding.words_done(event.output_index)
            return Kind.OTHER
        if kind in _BEGINNINGS:
            self._note(event.response, beginning=True)
            return Kind.OPENING
        if kind in _ENDS:
            return self._end(event)
        if kind in _WORDLESS:
            self.produced = True
            return Kind.CONTENT
        return self._watch_odd(raw_event, data)

    def _item_added(self, event: _Event) -> Kind:
        item = _decoded(event.item)
        if item is None:
            return Kind.OTHER
        self.minding.item_added(event.output_index, item)
        name = text_or_none(item.get("name"))
        if item.get("type") in SPOKEN:
            return Kind.OPENING
        if name is not None:
            self._texts.append(name)
        self.produced = True
        return Kind.CONTENT

    def _part_added(self, event: _Event) -> Kind:
        part = _decoded(event.part)
        if part is None:
            return Kind.OTHER
        self.minding.part_added(event.output_index, str(part.get("type")))
        if event.summary_index > 0:
            self._texts.append("\n\n")  # parts of one summary are paragraphs
        return Kind.OPENING

    def _item_done(self, event: _Event) -> Kind:
        item = _decoded(event.item)
        if item is None:
            return Kind.OTHER
        known = self.minding.item_done(event.output_index, bytes(event.item))
        if event.output_index not in self._said:
            # Some providers send an item whole, and what one was called may have been told at its start.
            words = words_of(item)
            name = item.get("name")
            self._texts.extend(words[1:] if known and name and words[:1] == [name] else words)
        if not is_output(item):
            return Kind.OTHER
        self.produced = True
        return Kind.OTHER if event.output_index in self._said else Kind.CONTENT

    def _end(self, event: _Event) -> Kind:
        response = self._note(event.response)
        if response is None:
            return Kind.OTHER
        fault = errors.fault_in({"type": event.type, "response": response})
        if fault is not None:
            self.error = fault
            return Kind.ERROR
        self.finish = word_of(response) or event.type.removeprefix("response.")
        if not self.produced:  # some providers stream nothing but the end
            for item in items_of(response):
                self._texts.extend(words_of(item))
                self.produced = self.produced or is_output(item)
        return Kind.DONE

    def _note(self, raw: msgspec.Raw, *, beginning: bool = False) -> dict[str, Any] | None:
        response = _decoded(raw)
        if response is None:
            return None
        self.id = self.id or text_or_none(response.get("id"))
        self.model = self.model or text_or_none(response.get("model"))
        if beginning:
            self.minding.begin(bytes(raw))
        usage, suspect = read_usage(response.get("usage"), response.get("tool_usage"))
        if usage is not None:
            self.usage = usage
        self.suspect = self.suspect or suspect
        return response

    def _watch_odd(self, raw_event: bytes, data: bytes) -> Kind:
        """Failures, what is no event of this dialect, and events that nobody knows yet."""
        named_error = sse.name(raw_event) == "error"
        try:
            value = msgspec.json.decode(data)
        except UNREADABLE:
            if not named_error:
                return Kind.OTHER
            value = {"error": data.decode("utf-8", "replace")}
        if not isinstance(value, dict):
            return Kind.OTHER
        response = value.get("response")
        if isinstance(response, dict):
            self.id = self.id or text_or_none(response.get("id"))
            self.model = self.model or text_or_none(response.get("model"))
            usage, suspect = read_usage(response.get("usage"), response.get("tool_usage"))
            self.usage, self.suspect = usage or self.usage, self.suspect or suspect
        fault = errors.fault_in(value)
        if fault is None and named_error:
            fault = errors.told(value)
        if fault is None:
            return Kind.OTHER
        self.error = fault
        return Kind.ERROR


def _decoded(raw: msgspec.Raw) -> dict[str, Any] | None:
    if raw == _NULL:
        return None
    value = msgspec.json.decode(raw)
    return value if isinstance(value, dict) else None
