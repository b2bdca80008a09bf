"""A Responses request made whole: what it refers to is put into it, and no provider keeps what we keep."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings

from accounts.keys import Caller
from gateway import callid, memory, relay, responses_store
from gateway.canonical import Envelope
from gateway.dialects import DIALECTS
from gateway.dialects.openai_responses import history, offering
from gateway.dialects.openai_responses.owning import Claim
from gateway.errors import InvalidParameter, KeyScopeMismatch, RequestTooLarge, ResourceNotFound, UnsupportedParameter
from gateway.reading import read
from gateway.relay import Operation
from gateway.responses_store import Conversation, Draft

RESPONSES = DIALECTS["openai_responses"]
ID = re.compile(r"resp_[0-9a-f]{48}")
REASONING = frozenset({"reasoning", "reasoning_effort", "thinking"})  # capabilities of models that think before

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, ready for the relay."""

    body: bytes
    envelope: Envelope
    claim: Claim
    draft: Draft
    said: Sequence[Item]  # everything that the model reads: the turns before, and what this one adds
    dropped: list[str]  # what was left out of it


async def prepare(
    caller: Caller,
    operation: Operation,
    body: bytes,
    identity: UUID,
    remembered: Mapping[str, Conversation] | None = None,
) -> Asked:
    """Raises GatewayError for what is wrong with the request; nothing was held or charged then.

    `remembered` are conversations that need not have been stored to be gone on from.
    """
    envelope = RESPONSES.request.peek(body)
    model, _ = relay.find(await memory.catalogue(), envelope.model, caller)
    relay.permit(caller, operation, model)
    stored, background = history.wants_storing(body), history.wants_background(body)
    if background and not stored:
        raise InvalidParameter("A background response is always stored: leave `store` out.", param="store")
    asked, dropped = offering.without_native_tools(body) if envelope.fault is None else (body, [])
    previous = history.previous_id(body)
    response_id = f"resp_{identity.hex}{secrets.token_hex(8)}"
    asked, before, items = await resolve(caller, asked, envelope, response_id, remembered)
    if stored or background:
        asked = history.stateless(asked, encrypted=bool(REASONING & model.capabilities))
    if asked is not body:
        envelope = RESPONSES.request.peek(asked)
    claim = Claim(
        id=response_id,
        model=model.slug,
        created=int(callid.started_at(identity).timestamp()),
        body=body,
        previous=previous,
        stored=stored,
        background=background,
    )
    draft = Draft(
        id=response_id,
        organization_id=caller.organization_id,
        key_id=caller.key_id,
        model=model.slug,
        turns=before.turns,
        # Turns that were not stored are kept with the first one that is.
        items=items if before.turns else [*before.items, *items],
        background=background,
    )
    return Asked(asked, envelope, claim, draft, [*before.items, *items], dropped)


async def resolve(
    caller: Caller,
    body: bytes,
    envelope: Envelope,
    response_id: str = "",
    remembered: Mapping[str, Conversation] | None = None,
) -> tuple[bytes, Conversation, Sequence[Item]]:
    """The request with all that it refers to by id, what went before it, and the items that it adds itself.

    Raises ResourceNotFound for a response of nobody's or of somebody else's: the two cannot be told apart.
    """
    if envelope.fault is not None and not isinstance(envelope.fault, UnsupportedParameter):
        raise envelope.fault
    references = history.references(body)
    if references:
        wanted = [text for text in references if storable(text)]
        body = history.with_items(body, await read(responses_store.items, caller.organization_id, wanted))
    items = history.input_items(body, response_id)
    before = await _conversation(caller, history.previous_id(body), remembered or {})
    if before.turns or before.items:
        body = history.with_history(body, before.items)
        if len(body) > settings.MAX_BODY_BYTES:
            raise RequestTooLarge(
                "The conversation has become larger than one request may be.",
                limit_bytes=settings.MAX_BODY_BYTES,
                size_bytes=len(body),
            )
    return body, before, items


async def _conversation(caller: Caller, previous: str | None, remembered: Mapping[str, Conversation]) -> Conversation:
    if previous is None:
        return Conversation()
    if not previous.startswith("resp_"):
        raise InvalidParameter(
            "`previous_response_id` must be the id of a response (resp_…).",
            param="previous_response_id",
            value=previous,
        )
    if previous in remembered:
        return remembered[previous]
    return await read(responses_store.conversation, caller.organization_id, known_id(previous))


def known_id(text: str) -> str:
    """An id that may exist. Raises ResourceNotFound for what can be none of ours."""
    if not ID.fullmatch(text):
        raise ResourceNotFound(f"There is no response with the id {text[:80]!r}.", resource="response", id=text[:80])
    return text


def storable(item_id: str) -> bool:
    """Whether the database can look for such an id."""
    return len(item_id) <= responses_store.LONGEST_ITEM_ID and "\0" not in item_id


def must_be_general(caller: Caller) -> None:
    """Raises KeyScopeMismatch for a key that is for pictures only."""
    if caller.key_type != "general":
        raise KeyScopeMismatch(key_type=caller.key_type, required_key_type="general", endpoint="responses")
