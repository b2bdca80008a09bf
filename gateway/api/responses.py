"""The Responses face: create, look up, delete, cancel, list the input, count tokens; over HTTP, and where the upgrade
to a WebSocket was forgotten."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from uuid import UUID

import msgspec

from accounts.keys import Caller
from gateway import callid, responses_store
from gateway.api import responses_background
from gateway.api.native import asking
from gateway.api.responses_asking import RESPONSES, known_id, must_be_general, prepare, resolve
from gateway.api.responses_keeping import delivered, stored
from gateway.api.serve import Entry, Incoming, failure, must_be_json
from gateway.counting import Counting, count_tokens
from gateway.dialects.openai_responses import history, token_count
from gateway.errors import EndpointNotSupported, InvalidParameter, UnsupportedParameter
from gateway.reading import read
from gateway.relay import Answer, Operation, relay
from gateway.writing import write

# Where it is sold: spec 004 (with and without version), the other specs' bases for whoever points an SDK at them, and
# the address that Codex uses.
BASES = {
    "/v1": "v1",
    "": "v1",
    "/v1/openai": "openai",
    "/api/v1": "api",
    "/backend-api/codex": "codex",
}
CREATE = {base: Operation("responses", surface, RESPONSES) for base, surface in BASES.items()}
COUNT = Counting(
    Operation("responses.input_tokens", "v1", RESPONSES),
    address="",
    read=token_count.read,
    render=token_count.answer,
    retarget=lambda body, model: RESPONSES.request.retarget(body, model=model, ask_usage=False, max_output=None),
    content=lambda body: body,
    platforms_without=frozenset(),
)


def creating(operation: Operation) -> Callable[[Caller, Incoming, UUID], Awaitable[Answer]]:
    """POST /responses."""

    async def create(caller: Caller, incoming: Incoming, identity: UUID) -> Answer:
        must_be_json(incoming)
        asked = await prepare(caller, operation, await incoming.read(), identity)
        if asked.claim.background:
            return await responses_background.begin(caller, operation, asked, identity)
        answer = await relay(caller, operation, asked.body, identity, envelope=asked.envelope)
        return await delivered(answer, asked, stored(asked))

    return create


async def show(caller: Caller, incoming: Incoming, identity: UUID) -> Answer:
    """GET /responses/{id}."""
    must_be_general(caller)
    query = asking.query_of(incoming.query)
    if query.get("stream", "false") != "false":
        raise UnsupportedParameter("A stored response is not streamed: ask without `stream`.", param="stream")
    response_id = _id_in(incoming.path, "")
    return _json(await read(responses_store.find, caller.organization_id, response_id), identity)


async def delete(caller: Caller, incoming: Incoming, identity: UUID) -> Answer:
    """DELETE /responses/{id}."""
    must_be_general(caller)
    response_id = _id_in(incoming.path, "")
    await write(responses_store.remove, caller.organization_id, response_id)
    responses_background.stop(response_id)
    return _json(msgspec.json.encode({"id": response_id, "object": "response", "deleted": True}), identity)


async def cancel(caller: Caller, incoming: Incoming, identity: UUID) -> Answer:
    """POST /responses/{id}/cancel: stops one that is in the background."""
    must_be_general(caller)
    response_id = _id_in(incoming.path, "/cancel")
    response, ran = await write(responses_store.cancel, caller.organization_id, response_id)
    if ran:
        responses_background.stop(response_id)
    return _json(response, identity)


async def list_input(caller: Caller, incoming: Incoming, identity: UUID) -> Answer:
    """GET /responses/{id}/input_items: newest first unless `order=asc`."""
    must_be_general(caller)
    query = asking.query_of(incoming.query)
    limit = asking.whole(query, "limit", 20, least=1, most=100)
    ascending = asking.one_of(query, "order", ("asc", "desc"), "desc") == "asc"
    if "before" in query:
        raise UnsupportedParameter("`before` is not supported: use `after` and `order`.", param="before")
    items = await read(responses_store.input_of, caller.organization_id, _id_in(incoming.path, "/input_items"))
    after = query.get("after")
    if after is not None and all(item.get("id") != after for item in items):
        raise InvalidParameter("`after` is no item of this response.", param="after", value=after)
    page = history.item_list(items, limit=limit, after=after, ascending=ascending)
    return _json(msgspec.json.encode(page), identity)


async def count(caller: Caller, incoming: Incoming, identity: UUID) -> Answer:
    """POST /responses/input_tokens. It costs nothing."""
    must_be_json(incoming)
    body = await incoming.read()
    envelope = token_count.peek_count(body)
    if history.previous_id(body) is not None or history.references(body):
        body, _, _ = await resolve(caller, body, envelope)
        envelope = token_count.peek_count(body)
    return await count_tokens(caller, COUNT, body, identity, envelope=envelope)


async def upgrade(caller: Caller, incoming: Incoming, identity: UUID) -> Answer:
    """GET /responses without the upgrade to a WebSocket: clients learn from 426 that they must ask otherwise."""
    error = EndpointNotSupported(
        "WebSocket upgrade required (Upgrade: websocket).", status=426, path=incoming.path, method="GET"
    )
    answer = failure(error, RESPONSES, identity)
    return replace(answer, headers=[*answer.headers, ("upgrade", "websocket")])


def _id_in(path: str, after: str) -> str:
    return known_id(path.removesuffix(after).rpartition("/")[2])


def _json(body: bytes, identity: UUID) -> Answer:
    return Answer(200, [("content-type", "application/json")], body, callid.request_id(identity))


ENTRIES = [
    entry
    for base, operation in CREATE.items()
    for entry in (
        Entry("POST", f"{base}/responses", RESPONSES, "chat", creating(operation)),
        Entry("GET", f"{base}/responses", RESPONSES, "all", upgrade, takes_body=False, public=True),
        Entry("POST", f"{base}/responses/input_tokens", RESPONSES, "chat", count),
        Entry("GET", f"{base}/responses/{{response_id}}", RESPONSES, "all", show, takes_body=False),
        Entry("DELETE", f"{base}/responses/{{response_id}}", RESPONSES, "all", delete, takes_body=False),
        Entry("POST", f"{base}/responses/{{response_id}}/cancel", RESPONSES, "all", cancel, takes_body=False),
        Entry("GET", f"{base}/responses/{{response_id}}/input_items", RESPONSES, "all", list_input, takes_body=False),
    )
]
