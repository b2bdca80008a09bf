"""The one HTTP client that talks to providers: pools, time limits, and transport failures in our own words.

No retries live here (dispatch decides), no redirects are followed, and a response that is closed before its end
closes the connection, so the provider stops working at once.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from typing import Any

import aiohttp
from django.conf import settings

from gateway.errors import UpstreamError, UpstreamTimeout

# A provider that sends one event longer than this per read makes aiohttp pause it: back-pressure, flat memory.
READ_BUFFER = 1 << 18


class Response:
    """An open answer of a provider: status, headers, and bytes as they come."""

    __slots__ = ("_answer", "headers", "status")

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer
        self.status = answer.status
        self.headers: Mapping[str, str] = answer.headers

    async def chunk(self) -> bytes:
        """The next bytes, b"" at the end. Raises UpstreamError when the stream breaks."""
        try:
            return await self._answer.content.readany()
        except (aiohttp.ClientError, OSError) as error:
            raise UpstreamError("The model's provider broke off its answer.", reason="stream_broken") from error

    async def whole(self, limit: int) -> bytes:
        """The whole body, up to `limit` bytes. Raises UpstreamError when it breaks off or is larger."""
        parts: list[bytes] = []
        size = 0
        while part := await self.chunk():
            size += len(part)
            if size > limit:
                raise UpstreamError("The model's provider sent an answer beyond all bounds.", reason="bad_response")
            parts.append(part)
        return b"".join(parts)

    def close(self) -> None:
        """Hang up. A fully read answer goes back to the pool instead."""
        if self._answer.content.at_eof():
            self._answer.release()
        else:
            self._answer.close()


async def send(
    method: str, url: str, *, headers: Mapping[str, str], body: bytes | None, first_byte_seconds: float
) -> Response:
    """Send one request and wait for the status line.

    Raises UpstreamTimeout when nothing comes within `first_byte_seconds`, UpstreamError when there is no connection.
    """
    try:
        async with asyncio.timeout(first_byte_seconds):
            answer = await session().request(method, url, headers=headers, data=body, allow_redirects=False)
    except TimeoutError as error:
        raise UpstreamTimeout(
            "The model's provider did not begin to answer in time.", timeout_seconds=int(first_byte_seconds)
        ) from error
    except (aiohttp.ClientError, OSError) as error:
        raise UpstreamError("The model's provider could not be reached.", reason="down") from error
    return Response(answer)


_sessions: dict[asyncio.AbstractEventLoop, aiohttp.ClientSession] = {}


def session() -> aiohttp.ClientSession:
    """The session of the running event loop: one a worker."""
    loop = asyncio.get_running_loop()
    found = _sessions.get(loop)
    if found is None or found.closed:
        for stale in [other for other in _sessions if other.is_closed()]:
            del _sessions[stale]
        found = _sessions[loop] = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                ttl_dns_cache=300,
                keepalive_timeout=60,
                enable_cleanup_closed=True,
                socket_factory=_no_delay,
            ),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=settings.UPSTREAM_CONNECT_SECONDS),
            read_bufsize=READ_BUFFER,
            auto_decompress=True,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept-Encoding"),
            trust_env=settings.UPSTREAM_USES_PROXY_ENVIRONMENT,
        )
    return found


async def close() -> None:
    """Let every pooled connection go; called when the server stops."""
    found = _sessions.pop(asyncio.get_running_loop(), None)
    if found is not None:
        await found.close()


def _no_delay(info: Any) -> socket.socket:
    family, kind, protocol = info[:3]
    connection = socket.socket(family, kind, protocol)
    connection.setblocking(False)
    if family in (socket.AF_INET, socket.AF_INET6):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return connection
