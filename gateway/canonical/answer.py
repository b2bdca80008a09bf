"""An answer, whole or in events.

The order of events: Start; for each block BlockStart, any number of BlockDelta, BlockEnd; for each choice, after its
blocks, one ChoiceEnd; End. UsageReport may come anywhere between Start and End and is cumulative: the last one counts.
Blocks are numbered from 0 in the order of their start, over all choices. Blocks of parallel tool calls may overlap;
gateway/dialects/ordering.py puts them one after another for wires that cannot say that. An ErrorEvent ends a stream at
any point, without End.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from billing.usage import Usage
from gateway.canonical.envelope import Fault
from gateway.canonical.parts import Blob, Extras, Part

Finish = Literal["stop", "length", "tool_calls", "content_filter"]


@dataclass(slots=True)
class Choice:
    """One answer of `n`. A finish reason that nobody knows is "stop"; `native_finish` keeps the provider's word."""

    parts: list[Part] = field(default_factory=list)  # Reasoning, Text, Refusal, ToolCall, Image, Audio, in order
    finish: Finish | None = None
    native_finish: str | None = None
    stop_sequence: str | None = None  # which one was hit, where the wire says so
    extras: Extras = field(default_factory=dict)  # log-probabilities, safety ratings


@dataclass(slots=True)
class Completion:
    """A whole answer."""

    id: str
    model: str
    choices: list[Choice] = field(default_factory=list)
    usage: Usage | None = None
    created: int = 0  # epoch seconds; 0: not said
    extras: Extras = field(default_factory=dict)


@dataclass(slots=True)
class Start:
    """The answer begins."""

    id: str = ""
    model: str = ""
    created: int = 0
    usage: Usage | None = None  # the prompt, where the wire says it at the start
    extras: Extras = field(default_factory=dict)


@dataclass(slots=True)
class BlockStart:
    """A part begins. Text, Refusal, Reasoning and ToolCall grow by deltas, from what `part` already says; Image and
    Audio are whole. A blob known at the start is in `part`."""

    block: int
    part: Part
    choice: int = 0


@dataclass(slots=True)
class BlockDelta:
    """More of a block: text, or a fragment of a tool call's arguments. `extras` holds what belongs to just this piece
    (log-probabilities, annotations)."""

    block: int
    text: str = ""
    extras: Extras = field(default_factory=dict)


@dataclass(slots=True)
class BlockEnd:
    """A part is whole. Its blob, where that comes last."""

    block: int
    blob: Blob | None = None


@dataclass(slots=True)
class ChoiceEnd:
    """A choice is whole."""

    finish: Finish
    choice: int = 0
    native_finish: str | None = None
    stop_sequence: str | None = None
    extras: Extras = field(default_factory=dict)


@dataclass(slots=True)
class UsageReport:
    """Usage so far, all of it."""

    usage: Usage


@dataclass(slots=True)
class ErrorEvent:
    """The provider failed. The relay tells the customer with `stream.failure`; a renderer writes nothing for it, and
    nothing after it."""

    fault: Fault


@dataclass(slots=True)
class End:
    """The answer ended as it should."""


Event = Start | BlockStart | BlockDelta | BlockEnd | ChoiceEnd | UsageReport | ErrorEvent | End
