"""Try the routes of a call in order. Fail over before the first byte reaches the customer, never after it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from django.conf import settings

from catalog import health
from catalog.routing import Route
from gateway import memory, upstream
from gateway.call import Attempt, Call
from gateway.dialects.base import Fault, Kind, Watcher
from gateway.errors import GatewayError, UpstreamError, UpstreamTimeout, UpstreamUnavailable
from gateway.interpreting import Interpreter, interpreter
from gateway.providers import PROVIDERS
from gateway.sse import EventTooLong, Splitter
from gateway.steering import Leg
from gateway.tokens import Tally
from gateway.upstream import Response

log = logging.getLogger(__name__)

Result = TypeVar("Result")


# What makes an answer an answer. Usage alone does not: a stream of nothing but usage is a failure of the provider.
BEGUN = (Kind.CONTENT, Kind.FINISH, Kind.DONE)


@dataclass(slots=True)
class Opened:
    """A provider's stream that has begun to say something: `events` were read and watched, but not yet passed on."""

    response: Response
    interpreter: Interpreter
    splitter: Splitter
    watch: Watcher
    events: list[tuple[bytes, Kind]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the relay asks of whichever route answers."""

    output_limit: int | None = None  # tokens a choice; sent upstream when the wallet covers less than was asked for


async def dispatch(call: Call, legs: Sequence[Leg], attempt: Callable[[Call, Route], Awaitable[Result]]) -> Result:
    """The result of the first endpoint that answers.

    Raises the last endpoint's error when none does, or at once when the error says that no endpoint can help (the
    customer's own mistake), or when the time for the whole call is used up.
    """
    last: GatewayError | None = None
    for leg in legs:
        route = leg.route
        if not health.admits(route.endpoint_id):
            continue
        record = Attempt(route)
        call.attempts.append(record)
        call.route, call.rise = route, leg.rise
        begun = time.monotonic()
        try:
            result = await attempt(call, route)
        except GatewayError as error:
            record.error = error.code
            learn(route, error)
            last = error
            late = time.monotonic() - call.started > settings.CALL_BUDGET_SECONDS
            if not error.retryable or late or len(call.attempts) >= settings.MAX_ATTEMPTS:
                break
        else:
            learn(route, None)
            return result
        finally:
            record.milliseconds = int((time.monotonic() - begun) * 1000)
    if last is None:
        raise UpstreamUnavailable("Every provider of this model is out of order right now.", reason="down")
    if isinstance(last, UpstreamError):
        last.meta["attempts"] = len(call.attempts)
    raise last


def learn(route: Route, error: GatewayError | None) -> None:
    """Let the endpoint's breaker know. A customer's mistake is a provider in good health."""
    verdict = "ok" if error is None or not error.retryable else error.blame
    change = health.report(route.endpoint_id, verdict, "" if error is None else f"{error.code}: {error.message}")
    if change is not None:
        log.warning("endpoint %s is now %s %s", change.endpoint_id, change.state, change.reason)
        memory.write_down(change)


def fetching(wish: Wish) -> Callable[[Call, Route], Awaitable[bytes]]:
    """An attempt that brings the whole answer of a route, checked to be one."""

    async def fetch(call: Call, route: Route) -> bytes:
        left = _remaining(call)
        try:
            async with asyncio.timeout(left):
                speaker, response = await _send(call, route, wish, left)
                try:
                    body = await response.whole(settings.MAX_ANSWER_BYTES)
                finally:
                    response.close()
        except TimeoutError as error:
            raise UpstreamTimeout(
                "The model did not answer within the time for one call.", timeout_seconds=settings.CALL_BUDGET_SECONDS
            ) from error
        call.first_byte_ms = call.elapsed_ms()
        report = speaker.speech.usage.read(body)
        outcome = call.outcome
        if report.error is not None:
            raise classify(route, report.error)
        if not report.produced and report.finish in (None, ""):
            raise UpstreamError("The model's provider answered without an answer.", reason="no_output")
        outcome.usage, outcome.produced, outcome.finish = report.usage, report.produced, report.finish
        outcome.tally = Tally()  # an earlier attempt may have left its words
        if report.usage is None:
            for text in report.texts:
                outcome.tally.add(text)
        return speaker.whole(body)

    return fetch


def opening(wish: Wish) -> Callable[[Call, Route], Awaitable[Opened]]:
    """An attempt that opens a route's stream and reads until it says something.

    A provider may answer 200 and then send nothing but an error: that is a failure that the next route can mend, so
    the customer's stream does not begin before the provider's first content.
    """

    async def open_stream(call: Call, route: Route) -> Opened:
        limit = settings.STREAM_FIRST_BYTE_SECONDS
        try:
            async with asyncio.timeout(limit):
                return await begin(call, route)
        except TimeoutError as error:
            raise UpstreamTimeout(
                "The model's provider did not begin to answer in time.", timeout_seconds=limit
            ) from error

    async def begin(call: Call, route: Route) -> Opened:
        speaker, response = await _send(call, route, wish, settings.STREAM_FIRST_BYTE_SECONDS)
        opened = Opened(response, speaker, Splitter(), speaker.speech.usage.Watch())
        try:
            while True:
                chunk = await response.chunk()
                raws = cut(opened.splitter, chunk)
                ready = False
                for raw in raws:
                    kind = opened.watch.watch(raw)
                    if kind is Kind.ERROR and not ready:
                        raise classify(route, opened.watch.error or Fault("server"))
                    opened.events.append((raw, kind))
                    ready = ready or kind in BEGUN
                if ready:
                    _refuse_nothing(opened)
                    return opened
                if not chunk:
                    raise UpstreamError("The model's provider ended its answer before it began.", reason="no_output")
        except BaseException:
            response.close()
            raise

    return open_stream


def cut(splitter: Splitter, chunk: bytes) -> list[bytes]:
    """The events that are whole with this chunk; b"" is the end, where an unterminated one counts. Raises UpstreamError
    for an event beyond all bounds."""
    if not chunk:
        rest = splitter.rest()
        return [rest] if rest else []
    try:
        return splitter.feed(chunk)
    except EventTooLong as error:
        raise UpstreamError("The model's provider sent an event beyond all bounds.", reason="bad_response") from error


def classify(route: Route, fault: Fault) -> GatewayError:
    """What a provider's complaint means for the customer."""
    return PROVIDERS[route.adapter].classify(fault)


def _refuse_nothing(opened: Opened) -> None:
    """A stream that is already over, said nothing and gave no reason is a failure, not an answer."""
    over = any(kind is Kind.DONE for _, kind in opened.events)
    if over and not opened.watch.produced and opened.watch.finish in (None, ""):
        raise UpstreamError("The model's provider answered without an answer.", reason="no_output")


async def _send(call: Call, route: Route, wish: Wish, first_byte_seconds: float) -> tuple[Interpreter, Response]:
    provider = PROVIDERS[route.adapter]
    speaker = interpreter(call, route, provider.speaks(route))
    spoken = speaker.speech
    response = await upstream.send(
        "POST",
        provider.url(spoken.name, route, streamed=call.envelope.stream),
        headers=provider.headers(spoken.name, await memory.credential(route.provider_id), speaker.forwarded),
        body=speaker.request(wish.output_limit),
        first_byte_seconds=first_byte_seconds,
    )
    if response.status == 200:
        return speaker, response
    try:
        explanation = await response.whole(settings.MAX_ERROR_BYTES)
    finally:
        response.close()
    raise classify(route, spoken.errors.parse(response.status, explanation))


def _remaining(call: Call) -> float:
    left = settings.CALL_BUDGET_SECONDS - (time.monotonic() - call.started)
    if left <= 0:
        raise UpstreamTimeout(
            "The model did not answer within the time for one call.", timeout_seconds=settings.CALL_BUDGET_SECONDS
        )
    return left
