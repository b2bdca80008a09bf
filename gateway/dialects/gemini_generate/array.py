"""A streamed answer as one JSON array: what clients of streamGenerateContent get unless they ask for `alt=sse`.

The array grows element by element and is valid JSON once it is closed; everything within it is as the events had it.
"""

from __future__ import annotations

import msgspec

from gateway import sse
from gateway.dialects.members import UNREADABLE

CONTENT_TYPE = "application/json; charset=utf-8"

_ANY = msgspec.json.Decoder(msgspec.Raw)
_SPACE = b"\n"  # may stand between elements


class ArrayFraming:
    """Server-sent events in, the bytes of an array out. One object per stream."""

    __slots__ = ("_closed", "_opened", "_said", "_splitter")

    def __init__(self) -> None:
        self._splitter = sse.Splitter()
        self._opened = False  # whether the bracket stands
        self._said = False  # whether an element does
        self._closed = False

    def feed(self, chunk: bytes) -> bytes:
        """What the events that are whole now become; `chunk` may hold several, or a part of one.

        Comments become white space, so that they still keep the connection alive. Events that are no JSON are left out,
        because one of them would spoil the whole array.
        """
        return b"".join(self._element(raw) for raw in self._splitter.feed(chunk))

    def finish(self) -> bytes:
        """The end: an unterminated last event, and the closing bracket. An answer without events is an empty array.
        Says nothing the second time."""
        if self._closed:
            return b""
        rest = self._splitter.rest()
        last = self._element(rest) if rest else b""
        self._closed = True
        return last + (b"\n]\n" if self._opened else b"[]\n")

    def _element(self, raw: bytes) -> bytes:
        if self._closed:
            return b""
        data = sse.data(raw)
        if data is None:
            return self._opening() or _SPACE
        try:
            _ANY.decode(data)
            data.decode()
        except UNREADABLE:
            return b""
        before = b"\n,\n" if self._said else self._opening()
        self._said = True
        return before + data

    def _opening(self) -> bytes:
        """The bracket, the first time: even a keep-alive before the first element must be something."""
        if self._opened:
            return b""
        self._opened = True
        return b"["


def wrapped(body: bytes) -> bytes:
    """An error before the stream began, as this form of the wire tells it: an array with one element."""
    return b"[" + body + b"\n]\n"
