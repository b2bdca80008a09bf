"""How many tokens a prompt has: asked of the provider where it counts its own, else estimated and marked as such.

Counting costs nothing. Where a provider is asked, the call leaves a usage record like any other, of no cost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from accounts.keys import Caller
from catalog.routing import Route, Snapshot
from gateway import dispatch, funding, memory, relay, tokens, upstream
from gateway.call import Call
from gateway.canonical import Envelope
from gateway.errors import EndpointNotSupported, GatewayError
from gateway.providers import PROVIDERS
from gateway.relay import Answer, Operation
from gateway.steering import Leg

NOMINAL_NUSD = 10  # set aside while a provider counts, and given back


@dataclass(frozen=True, slots=True)
class Counting:
    """How one dialect counts."""

    operation: Operation
    address: str  # the provider's path for it, in the words of its `paths`; "": no provider is asked
    read: Callable[[bytes], int]  # raises UpstreamError for an answer without a count
    render: Callable[[int], bytes]
    retarget: Callable[[bytes, str], bytes]  # the body for a provider that calls the model so
    content: Callable[[bytes], bytes]  # the conversation within the body
    # Keys of groups that have no platform beyond these may not ask (spec 004).
    platforms_without: frozenset[str] = frozenset({"openai"})


async def count_tokens(
    caller: Caller,
    counting: Counting,
    body: bytes,
    identity: UUID,
    *,
    envelope: Envelope,
    forwarded: Mapping[str, str] | None = None,
) -> Answer:
    """The number of tokens in a prompt. Raises GatewayError.

    A key of a group that has nothing but the OpenAI platform is refused (spec 004).
    """
    operation = counting.operation
    if caller.platforms and caller.platforms <= counting.platforms_without:
        raise EndpointNotSupported("Token counting is not supported for this platform.", platform="openai")
    snapshot = await memory.catalogue()
    model, price = relay.find(snapshot, envelope.model, caller)
    relay.permit(caller, operation, model)
    if envelope.fault is not None:
        raise envelope.fault
    routes = _counters(snapshot, envelope.model, operation) if counting.address else []
    if not routes:
        return await _estimate(counting, body)
    call = Call(
        caller=caller,
        model=model,
        price=price,
        dialect=operation.dialect,
        envelope=envelope,
        body=body,
        surface=operation.surface,
        operation=operation.name,
        forwarded=forwarded or {},
        id=identity,
    )
    try:
        verdict = await funding.place(call, NOMINAL_NUSD)
        if verdict.outcome == "insufficient":
            raise funding.insufficient(verdict, NOMINAL_NUSD)
        counted = await dispatch.dispatch(call, [Leg(route) for route in routes], _asking(counting))
    except GatewayError as error:
        await relay.fail(call, error)
        raise
    except BaseException:
        call.close()
        raise
    call.outcome.kind = "completed"
    await call.settled()
    return Answer(200, [("content-type", "application/json")], counting.render(counted), call.request_id)


def _counters(snapshot: Snapshot, slug: str, operation: Operation) -> list[Route]:
    """The routes whose providers count this dialect's prompts."""
    return [
        route
        for route in snapshot.routes(slug)
        if route.adapter in PROVIDERS
        and operation.dialect.name in PROVIDERS[route.adapter].speaks(route)
        and PROVIDERS[route.adapter].counts_tokens(route)
    ]


def _asking(counting: Counting) -> Callable[[Call, Route], Awaitable[int]]:
    async def ask(call: Call, route: Route) -> int:
        provider = PROVIDERS[route.adapter]
        response = await upstream.send(
            "POST",
            provider.url(counting.address, route, streamed=False),
            headers=provider.headers(call.dialect.name, await memory.credential(route.provider_id), call.forwarded),
            body=counting.retarget(call.body, route.upstream_id),
            first_byte_seconds=settings.COUNT_SECONDS,
        )
        try:
            body = await response.whole(settings.MAX_ERROR_BYTES)
        finally:
            response.close()
        if response.status != 200:
            raise dispatch.classify(route, call.dialect.errors.parse(response.status, body))
        return counting.read(body)

    return ask


async def _estimate(counting: Counting, body: bytes) -> Answer:
    request, body = counting.operation.dialect.request, counting.content(body)
    counted = await asyncio.to_thread(lambda: tokens.estimate(request.measure(body), list(request.text_of(body))))
    headers = [("content-type", "application/json"), ("x-tollgate-token-count", "estimated")]
    return Answer(200, headers, counting.render(counted))
