"""A streamed answer of Responses → canonical events.

Providers that imitate this dialect leave events out; whatever first tells of an item, a part or a text counts, and what
the last words of each repeat is only taken where it was not said before.
"""

from __future__ import annotations

import msgspec

from gateway import sse
from gateway.canonical import (
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
from gateway.dialects.openai_responses.content import nested
from gateway.dialects.openai_responses.counting import read_usage
from gateway.dialects.openai_responses.errors import fault_in, told
from gateway.dialects.openai_responses.finishing import finish_of, word_of
from gateway.dialects.openai_responses.items import call_of, extras_of, parts_of, reasoning
from gateway.dialects.openai_responses.objects import NAME, Object, own_members
from gateway.dialects.openai_responses.output import items_of
from gateway.dialects.openai_responses.payload import payload

_CALLS = ("function_call", "custom_tool_call")
_TEXTS: dict[str, type[Text | Refusal]] = {"output_text": Text, "refusal": Refusal}


class _Item:
    """An item while it streams: its open block, and how many blocks it has had."""

    def __init__(self, item: Object) -> None:
        self.item = item
        self.block: int | None = None
        self.part: Part | None = None
        self.said = False  # whether the open block has said anything
        self.blocks = 0
        self.noted = False


class Parser:
    """See gateway.dialects.base.Parser."""

    def __init__(self) -> None:
        self._items: dict[int, _Item] = {}  # by output index
        self._blocks = 0
        self._begun: Object | None = None
        self._called = False
        self._over = False
        self._events: list[Event] = []

    def feed(self, raw_event: bytes) -> list[Event]:
        """The canonical events of one raw event."""
        if self._over:
            return []
        data = payload(raw_event)
        if data is None or data.strip() == b"[DONE]":  # the last event has been, or the stream is broken
            return []
        try:
            value = msgspec.json.decode(data)
        except UNREADABLE:
            return self._fail(Fault("server", code="bad_event"))
        if not isinstance(value, dict):
            return []
        fault = fault_in(value)
        if fault is None and sse.name(raw_event) == "error":
            fault = told(value)
        if fault is not None:
            return self._fail(fault)
        self._events = []
        self._read(value)
        return self._events

    def finish(self) -> list[Event]:
        """The end of the stream: without its last event it is a broken one."""
        return [] if self._over else self._fail(Fault("server", code="stream_broken"))

    def _fail(self, fault: Fault) -> list[Event]:
        self._over = True
        return [ErrorEvent(fault)]

    def _read(self, value: Object) -> None:
        kind, response = value.get("type"), value.get("response")
        if isinstance(response, dict):
            self._begin(response)
            if kind in ("response.completed", "response.incomplete", "response.cancelled"):
                self._end(response, kind)
            return
        if self._begun is None or not isinstance(kind, str):
            return
        index = value.get("output_index")
        index = index if isinstance(index, int) else 0
        item, delta = value.get("item"), value.get("delta")
        if kind == "response.output_item.added" and isinstance(item, dict):
            self._item_added(index, item)
        elif kind == "response.output_item.done" and isinstance(item, dict):
            self._item_done(index, item)
        elif kind in ("response.output_text.delta", "response.refusal.delta"):
            self._say(index, Refusal if kind.startswith("response.refusal") else Text, delta, value.get("logprobs"))
        elif kind in ("response.reasoning_summary_text.delta", "response.reasoning_text.delta"):
            self._think(index, delta)
        elif kind in ("response.function_call_arguments.delta", "response.custom_tool_call_input.delta"):
            self._argue(index, delta)
        elif kind == "response.content_part.added":
            self._part_added(index, value.get("part"))
        elif kind == "response.reasoning_summary_part.added":
            known = self._items.get(index)
            if known is not None and known.said:
                self._think(index, "\n\n")  # parts of one summary are paragraphs
        elif kind == "response.content_part.done":
            self._part_done(index, value.get("part"))
        elif kind == "response.output_text.annotation.added":
            self._note(index, value.get("annotation"))

    def _begin(self, response: Object) -> None:
        if self._begun is not None:
            return
        members, created = own_members(response), response.get("created_at")
        self._begun = members
        self._events.append(
            Start(
                _text(response.get("id")),
                _text(response.get("model")),
                int(created) if isinstance(created, int | float) else 0,
                extras={NAME: members} if members else {},
            )
        )

    def _end(self, response: Object, kind: str) -> None:
        for index in list(self._items):
            self._close(self._items.pop(index))
        if self._blocks == 0:  # nothing was streamed but the end
            for item in items_of(response):
                self._whole(item)
        usage = read_usage(response.get("usage"), response.get("tool_usage")).usage
        if usage is not None:
            self._events.append(UsageReport(usage))
        word = word_of(response) or kind.removeprefix("response.")
        begun = self._begun or {}
        later = {name: value for name, value in own_members(response).items() if begun.get(name) != value}
        finish = finish_of(word, called=self._called)
        self._events += (ChoiceEnd(finish, 0, word, extras={NAME: later} if later else {}), End())
        self._over = True

    # Items.

    def _item_added(self, index: int, item: Object) -> None:
        known = self._items.get(index)
        if known is not None:
            self._close(known)
        known = self._items[index] = _Item(item)
        if item.get("type") in _CALLS:
            call = call_of(item)
            said, call.arguments = call.arguments, ""
            self._open(known, call)
            self._called = True
            if said:
                self._add(known, said)
        elif item.get("type") == "reasoning":
            self._open(known, Reasoning(extras=extras_of({"id": item.get("id")})))

    def _item_done(self, index: int, item: Object) -> None:
        known = self._items.pop(index, None)
        if known is None:
            self._whole(item)
            return
        kind = item.get("type")
        if kind in _CALLS and isinstance(known.part, ToolCall):
            call = call_of(item)
            if not known.said and call.arguments:
                self._add(known, call.arguments)
        elif kind == "reasoning" and isinstance(known.part, Reasoning):
            thought = reasoning(item)
            if not known.said and thought.text:
                self._add(known, thought.text)
            self._events.append(BlockEnd(known.block or 0, thought.blob))
            return
        elif known.blocks == 0:
            self._whole(item)
            return
        self._close(known)

    def _whole(self, item: Object) -> None:
        """An item that comes in one piece."""
        for part in parts_of(item):
            self._called = self._called or isinstance(part, ToolCall)
            block, blob = self._blocks, part.blob
            text = ""
            if isinstance(part, ToolCall):
                text, part.arguments = part.arguments, ""
            elif isinstance(part, Text | Refusal | Reasoning):
                text, part.text, part.blob = part.text, "", None
            self._blocks += 1
            self._events.append(BlockStart(block, part))
            if text:
                self._events.append(BlockDelta(block, text))
            self._events.append(BlockEnd(block, blob if isinstance(part, Reasoning) else None))

    # Blocks.

    def _open(self, known: _Item, part: Part) -> None:
        self._close(known)
        known.block, known.part, known.said, known.noted = self._blocks, part, False, False
        known.blocks += 1
        self._blocks += 1
        self._events.append(BlockStart(known.block, part))

    def _add(self, known: _Item, text: str, extras: Extras | None = None) -> None:
        known.said = known.said or bool(text)
        if known.block is not None:
            self._events.append(BlockDelta(known.block, text, extras or {}))

    def _close(self, known: _Item) -> None:
        if known.block is not None:
            self._events.append(BlockEnd(known.block))
            known.block, known.part = None, None

    def _say(self, index: int, kind: type[Text | Refusal], delta: object, logprobs: object = None) -> None:
        known = self._items.setdefault(index, _Item({}))
        if not isinstance(known.part, kind):
            self._open(known, kind(extras=self._names(known)))
        if isinstance(delta, str) and (delta or logprobs):
            self._add(known, delta, {"openai": {"logprobs": logprobs}} if logprobs else None)

    def _think(self, index: int, delta: object) -> None:
        known = self._items.setdefault(index, _Item({}))
        if not isinstance(known.part, Reasoning):
            self._open(known, Reasoning(extras=extras_of({"id": known.item.get("id")})))
        if isinstance(delta, str) and delta:
            self._add(known, delta)

    def _argue(self, index: int, delta: object) -> None:
        known = self._items.get(index)
        if known is not None and isinstance(known.part, ToolCall) and isinstance(delta, str) and delta:
            self._add(known, delta)

    def _part_added(self, index: int, part: object) -> None:
        kind = _TEXTS.get(str(part.get("type"))) if isinstance(part, dict) else None
        if kind is not None and isinstance(part, dict):
            known = self._items.setdefault(index, _Item({}))
            self._close(known)
            self._say(index, kind, part.get("text") or part.get("refusal"))

    def _part_done(self, index: int, part: object) -> None:
        known = self._items.get(index)
        if known is None or not isinstance(known.part, Text | Refusal) or not isinstance(part, dict):
            return
        if not known.said:
            self._say(index, type(known.part), part.get("text") or part.get("refusal"))
        notes = part.get("annotations")
        if not known.noted and isinstance(notes, list) and notes:
            self._note(index, *notes)
        self._close(known)

    def _note(self, index: int, *annotations: object) -> None:
        known = self._items.get(index)
        if known is not None and isinstance(known.part, Text):
            known.noted = True
            self._add(known, "", {"openai": {"annotations": [nested(note) for note in annotations]}})

    def _names(self, known: _Item) -> Extras:
        return extras_of({"id": known.item.get("id"), "phase": known.item.get("phase")})


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
