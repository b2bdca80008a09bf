"""One connection of the tape: reads requests, plays recordings, notices when the client hangs up."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

import httptools

from tests.fakes.recordings import Gate, Recording, Wait


@dataclass(slots=True, eq=False)
class Request:
    """One request as it came in, and what became of its answer. Times are `time.monotonic()` seconds."""

    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    body: bytes
    at: float
    connection: int
    sent: int = 0  # bytes of the body handed to the socket so far
    finished_at: float | None = None  # the answer was played to its end
    hung_up_at: float | None = None  # the client left before that
    _over: threading.Event = field(default_factory=threading.Event)

    def over(self) -> None:
        """Called by the connection: nothing more will happen to this request."""
        self._over.set()

    def header(self, name: str) -> str | None:
        """The first header of that name in any case; None when absent."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def hung_up(self) -> bool:
        """Whether the client left before the answer was over."""
        return self.hung_up_at is not None

    def wait(self, timeout: float = 5) -> bool:
        """Wait until the answer is over, one way or the other; False on timeout."""
        return self._over.wait(timeout)

    def wait_for_hang_up(self, timeout: float = 5) -> bool:
        """Wait until the answer is over; True when it was the client who ended it."""
        return self._over.wait(timeout) and self.hung_up


class Player(Protocol):
    """What a connection needs of the tape it belongs to."""

    def connected(self, connection: Connection) -> int: ...
    def disconnected(self, connection: Connection) -> None: ...
    def received(self, request: Request) -> Recording: ...
    def failed(self, error: Exception) -> None: ...


class Connection(asyncio.Protocol):
    """An HTTP/1.1 connection, kept alive until a recording or the client ends it."""

    def __init__(self, tape: Player) -> None:
        self._tape = tape
        self._parser = httptools.HttpRequestParser(self)
        self._writable = asyncio.Event()
        self._writable.set()
        self._waiting: asyncio.Queue[Request] = asyncio.Queue()
        self._current: Request | None = None
        self._gone = asyncio.Event()
        self._fresh()

    def _fresh(self) -> None:
        self._url = b""
        self._headers: list[tuple[str, str]] = []
        self._body: list[bytes] = []

    # --- From the socket ------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._number = self._tape.connected(self)
        self._player = asyncio.get_running_loop().create_task(self._play_all())

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.abort()

    def eof_received(self) -> bool:
        return False  # close: a client that ends its side has hung up

    def connection_lost(self, error: Exception | None) -> None:
        self._gone.set()
        self._writable.set()
        request = self._current
        if request is not None and request.finished_at is None:
            request.hung_up_at = time.monotonic()
        self._player.cancel()
        self._tape.disconnected(self)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def abort(self) -> None:
        """Close at once, without flushing."""
        self._transport.abort()

    # --- From the parser ------------------------------------------------------------------------------

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_body(self, data: bytes) -> None:
        self._body.append(data)

    def on_message_complete(self) -> None:
        target = urlsplit(self._url.decode("latin-1"))
        request = Request(
            method=self._parser.get_method().decode("latin-1"),
            path=target.path,
            query=target.query,
            headers=self._headers,
            body=b"".join(self._body),
            at=time.monotonic(),
            connection=self._number,
        )
        self._fresh()
        self._waiting.put_nowait(request)

    # --- Playing --------------------------------------------------------------------------------------

    async def _play_all(self) -> None:
        try:
            while True:
                request = await self._waiting.get()
                self._current = request
                await self._play(request, self._tape.received(request))
                request.over()
        except Exception as error:
            self._tape.failed(error)
            self._transport.abort()
        finally:
            if self._current is not None:
                self._current.over()

    async def _play(self, request: Request, recording: Recording) -> None:
        for pause in recording.before:
            await self._pause(pause)
        if not recording.raw:
            self._transport.write(self._head(recording))
        chunked = recording.framing == "chunked" and not recording.raw
        for step in recording.body() if callable(recording.body) else recording.body:
            if not isinstance(step, bytes):
                await self._pause(step)
            elif step:
                self._transport.write(b"%x\r\n%b\r\n" % (len(step), step) if chunked else step)
                request.sent += len(step)
                await self._writable.wait()
                await asyncio.sleep(0)  # one write is one segment; and the client's goodbye is heard in between
        if recording.ending == "hang":
            await self._gone.wait()
        if chunked and recording.ending in ("proper", "close"):
            self._transport.write(b"0\r\n\r\n")
        request.finished_at = time.monotonic()
        if recording.ending == "reset":
            self._reset()
        elif recording.ending in ("cut", "close") or recording.framing == "close" or recording.raw:
            self._transport.close()

    async def _pause(self, step: Wait | Gate) -> None:
        if isinstance(step, Gate):
            await step.passed()
        else:
            await asyncio.sleep(step.seconds)

    def _reset(self) -> None:
        raw = self._transport.get_extra_info("socket")
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    @staticmethod
    def _head(recording: Recording) -> bytes:
        lines = [f"HTTP/1.1 {recording.status} {http.client.responses.get(recording.status, 'Unknown')}"]
        lines += [f"{name}: {value}" for name, value in recording.headers.items()]
        if recording.framing == "chunked":
            lines.append("transfer-encoding: chunked")
        elif recording.framing == "length":
            length = recording.declared if recording.declared is not None else len(recording.content())
            lines.append(f"content-length: {length}")
        else:
            lines.append("connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
