"""The responses that customers left with us: kept, found, gone on from, deleted. Synchronous; the callers go through
gateway/reading.py and gateway/writing.py.

Nobody but the organization that asked ever finds one; for everybody else there is nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Organization
from gateway.dialects.openai_responses import errors
from gateway.dialects.openai_responses.history import output_items
from gateway.errors import ConcurrencyLimit, GatewayError, InternalError, JobConflict, ResourceNotFound
from gateway.models import StoredResponse

Item = dict[str, Any]
Status = StoredResponse.Status

RUNNING = (Status.QUEUED, Status.IN_PROGRESS)
LOST_AFTER = timedelta(seconds=60)  # without a sign of life a server is thought dead, and what it worked on failed
RENEWED_EARLY = timedelta(days=1)  # the turns before a new one live as long as it does, give or take this
MOST_ITEM_IDS = 2000  # of one response
LONGEST_ITEM_ID = 200  # characters
PRUNED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Conversation:
    """What was said up to and with one response: all its items, and the ids of its turns, oldest first."""

    items: list[Item] = field(default_factory=list)
    turns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A response before it has an answer: whose it is, what it goes on from, and what its request added."""

    id: str
    organization_id: int
    key_id: int | None
    model: str
    turns: tuple[str, ...]
    items: Sequence[Item]
    background: bool = False


def keep(draft: Draft, response: bytes) -> None:
    """Keep a response that is over. Keeping it twice is keeping it once."""
    _insert(draft, response)
    _renew(draft)


def enqueue(draft: Draft, response: bytes) -> None:
    """Keep a response that somebody is about to work on. Raises ConcurrencyLimit when the organization has too many."""
    most = settings.MAX_BACKGROUND_RESPONSES
    with transaction.atomic():
        Organization.objects.select_for_update(no_key=True).only("pk").get(pk=draft.organization_id)
        running = _of(draft.organization_id).filter(status__in=RUNNING, seen_alive_at__gt=timezone.now() - LOST_AFTER)
        count = running.count()
        if count >= most:
            raise ConcurrencyLimit(
                f"This account has {count} responses in the background, and may have {most}. Wait for one of them.",
                limit=most,
                in_flight=count,
                resource="background responses",
            )
        _insert(draft, response)
    _renew(draft)


def find(organization_id: int, response_id: str) -> bytes:
    """The response object. Raises ResourceNotFound. One whose server died meanwhile has failed."""
    row = _row(_of(organization_id), response_id)
    if row.status in RUNNING and row.seen_alive_at < timezone.now() - LOST_AFTER:
        finish(response_id, failed(bytes(row.response), InternalError("The server that worked on it was stopped.")))
        row = _row(_of(organization_id), response_id)
    return bytes(row.response)


def conversation(organization_id: int, response_id: str) -> Conversation:
    """What to go on from. Raises ResourceNotFound, also when a turn of it was deleted, and JobConflict for a response
    that is not over."""
    last = _row(_of(organization_id), response_id)
    if last.status in RUNNING:
        raise JobConflict(f"The response {response_id} is not over yet.", job_id=response_id, job_status=last.status)
    known = {row.pk: row for row in _of(organization_id).filter(pk__in=last.ancestors)}
    known[last.pk] = last
    turns = (*last.ancestors, last.pk)
    items: list[Item] = []
    for turn in turns:
        if turn not in known:
            raise _missing(turn, f"The response {turn}, a turn of this conversation, was deleted.")
        items += _items(known[turn])
    return Conversation(items, turns)


def input_of(organization_id: int, response_id: str) -> list[Item]:
    """All that the model read for one response: the turns before it, and what its own request said."""
    row = _row(_of(organization_id), response_id)
    before = conversation(organization_id, row.ancestors[-1]).items if row.ancestors else []
    return _told_apart([*before, *_listed(bytes(row.input))])


def items(organization_id: int, item_ids: Sequence[str]) -> dict[str, Item]:
    """The items with these ids, where the organization has them."""
    wanted = set(item_ids)
    rows = _of(organization_id).filter(item_ids__overlap=list(wanted)).order_by("-created_at")[:MOST_ITEM_IDS]
    found: dict[str, Item] = {}
    for row in rows:
        found.update({item["id"]: item for item in _items(row) if item.get("id") in wanted - found.keys()})
    return found


def remove(organization_id: int, response_id: str) -> None:
    """Delete it. Raises ResourceNotFound."""
    deleted, _ = _of(organization_id).filter(pk=response_id).delete()
    if not deleted:
        raise _missing(response_id)


def cancel(organization_id: int, response_id: str) -> tuple[bytes, bool]:
    """Stop a background response; the response object, and whether it still ran. One that is over stays as it is.

    Raises ResourceNotFound, and JobConflict for one that was never in the background.
    """
    with transaction.atomic():
        row = _row(_of(organization_id).select_for_update(), response_id)
        if not row.background:
            raise JobConflict("Only a background response can be cancelled.", job_id=row.pk, job_status=row.status)
        if row.status not in RUNNING:
            return bytes(row.response), False
        row.status = Status.CANCELLED
        row.response = changed(bytes(row.response), {"status": row.status})
        row.save(update_fields=["status", "response"])
        return bytes(row.response), True


def alive(response_id: str, status: str = Status.IN_PROGRESS) -> bool:
    """Say that somebody works on it. False when there is nothing to work on any more."""
    with transaction.atomic():
        row = StoredResponse.objects.select_for_update().filter(pk=response_id, status__in=RUNNING).first()
        if row is None:
            return False
        row.seen_alive_at = timezone.now()
        if row.status != status:
            row.status, row.response = status, changed(bytes(row.response), {"status": status})
        row.save(update_fields=["seen_alive_at", "status", "response"])
        return True


def finish(response_id: str, response: bytes) -> bool:
    """Keep the end of a background response. False when it was cancelled or deleted meanwhile."""
    rows = StoredResponse.objects.filter(pk=response_id, status__in=RUNNING)
    row = rows.first()
    if row is None:
        return False
    ids = _ids([*_listed(bytes(row.input)), *output_items(response)])
    return bool(rows.update(status=_status(response), response=response, item_ids=ids))


def failed(response: bytes, error: GatewayError, request_id: str = "") -> bytes:
    """The response object after a failure."""
    return changed(response, errors.failed(error, request_id=request_id, docs_url=settings.DOCS_URL))


def changed(response: bytes, members: Mapping[str, Any]) -> bytes:
    """The response object with other values for some members."""
    return msgspec.json.encode({**msgspec.json.decode(response, type=dict[str, msgspec.Raw]), **members})


def prune() -> int:
    """Forget what is older than RESPONSE_RETENTION_DAYS. Returns how many."""
    count = 0
    while True:
        expired = StoredResponse.objects.filter(expires_at__lt=timezone.now()).values("pk")[:PRUNED_AT_ONCE]
        deleted, _ = StoredResponse.objects.filter(pk__in=[row["pk"] for row in expired]).delete()
        if not deleted:
            return count
        count += deleted


def _of(organization_id: int) -> QuerySet[StoredResponse]:
    return StoredResponse.objects.filter(organization_id=organization_id, expires_at__gt=timezone.now())


def _row(rows: QuerySet[StoredResponse], response_id: str) -> StoredResponse:
    row = rows.filter(pk=response_id).first()
    if row is None:
        raise _missing(response_id)
    return row


def _missing(response_id: str, message: str = "") -> ResourceNotFound:
    message = message or f"There is no response with the id {response_id[:80]!r}."
    return ResourceNotFound(message, resource="response", id=response_id[:80])


def _insert(draft: Draft, response: bytes) -> None:
    now = timezone.now()
    row = StoredResponse(
        id=draft.id,
        organization_id=draft.organization_id,
        key_id=draft.key_id,
        model=draft.model,
        status=_status(response),
        background=draft.background,
        ancestors=list(draft.turns),
        item_ids=_ids([*draft.items, *output_items(response)]),
        input=msgspec.json.encode(draft.items),
        response=response,
        seen_alive_at=now,
        expires_at=_end(),
    )
    StoredResponse.objects.bulk_create([row], ignore_conflicts=True)


def _renew(draft: Draft) -> None:
    """A conversation ends as a whole: its earlier turns live as long as the latest."""
    old = StoredResponse.objects.filter(pk__in=draft.turns, expires_at__lt=_end() - RENEWED_EARLY)
    old.update(expires_at=_end())


def _end() -> datetime:
    return timezone.now() + timedelta(days=settings.RESPONSE_RETENTION_DAYS)


def _items(row: StoredResponse) -> list[Item]:
    return [*_listed(bytes(row.input)), *output_items(bytes(row.response))]


def _listed(text: bytes) -> list[Item]:
    return msgspec.json.decode(text, type=list[dict[str, Any]])


def _told_apart(items: Sequence[Item]) -> list[Item]:
    """The items under ids that occur once: providers may repeat themselves, and lists go on after an id."""
    seen: set[object] = set()
    made: list[Item] = []
    for at, item in enumerate(items):
        item_id = item.get("id")
        made.append({**item, "id": f"{item_id}_{at}"} if item_id in seen else item)
        seen.add(item_id)
    return made


def _ids(items: Sequence[Item]) -> list[str]:
    found = [item["id"] for item in items if isinstance(item.get("id"), str)]
    return [text for text in found if len(text) <= LONGEST_ITEM_ID and "\0" not in text][:MOST_ITEM_IDS]


def _status(response: bytes) -> str:
    word = msgspec.json.decode(response, type=dict[str, Any]).get("status")
    return word if word in Status.values else Status.COMPLETED
