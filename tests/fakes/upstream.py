"""A provider made of tape: it plays recordings over a real socket, byte for byte, slow, cut or broken.

    with Tape() as tape:
        tape.play(Recording.json({"id": "chatcmpl-1"}), Recording.sse([...]).cut(after=120))
        ...                                   # let the code under test call tape.url
        assert tape.requests[0].json()["model"] == "gpt-4o"
        assert tape.requests[1].wait_for_hang_up()

The server lives in a thread of its own with its own event loop; everything public may be called from any thread.
One recording answers one request, in the order of `play`; `always` answers when the queue is empty. A request for which
nothing was laid in is answered with status 500 and kept in `tape.unexpected`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tests.fakes.connection import Connection, Request
from tests.fakes.recordings import Gate, Recording, Step, Wait


@dataclass(frozen=True, slots=True)
class _Laid:
    recording: Recording
    path: str | None


class Tape:
    """The provider. Use as a context manager; `url` is its origin, without a trailing slash."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._queue: list[_Laid] = []
        self._default: Recording | Callable[[Request], Recording] | None = None
        self._requests: list[Request] = []
        self._unexpected: list[Request] = []
        self._failures: list[Exception] = []
        self._connections: set[Connection] = set()
        self._opened = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="tape", daemon=True)
        self._ready = threading.Event()
        self.port = 0

    # --- Laying in recordings -------------------------------------------------------------------------

    def play(self, *recordings: Recording, path: str | None = None) -> None:
        """Answer the next requests with these, one each; with `path`, only requests to that path take them."""
        with self._lock:
            self._queue += [_Laid(recording, path) for recording in recordings]

    def always(self, recording: Recording | Callable[[Request], Recording]) -> None:
        """Answer with this, or with what the function makes of the request, whenever nothing else is laid in."""
        with self._lock:
            self._default = recording

    # --- What happened --------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def requests(self) -> list[Request]:
        """Every request that was received whole, oldest first."""
        with self._lock:
            return list(self._requests)

    @property
    def unexpected(self) -> list[Request]:
        """Requests for which no recording was laid in."""
        with self._lock:
            return list(self._unexpected)

    @property
    def unplayed(self) -> int:
        """How many recordings still wait for a request."""
        with self._lock:
            return len(self._queue)

    @property
    def connections(self) -> int:
        """How many connections were ever opened."""
        with self._lock:
            return self._opened

    @property
    def open_connections(self) -> int:
        """How many connections are open now."""
        with self._lock:
            return len(self._connections)

    def wait_for_requests(self, count: int = 1, timeout: float = 5) -> list[Request]:
        """Wait until so many requests came in; AssertionError when they do not."""
        with self._lock:
            arrived = self._lock.wait_for(lambda: len(self._requests) >= count, timeout)
            assert arrived, f"{len(self._requests)} of {count} requests came within {timeout} s"
            return list(self._requests)

    # --- Running --------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10), "the tape did not start"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        assert not self._thread.is_alive(), "the tape did not stop"
        if error is None and self._failures:
            raise AssertionError("a recording could not be played") from self._failures[0]

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            self._loop.create_server(lambda: Connection(self), "127.0.0.1", 0, backlog=1024)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for connection in list(self._connections):
            connection.abort()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    # --- Called by connections, in the loop's thread ------------------------------------------------------

    def connected(self, connection: Connection) -> int:
        with self._lock:
            self._connections.add(connection)
            self._opened += 1
            return self._opened

    def disconnected(self, connection: Connection) -> None:
        with self._lock:
            self._connections.discard(connection)

    def failed(self, error: Exception) -> None:
        with self._lock:
            self._failures.append(error)

    def received(self, request: Request) -> Recording:
        with self._lock:
            self._requests.append(request)
            laid = next((laid for laid in self._queue if laid.path in (None, request.path)), None)
            if laid is not None:
                self._queue.remove(laid)
            default = self._default
            if laid is None and default is None:
                self._unexpected.append(request)
            self._lock.notify_all()
        if laid is not None:
            return laid.recording
        if default is None:
            return Recording.json({"error": {"message": "No recording was laid in for this request."}}, status=500)
        return default(request) if callable(default) else default


def nowhere() -> str:
    """An origin at which nobody listens: connecting is refused."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


__all__ = ["Gate", "Recording", "Request", "Step", "Tape", "Wait", "nowhere"]
