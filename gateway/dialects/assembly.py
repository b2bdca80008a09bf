"""From a streamed answer to a whole one, and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from gateway.canonical import (
    BlockDelta,
    BlockEnd,
    BlockStart,
    Choice,
    ChoiceEnd,
    Completion,
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


class Assembly:
    """Collects canonical events into a Completion."""

    def __init__(self) -> None:
        self.completion = Completion(id="", model="")  # what is there so far; parts grow in place
        self.error: Fault | None = None
        self.ended = False
        self._parts: dict[int, Part] = {}
        self._texts: dict[int, list[str]] = {}

    def feed(self, event: Event) -> None:
        """Take one event."""
        completion = self.completion
        match event:
            case BlockDelta(block, text, extras):
                if block in self._parts:
                    self._texts[block].append(text)
                    merge(self._parts[block].extras, extras)
            case BlockStart(block, part, choice):
                part = replace(part, extras={family: dict(members) for family, members in part.extras.items()})
                self._parts[block], self._texts[block] = part, []
                self._choice(choice).parts.append(part)
            case BlockEnd(block, blob):
                self._settle(block)
                if block in self._parts and blob is not None:
                    self._parts[block].blob = blob
            case ChoiceEnd():
                ended = self._choice(event.choice)
                ended.finish, ended.native_finish = event.finish, event.native_finish
                ended.stop_sequence = event.stop_sequence
                merge(ended.extras, event.extras)
            case Start():
                completion.id, completion.model, completion.created = event.id, event.model, event.created
                completion.usage = event.usage
                merge(completion.extras, event.extras)
            case UsageReport(usage):
                completion.usage = usage
            case ErrorEvent(fault):
                self.error = fault
            case End():
                self.ended = True
                for block in list(self._texts):
                    self._settle(block)

    def _choice(self, index: int) -> Choice:
        choices = self.completion.choices
        while len(choices) <= index:
            choices.append(Choice())
        return choices[index]

    def _settle(self, block: int) -> None:
        more = "".join(self._texts.pop(block, ()))
        part = self._parts.get(block)
        if isinstance(part, ToolCall):
            part.arguments += more
        elif isinstance(part, Text | Refusal | Reasoning):
            part.text += more


def merge(into: Extras, extras: Extras) -> None:
    """Add what came with one event: lists grow, everything else is replaced."""
    for family, members in extras.items():
        known: dict[str, Any] = into.setdefault(family, {})
        for name, value in members.items():
            if isinstance(value, list) and isinstance(known.get(name), list):
                known[name] = known[name] + value
            else:
                known[name] = value


def as_events(completion: Completion) -> Iterator[Event]:
    """A whole answer as the events of a stream, each part in one delta."""
    yield Start(completion.id, completion.model, completion.created, extras=completion.extras)
    block = 0
    extras: Extras
    for index, choice in enumerate(completion.choices):
        for part in choice.parts:
            text, extras = "", {}
            if isinstance(part, ToolCall):
                yield BlockStart(block, replace(part, arguments=""), index)
                text = part.arguments
            elif isinstance(part, Text | Refusal | Reasoning):
                yield BlockStart(block, replace(part, text="", blob=None, extras={}), index)
                text, extras = part.text, part.extras
            else:
                yield BlockStart(block, part, index)
            if text or extras:
                yield BlockDelta(block, text, extras)
            yield BlockEnd(block, part.blob if isinstance(part, Reasoning | Text) else None)
            block += 1
        yield ChoiceEnd(
            choice.finish or "stop", index, choice.native_finish, choice.stop_sequence, extras=choice.extras
        )
    if completion.usage is not None:
        yield UsageReport(completion.usage)
    yield End()
