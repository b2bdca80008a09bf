"""Responses that nobody waits for: the server process that took one works on it, and its customer asks how it stands.

The state is in the database, where every server sees it. The process that works says every few seconds that it is
alive; when it stops, what it could not finish has failed, and says so. Money is held and charged like for any stream.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from uuid import UUID

from accounts.keys import Caller
from billing import pricing, wallets
from gateway import callid, relay, responses_store
from gateway.api.responses_asking import Asked
from gateway.api.responses_keeping import Keep, Kept
from gateway.dialects.openai_responses.owning import Claiming, replaced
from gateway.errors import GatewayError, InsufficientBalance, InternalError, UnsupportedParameter
from gateway.passage import Flow
from gateway.reading import read
from gateway.relay import Answer, Operation
from gateway.writing import write

log = logging.getLogger(__name__)

ALIVE_SECONDS = 5

_working: dict[str, asyncio.Task[None]] = {}


async def begin(caller: Caller, operation: Operation, asked: Asked, identity: UUID) -> Answer:
    """Queue a response and answer at once. Raises what can be known to be wrong before it is worked on."""
    if asked.envelope.stream:
        message = "`stream` cannot go with `background`: ask for the response by its id."
        raise UnsupportedParameter(message, param="stream")
    relay.check(operation, asked.envelope, asked.body)
    balance = await read(wallets.balance_of, caller.organization_id)
    if balance.available_nusd <= 0:
        raise InsufficientBalance(
            balance_usd=pricing.usd_text(balance.balance_nusd), held_usd=pricing.usd_text(balance.held_nusd)
        )
    queued = asked.claim.begun("queued")
    await write(responses_store.enqueue, asked.draft, queued)
    work = asyncio.get_running_loop().create_task(
        _work(caller, operation, asked, identity), name=f"background-{asked.claim.id}"
    )
    _working[asked.claim.id] = work
    work.add_done_callback(lambda _: _working.pop(asked.claim.id, None))
    return Answer(200, [("content-type", "application/json")], queued, callid.request_id(identity))


def stop(response_id: str) -> None:
    """Stop working on it, if it is this process that does; another one learns of it from the database."""
    work = _working.get(response_id)
    if work is not None:
        work.cancel()


async def drain() -> None:
    """Stop everything; called when the server stops."""
    working = list(_working.values())
    for work in working:
        work.cancel()
    await asyncio.gather(*working, return_exceptions=True)


async def _work(caller: Caller, operation: Operation, asked: Asked, identity: UUID) -> None:
    watch = asyncio.get_running_loop().create_task(_say_alive(asked.claim.id, asyncio.current_task()))
    error: GatewayError
    try:
        if await write(responses_store.alive, asked.claim.id):
            await _answer(caller, operation, asked, identity)
        return
    except GatewayError as refused:
        error = refused
    except asyncio.CancelledError:
        error = InternalError("The server stopped while it worked on this response.")
    except Exception:
        log.exception("%s broke in the background", callid.request_id(identity))
        error = InternalError()
    finally:
        watch.cancel()
    failed = responses_store.failed(asked.claim.begun("failed"), error, callid.request_id(identity))
    with contextlib.suppress(GatewayError):  # without the database it will be found to have no server
        await write(responses_store.finish, asked.claim.id, failed)


async def _answer(caller: Caller, operation: Operation, asked: Asked, identity: UUID) -> None:
    """Have it answered as a stream, which may take as long as it takes and is paid in steps."""
    body = replaced(asked.body, {"stream": b"true"})
    answer = await relay.relay(caller, operation, body, identity, envelope=operation.dialect.request.peek(body))
    assert not isinstance(answer.body, bytes)
    stream: Flow = Kept(answer.body, Claiming(asked.claim), _finishing(asked))
    try:
        async for _ in stream:
            pass
    finally:
        stream.close()


def _finishing(asked: Asked) -> Keep:
    async def finish(response: bytes) -> bool:
        await write(responses_store.finish, asked.claim.id, response)
        return True

    return finish


async def _say_alive(response_id: str, work: asyncio.Task[None] | None) -> None:
    while True:
        await asyncio.sleep(ALIVE_SECONDS)
        try:
            wanted = await write(responses_store.alive, response_id)
        except InternalError:
            continue  # the database is away; the answer may still be ready when it is back
        if not wanted and work is not None:
            work.cancel()
            return
