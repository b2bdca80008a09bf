"""The OpenAI face: chat completions and the list of models, in the three places where the specs sell them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

from accounts.keys import Caller
from gateway.api import models
from gateway.api.serve import Entry, Incoming, must_be_json
from gateway.dialects import DIALECTS
from gateway.dialects.openai_chat import costing
from gateway.postscripts import CostPostscript
from gateway.relay import Answer, Operation, relay

CHAT = DIALECTS["openai_chat"]

# spec 000 sells /v1/openai, specs 002 and 003 /api/v1, spec 004 /v1 and its alias without a version.
BASES = {"/v1/openai": "openai", "/api/v1": "api", "/v1": "v1", "": "v1"}


def relaying(operation: Operation) -> Callable[[Caller, Incoming, UUID], Awaitable[Answer]]:
    """An entry's answer: read the body, relay it."""

    async def answer(caller: Caller, incoming: Incoming, identity: UUID) -> Answer:
        must_be_json(incoming)
        body, tells_cost = costing.asked(await incoming.read())
        envelope = operation.dialect.request.peek(body)
        if tells_cost:
            envelope.wants_cost = envelope.wants_usage = True
        return await relay(caller, operation, body, identity, envelope=envelope)

    return answer


async def list_models(caller: Caller, incoming: Incoming, identity: UUID) -> Answer:
    """Only what this key may call, in the shape that the asking client reads."""
    return await models.listing(caller, incoming)


async def show_model(caller: Caller, incoming: Incoming, identity: UUID) -> Answer:
    """One model by its id, the last part of the path."""
    return await models.single(caller, incoming, incoming.path.rsplit("/", 1)[1])


ENTRIES = [
    Entry(
        "POST",
        f"{base}/chat/completions",
        CHAT,
        "chat",
        relaying(
            Operation(
                "chat.completions",
                surface,
                CHAT,
                long_answers_stream=base == "/v1/openai",
                postscript=CostPostscript(),
            )
        ),
    )
    for base, surface in BASES.items()
] + [
    entry
    for base in BASES
    if base  # spec 004's aliases leave the models out
    for entry in (
        Entry("GET", f"{base}/models", CHAT, "all", list_models, takes_body=False),
        Entry("GET", f"{base}/models/{{model}}", CHAT, "all", show_model, takes_body=False),
    )
]
