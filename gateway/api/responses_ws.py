"""Responses over a WebSocket, at the same paths: each message of the client creates one response, and its events come
back as JSON, one a message. One response at a time; key, limits and money are looked at anew for each.

What is wrong with the first message closes the connection. Later, and for everything that a single request can be
refused for, an `error` event says so, and the connection stays; unless the key itself is no longer good.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings

from accounts.keys import Caller
from gateway import callid, limits
from gateway.api import auth
from gateway.api.responses import CREATE
from gateway.api.responses_asking import RESPONSES, prepare
from gateway.api.responses_keeping import delivered, remembering
from gateway.api.serve import Entry, Incoming, failure, serve
from gateway.dialects.members import UNREADABLE
from gateway.dialects.openai_responses.owning import replaced
from gateway.dialects.openai_responses.payload import payload
from gateway.errors import ConcurrencyLimit, GatewayError, InternalError, InvalidJson, UnsupportedParameter
from gateway.relay import Answer, Operation, relay
from gateway.responses_store import Conversation
from gateway.sse import Splitter

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

OPERATIONS: Mapping[str, Operation] = {f"{base}/responses": operation for base, operation in CREATE.items()}

NORMAL, TOO_BIG, POLICY, LATER = 1000, 1009, 1008, 1013  # RFC 6455 §7.4.1; 1013 is in IANA's registry
RETRY_SECONDS = 5  # what a key with too many connections is told to wait
REFUSES = "websocket.http.response"  # ASGI's extension by which a server can answer a handshake with a status


class _Create(msgspec.Struct, gc=False):
    type: msgspec.Raw = msgspec.Raw(b"null")
    model: msgspec.Raw = msgspec.Raw(b"null")
    previous_response_id: msgspec.Raw = msgspec.Raw(b"null")


async def speak(scope: Scope, receive: Receive, send: Send, headers: dict[str, str]) -> None:
    """Serve one connection from its handshake to its end."""
    peer = (scope.get("client") or [""])[0]
    query = scope["query_string"].decode("latin-1")
    identity = callid.new()
    await receive()  # websocket.connect
    try:
        caller = await auth.recognise(headers, query, peer, scope["path"])
        if not await limits.admit_socket(caller, identity):
            most = settings.SOCKETS_PER_KEY
            raise ConcurrencyLimit(
                f"This key has {most} connections open, and may have no more.",
                retry_after=RETRY_SECONDS,
                limit=most,
                resource="connections",
            )
    except GatewayError as error:
        await _turn_away(scope, send, failure(error, RESPONSES, identity), error)
        return
    incoming = Incoming("POST", scope["path"], query, {**headers, "content-type": ""}, peer, _nothing)
    try:
        await send({"type": "websocket.accept"})
        await _Socket(incoming, OPERATIONS[scope["path"]], receive, send).run()
    finally:
        limits.leave_socket(caller, identity)


async def _turn_away(scope: Scope, send: Send, answer: Answer, error: GatewayError) -> None:
    """Refuse a handshake: with a proper answer where the server can send one, else with a closing code."""
    if REFUSES in (scope.get("extensions") or {}):
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
        await send({"type": f"{REFUSES}.start", "status": answer.status, "headers": headers})
        await send({"type": f"{REFUSES}.body", "body": answer.body})
        return
    await send({"type": "websocket.accept"})
    code = LATER if error.retryable else POLICY
    await send({"type": "websocket.close", "code": code, "reason": reason(error.message)})


async def _nothing() -> bytes:
    return b""


class _Socket:
    """One open connection."""

    def __init__(self, incoming: Incoming, operation: Operation, receive: Receive, send: Send) -> None:
        self._incoming = incoming
        self._operation = operation
        self._receive = receive
        self._send = send
        self._entry = Entry("POST", incoming.path, RESPONSES, "chat", self._create)
        self._remembered: dict[str, Conversation] = {}  # the latest conversation, if it is stored nowhere
        self._sending = asyncio.Lock()
        self._closed = False
        self._body = b""

    async def run(self) -> None:
        """Read and answer until one of the two sides has had enough."""
        loop = asyncio.get_running_loop()
        receiving = loop.create_task(self._message())
        work: asyncio.Task[None] | None = None
        patience, first = settings.SOCKET_FIRST_SECONDS, True
        try:
            while not self._closed:
                waiting = {receiving} if work is None else {receiving, work}
                done, _ = await asyncio.wait(
                    waiting, timeout=patience if work is None else None, return_when=asyncio.FIRST_COMPLETED
                )
                if not done:
                    await self._close(
                        *((POLICY, "missing first response.create message") if first else (NORMAL, "nothing was asked"))
                    )
                if work is not None and work in done:
                    work.result()
                    work, patience = None, settings.SOCKET_IDLE_SECONDS
                if receiving in done:
                    message = receiving.result()
                    if message is None:
                        return
                    receiving = loop.create_task(self._message())
                    if work is not None:
                        await self._busy()
                        continue
                    wrong = "" if len(message) > settings.SOCKET_MESSAGE_BYTES else fault_of(message)
                    if len(message) > settings.SOCKET_MESSAGE_BYTES:
                        await self._close(TOO_BIG, "message too big")
                    elif wrong and first:
                        await self._close(POLICY, wrong)
                    elif wrong:
                        await self._refuse(InvalidJson(f"This is no response.create message: {wrong}."))
                    else:
                        work = loop.create_task(self._answer(message))
                    first = False
        finally:
            for task in (receiving, work):
                if task is not None:
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)

    async def _message(self) -> bytes | None:
        """The next message; None when the client has left."""
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            self._closed = True
            return None
        text = message.get("text")
        return text.encode() if text is not None else message.get("bytes") or b""

    async def _answer(self, message: bytes) -> None:
        """One response.create: all its events, or the error event that says why there are none."""
        self._body = message
        answer = await serve(self._incoming, self._entry)
        try:
            if isinstance(answer.body, bytes):
                await self._say_error(answer)
                return
            splitter = Splitter()
            async for part in answer.body:
                for raw in splitter.feed(part):
                    data = payload(raw)
                    if data is not None:
                        await self._say(data)
        except Exception:
            log.exception("%s broke on its connection", answer.request_id)
            await self._refuse(InternalError())
        finally:
            answer.close()

    async def _create(self, caller: Caller, incoming: Incoming, identity: UUID) -> Answer:
        body = replaced(self._body, {"stream": b"true"}, without=("type",))
        if b'"generate"' in body and msgspec.json.decode(body).get("generate") is False:
            raise UnsupportedParameter("`generate` cannot be switched off.", param="generate")
        asked = await prepare(caller, self._operation, body, identity, self._remembered)
        if asked.claim.background:
            raise UnsupportedParameter("`background` is not supported on a WebSocket.", param="background")
        answer = await relay(caller, self._operation, asked.body, identity, envelope=asked.envelope)
        return await delivered(answer, asked, remembering(asked, self._remembered))

    async def _busy(self) -> None:
        await self._refuse(
            ConcurrencyLimit(
                "A connection has one response at a time: wait until this one is over.",
                limit=1,
                in_flight=1,
                resource="responses of a connection",
            )
        )

    async def _refuse(self, error: GatewayError) -> None:
        await self._say_error(failure(error, RESPONSES, callid.new()))

    async def _say_error(self, answer: Answer) -> None:
        assert isinstance(answer.body, bytes)
        told = {"type": "error", "status": answer.status, **msgspec.json.decode(answer.body)}
        told["headers"] = {name: value for name, value in answer.headers if name in ("retry-after", "x-request-id")}
        await self._say(msgspec.json.encode(told))
        if answer.status in (401, 403) and told["error"].get("code") in KEY_IS_NO_GOOD:
            await self._close(POLICY, told["error"]["message"])

    async def _say(self, data: bytes) -> None:
        async with self._sending:
            if not self._closed:
                await self._send({"type": "websocket.send", "text": data.decode()})

    async def _close(self, code: int, why: str) -> None:
        async with self._sending:
            if not self._closed:
                self._closed = True
                await self._send({"type": "websocket.close", "code": code, "reason": reason(why)})


KEY_IS_NO_GOOD = frozenset({"invalid_api_key", "api_key_disabled", "account_disabled", "key_scope_mismatch"})


def fault_of(message: bytes) -> str:
    """What keeps a message from being a response.create; "" for nothing."""
    try:
        message.decode()
        wish = msgspec.json.decode(message, type=_Create)
        kind, model, previous = (json.loads(bytes(raw)) for raw in (wish.type, wish.model, wish.previous_response_id))
    except (*UNREADABLE, ValueError):
        return "invalid JSON payload"
    if kind != "response.create":
        return "missing first response.create message"
    if not isinstance(model, str) or not model:
        return "model is required in response.create"
    if previous is not None and not (isinstance(previous, str) and previous.startswith("resp_")):
        return "previous_response_id must be a resp_* id"
    return ""


def reason(text: str) -> str:
    """What fits into a close frame: 123 bytes."""
    return text.encode()[:120].decode("utf-8", "ignore")
