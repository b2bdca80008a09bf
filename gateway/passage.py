"""How bytes move from a provider to the customer: watched, renamed where the model's name differs, never re-encoded."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

from django.conf import settings

from billing.holds import SettleVerdict
from gateway.call import Call
from gateway.dialects.base import Fault, Kind
from gateway.dispatch import Opened, classify, cut, learn
from gateway.errors import GatewayError, InternalError, UpstreamError, UpstreamTimeout
from gateway.funding import Cover
from gateway.postscripts import NOTHING, Postscript
from gateway.silence import Silence
from gateway.sse import KEEPALIVE

log = logging.getLogger(__name__)

# After its last event a provider has this long to close the body, so that the connection can be used again.
LINGER_SECONDS = 0.05


class Flow(Protocol):
    """The body of an answer that comes in parts. `close()` may be called at any time, from any thread, repeatedly."""

    def __aiter__(self) -> Flow:
        """Itself."""

    async def __anext__(self) -> bytes:
        """The next part."""

    def close(self) -> None:
        """Nobody reads it any more."""


class Framing(Protocol):
    """Another frame for a stream's events, such as one JSON array."""

    def feed(self, chunk: bytes) -> bytes:
        """What these events become."""

    def finish(self) -> bytes:
        """The end of the frame."""


class Stream:
    """The body of one streamed answer: an asynchronous iterator that owns the provider's open response.

    A class and not a generator, because a customer may leave before the first byte is asked for, and a generator that
    never started cannot clean up. `close()` may be called at any time, from any thread, and more than once.
    """

    def __init__(
        self, call: Call, opening: asyncio.Task[Opened], cover: Cover, postscript: Postscript = NOTHING
    ) -> None:
        self._call = call
        self._opening = opening
        self._cover = cover
        self._postscript = postscript
        self._framing: Framing | None = None
        self._opened: Opened | None = None
        self._over = False
        self._last: Callable[[], Awaitable[bytes]] | None = None  # what is still to be sent, once the books are durable
        self._heard = time.monotonic()
        self._silence = Silence(settings.KEEPALIVE_SECONDS)

    async def begun(self) -> None:
        """Wait for the first content, at most as long as a connection may be silent. Raises what kept it away."""
        done, _ = await asyncio.wait({self._opening}, timeout=settings.KEEPALIVE_SECONDS)
        if done:
            self._opening.result()

    @property
    def worthless(self) -> bool:
        """Whether it came to nothing: it failed, and nothing was charged."""
        outcome = self._call.outcome
        return outcome.kind in ("failed", "cancelled") and not outcome.produced

    def reframe(self, framing: Framing) -> None:
        """Send the same events in another frame than that of server-sent events."""
        self._framing = framing

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> bytes:
        if self._over:
            raise StopAsyncIteration
        out = await self._part()
        if self._framing is not None:
            out = self._framing.feed(out) + (self._framing.finish() if self._over else b"")
        return out

    async def _part(self) -> bytes:
        try:
            if self._last is not None:
                self._over = True
                return await self._last()
            return await self._next()
        except GatewayError as error:
            return await self._fail(error)
        except Exception:
            log.exception("%s broke inside its stream", self._call.request_id)
            return await self._fail(InternalError())
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Hang up on the provider and settle. Without an end in sight the call counts as cancelled."""
        self._over = True
        self._call.run_on_loop(self._hang_up)

    def _hang_up(self) -> None:
        self._opening.cancel()
        if self._opening.done() and not self._opening.cancelled() and self._opening.exception() is None:
            self._opened = self._opening.result()
            self._opened.response.close()
        self._note()
        self._call.close()

    async def _next(self) -> bytes:
        if self._opened is None:
            done, _ = await asyncio.wait({self._opening}, timeout=settings.KEEPALIVE_SECONDS)
            if not done:
                self._cover.heartbeat()
                return KEEPALIVE
            self._opened = self._opening.result()
            self._call.first_byte_ms = self._call.elapsed_ms()
            self._heard = time.monotonic()
            events, self._opened.events = self._opened.events, []
            out = self._pass([raw for raw, _ in events], [kind for _, kind in events])
            if out:
                return out
        opened = self._opened
        while self._last is None:
            if await self._cover.catch_up():
                self._last = self._cut
                break
            chunk = await self._silence.broken_by(opened.response.chunk())
            if chunk is None:
                self._bear_silence()
                return KEEPALIVE
            self._heard = time.monotonic()
            self._cover.heartbeat()
            raws = cut(opened.splitter, chunk)
            out = self._pass(raws, [opened.watch.watch(raw) for raw in raws])
            if not chunk and self._last is None:
                self._end_without_done()
            if out:
                return out
        self._over = True
        return await self._last()

    def _pass(self, raws: list[bytes], kinds: list[Kind]) -> bytes:
        """What of these events goes to the customer now. Sets `_last` when the end was among them."""
        opened = self._opened
        assert opened is not None
        watch = opened.watch
        out: list[bytes] = []
        for raw, kind in zip(raws, kinds, strict=True):
            if kind is Kind.ERROR:
                assert self._call.route is not None
                self._last = partial(self._fail, classify(self._call.route, watch.error or Fault("server")))
                break
            if kind is Kind.DONE:
                self._last = partial(self._complete, raw)
                break
            out.append(opened.interpreter.event(raw, kind))
        text = watch.take_text()
        if text:
            self._call.outcome.tally.add(text)
            if self._cover.spent(text) and self._last is None:
                self._last = self._cut
        return b"".join(out)

    def _end_without_done(self) -> None:
        """The provider closed the body without its last word. With a finish reason that is an end, else a break."""
        opened = self._opened
        assert opened is not None
        if opened.watch.finish in (None, ""):
            raise UpstreamError("The model's provider broke off its answer.", reason="stream_broken")
        self._last = partial(self._complete, b"")

    def _bear_silence(self) -> None:
        if time.monotonic() - self._heard > settings.STREAM_IDLE_SECONDS:
            raise UpstreamTimeout(
                "The model's provider fell silent in the middle of its answer.",
                timeout_seconds=settings.STREAM_IDLE_SECONDS,
            )
        self._cover.heartbeat()

    async def _complete(self, last: bytes) -> bytes:
        assert self._opened is not None
        self._call.outcome.kind = "completed"
        ending = self._opened.interpreter.last(last)
        verdict = await self._settle(linger=True)
        return self._postscript.ending(self._call, verdict, ending)

    async def _cut(self) -> bytes:
        """The wallet is empty: stop the provider, end honestly as if the length were reached, charge what passed."""
        opened = self._opened
        assert opened is not None
        opened.watch.finish = "length"
        self._call.outcome.kind = "cut"
        verdict = await self._settle()
        usage = self._call.charged_usage if self._call.envelope.wants_usage else None
        return self._postscript.ending(self._call, verdict, opened.interpreter.ending(opened.watch, usage))

    async def _fail(self, error: GatewayError) -> bytes:
        """Tell the customer inside the stream; what was delivered is charged, an empty stream is not."""
        self._over = True
        outcome = self._call.outcome
        outcome.kind, outcome.error_code, outcome.status = "failed", error.code, error.status
        if self._opened is not None and not self._opened.watch.finish:
            self._opened.watch.finish = "error"
        if self._opened is not None and self._call.route is not None:
            learn(self._call.route, error)  # that it began well says little when it breaks off
        await self._settle()
        return self._call.dialect.stream.failure(error, self._call.request_id, settings.DOCS_URL)

    async def _settle(self, *, linger: bool = False) -> SettleVerdict | None:
        opened = self._opened
        if opened is not None:
            if linger:
                try:
                    async with asyncio.timeout(LINGER_SECONDS):
                        while await opened.response.chunk():
                            pass
                except (TimeoutError, GatewayError):
                    pass  # a provider that keeps its connection open after the last word only loses it
            opened.response.close()
        else:
            self._opening.cancel()
        self._note()
        return await self._call.settled()

    def _note(self) -> None:
        """Carry what the meter saw over to the call."""
        if self._opened is not None:
            watch, outcome = self._opened.watch, self._call.outcome
            outcome.usage, outcome.produced, outcome.finish = watch.usage, watch.produced, watch.finish
