"""Request bodies: read up to a limit, and notice a customer who leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from gateway.errors import RequestTooLarge

# A refused body is read and thrown away up to this many times the limit, so that the client gets to read our answer
# instead of a broken pipe.
POLITENESS = 8


class ClientGone(asyncio.CancelledError):
    """The customer closed the connection while sending."""


class BodyReader:
    """The body of one ASGI request, and the watch over its connection."""

    def __init__(self, receive: Callable[[], Awaitable[MutableMapping[str, Any]]], limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._more = True
        self._announced = 0
        self._gone: Callable[[], None] | None = None
        self._watch: asyncio.Task[None] | None = None

    def expect(self, content_length: str | None) -> None:
        """Take note of the announced size."""
        if content_length is not None and content_length.isdigit():
            self._announced = int(content_length)

    async def read(self) -> bytes:
        """The whole body. Raises RequestTooLarge, or ClientGone when it never comes to its end."""
        parts: list[bytes] = []
        size = 0
        while self._more:
            if self._announced > self._limit:
                raise self._too_large(self._announced)
            message = await self._message()
            part = message.get("body", b"")
            size += len(part)
            if size > self._limit:
                raise self._too_large(size)
            parts.append(part)
        if self._gone is not None:
            self._watch = asyncio.get_running_loop().create_task(self._wait_for_hang_up())
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def when_gone(self, action: Callable[[], None]) -> None:
        """Call `action` when the customer leaves after the body was read."""
        self._gone = action

    async def drain(self) -> None:
        """Throw away what is left of a body that nobody wanted, within reason."""
        left = self._limit * POLITENESS
        while self._more and left > 0:
            message = await self._message()
            left -= len(message.get("body", b""))

    def stop(self) -> None:
        """The answer is out: stop watching."""
        if self._watch is not None:
            self._watch.cancel()

    async def _message(self) -> MutableMapping[str, Any]:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._more = False
            raise ClientGone
        self._more = message.get("more_body", False)
        return message

    async def _wait_for_hang_up(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if self._gone is not None:
            self._gone()

    def _too_large(self, size: int) -> RequestTooLarge:
        return RequestTooLarge(
            f"The body is larger than the {self._limit} bytes that one request may have.",
            limit_bytes=self._limit,
            size_bytes=size,
        )
