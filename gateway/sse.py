"""Server-sent events, as bytes: cut a stream of any chunking into whole events, read one, write one.

The rules are those of the WHATWG HTML standard, section 9.2 "Server-sent events": a line ends in LF, CRLF or CR, an
event ends at an empty line, a line that starts with a colon is a comment, one leading byte order mark is ignored.
"""

from __future__ import annotations

import re

KEEPALIVE = b": keep-alive\n\n"
LONGEST_EVENT = 64 * 1024 * 1024  # bytes; an event is held in memory until it is whole

_BOM = b"\xef\xbb\xbf"

# The end of a line followed by an empty line. A CR that ends the buffer may be half of a CRLF, so where the line
# before ended in LF the next byte decides; after CR CR there is nothing to wait for.
_BLANK = re.compile(rb"\r\r|\r?\n(?:\n|\r\n|\r(?=[^\n]))")
_LOOKBACK = 3  # bytes of the longest end, \r\n\r\n, that a former scan may have left unfinished


class EventTooLong(ValueError):
    """One event grew beyond LONGEST_EVENT without an end."""


class Splitter:
    """Cuts a byte stream into whole raw events, whatever its chunking.

    Nothing is changed: all events that `feed` returned and then `rest()`, joined, are the bytes that went in. Each raw
    event includes the empty line that ends it. Memory: the event that is not yet whole.
    """

    __slots__ = ("_buffer", "_carriage", "_scanned")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._carriage = False  # whether the buffer holds a CR; without one the search is a plain find
        self._scanned = 0  # up to here the buffer is known to hold no whole event

    def feed(self, chunk: bytes) -> list[bytes]:
        """The events that are whole now. Raises EventTooLong."""
        if not self._buffer and b"\r" not in chunk:
            end = chunk.find(b"\n\n")
            if end == len(chunk) - 2 >= 0:
                return [chunk]  # by far the most common case: one event, one chunk
        self._buffer += chunk
        if not self._carriage and b"\r" in chunk:
            self._carriage = True
        events = self._cut_any() if self._carriage else self._cut_plain()
        if len(self._buffer) > LONGEST_EVENT:
            raise EventTooLong(f"a server-sent event is longer than {LONGEST_EVENT} bytes")
        return events

    def rest(self) -> bytes:
        """What is left when the stream has ended: an unterminated last event, or nothing. Empties the splitter."""
        left = bytes(self._buffer)
        self._buffer.clear()
        self._scanned, self._carriage = 0, False
        return left

    def _cut_plain(self) -> list[bytes]:
        buffer = self._buffer
        events: list[bytes] = []
        start = 0
        end = buffer.find(b"\n\n", max(0, self._scanned - 1))
        while end >= 0:
            events.append(bytes(buffer[start : end + 2]))
            start = end + 2
            end = buffer.find(b"\n\n", start)
        if start:
            del buffer[:start]
        self._scanned = len(buffer)
        return events

    def _cut_any(self) -> list[bytes]:
        buffer = self._buffer
        events: list[bytes] = []
        start = 0
        found = _BLANK.search(buffer, max(0, self._scanned - _LOOKBACK))
        while found:
            events.append(bytes(buffer[start : found.end()]))
            start = found.end()
            found = _BLANK.search(buffer, start)
        if start:
            del buffer[:start]
            self._carriage = b"\r" in buffer
        self._scanned = len(buffer)
        return events


def data(raw: bytes) -> bytes | None:
    """The `data:` lines of one raw event, joined by LF; None for an event without any, such as a comment."""
    if raw.startswith(b"data: ") and raw.endswith(b"\n\n") and raw.find(b"\n") == len(raw) - 2 and b"\r" not in raw:
        return raw[6:-2]
    lines = _values(raw, b"data")
    return b"\n".join(lines) if lines else None


def name(raw: bytes) -> str:
    """The event's name from its last `event:` line; "" when it has none."""
    if raw.startswith(b"data:") and b"event" not in raw:
        return ""
    values = _values(raw, b"event")
    return values[-1].decode("utf-8", "replace") if values else ""


def _values(raw: bytes, field: bytes) -> list[bytes]:
    values = []
    for line in raw.removeprefix(_BOM).splitlines():  # bytes.splitlines knows LF, CRLF and CR, and nothing else
        key, colon, value = line.partition(b":")
        if key == field:
            values.append(value.removeprefix(b" ") if colon else b"")
    return values


def render(data: bytes, event: str | None = None) -> bytes:
    """One event. Data of several lines (LF, CRLF or CR) becomes as many `data:` lines."""
    head = b"event: " + event.encode() + b"\n" if event else b""
    if b"\n" in data or b"\r" in data:
        return head + b"".join(b"data: " + line + b"\n" for line in data.splitlines() or [b""]) + b"\n"
    return head + b"data: " + data + b"\n\n"
