"""The recordings in tests/wire: <dialect>/<case>.request.json, <case>.response.json, <case>.sse.

A case that begins with `error_` ends in an error; all others are sound.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from gateway import sse
from gateway.canonical import (
    BlockDelta,
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    Completion,
    End,
    ErrorEvent,
    Event,
    Start,
    UsageReport,
)
from gateway.dialects import DIALECTS
from gateway.dialects.assembly import Assembly
from gateway.dialects.base import Dialect

WIRE = Path(__file__).parents[2] / "wire"


def recordings(suffix: str, *, errors: bool = False) -> list[Any]:
    """One parameter set (dialect, bytes) for each recording of this kind."""
    return [
        pytest.param(dialect, path.read_bytes(), id=f"{dialect.name}-{path.name.removesuffix(suffix)}")
        for dialect in DIALECTS.values()
        for path in sorted((WIRE / dialect.name).glob(f"*{suffix}"))
        if path.name.startswith("error_") == errors
    ]


def split(content: bytes, size: int | None = None) -> list[bytes]:
    """The raw events of a stream that came in pieces of `size`, an unterminated last one included."""
    splitter = sse.Splitter()
    size = size or len(content) or 1
    events = [event for at in range(0, len(content), size) for event in splitter.feed(content[at : at + size])]
    rest = splitter.rest()
    return [*events, rest] if rest else events


def parsed(dialect: Dialect, raws: Iterable[bytes]) -> list[Event]:
    """The canonical events of a stream, its end included."""
    parser = dialect.stream.parser()
    events = [event for raw in raws for event in parser.feed(raw)]
    return [*events, *parser.finish()]


def assembled(events: Iterable[Event]) -> Completion:
    """The whole answer that these events tell."""
    assembly = Assembly()
    for event in events:
        assembly.feed(event)
    return assembly.completion


def check_order(events: list[Event]) -> None:
    """The law of gateway/canonical/answer.py."""
    opened: dict[int, int] = {}
    closed: set[int] = set()
    ended: set[int] = set()
    for at, event in enumerate(events):
        match event:
            case Start():
                assert at == 0, "a stream starts once"
            case BlockStart(block, _, choice):
                assert block == len(opened) + len(closed), "blocks are numbered in order"
                assert choice not in ended, "no block after the end of its choice"
                opened[block] = choice
            case BlockDelta(block):
                assert block in opened, "a delta belongs to an open block"
            case BlockEnd(block):
                opened.pop(block)
                closed.add(block)
            case ChoiceEnd(choice=choice):
                assert choice not in ended, "a choice ends once"
                assert choice not in opened.values(), "its blocks have ended before"
                ended.add(choice)
            case End():
                assert at == len(events) - 1, "nothing follows the end"
                assert not opened, "and nothing is left open"
            case ErrorEvent():
                assert at == len(events) - 1, "nothing follows an error"
            case UsageReport():
                assert at > 0
    assert not events or isinstance(events[-1], End | ErrorEvent)
