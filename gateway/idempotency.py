"""Idempotency-Key: the same request sent again gets the same answer, and is charged once.

A key belongs to an organization and a path. Whoever inserts its row answers; copies that come meanwhile are told to
wait, later ones get the stored answer. A call with a key does not stop when its client leaves: whoever lost the
connection asks again and gets the whole answer.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from accounts.keys import Caller
from billing.models import UsageRecord
from gateway import callid, limits
from gateway.errors import GatewayError, IdempotencyConflict, InvalidParameter
from gateway.models import IdempotencyKey
from gateway.passage import Flow
from gateway.recording import Recorder
from gateway.relay import Answer
from gateway.writing import write

log = logging.getLogger(__name__)

HEADER = "idempotency-key"
LONGEST_KEY = 255  # characters
RETRY_SECONDS = 2  # what a copy is told to wait
ROUNDS = 5  # two requests may fight over a key whose owner died; more rounds than that is a fault of ours
STOPPING_SECONDS = 10  # how long a server that stops waits for calls whose clients have left

State = IdempotencyKey.State

# What still runs, though its client may have left.
_working: set[asyncio.Task[Answer]] = set()
_recordings: set[asyncio.Task[None]] = set()


async def once(
    caller: Caller,
    key: str,
    path: str,
    request: bytes,
    identity: UUID,
    run: Callable[[UUID], Awaitable[Answer]],
    render: Callable[[GatewayError, UUID], Answer],
) -> Answer:
    """The answer of `run`, or the one that this key was given before. `request` is what makes two requests the same.

    Raises IdempotencyConflict, InvalidParameter for a key that is none, and what `run` raises.
    """
    if not 1 <= len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise InvalidParameter(
            f"The header Idempotency-Key takes 1 to {LONGEST_KEY} printable ASCII characters.",
            param="Idempotency-Key",
            min=1,
            max=LONGEST_KEY,
        )
    name = f"{caller.organization_id}\n{path}\n{key}"
    digest = hashlib.sha256(name.encode()).hexdigest()
    row = await write(claim, digest, caller.organization_id, hashlib.sha256(request).hexdigest(), identity)
    if row.owner != identity:
        return replay(row, key, hashlib.sha256(request).hexdigest())
    if row.call_id != identity:
        await limits.leave(caller, identity)  # the call is counted out under the id that it takes over
    work = asyncio.get_running_loop().create_task(_answered(_Lock(row), run, render), name=f"keyed-{row.call_id}")
    _working.add(work)
    work.add_done_callback(_working.discard)
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        work.add_done_callback(_go_on_alone)
        raise


def claim(digest: str, organization_id: int, request: str, identity: UUID) -> IdempotencyKey:
    """The row of a key; `identity` is its owner when this request is to answer."""
    for _ in range(ROUNDS):
        now = timezone.now()
        fresh: dict[str, Any] = {
            "request": request,
            "owner": identity,
            "call_id": identity,
            "state": State.RUNNING,
            "locked_until": now + timedelta(seconds=settings.IDEMPOTENCY_LOCK_SECONDS),
            "expires_at": now + timedelta(hours=settings.IDEMPOTENCY_HOURS),
        }
        IdempotencyKey.objects.bulk_create(
            [IdempotencyKey(digest=digest, organization_id=organization_id, **fresh)], ignore_conflicts=True
        )
        row = IdempotencyKey.objects.filter(digest=digest).first()
        if row is None:
            continue  # forgotten between the two statements
        over = row.expires_at <= now
        if row.owner == identity or not (over or (row.state == State.RUNNING and row.locked_until <= now)):
            return row
        # Whoever answered it is gone. Its call may have been charged: under its id it is not charged again.
        if not over and row.request == request and _may_go_on(row.call_id):
            fresh["call_id"] = row.call_id
        IdempotencyKey.objects.filter(digest=digest, owner=row.owner, locked_until=row.locked_until).update(
            **fresh, status=None, headers=[], body=None, created_at=now
        )
    raise IdempotencyConflict("Too many requests ask for this Idempotency-Key.", retry_after=RETRY_SECONDS)


def _may_go_on(call_id: UUID) -> bool:
    """Whether a call that was interrupted may be made again under its id: one that was closed without a charge would
    be free of charge for ever."""
    record = UsageRecord.objects.filter(id=call_id, started_at=callid.started_at(call_id)).first()
    return record is None or record.charged_nusd > 0


def replay(row: IdempotencyKey, key: str, request: str) -> Answer:
    """The stored answer. Raises IdempotencyConflict when there is none for this request."""
    if row.request != request:
        raise IdempotencyConflict(
            "This Idempotency-Key was used with another body. Use a new key for a new request.",
            idempotency_key=key,
            state="different_body",
        )
    if row.state == State.RUNNING:
        raise IdempotencyConflict(
            "The first request with this Idempotency-Key is still being answered. Ask again in a moment.",
            retry_after=RETRY_SECONDS,
            idempotency_key=key,
            state="running",
        )
    if row.state == State.TOO_LARGE:
        raise IdempotencyConflict(
            f"The request with this Idempotency-Key was answered, but the answer is larger than the "
            f"{settings.IDEMPOTENCY_MAX_ANSWER_BYTES} bytes that are kept, so it cannot be sent again.",
            idempotency_key=key,
            state="done",
        )
    headers = [(name, value) for name, value in row.headers]
    body = bytes(row.body or b"")
    return Answer(row.status or 200, [*headers, ("idempotent-replayed", "true")], body, callid.request_id(row.call_id))


class _Lock:
    """The claim on one key while its request is answered: kept alive, then turned into an answer or given back."""

    def __init__(self, row: IdempotencyKey) -> None:
        self.call_id = row.call_id
        self._mine = Q(digest=row.digest, owner=row.owner)
        self._life = asyncio.get_running_loop().create_task(self._live())

    async def keep(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Store the answer."""
        large = len(body) > settings.IDEMPOTENCY_MAX_ANSWER_BYTES
        state = State.TOO_LARGE if large else State.DONE
        await self._end(state=state, status=status, headers=headers, body=None if large else body)

    async def give_back(self) -> None:
        """Nothing came of it: the key is free."""
        await self._end()

    async def _end(self, **answer: Any) -> None:
        self._life.cancel()
        rows = IdempotencyKey.objects.filter(self._mine)
        try:
            await write(lambda: rows.update(**answer) if answer else rows.delete())
        except GatewayError:
            # The lock runs out by itself, and the call's id keeps a second one from being charged.
            log.error("the answer to a keyed request could not be kept: the database does not answer")

    async def _live(self) -> None:
        while True:
            await asyncio.sleep(settings.IDEMPOTENCY_LOCK_SECONDS / 3)
            until = timezone.now() + timedelta(seconds=settings.IDEMPOTENCY_LOCK_SECONDS)
            try:
                await write(IdempotencyKey.objects.filter(self._mine).update, locked_until=until)
            except GatewayError:
                log.warning("the lock of a keyed request could not be renewed: the database does not answer")


async def _answered(
    lock: _Lock, run: Callable[[UUID], Awaitable[Answer]], render: Callable[[GatewayError, UUID], Answer]
) -> Answer:
    try:
        answer = await run(lock.call_id)
    except GatewayError as error:
        if error.meta.get("charged", "0") == "0":
            await lock.give_back()
            raise
        answer = render(error, lock.call_id)  # what was paid for is not asked for twice
    except BaseException:
        await lock.give_back()
        raise
    answer.request_id = answer.request_id or callid.request_id(lock.call_id)
    body = answer.body
    if isinstance(body, bytes):
        await lock.keep(answer.status, answer.headers, body)
    else:
        answer.body = _recorded(lock, answer, body)
    return answer


def _recorded(lock: _Lock, answer: Answer, stream: Flow) -> Recorder:
    status, headers = answer.status, list(answer.headers)

    async def end(recording: bytes | None) -> None:
        if recording is None or getattr(stream, "worthless", False):
            await lock.give_back()
        else:
            await lock.keep(status, headers, recording)

    recorder = Recorder(stream, settings.IDEMPOTENCY_MAX_ANSWER_BYTES, end)
    _recordings.add(recorder.task)
    recorder.task.add_done_callback(_recordings.discard)
    return recorder


def _go_on_alone(work: asyncio.Task[Answer]) -> None:
    """The client left before the answer began: nobody will read it, but it is recorded."""
    if not work.cancelled() and work.exception() is None:
        work.result().close()


async def drain() -> None:
    """Let the calls end whose clients have left; called when the server stops."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + STOPPING_SECONDS
    pending: set[asyncio.Task[Any]]
    while pending := {*_working, *_recordings}:
        _, late = await asyncio.wait(pending, timeout=max(0.0, deadline - loop.time()))
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


def clean() -> int:
    """Forget the keys whose time is over. Returns how many."""
    return IdempotencyKey.objects.filter(expires_at__lte=timezone.now()).delete()[0]
