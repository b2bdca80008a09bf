"""Recordings for the tape: what a provider answers, byte for byte, and how it fails on the way."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Self

Framing = Literal["chunked", "length", "close"]
Ending = Literal["proper", "close", "cut", "reset", "hang"]


@dataclass(frozen=True, slots=True)
class Wait:
    """A step of a recording: nothing is sent for so many seconds."""

    seconds: float


class Gate:
    """A step of a recording: nothing is sent until the test calls `open()`. For tests that must not depend on time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._opened = False
        self._reached = threading.Event()
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def open(self) -> None:
        """Let the recording go on; a gate stays open."""
        with self._lock:
            self._opened = True
            for loop, event in self._waiting:
                with contextlib.suppress(RuntimeError):  # that tape has stopped meanwhile
                    loop.call_soon_threadsafe(event.set)

    def wait_until_reached(self, timeout: float = 5) -> bool:
        """Wait until the recording stands before this gate (everything before it was written); False on timeout."""
        return self._reached.wait(timeout)

    async def passed(self) -> None:
        """Called by the tape: wait for the test."""
        event = asyncio.Event()
        with self._lock:
            if self._opened:
                event.set()
            else:
                self._waiting.append((asyncio.get_running_loop(), event))
        self._reached.set()
        await event.wait()


Step = bytes | Wait | Gate
Body = Sequence[Step] | Callable[[], Iterable[Step]]


@dataclass(frozen=True, slots=True)
class Recording:
    """One scripted answer.

    `body` is a sequence of steps (each `bytes` is one write), or a function that makes them, for endless streams.
    `before` are waits and gates that are gone through before the status line is sent.

    `framing`: "chunked", "length" (Content-Length of the whole body, also when the answer is cut short), or "close"
    (neither: the end of the connection is the end of the body).
    `ending`: "proper"; "close" (a whole answer, then the connection is closed unannounced); "cut" (closed without the
    last chunk); "reset" (TCP RST); "hang" (silence until the client leaves).
    `raw` replaces status line, headers and framing: the body's bytes are all that is sent.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body = ()
    before: Sequence[Wait | Gate] = ()
    framing: Framing = "length"
    ending: Ending = "proper"
    raw: bool = False
    declared: int | None = None

    # --- Making one ---------------------------------------------------------------------------------

    @classmethod
    def json(cls, value: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Self:
        """A JSON answer; `value` may be bytes, which are sent as they are (also when they are not JSON)."""
        content = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()
        return cls(status=status, headers={"content-type": "application/json", **(headers or {})}, body=(content,))

    @classmethod
    def sse(
        cls,
        events: Iterable[object],
        *,
        done: bool = True,
        newline: bytes = b"\n",
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Self:
        """A stream of server-sent events, one write per event.

        Each event is an object (becomes one JSON `data:` line), bytes (sent as they are), a Wait or a Gate.
        `done` appends `data: [DONE]`.
        """
        steps: list[Step] = []
        for event in events:
            if isinstance(event, bytes | Wait | Gate):
                steps.append(event)
            else:
                steps.append(b"data: " + json.dumps(event, ensure_ascii=False).encode() + newline * 2)
        if done:
            steps.append(b"data: [DONE]" + newline * 2)
        kept = {"content-type": "text/event-stream; charset=utf-8", **(headers or {})}
        return cls(status=status, headers=kept, body=tuple(steps), framing="chunked")

    @classmethod
    def file(cls, path: Path, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Self:
        """A recorded answer from disk: `*.sse` is a stream (one write per event), everything else a JSON body."""
        content = path.read_bytes()
        if path.suffix != ".sse":
            return cls.json(content, status=status, headers=headers)
        newline = b"\r\n" if b"\r\n\r\n" in content else b"\n"
        pieces = content.split(newline * 2)
        events = [piece + newline * 2 for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])
        return cls.sse(events, done=False, status=status, headers=headers)

    @classmethod
    def garbage(cls, content: bytes = b"\x16\x03\x01 this is not HTTP\r\n\r\n") -> Self:
        """Bytes that are no HTTP answer, then the connection is closed."""
        return cls(body=(content,), raw=True, ending="cut")

    # --- Changing one: each returns a new recording ---------------------------------------------------

    def content(self) -> bytes:
        """All bytes of the body; not for bodies made by a function."""
        assert not callable(self.body), "a body made by a function has no fixed content"
        return b"".join(step for step in self.body if isinstance(step, bytes))

    def in_pieces(self, size: int) -> Self:
        """The same bytes, `size` at a time (1: split at every byte). Waits and gates are dropped."""
        content = self.content()
        return replace(self, body=tuple(content[at : at + size] for at in range(0, len(content), size)))

    def slow(self, *, first_byte: float = 0, between: float = 0) -> Self:
        """Seconds before the status line, and between any two writes of the body."""
        body = self.body
        if between:
            assert not callable(body)
            spaced: list[Step] = []
            for step in body:
                spaced += [Wait(between), step] if spaced else [step]
            body = tuple(spaced)
        return replace(self, body=body, before=(*self.before, Wait(first_byte)) if first_byte else self.before)

    def behind(self, gate: Gate) -> Self:
        """Nothing, not even the status line, before the gate is open."""
        return replace(self, before=(*self.before, gate))

    def cut(self, *, after: int | None = None) -> Self:
        """Close the connection after so many bytes of the body (None: after all of them), without a terminator."""
        return self._shortened(after, "cut")

    def reset(self, *, after: int | None = None) -> Self:
        """Reset the connection (RST) after so many bytes of the body; `after=0` sends the headers only."""
        return self._shortened(after, "reset")

    def hang(self, *, after: int | None = None) -> Self:
        """Fall silent after so many bytes of the body until the client leaves."""
        return self._shortened(after, "hang")

    def closing(self) -> Self:
        """A whole answer, after which the kept-alive connection is closed without a word."""
        return replace(self, ending="close")

    def _shortened(self, after: int | None, ending: Ending) -> Self:
        if after is None:
            return replace(self, ending=ending)
        assert not callable(self.body)
        kept: list[Step] = []
        left = after
        for step in self.body:
            if isinstance(step, bytes):
                piece = step[:left]
                kept.append(piece)
                left -= len(piece)
                if left == 0:
                    break
            else:
                kept.append(step)
        return replace(self, body=tuple(kept), ending=ending, declared=len(self.content()))
