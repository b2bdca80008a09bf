"""Sending an answer over ASGI: at a believable pace, and as wrongly as the request asked for.

Works on pieces of any dialect: `data` is what stands behind `data:`, `event` what stands behind `event:`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from gateway.providers.simulator.conversation import Dice
from gateway.providers.simulator.faults import Fault
from gateway.providers.simulator.wishes import Wishes

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class Kind(Enum):
    """What a piece of a stream is: of the kinds before FINISH there may be many, and between them faults wait."""

    OPENING = "opening"  # also everything else that frames the content
    CONTENT = "content"
    FINISH = "finish"
    USAGE = "usage"
    DONE = "done"


class Framing(Enum):
    """How the events of a stream stand in its body."""

    EVENTS = "events"  # server-sent events
    EVENTS_CRLF = "events-crlf"  # the same with Google's line ends
    ARRAY = "array"  # the elements of one JSON array


@dataclass(frozen=True, slots=True)
class Piece:
    """One event of a stream."""

    kind: Kind
    data: bytes
    event: str | None = None


@dataclass(frozen=True, slots=True)
class Whole:
    """An answer that is sent at once; `tokens` were spoken for it, `hidden` of them in thought."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    tokens: int = 0
    hidden: int = 0


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer that is sent event by event; `failure` makes the event that tells of an error in the middle of it."""

    pieces: Iterator[Piece]
    failure: Callable[[], Piece]
    headers: Mapping[str, str] = field(default_factory=dict)
    hidden: int = 0
    framing: Framing = Framing.EVENTS


class Cut(Exception):
    """The connection is to be closed here, in the middle of the answer."""


class Player:
    """Plays one answer to one client; `dice` decides the small irregularities of its pace."""

    def __init__(self, send: Send, wishes: Wishes, dice: Dice) -> None:
        self._send, self._faults, self._pace, self._dice = send, wishes.faults, wishes.pace, dice
        self._newline = b"\r\n" if "crlf" in self._faults else b"\n"
        split = self._faults.get("split")
        self._split = split.size(3) if split else None
        self._elements: int | None = None  # of the array that was begun

    # --- A whole answer ---------------------------------------------------------------------------------

    async def whole(self, answer: Whole) -> None:
        """Send it; raises Cut where the connection must break."""
        await self._silence_before_the_first_byte()
        rate = self._pace.tokens_per_second(self._dice)
        if answer.tokens:
            await _sleep(self._pace.opening(self._dice, answer.hidden) + (answer.tokens / rate if rate else 0))
        body = answer.body
        if "malformed-json" in self._faults:
            body = body[: len(body) * 2 // 3]
        headers = {"content-type": answer.content_type, "content-length": str(len(body)), **answer.headers}
        await self._start(answer.status, headers)
        middle = len(body) // 2
        for name in ("cut-stream", "silence", "hang"):
            if fault := self._faults.get(name):
                await self._write(body[:middle])
                body = body[middle:]
                await self._strike(fault)
        await self._write(body)
        await self._send({"type": "http.response.body", "body": b""})

    # --- A stream ---------------------------------------------------------------------------------------

    async def stream(self, answer: Stream) -> None:
        """Send it; raises Cut where the connection must break."""
        await self._silence_before_the_first_byte()
        if early := self._faults.get("slow-first-event"):
            await self._start_stream(answer)
            await _sleep(early.seconds(5))
        await _sleep(self._pace.opening(self._dice, answer.hidden))
        if not early:
            await self._start_stream(answer)
        passed, struck = 0, set[str]()
        for piece in answer.pieces:
            for name in ("silence", "hang", "cut-stream", "error-in-stream", "malformed-json"):
                fault = self._faults.get(name)
                if fault is None or name in struck or not _due(fault, piece, passed):
                    continue
                struck.add(name)
                if name == "error-in-stream":
                    await self._event(answer.failure())
                    await self._end_stream()
                    return
                if name == "malformed-json":
                    piece = Piece(piece.kind, piece.data[: len(piece.data) * 2 // 3], piece.event)
                else:
                    await self._strike(fault)
            if piece.kind is Kind.CONTENT:
                await _sleep(self._pace.between(self._dice, passed))
                passed += 1
            await self._event(piece)
        await self._end_stream()

    async def _start_stream(self, answer: Stream) -> None:
        kind = "text/event-stream; charset=utf-8"
        if answer.framing is Framing.ARRAY:
            kind, self._elements = "application/json; charset=UTF-8", 0
        elif answer.framing is Framing.EVENTS_CRLF:
            self._newline = b"\r\n"
        await self._start(200, {"content-type": kind, "cache-control": "no-cache", **answer.headers})

    async def _end_stream(self) -> None:
        if self._elements is not None:
            await self._write(b"]" if self._elements else b"[]")
        await self._send({"type": "http.response.body", "body": b""})

    async def _event(self, piece: Piece) -> None:
        if self._elements is not None:
            await self._write((b",\r\n" if self._elements else b"[") + piece.data)
            self._elements += 1
            return
        lines = [b": SIMULATOR PROCESSING", b""] if "comments" in self._faults else []
        if piece.event is not None:
            lines.append(b"event: " + piece.event.encode())
        lines += [b"data: " + piece.data, b"", b""]
        await self._write(self._newline.join(lines))

    # --- What both need ---------------------------------------------------------------------------------

    async def _silence_before_the_first_byte(self) -> None:
        if slow := self._faults.get("slow-first-byte"):
            await _sleep(slow.seconds(5))
        if (hang := self._faults.get("hang")) and "after" not in hang.settings:
            await asyncio.Event().wait()

    async def _strike(self, fault: Fault) -> None:
        if fault.name == "silence":
            await _sleep(fault.seconds(30))
        elif fault.name == "hang":
            await asyncio.Event().wait()  # until the client leaves and the task is cancelled
        else:
            raise Cut

    async def _start(self, status: int, headers: Mapping[str, str]) -> None:
        listed = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": listed})

    async def _write(self, data: bytes) -> None:
        size = self._split or max(1, len(data))
        for at in range(0, len(data), size):
            await self._send({"type": "http.response.body", "body": data[at : at + size], "more_body": True})
            await asyncio.sleep(0)  # so that a fast stream neither starves its neighbours nor outlives its client


def _due(fault: Fault, piece: Piece, passed: int) -> bool:
    """Whether a fault strikes before this piece: after so many events of content, at the latest before the end."""
    after = fault.after(0 if fault.name == "error-in-stream" else 3)
    return passed >= after if piece.kind in (Kind.OPENING, Kind.CONTENT) else True


async def _sleep(seconds: float) -> None:
    if seconds > 0:
        await asyncio.sleep(seconds)
