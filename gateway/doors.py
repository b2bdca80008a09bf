"""The two doors of the server. The fast lane serves the table of model calls without Django's handler, which would
start a thread for each request; whatever is not in the table goes to Django as usual."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.conf import settings
from django.core.handlers.asgi import ASGIHandler

from gateway import call, changes, idempotency, memory, redis_pipe, till, tokens, upstream
from gateway.api import responses_background, responses_ws
from gateway.api.entries import ENTRIES, METHODS, pattern
from gateway.api.refusals import refuse
from gateway.api.serve import Incoming, serve
from gateway.bodies import BodyReader, ClientGone
from gateway.relay import Answer

log = logging.getLogger(__name__)

# A call leaves no cycles behind, so there is little to find; looking for it after every 700 objects is a waste.
GC_THRESHOLDS = (20_000, 20, 20)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Doors:
    """The ASGI application."""

    def __init__(self) -> None:
        self._django = ASGIHandler()
        self._background: list[asyncio.Task[None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        self._begin()
        if scope["type"] == "http" and settings.FAST_LANE:
            path = scope["path"]
            known = path if path in METHODS else pattern(path)
            if known is not None:
                await fast_lane(scope, receive, send, known)
                return
        if scope["type"] == "websocket":
            await upgraded(scope, receive, send)
            return
        await self._django(scope, receive, send)  # type: ignore[arg-type]

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._begin()
                await self._warm_up()
                gc.collect()
                gc.freeze()
                gc.set_threshold(*GC_THRESHOLDS)
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.end()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _warm_up(self) -> None:
        """Do now what the first call would otherwise wait for. A server without a database or Redis must start all the
        same, answer honestly, and recover."""
        try:
            await asyncio.to_thread(tokens.prepare)
            await redis_pipe.current().call("PING")
            await memory.catalogue()
        except Exception:
            log.exception("the server starts without all it needs")

    def _begin(self) -> None:
        """Start what runs beside the requests, once a loop. daphne has no lifespan, so the first request may do it."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            self._background = [loop.create_task(changes.listen(), name="listen-for-changes")]

    async def end(self) -> None:
        """Settle what still runs and let everything go; the last thing that a server does."""
        await responses_background.drain()
        await idempotency.drain()
        await call.drain()
        await till.current().close()
        await upstream.close()
        await redis_pipe.close()
        for task in self._background:
            task.cancel()


async def fast_lane(scope: Scope, receive: Receive, send: Send, path: str) -> None:
    """Serve one request of the table on raw ASGI."""
    reader = BodyReader(receive, settings.MAX_BODY_BYTES)
    headers = headers_of(scope)
    reader.expect(headers.get("content-length"))
    client = scope.get("client")
    incoming = Incoming(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        peer=client[0] if client else "",
        read=reader.read,
    )
    entry = ENTRIES.get((incoming.method, path))
    work = asyncio.current_task()
    assert work is not None
    gone = False

    def hang_up() -> None:
        nonlocal gone
        gone = True
        work.cancel()

    answer: Answer | None = None
    try:
        if entry is None:
            answer = refuse(incoming, METHODS[path])
        else:
            reader.when_gone(hang_up)
            answer = await serve(incoming, entry)
        await reader.drain()
        await respond(answer, send, head=incoming.method == "HEAD")
    except ClientGone:
        pass
    except asyncio.CancelledError:
        if not gone:
            raise
    finally:
        reader.stop()
        if answer is not None:
            answer.close()


async def upgraded(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one WebSocket; at an address that has none the handshake is refused."""
    if scope["path"] in responses_ws.OPERATIONS:
        await responses_ws.speak(scope, receive, send, headers_of(scope))
    else:
        await receive()
        await send({"type": "websocket.close", "code": 1008})


def headers_of(scope: Scope) -> dict[str, str]:
    """The request's headers. One that was sent several times is joined, as Django does it: nobody may slip a second
    key or address past whoever reads only one of them."""
    raw = scope["headers"]
    headers: dict[str, str] = {name.decode("latin-1"): value.decode("latin-1") for name, value in raw}
    if len(headers) < len(raw):
        headers.clear()
        for name, value in raw:
            known, text = name.decode("latin-1"), value.decode("latin-1")
            headers[known] = f"{headers[known]},{text}" if known in headers else text
    return headers


async def respond(answer: Answer, send: Send, *, head: bool = False) -> None:
    """Send an answer, streamed or whole."""
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    body = answer.body
    if not isinstance(body, bytes):
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        async for part in body:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        return
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else body})


application = Doors()
