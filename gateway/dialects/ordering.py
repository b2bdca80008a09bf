"""Put overlapping blocks one after another, for wires on which one block must end before the next begins."""

from __future__ import annotations

from gateway.canonical import BlockDelta, BlockEnd, BlockStart, ChoiceEnd, End, Event


class InOrder:
    """Canonical events in, the same events out, with at most one block open at a time.

    The open block streams on untouched. Only what other blocks say meanwhile waits until it has ended, so parallel
    tool calls that come one after another, as nearly all do, are never held back.
    """

    def __init__(self) -> None:
        self._current: int | None = None
        self._waiting: dict[int, list[Event]] = {}

    def feed(self, event: Event) -> list[Event]:
        """The events that can be said now. What is said to a block that has ended is left out."""
        if isinstance(event, BlockStart):
            if self._current is None:
                self._current = event.block
                return [event]
            self._waiting[event.block] = [event]
            return []
        if isinstance(event, BlockDelta | BlockEnd):
            if event.block == self._current:
                return [event, *self._next()] if isinstance(event, BlockEnd) else [event]
            if event.block in self._waiting:
                self._waiting[event.block].append(event)
            return []
        if isinstance(event, ChoiceEnd | End):
            return [*self._close(), event]
        return [event]

    def _next(self) -> list[Event]:
        said: list[Event] = []
        self._current = None
        while self._waiting and self._current is None:
            block = next(iter(self._waiting))
            events = self._waiting.pop(block)
            said += events
            if not isinstance(events[-1], BlockEnd):
                self._current = block
        return said

    def _close(self) -> list[Event]:
        said: list[Event] = []
        while self._current is not None:
            said.append(BlockEnd(self._current))
            said += self._next()
        return said
