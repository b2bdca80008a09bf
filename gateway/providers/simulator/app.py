"""The simulator as an ASGI application: a make-believe company of its own, on a port of its own.

`manage.py simulator --port 8100`, or `uvicorn --factory gateway.providers.simulator.app:Simulator.from_environment`.
It needs no database and no Redis. docs/simulator.md tells what it can do.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import MutableMapping
from typing import Any, Self

from gateway import env
from gateway.providers.simulator.conversation import Dice
from gateway.providers.simulator.faults import NONE
from gateway.providers.simulator.openai_api import OpenAI, Reply, Request
from gateway.providers.simulator.openai_errors import Refusal
from gateway.providers.simulator.openai_models import Models
from gateway.providers.simulator.pace import Pace
from gateway.providers.simulator.playing import Cut, Player, Receive, Send, Whole
from gateway.providers.simulator.wishes import Wishes

LARGEST_BODY = 64 * 1024 * 1024
INSTANT = Wishes(NONE, Pace(first=0, rate=0))
WELCOME = b'{"object": "simulator", "documentation": "docs/simulator.md"}'
NO_KEY = (
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
    "(i.e. Authorization: Bearer YOUR_KEY)."
)


class Simulator:
    """The company. `pace` is how fast it speaks when a request does not say; `models` restricts what it offers."""

    def __init__(self, *, pace: Pace | None = None, models: tuple[str, ...] = ()) -> None:
        self._openai = OpenAI(pace or Pace(), Models(models))

    @classmethod
    def from_environment(cls) -> Self:
        """As SIMULATOR_PACE and SIMULATOR_MODELS (comma-separated) say; ValueError when they say nonsense."""
        return cls(pace=Pace.read(env.text("SIMULATOR_PACE", "natural")), models=tuple(env.words("SIMULATOR_MODELS")))

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """ASGI: HTTP and lifespan; a WebSocket is refused."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _http(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        started = time.monotonic()
        try:
            body = await _body(receive)
            reply = self._reply(scope, body)
        except Refusal as refusal:
            reply = Reply(Whole(refusal.body(), refusal.status, refusal.headers), INSTANT, Dice(""))
        except ConnectionResetError:
            return  # the client left while it was still sending
        player = Player(_signed(send, started), reply.wishes, reply.dice)
        answer = reply.answer
        playing = asyncio.ensure_future(player.whole(answer) if isinstance(answer, Whole) else player.stream(answer))
        leaving = asyncio.ensure_future(_departure(receive))
        try:
            await asyncio.wait({playing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            playing.cancel()  # without effect when it is done
        try:
            await playing
        except (asyncio.CancelledError, Cut):
            return  # an answer that ends here, unfinished, makes the server close the connection

    def _reply(self, scope: MutableMapping[str, Any], body: bytes) -> Reply:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if scope["path"] == "/":
            return Reply(Whole(WELCOME), INSTANT, Dice(""))
        scheme, _, key = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise Refusal(401, NO_KEY)
        if key.startswith("invalid"):
            shown = key if len(key) < 12 else f"{key[:8]}{'*' * (len(key) - 12)}{key[-4:]}"
            raise Refusal(401, f"Incorrect API key provided: {shown}.", code="invalid_api_key")
        return self._openai.reply(Request(scope["method"], scope["path"], headers, body, key.strip()))


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionResetError
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > LARGEST_BODY:
            raise Refusal.of(413)
        if not message.get("more_body"):
            return b"".join(parts)


async def _departure(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _signed(send: Send, started: float) -> Send:
    """Adds the headers that api.openai.com adds; a gateway must not hand the company's own on to its customers."""

    async def signed(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [
                *message["headers"],
                (b"x-request-id", b"req_" + secrets.token_hex(16).encode()),
                (b"openai-processing-ms", str(int((time.monotonic() - started) * 1000)).encode()),
                (b"openai-version", b"2020-10-01"),
                (b"openai-organization", b"simulator"),
                (b"x-ratelimit-limit-requests", b"10000"),
                (b"x-ratelimit-remaining-requests", b"9999"),
                (b"x-ratelimit-reset-requests", b"6ms"),
            ]
        await send(message)

    return signed
