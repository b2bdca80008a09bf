"""`python -m bench.load`: a light load generator. Reads one job from standard input as JSON, prints what it saw.

A job is {"port", "path", "keys": […], "body": "…", "connections", "seconds"} for whole answers, or with "streams"
instead of "seconds": so many streams on each connection, one after the other. Every connection has a key of the list.
Nothing new is begun after the time is over, and what was begun is waited for: so the count is exact.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import uvloop

CONTENT = b'"content":"w'  # the first one of a stream: its first word
STAGGER = 20  # streams that begin together, so that the first chunk is measured and not the crowd at the door


@dataclass
class Seen:
    """What all connections saw."""

    ends_at: float
    latencies: list[float] = field(default_factory=list)  # seconds, of whole answers or until a stream's end
    firsts: list[float] = field(default_factory=list)  # seconds until the first content of a stream
    chunks: int = 0
    failures: dict[str, int] = field(default_factory=dict)


class Connection(asyncio.Protocol):
    """One kept-alive connection that asks again as soon as it is answered."""

    def __init__(self, job: dict[str, Any], number: int, seen: Seen, over: asyncio.Future[None]) -> None:
        key = job["keys"][number % len(job["keys"])]
        body = job["body"].encode()
        self._request = (
            f"POST {job['path']} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        ).encode() + body
        self._streams = job.get("streams", 0)
        self._seen = seen
        self._over = over
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._over.done():
            self._fail("connection lost")

    def _ask(self) -> None:
        self._began = time.perf_counter()
        self._heard_first = False
        self._data = b""
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._data = self._data + data if self._data else data
        if self._streams:
            self._stream()
            return
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            return
        at = self._data.lower().find(b"content-length:", 0, end)
        if at < 0:
            if not self._data.endswith(b"0\r\n\r\n"):  # chunked
                return
        elif len(self._data) < end + 4 + int(self._data[at + 15 : self._data.find(b"\r\n", at)]):
            return
        self._done()

    def _stream(self) -> None:
        if not self._heard_first and CONTENT in self._data:
            self._heard_first = True
            self._seen.firsts.append(time.perf_counter() - self._began)
        if self._data.endswith(b"0\r\n\r\n"):
            self._seen.chunks += self._data.count(b"data: {")
            self._done()
        elif len(self._data) > 1 << 20:  # a long one: only its end matters
            cut = self._data.rfind(b"\n\n")
            self._seen.chunks += self._data.count(b"data: {", 0, cut)
            self._data = b"HTTP/1.1 200" + self._data[cut:]

    def _done(self) -> None:
        if not self._data.startswith(b"HTTP/1.1 200") or (self._streams and b"data: [DONE]" not in self._data):
            self._fail(self._data[:300].decode("latin-1"))
            return
        self._seen.latencies.append(time.perf_counter() - self._began)
        if self._streams:
            self._streams -= 1
        if self._streams or time.perf_counter() < self._seen.ends_at:
            self._ask()
        else:
            self._over.set_result(None)
            self._transport.close()

    def _fail(self, what: str) -> None:
        self._seen.failures[what] = self._seen.failures.get(what, 0) + 1
        self._over.set_result(None)
        self._transport.close()


async def run(job: dict[str, Any]) -> dict[str, Any]:
    """Do the job; counts, and milliseconds."""
    loop = asyncio.get_running_loop()
    begun = time.perf_counter()
    seen = Seen(begun + job.get("seconds", 0))
    waiting = []
    for number in range(job["connections"]):
        over: asyncio.Future[None] = loop.create_future()
        waiting.append(over)
        await loop.create_connection(partial(Connection, job, number, seen, over), "127.0.0.1", job["port"])
        if job.get("streams") and number % STAGGER == STAGGER - 1:
            await asyncio.sleep(1 / 50)
    await asyncio.gather(*waiting)
    return {
        "done": len(seen.latencies),
        "seconds": time.perf_counter() - begun,
        "p50": at(seen.latencies, 50),
        "p99": at(seen.latencies, 99),
        "first50": at(seen.firsts, 50),
        "first99": at(seen.firsts, 99),
        "chunks": seen.chunks,
        "failures": seen.failures,
    }


def at(values: list[float], percent: int) -> float:
    """That percentile, in milliseconds; 0 of nothing."""
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)] * 1000 if values else 0


if __name__ == "__main__":
    print(json.dumps(uvloop.run(run(json.load(sys.stdin)))))
