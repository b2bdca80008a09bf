"""Every model-facing door leads here: recognise the caller, count the call, answer, and render whatever went wrong.

Both doors call `serve`: the fast lane in gateway/asgi.py and the ninja operations. They differ in how bytes arrive
and leave, and in nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from django.conf import settings

from accounts.keys import Caller
from gateway import callid, errors, idempotency, limits
from gateway.api import auth
from gateway.dialects.base import Dialect
from gateway.errors import GatewayError, InternalError, InvalidJson
from gateway.relay import Answer

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Incoming:
    """One HTTP request, whichever door it came through. Header names are lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    peer: str
    read: Callable[[], Awaitable[bytes]]  # the body; raises RequestTooLarge


@dataclass(frozen=True, slots=True)
class Entry:
    """One path of the public API: what it speaks, which limit counts it, and what answers it."""

    method: str
    path: str
    dialect: Dialect
    scope: str
    answer: Callable[[Caller, Incoming, UUID], Awaitable[Answer]]
    takes_body: bool = True
    public: bool = False  # answered without a key, to ANYONE
    expired_keys: bool = False  # an expired key may still ask this


ANYONE = Caller(
    key_id=None,
    user_id=None,
    organization_id=0,
    organization_slug="",
    plan="",
    chat_rpm=None,
    image_rpm=None,
    key_type="general",
    group=None,
    platforms=None,
    models=(),
    networks=(),
    daily_cap_nusd=None,
    monthly_cap_nusd=None,
    total_cap_nusd=None,
    log_bodies=False,
    expires_at=None,
)


async def serve(incoming: Incoming, entry: Entry) -> Answer:
    """The answer to one request, an error included. Raises nothing but CancelledError."""
    identity = callid.new()
    window: list[tuple[str, str]] = []
    caller: Caller | None = None
    answer: Answer | None = None
    try:
        caller = ANYONE if entry.public else await _recognised(incoming, entry)
        admitted = await limits.admit(caller, entry.scope, identity)
        window = limits.headers(admitted)
        if not admitted.allowed:
            raise limits.refusal(admitted, entry.scope)
        answer = await _answered(caller, incoming, entry, identity)
    except GatewayError as error:
        answer = failure(error, entry.dialect, identity)
    except Exception:
        log.exception("%s broke", callid.request_id(identity))
        answer = failure(InternalError(), entry.dialect, identity)
    finally:
        # A stream leaves by itself, when it ends.
        if caller is not None and (answer is None or isinstance(answer.body, bytes)):
            await limits.leave(caller, identity)
    answer.headers += window
    if answer.status < 400:
        answer.headers += errors.identification(answer.request_id or callid.request_id(identity))
    return answer


async def _answered(caller: Caller, incoming: Incoming, entry: Entry, identity: UUID) -> Answer:
    key = incoming.headers.get(idempotency.HEADER)
    if key is None or incoming.method != "POST":
        return await entry.answer(caller, incoming, identity)
    body = await incoming.read()

    async def read() -> bytes:
        return body

    async def run(call_id: UUID) -> Answer:
        return await entry.answer(caller, replace(incoming, read=read), call_id)

    # The query of a Gemini client may hold its key, and a key that was changed makes no other request.
    query = "&".join(part for part in incoming.query.split("&") if not part.startswith("key="))
    return await idempotency.once(
        caller,
        key,
        incoming.path,
        query.encode() + b"\n" + body,
        identity,
        run,
        lambda error, call_id: failure(error, entry.dialect, call_id),
    )


async def _recognised(incoming: Incoming, entry: Entry) -> Caller:
    return await auth.recognise(
        incoming.headers, incoming.query, incoming.peer, incoming.path, expired_too=entry.expired_keys
    )


def failure(error: GatewayError, dialect: Dialect, identity: UUID) -> Answer:
    """An error in the customer's own dialect: the one place where errors become HTTP."""
    request_id = callid.request_id(identity)
    if error.status >= 500:
        log.warning("%s failed: %s %s", request_id, error.code, error.message)
    body = dialect.errors.render(error, request_id=request_id, docs_url=settings.DOCS_URL)
    headers = [("content-type", "application/json"), *errors.headers(error, request_id)]
    return Answer(dialect.errors.status(error), headers, body, request_id)


def must_be_json(incoming: Incoming) -> None:
    """Raises InvalidJson when the request says that its body is something else. No statement at all is forgiven."""
    kind = incoming.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind and kind != "application/json" and not kind.endswith("+json"):
        raise InvalidJson(f"The body must be application/json, not {kind[:60]!r}.")
