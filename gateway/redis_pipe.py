"""Redis in as few system calls as possible: whatever is asked within one turn of the event loop leaves in one write.

Redis may fail without harm to a call, so nobody ever waits for it longer than PATIENCE. While it is away every question
fails at once, and a task of its own tries to reach it again; only the first questions after the loss wait at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections import deque
from collections.abc import Coroutine
from typing import Any, cast

import hiredis
from django.conf import settings

from gateway.redis_address import Address, parse

log = logging.getLogger(__name__)

PATIENCE = 0.25  # seconds that one question may take, connecting included
GRACE = 0.01  # a last look at the socket before an answer counts as late: the loop itself may have been busy
UNHURRIED = 0.005  # seconds that a command may wait whose reply nobody needs
FIRST_PAUSE = 0.1  # seconds between two attempts to reach Redis again, doubled up to
LONGEST_PAUSE = 2.0
STEADY = 1.0  # seconds after which a connection is believed; one that is lost sooner counts as a failed attempt
CONNECT_SECONDS = 5.0  # one attempt in the background; nobody waits for it longer than PATIENCE
MOST_WAITING = 10_000  # questions without an answer; beyond it new ones are refused

Word = str | bytes | int
_NOTHING_YET = object()
# Errors after which the same connection stays useless: another server took over, or this one is not ready.
_LEAVE_ON = ("READONLY", "LOADING", "MASTERDOWN", "NOAUTH", "CLUSTERDOWN")


class RedisDown(Exception):
    """Redis cannot be reached or did not answer in time. Whether it acted on the question is unknown."""


class RedisRefused(Exception):
    """Redis answered with an error."""


class Script:
    """A Lua script, known to Redis by its hash."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()


class _Connection(asyncio.Protocol):
    """One open connection: questions in order, answers in the same order."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.lost: asyncio.Future[bool] = loop.create_future()  # True: it hung, False: it was closed
        self._reader = hiredis.Reader(notEnoughData=_NOTHING_YET)
        self._waiting: deque[tuple[asyncio.Future[Any], float]] = deque()
        self._unsent: list[bytes] = []
        self._sending = False  # at the end of this turn; what is merely told waits for company
        self._transport: asyncio.Transport | None = None
        self._watchdog: asyncio.TimerHandle | None = None

    def ask(self, words: tuple[Any, ...], *, urgent: bool = True) -> asyncio.Future[Any]:
        """Send one command with this turn's others. The future has the reply, RedisRefused or RedisDown.

        What is not urgent goes with the next that is, after UNHURRIED seconds at the latest: a write costs more than
        the command in it.
        """
        future: asyncio.Future[Any] = self.loop.create_future()
        if self._transport is None or len(self._waiting) >= MOST_WAITING:
            future.set_exception(RedisDown("Redis is overrun" if self._transport else "the connection is closed"))
            return future
        if urgent and not self._sending:
            self._sending = True
            self.loop.call_soon(self._send)
        elif not self._unsent:
            self.loop.call_later(UNHURRIED, self._send)
        self._unsent.append(hiredis.pack_command(words))
        self._waiting.append((future, self.loop.time()))
        if self._watchdog is None:
            self._watchdog = self.loop.call_later(PATIENCE - GRACE, self._watch)
        return future

    def abort(self, reason: str, *, hung: bool = False) -> None:
        """Close at once; every open question fails."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = None
        while self._waiting:
            future, _ = self._waiting.popleft()
            if not future.done():
                future.set_exception(RedisDown(reason))
        if not self.lost.done():
            self.lost.set_result(hung)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.abort("Redis closed the connection")

    def data_received(self, data: bytes) -> None:
        try:
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not _NOTHING_YET:
                future, _ = self._waiting.popleft()
                if future.done():  # whoever asked has left
                    continue
                if isinstance(reply, hiredis.ReplyError):
                    future.set_exception(RedisRefused(str(reply)))
                    if str(reply).startswith(_LEAVE_ON):
                        self.abort(str(reply))
                        return
                else:
                    future.set_result(reply)
        except (hiredis.ProtocolError, IndexError) as error:
            self.abort(f"what answers is not Redis: {error}")

    def _send(self) -> None:
        unsent, self._unsent = self._unsent, []
        self._sending = False
        if unsent and self._transport is not None:
            self._transport.write(b"".join(unsent))

    def _watch(self, *, last_look: bool = False) -> None:
        """One timer for all questions: is the oldest one late?"""
        self._watchdog = None
        if not self._waiting:
            return
        left = self._waiting[0][1] + PATIENCE - GRACE - self.loop.time()
        if left > 0:
            self._watchdog = self.loop.call_later(left, self._watch)
        elif not last_look:
            self._watchdog = self.loop.call_later(GRACE, lambda: self._watch(last_look=True))
        else:
            self.abort("Redis did not answer in time", hung=True)


class Pipe:
    """The connection to Redis of one event loop, kept up by itself."""

    def __init__(self, url: str) -> None:
        self._address: Address = parse(url)
        self._loop = asyncio.get_running_loop()
        self._connection: _Connection | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._change = asyncio.Event()  # set when an attempt to connect has ended, well or not
        self._bear_until = 0.0  # until then questions wait for the connection; afterwards they fail at once
        self._closed = False

    async def call(self, *words: Word) -> Any:
        """The reply to one command. Raises RedisDown within PATIENCE, or RedisRefused."""
        if self._connection is not None:
            return await self._connection.ask(words)
        try:
            async with asyncio.timeout(PATIENCE):
                connection = await self._wait()
                return await connection.ask(words)
        except TimeoutError:
            raise RedisDown("Redis cannot be reached") from None

    async def run(self, script: Script, keys: list[str], arguments: list[Word]) -> Any:
        """What a script returns. Redis forgets scripts when it restarts; then it is told again."""
        try:
            return await self.call("EVALSHA", script.sha, len(keys), *keys, *arguments)
        except RedisRefused as error:
            if not str(error).startswith("NOSCRIPT"):
                raise
            return await self.call("EVAL", script.source, len(keys), *keys, *arguments)

    def tell(self, *words: Word) -> None:
        """Send a command whose reply nobody needs; forgotten when Redis is away. Never waits, never raises."""
        if self._connection is not None:
            self._connection.ask(words, urgent=False).add_done_callback(_look_away)

    async def close(self) -> None:
        """Let go of the connection for good, once Redis has taken note of everything that it was told."""
        self._closed = True
        keeper, self._keeper = self._keeper, None
        if self._connection is not None:
            connection = self._connection
            with contextlib.suppress(RedisDown, RedisRefused):
                await connection.ask(("PING",))
            connection.abort("the pipe is closed")
            self._connection = None
        if keeper is not None:
            keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeper

    async def _wait(self) -> _Connection:
        if self._closed:
            raise RedisDown("the pipe is closed")
        if self._keeper is None or self._keeper.done():
            self._bear_until = self._loop.time() + PATIENCE
            self._keeper = self._loop.create_task(self._keep(), name="redis-pipe")
        while self._connection is None:
            left = self._bear_until - self._loop.time()
            if left <= 0:
                raise RedisDown("Redis cannot be reached")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._change.wait()
        return self._connection

    async def _keep(self) -> None:
        """Hold one connection open, for as long as the pipe lives."""
        pause, well = FIRST_PAUSE, True
        while True:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    connection = await self._open()
            except (OSError, TimeoutError, RedisDown, RedisRefused) as error:
                if well:
                    log.error("Redis at %s cannot be reached: %s", self._address, error)
                well = False
                self._bear_until = 0.0
                self._announce()
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                continue
            if not well:
                log.warning("Redis at %s is back", self._address)
            well, born = True, self._loop.time()
            self._connection = connection
            self._announce()
            try:
                hung = await connection.lost
            finally:
                self._connection = None
            if self._loop.time() - born < STEADY:
                self._bear_until = 0.0
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                # A server that restarts may be back in a moment; one that hung has used up the patience already.
                self._bear_until = 0.0 if hung else self._loop.time() + PATIENCE
                pause = FIRST_PAUSE

    def _announce(self) -> None:
        self._change.set()
        self._change = asyncio.Event()

    async def _open(self) -> _Connection:
        """A connection that has proved to answer. Raises OSError, RedisDown or RedisRefused."""
        address, loop = self._address, self._loop
        connection = _Connection(loop)
        opening: Coroutine[Any, Any, Any]
        if address.path:
            opening = loop.create_unix_connection(lambda: connection, address.path)
        else:
            opening = loop.create_connection(lambda: connection, address.host, address.port, ssl=address.tls())
        await opening
        try:
            for words in address.greeting():
                await connection.ask(words)
        except BaseException:
            connection.abort("the greeting failed")
            raise
        return connection


def _look_away(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()


_pipes: dict[asyncio.AbstractEventLoop, Pipe] = {}


def current() -> Pipe:
    """The pipe of the running event loop, to the Redis of the setting REDIS_URL."""
    loop = asyncio.get_running_loop()
    pipe = _pipes.get(loop)
    if pipe is None:
        for stale in [other for other in _pipes if other.is_closed()]:
            del _pipes[stale]
        pipe = _pipes[loop] = Pipe(settings.REDIS_URL)
    return pipe


async def close() -> None:
    """Let go of this loop's pipe; called when the server stops."""
    pipe = _pipes.pop(asyncio.get_running_loop(), None)
    if pipe is not None:
        await pipe.close()
