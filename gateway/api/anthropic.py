"""The Anthropic face: Messages, and counting their tokens before sending them."""

from __future__ import annotations

from uuid import UUID

from accounts.keys import Caller
from gateway.api.serve import Entry, Incoming, must_be_json
from gateway.counting import Counting, count_tokens
from gateway.dialects import DIALECTS
from gateway.dialects.anthropic_messages import token_count
from gateway.relay import Answer, Operation, relay

MESSAGES = DIALECTS["anthropic_messages"]
CREATE = Operation("messages", "anthropic", MESSAGES)
COUNT = Counting(
    Operation("messages.count_tokens", "anthropic", MESSAGES),
    address="anthropic_count",
    read=token_count.read,
    render=token_count.answer,
    retarget=lambda body, model: MESSAGES.request.retarget(body, model=model, ask_usage=False, max_output=None),
    content=lambda body: body,
)

# What a client of this dialect switches on and off; a provider of the same dialect gets to know of it.
FORWARDED = ("anthropic-beta", "anthropic-version")


async def create(caller: Caller, incoming: Incoming, identity: UUID) -> Answer:
    """POST /v1/messages. Query parameters (Claude Code sends `?beta=true`) change nothing."""
    must_be_json(incoming)
    return await relay(caller, CREATE, await incoming.read(), identity, forwarded=forwarded(incoming))


async def count(caller: Caller, incoming: Incoming, identity: UUID) -> Answer:
    """POST /v1/messages/count_tokens."""
    must_be_json(incoming)
    body = await incoming.read()
    envelope = token_count.peek_count(body)
    return await count_tokens(caller, COUNT, body, identity, envelope=envelope, forwarded=forwarded(incoming))


def forwarded(incoming: Incoming) -> dict[str, str]:
    """The headers that go along."""
    return {name: incoming.headers[name] for name in FORWARDED if name in incoming.headers}


ENTRIES = [
    Entry("POST", "/v1/messages", MESSAGES, "chat", create),
    Entry("POST", "/v1/messages/count_tokens", MESSAGES, "chat", count),
]
