"""The top-level members of a JSON object, found without decoding them, so that one can be edited and no other byte."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_SPACE = rb"[ \t\n\r]*"
_KEY = _SPACE + rb'"((?:[^"\\]|\\.)*)"' + _SPACE + b":" + _SPACE
_FIRST = re.compile(_SPACE + rb"\{" + _KEY, re.DOTALL)
_FURTHER = re.compile(_SPACE + b"," + _KEY, re.DOTALL)
_CLOSING = re.compile(_SPACE + rb"\}")

# Everything that msgspec raises on text that is no JSON, is nested too deep, or is no UTF-8.
UNREADABLE = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)


# Where a member's value stands: offsets into the body, start and end.
Member = tuple[int, int]


class DuplicateMember(ValueError):
    """A member stands twice: two readers may see two different objects. `position` is a byte offset near it."""

    def __init__(self, position: int) -> None:
        super().__init__(f"a member stands twice (byte {position})")
        self.position = position


class Edit(NamedTuple):
    """Bytes `start` to `end` of a body become `text`."""

    start: int
    end: int
    text: bytes


def members(body: bytes, offset: int = 0) -> dict[str, Member]:
    """Every top-level member of the object that `body` is; `offset` is added to all positions.

    Raises DuplicateMember, or one of UNREADABLE.
    """
    values = _OBJECT.decode(body)
    found: dict[str, Member] = {}
    # msgspec keeps the values in order but of two with one name only the last, and does not say where they stand. So
    # walk along: each key must be the next one, each value the very bytes; where that fails something stands twice.
    position, step = 0, _FIRST
    for name, raw in values.items():
        key = step.match(body, position)
        if key is None or _text(key[1]) != name:
            raise DuplicateMember(position + offset)
        start = key.end()
        value = bytes(raw)
        if not body.startswith(value, start):
            raise DuplicateMember(start + offset)
        position = start + len(value)
        found[name] = (start + offset, position + offset)
        step = _FURTHER
    if values and _CLOSING.match(body, position) is None:
        raise DuplicateMember(position + offset)
    return found


def inserted(body: bytes, name: str, value: bytes, *, after: int) -> Edit:
    """A new first member for the object whose opening brace stands at `after`."""
    following = after + 1
    while body[following : following + 1] in (b" ", b"\t", b"\n", b"\r"):
        following += 1
    comma = b"" if body[following : following + 1] == b"}" else b","
    return Edit(after + 1, after + 1, msgspec.json.encode(name) + b":" + value + comma)


def opening(body: bytes, start: int = 0) -> int:
    """Where the brace of the object stands that begins at or after `start`."""
    return body.index(b"{", start)


def edited(body: bytes, edits: Iterable[Edit]) -> bytes:
    """The body with these edits, which must not overlap; the same object when there are none."""
    ordered = sorted(edits)
    if not ordered:
        return body
    pieces: list[bytes | memoryview] = []
    view = memoryview(body)
    position = 0
    for start, end, text in ordered:
        pieces += (view[position:start], text)
        position = end
    pieces.append(view[position:])
    return b"".join(pieces)


def _text(key: bytes) -> str:
    if b"\\" in key:
        return msgspec.json.decode(b'"' + key + b'"', type=str)
    return key.decode()
