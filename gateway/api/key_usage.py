"""GET /v1/usage (spec 004): what a key may spend, has spent and has used. An expired key may still read it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from accounts.keys import Caller
from billing import key_usage
from gateway.api.native import asking
from gateway.api.native.face import bare
from gateway.api.serve import Entry, Incoming
from gateway.dialects import DIALECTS
from gateway.errors import InvalidParameter, KeyScopeMismatch
from gateway.reading import read
from gateway.relay import Answer

MOST_DAYS = 90
DEFAULT_DAYS = 30


async def show(caller: Caller, incoming: Incoming, identity: UUID) -> Answer:
    """The figures of the asking key."""
    if caller.key_id is None:
        raise KeyScopeMismatch("Only a key has figures of its own.", endpoint="usage")
    span = span_of(asking.query_of(incoming.query))
    return bare(await read(key_usage.report, caller.organization_id, caller.key_id, span, caller.expires_at))


def span_of(query: dict[str, str]) -> key_usage.Span:
    """The time asked for. Raises InvalidParameter for days out of range and unknown time zones; a date that cannot be
    read counts as not given."""
    zone = asking.timezone(query)
    text = query.get("days", str(DEFAULT_DAYS))
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= MOST_DAYS):
        raise InvalidParameter(
            f"Invalid days, allowed range is 1-{MOST_DAYS}", param="days", value=text, min=1, max=MOST_DAYS
        )
    last = _date(query, "end_date") or datetime.now(UTC).astimezone(zone).date()
    first = _date(query, "start_date") or last - timedelta(days=DEFAULT_DAYS - 1)
    return key_usage.Span(days=int(text), first=first, last=last, timezone=zone)


def _date(query: dict[str, Any], name: str) -> date | None:
    try:
        found = date.fromisoformat(query.get(name, ""))
    except ValueError:
        return None
    return found if asking.FIRST_YEAR <= found.year <= asking.LAST_YEAR else None


ENTRIES = [Entry("GET", "/v1/usage", DIALECTS["openai_chat"], "all", show, takes_body=False, expired_keys=True)]
