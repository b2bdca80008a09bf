"""A stream that is written down while it passes, and goes on without its listener."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from gateway.passage import Flow
from gateway.sse import KEEPALIVE

log = logging.getLogger(__name__)

AHEAD = 32  # parts that may wait for a slow reader


class Recorder:
    """Passes a stream on and keeps what passed. A reader who leaves does not stop it: it runs to its end by itself.

    `end` is awaited with the recording before the reader learns of the end; None when the stream broke off. A recording
    beyond `most` bytes is not kept whole: it comes out one byte longer than `most`, so that its reader can tell.
    """

    def __init__(self, stream: Flow, most: int, end: Callable[[bytes | None], Awaitable[None]]) -> None:
        self._stream = stream
        self._most = most
        self._end = end
        self._alone = False
        self._parts: asyncio.Queue[bytes | None] = asyncio.Queue(AHEAD)
        self._loop = asyncio.get_running_loop()
        self.task = self._loop.create_task(self._record(), name="record")

    def __aiter__(self) -> Recorder:
        return self

    async def __anext__(self) -> bytes:
        part = await self._parts.get()
        if part is None:
            self._parts.put_nowait(None)
            raise StopAsyncIteration
        return part

    def close(self) -> None:
        """The reader has left. From any thread, more than once."""
        try:
            here = asyncio.get_running_loop() is self._loop
        except RuntimeError:
            here = False
        if here:
            self._leave()
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._leave)

    def _leave(self) -> None:
        self._alone = True
        self._drop()

    def _drop(self) -> None:
        while not self._parts.empty():
            self._parts.get_nowait()

    async def _record(self) -> None:
        kept = bytearray()
        whole = False
        try:
            async for part in self._stream:
                if part != KEEPALIVE and len(kept) <= self._most:
                    kept += part[: self._most + 1 - len(kept)]
                await self._pass(part)
            whole = True
        except Exception:
            log.exception("a recorded stream broke")
        finally:
            self._stream.close()
            await self._end(bytes(kept) if whole else None)
            if not whole:
                self._drop()
            await self._pass(None)

    async def _pass(self, part: bytes | None) -> None:
        if not self._alone:
            await self._parts.put(part)
