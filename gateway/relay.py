"""The life of one call, top to bottom: recognise the model, set money aside, ask a provider, pass its answer on.

Read this file first.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from accounts.keys import Caller
from billing.pricing import usd_text
from catalog.routing import Model, Price, Snapshot
from gateway import dispatch, funding, memory, steering
from gateway.call import Call
from gateway.canonical import Envelope
from gateway.dialects import DIALECTS
from gateway.dialects.base import Dialect
from gateway.dispatch import Wish, fetching, opening
from gateway.errors import (
    GatewayError,
    InternalError,
    KeyScopeMismatch,
    ModelNotAllowed,
    ModelNotFound,
    StreamingRequired,
    UnsupportedCapability,
    UpstreamUnavailable,
)
from gateway.funding import Cover
from gateway.passage import Flow, Stream
from gateway.postscripts import NOTHING, Postscript
from gateway.providers import PROVIDERS
from gateway.steering import Leg

log = logging.getLogger(__name__)

# The dialects of conversations, between which everything can be translated.
CONVERSING = {"openai_chat", "openai_responses", "anthropic_messages", "gemini_generate"} & DIALECTS.keys()
SAYABLE = re.compile(r"[\w.\[\]-]{1,60}", re.ASCII)  # names come from customers, and headers are no place for surprises
MOST_SAID = 40
LONGEST_WHOLE_ANSWER = 4096  # output tokens; spec 000: beyond it a call must stream or be a job


@dataclass(frozen=True, slots=True)
class Operation:
    """One HTTP entry that reaches a model: what it is called in the books, what it speaks, which rules it has."""

    name: str  # "chat.completions"
    surface: str  # "openai", "api", "v1", "llm": which family of paths
    dialect: Dialect
    kind: str = "chat"  # the kind of model it serves
    scope: str = "chat"  # which rate limit counts it
    platform: str | None = None  # spec 004: a key of a group without it may not use this entry at all
    long_answers_stream: bool = False  # spec 000: no whole answers above LONGEST_WHOLE_ANSWER
    postscript: Postscript = NOTHING  # what is written into an answer once its cost is known


@dataclass(slots=True)
class Answer:
    """What a door sends: a status, headers, and either one body or a stream."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes | Flow = b""
    request_id: str = field(default="")

    def close(self) -> None:
        """Release what the answer holds; safe to call in any state."""
        if not isinstance(self.body, bytes):
            self.body.close()


async def relay(
    caller: Caller,
    operation: Operation,
    body: bytes,
    identity: UUID,
    *,
    envelope: Envelope | None = None,
    forwarded: Mapping[str, str] | None = None,
) -> Answer:
    """Answer one model call. Raises GatewayError; then nothing is held and nothing was charged.

    `envelope` is given where the address says what in other dialects the body does; `forwarded` are the headers of the
    customer that belong to the dialect, and that a provider of the same dialect gets too.
    """
    if envelope is None:
        envelope = operation.dialect.request.peek(body)
    snapshot = await memory.catalogue()
    model, price = find(snapshot, envelope.model, caller)
    permit(caller, operation, model)
    check(operation, envelope, body)
    legs = routes_for(snapshot, model, price, operation.dialect, caller)
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
        funds = await funding.secure(call)
        if envelope.stream:
            return await _streamed(call, legs, funds, operation.postscript)
        return await _whole(call, legs, funds, operation.postscript)
    except GatewayError as error:
        await fail(call, error)
        raise
    except asyncio.CancelledError:
        call.close()
        raise
    except Exception as error:
        log.exception("%s broke", call.request_id)
        failure = InternalError()
        await fail(call, failure)
        raise failure from error


def find(snapshot: Snapshot, slug: str, caller: Caller) -> tuple[Model, Price]:
    """The model and its price now. Raises ModelNotFound: a model without a price is not for sale, never free."""
    model = snapshot.find(slug)
    if model is None:
        near = [name for name in snapshot.suggestions(slug) if caller.may_call(name, snapshot.models[name].platform)]
        raise ModelNotFound(f"The model {slug[:100]!r} does not exist.", model=slug[:100], suggestions=near)
    price = snapshot.price(slug)
    if price is None:
        raise ModelNotFound(f"The model {slug!r} is not available: it has no price.", model=slug)
    return model, price


def permit(caller: Caller, operation: Operation, model: Model) -> None:
    """Raises KeyScopeMismatch, ModelNotAllowed or UnsupportedCapability unless this key may call this model here."""
    if caller.key_type != "general" and operation.scope == "chat":
        raise KeyScopeMismatch(
            "An image key only submits and reads image tasks; create a general key for this endpoint.",
            key_type=caller.key_type,
            required_key_type="general",
            endpoint=operation.name,
        )
    if operation.platform is not None and caller.platforms is not None and operation.platform not in caller.platforms:
        raise KeyScopeMismatch(
            f"This endpoint needs a key of a group with the platform {operation.platform}.",
            group_platform=", ".join(sorted(caller.platforms)),
            endpoint=operation.name,
        )
    if not caller.may_call(model.slug, model.platform):
        raise ModelNotAllowed(
            f"This key may not call {model.slug!r}.", model=model.slug, plan=caller.plan, group=caller.group
        )
    if model.kind != operation.kind:
        raise UnsupportedCapability(
            f"{model.slug!r} is a model for {model.kind}, not for {operation.kind}.",
            capability=operation.kind,
            model=model.slug,
        )


def check(operation: Operation, envelope: Envelope, body: bytes) -> None:
    """Raises what is wrong with the request itself."""
    if envelope.fault is not None:
        raise envelope.fault
    limit = LONGEST_WHOLE_ANSWER
    if operation.long_answers_stream and not envelope.stream and (envelope.max_output or 0) > limit:
        raise StreamingRequired(
            f'An answer of up to {envelope.max_output} tokens must be streamed: set "stream": true, or ask for at '
            f"most {limit} tokens.",
            max_tokens=envelope.max_output,
            limit=limit,
        )


def routes_for(snapshot: Snapshot, model: Model, price: Price, dialect: Dialect, caller: Caller) -> list[Leg]:
    """The endpoints that can answer this call, best first. Raises UpstreamUnavailable when there is none."""
    routes = [
        route
        for route in snapshot.routes(model.slug)
        if route.adapter in PROVIDERS and can_answer(dialect.name, PROVIDERS[route.adapter].speaks(route))
    ]
    if not routes:
        raise UpstreamUnavailable(f"No provider serves {model.slug!r} right now.", reason="down", retry_after=60)
    return steering.order(routes, caller.organization_id, price.rates)


def can_answer(asked: str, spoken: tuple[str, ...]) -> bool:
    """Whether a provider that speaks these dialects can answer in `asked`: itself, or through a translation."""
    return asked in spoken or (asked in CONVERSING and any(dialect in CONVERSING for dialect in spoken))


async def _whole(call: Call, legs: list[Leg], funds: funding.Funds, postscript: Postscript) -> Answer:
    body = await dispatch.dispatch(call, legs, fetching(Wish(funds.output_limit)))
    call.outcome.kind = "completed"
    verdict = await call.settled()
    headers = [("content-type", "application/json"), *_said(call)]
    if funds.output_limit is not None:
        headers.append(("x-tollgate-output-limit", str(funds.output_limit)))
    if verdict is not None:
        headers.append(("x-tollgate-cost-usd", usd_text(verdict.charged_nusd)))
        headers.append(("x-tollgate-balance-usd", usd_text(verdict.balance_nusd)))
    return Answer(200, headers, postscript.whole(call, verdict, body), call.request_id)


async def _streamed(call: Call, legs: list[Leg], funds: funding.Funds, postscript: Postscript) -> Answer:
    """Wait for the first content, so that a failure before it is a proper HTTP error; but not longer than a proxy on
    the way would bear silence: then the answer begins with keep-alives and a failure is told inside the stream."""
    work: asyncio.Task[Any] = asyncio.get_running_loop().create_task(
        dispatch.dispatch(call, legs, opening(Wish())), name=f"open-{call.id}"
    )
    stream = Stream(call, work, Cover(call, funds), postscript)
    try:
        await stream.begun()
    except asyncio.CancelledError:
        stream.close()  # the opening may just have succeeded, and then somebody must hang up
        raise
    headers = [
        ("content-type", "text/event-stream; charset=utf-8"),
        ("cache-control", "no-cache"),
        ("x-accel-buffering", "no"),
        *_said(call),
    ]
    return Answer(200, headers, stream, call.request_id)


def _said(call: Call) -> list[tuple[str, str]]:
    """What was left out of the request is said aloud."""
    names = [name for name in call.dropped if SAYABLE.fullmatch(name)][:MOST_SAID]
    return [("x-tollgate-dropped", ", ".join(names))] if names else []


async def fail(call: Call, error: GatewayError) -> None:
    """Close a call that came to nothing: what was set aside is free again before the customer reads why."""
    outcome = call.outcome
    outcome.kind, outcome.error_code, outcome.status = "failed", error.code, error.status
    outcome.usage, outcome.produced, outcome.finish = None, False, "error"
    await call.settled()
