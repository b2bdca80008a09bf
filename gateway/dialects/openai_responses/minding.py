"""What is remembered of a passing stream so that it can be ended before its provider ends it. Bounded: a stream that
says more than KEPT_TEXT is remembered by its shape alone.

Clients take an answer from the last events, which repeat all that was said. Where everything is still known it is
repeated; where it is not, items are left without their last word rather than told wrongly.
"""

from __future__ import annotations

from io import StringIO
from typing import Any

import msgspec

from gateway.dialects.members import UNREADABLE

KEPT_TEXT = 128 * 1024  # what is remembered of the output: characters of deltas, and bytes of items that have ended
KEPT_OBJECT = 256 * 1024  # bytes of the response object as it was at the start: it repeats the request


class OpenItem:
    """An item that has begun and not ended, with its parts: (type of the part, its words). `open`: the last one has not
    ended; `told`: its words have been repeated whole."""

    __slots__ = ("item", "open", "parts", "told")

    def __init__(self, item: dict[str, Any]) -> None:
        self.item = item
        self.parts: list[tuple[str, StringIO]] = []
        self.open = False
        self.told = False


class Minding:
    """`sequence` is the number of the last event, -1 before the first. `whole` tells whether everything said is still
    known."""

    __slots__ = ("_begun", "_size", "finished", "items", "sequence", "whole")

    def __init__(self) -> None:
        self.sequence = -1
        self.items: dict[int, OpenItem] = {}  # by output index
        self.finished: dict[int, bytes] = {}
        self.whole = True
        self._begun = b""
        self._size = 0

    def begin(self, response: bytes) -> None:
        """The response object of the first events."""
        if len(response) <= KEPT_OBJECT:
            self._begun = response

    def begun(self) -> dict[str, Any]:
        """That object; {} when it was never seen, or too large to keep."""
        try:
            value = msgspec.json.decode(self._begun)
        except UNREADABLE:
            return {}
        return value if isinstance(value, dict) else {}

    def item_added(self, index: int, item: dict[str, Any]) -> None:
        """An item begins."""
        self.items[index] = OpenItem(item)

    def part_added(self, index: int, kind: str) -> None:
        """A part of an item begins."""
        known = self.items.get(index)
        if known is not None:
            known.parts.append((kind, StringIO()))
            known.open, known.told = True, False

    def words_done(self, index: int) -> None:
        """The words of the last part, or of a tool call, have been repeated whole."""
        known = self.items.get(index)
        if known is not None:
            known.told = True

    def part_done(self, index: int) -> None:
        """A part has ended."""
        known = self.items.get(index)
        if known is not None:
            known.open = False

    def delta(self, index: int, text: str) -> None:
        """More words of the last part of an item; those of a tool call have no part."""
        if not self.whole:
            return
        known = self.items.get(index)
        self._size += len(text)
        if known is None or self._size > KEPT_TEXT:
            self._forget()
            return
        if not known.parts:
            known.parts.append(("", StringIO()))
        known.parts[-1][1].write(text)

    def item_done(self, index: int, raw: bytes) -> bool:
        """An item has ended; whether its beginning was seen."""
        known = self.items.pop(index, None) is not None
        if self.whole:
            self._size += len(raw)
            if self._size > KEPT_TEXT:
                self._forget()
            else:
                self.finished[index] = raw
        return known

    def _forget(self) -> None:
        self.whole = False
        self.finished.clear()
        for known in self.items.values():
            known.parts = [(kind, StringIO()) for kind, _ in known.parts]
