"""The simulator as an ASGI application: a make-believe company of its own, on a port of its own.

`manage.py simulator --port 8100` serves it. It needs no database and no Redis. docs/simulator.md tells what it can do.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping, MutableMapping
from typing import Any, Self
from urllib.parse import parse_qsl

from gateway import env
from gateway.providers.simulator.anthropic.counter import Anthropic
from gateway.providers.simulator.desk import Desk, House, Refusal, Reply, Request
from gateway.providers.simulator.gemini.counter import Gemini
from gateway.providers.simulator.offer import Offer
from gateway.providers.simulator.openai_api import OpenAI
from gateway.providers.simulator.pace import Pace
from gateway.providers.simulator.playing import Cut, Player, Receive, Send, Whole

LARGEST_BODY = 64 * 1024 * 1024
WELCOME = b'{"object": "simulator", "documentation": "docs/simulator.md"}'


class Simulator:
    """The company. `pace` is how fast it speaks when a request does not say; `models` restricts what it offers."""

    def __init__(self, *, pace: Pace | None = None, models: tuple[str, ...] = ()) -> None:
        house = House(pace or Pace(), Offer(models))
        self._openai, self._anthropic, self._gemini = OpenAI(house), Anthropic(house), Gemini(house)

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
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        desk = self._desk(scope["path"], headers)
        try:
            reply = self._reply(scope, headers, await _body(receive, desk), desk)
        except Refusal as refusal:
            reply = Reply(Whole(refusal.body(), refusal.status, refusal.headers))
        except ConnectionResetError:
            return  # the client left while it was still sending
        player = Player(_signed(send, started, desk), reply.wishes, reply.dice)
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

    def _desk(self, path: str, headers: Mapping[str, str]) -> Desk:
        """The counter that a request belongs to. /v1/models is the same for all three companies, so there the headers
        tell who is asking, as they do for everything that nobody knows."""
        if path.startswith("/v1beta") or (path.startswith("/v1/models/") and ":" in path):
            return self._gemini
        if path.removeprefix("/v1").startswith("/messages"):
            return self._anthropic
        if path.removeprefix("/v1").split("/")[1:2] == ["models"]:
            if "x-goog-api-key" in headers:
                return self._gemini
            if "anthropic-version" in headers:
                return self._anthropic
        return self._openai

    def _reply(self, scope: MutableMapping[str, Any], headers: Mapping[str, str], body: bytes, desk: Desk) -> Reply:
        if scope["path"] == "/":
            return Reply(Whole(WELCOME))
        query = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1")))
        key = _key(headers, query, desk)
        if not key or key.startswith("invalid"):
            raise desk.unauthorised(key)
        return desk.reply(Request(scope["method"], scope["path"], headers, body, key, query))


def _key(headers: Mapping[str, str], query: Mapping[str, str], desk: Desk) -> str:
    """The key, from wherever the desk's own clients put it; "" when there is none."""
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and bearer.strip():
        return bearer.strip()
    own = {Anthropic: headers.get("x-api-key"), Gemini: headers.get("x-goog-api-key") or query.get("key")}
    return (own.get(type(desk)) or "").strip()


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _body(receive: Receive, desk: Desk) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionResetError
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > LARGEST_BODY:
            raise desk.refusal(413)
        if not message.get("more_body"):
            return b"".join(parts)


async def _departure(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _signed(send: Send, started: float, desk: Desk) -> Send:
    """Adds the headers that the company adds to every answer."""

    async def signed(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            identity = b"req_" + secrets.token_hex(16).encode()
            message["headers"] = [
                *message["headers"],
                (b"x-request-id" if not isinstance(desk, Anthropic) else b"request-id", identity),
                *desk.letterhead(int((time.monotonic() - started) * 1000)),
            ]
        await send(message)

    return signed
