"""What calls taught us about endpoints, in this process and, for what matters to others, in the database.

Each worker judges by its own calls. When one finds an endpoint broken, or whole again, it writes that down; the
database's notice tells the other workers, and the row tells the operator.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from catalog.breaker import Breaker, State, Verdict
from catalog.models import Endpoint, EndpointHealth


@dataclass(frozen=True, slots=True)
class Change:
    """An endpoint that broke or came back, to be written down."""

    endpoint_id: int
    state: State
    reason: str
    retry_in: int  # seconds
    breaks: int


_lock = threading.Lock()
_breakers: dict[int, Breaker] = {}


def admits(endpoint_id: int) -> bool:
    """Whether a call may ask the endpoint now; memory only. Counts the call where only some are let through."""
    breaker = _breakers.get(endpoint_id)
    if breaker is None:
        return True
    with _lock:
        return breaker.admits(time.monotonic())


def rests(endpoint_id: int) -> bool:
    """Whether the endpoint is known to be broken, and its next probe is not due yet; memory only."""
    breaker = _breakers.get(endpoint_id)
    return breaker is not None and breaker.rests(time.monotonic())


def report(endpoint_id: int, verdict: Verdict, reason: str = "") -> Change | None:
    """What came of asking an endpoint. A Change when it is now broken, or whole again; give that to `write_down`."""
    breaker = _breakers.get(endpoint_id)
    if breaker is None:
        if verdict == "ok":
            return None
        breaker = _breakers.setdefault(endpoint_id, Breaker(shortest=settings.BREAK_SECONDS))
    now = time.monotonic()
    with _lock:
        changed = breaker.report(verdict, now, reason)
        if not changed or breaker.state == "half-open":
            return None
        retry_in = max(0, int((breaker.retry_at or now) - now))
        return Change(endpoint_id, breaker.state, breaker.reason, retry_in, breaker.breaks)


def write_down(change: Change) -> None:
    """Let the operator and the other workers know. Synchronous."""
    now = timezone.now()
    EndpointHealth.objects.update_or_create(
        endpoint_id=change.endpoint_id,
        defaults={
            "state": change.state,
            "reason": change.reason[:200],
            "since": now,
            "retry_at": now + timedelta(seconds=change.retry_in) if change.state == "open" else None,
            "breaks": change.breaks,
        },
    )


def adopt(rows: Iterable[tuple[int, str, str, datetime | None, int]]) -> None:
    """What other workers found, as (endpoint id, state, reason, retry at, breaks) of the database."""
    moment, now = timezone.now(), time.monotonic()
    with _lock:
        for endpoint_id, state, reason, retry_at, breaks in rows:
            if state == "open" and retry_at is not None and retry_at > moment:
                breaker = _breakers.setdefault(endpoint_id, Breaker(shortest=settings.BREAK_SECONDS))
                breaker.adopt(reason, (retry_at - moment).total_seconds(), breaks, now)


def known() -> list[tuple[int, str, str, datetime | None, int]]:
    """All rows, in the form that `adopt` takes. One query."""
    rows = EndpointHealth.objects.values_list("endpoint_id", "state", "reason", "retry_at", "breaks")
    return [(endpoint_id, state, reason, retry_at, breaks) for endpoint_id, state, reason, retry_at, breaks in rows]


def reset(endpoint: Endpoint) -> None:
    """An operator says that it works: every worker tries it again at once."""
    EndpointHealth.objects.filter(endpoint=endpoint).delete()
    forget()


def forget() -> None:
    """Know nothing against any endpoint."""
    with _lock:
        _breakers.clear()
