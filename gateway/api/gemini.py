"""The Gemini face: content, streams and token counts, at Google's own addresses and where its SDK looks for them.

Model and verb are one part of the path, `models/{model}:{verb}`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs, unquote
from uuid import UUID

from accounts.keys import Caller
from gateway.api.openai import list_models, show_model
from gateway.api.serve import Entry, Incoming, failure, must_be_json
from gateway.counting import Counting, count_tokens
from gateway.dialects import DIALECTS
from gateway.dialects.gemini_generate import array, counting_tokens
from gateway.dialects.gemini_generate.request import peek
from gateway.errors import EndpointNotSupported, GatewayError
from gateway.passage import Stream
from gateway.relay import Answer, Operation, relay

GEMINI = DIALECTS["gemini_generate"]
GENERATE = Operation("generateContent", "gemini", GEMINI, platform="gemini")
STREAM = Operation("streamGenerateContent", "gemini", GEMINI, platform="gemini")
COUNT = Counting(
    Operation("countTokens", "gemini", GEMINI, platform="gemini"),
    address="gemini_count",
    read=counting_tokens.read,
    render=counting_tokens.answer,
    retarget=lambda body, model: counting_tokens.retarget(body, model=model),
    content=counting_tokens.content,
)

Verb = Callable[[Caller, Incoming, UUID, str], Awaitable[Answer]]


async def generate(caller: Caller, incoming: Incoming, identity: UUID, model: str) -> Answer:
    """The whole answer at once."""
    body = await incoming.read()
    return await relay(caller, GENERATE, body, identity, envelope=peek(body, model=model))


async def stream(caller: Caller, incoming: Incoming, identity: UUID, model: str) -> Answer:
    """The answer in pieces: server-sent events for who asks with `alt=sse`, else one JSON array that grows."""
    as_events = parse_qs(incoming.query).get("alt") == ["sse"]
    try:
        body = await incoming.read()
        envelope = peek(body, model=model, stream=True)
        answer = await relay(caller, STREAM, body, identity, envelope=envelope)
    except GatewayError as error:
        if as_events:
            raise
        answer = failure(error, GEMINI, identity)
        assert isinstance(answer.body, bytes)
        answer.body = array.wrapped(answer.body)
        return answer
    if not as_events and isinstance(answer.body, Stream):
        answer.body.reframe(array.ArrayFraming())
        kept = [(name, value) for name, value in answer.headers if name != "content-type"]
        answer.headers = [*kept, ("content-type", array.CONTENT_TYPE)]
    return answer


async def count(caller: Caller, incoming: Incoming, identity: UUID, model: str) -> Answer:
    """How many tokens a prompt has."""
    body = await incoming.read()
    envelope = peek(counting_tokens.content(body), model=model)
    return await count_tokens(caller, COUNT, body, identity, envelope=envelope)


VERBS: dict[str, Verb] = {"generateContent": generate, "streamGenerateContent": stream, "countTokens": count}


async def act(caller: Caller, incoming: Incoming, identity: UUID) -> Answer:
    """POST models/{model}:{verb}. Raises EndpointNotSupported for a verb that is not here."""
    must_be_json(incoming)
    model, _, name = unquote(incoming.path.rpartition("/")[2]).rpartition(":")
    verb = VERBS.get(name)
    if verb is None or not model:
        raise EndpointNotSupported(f"There is nothing at {incoming.path[:200]}.", path=incoming.path[:200])
    return await verb(caller, incoming, identity, model)


ENTRIES = [Entry("POST", f"{base}/models/{{model}}", GEMINI, "chat", act) for base in ("/v1beta", "/api/v1beta", "/v1")]
ENTRIES += [
    entry
    for base in ("/v1beta", "/api/v1beta")
    for entry in (
        Entry("GET", f"{base}/models", GEMINI, "all", list_models, takes_body=False),
        Entry("GET", f"{base}/models/{{model}}", GEMINI, "all", show_model, takes_body=False),
    )
]
