"""What a customer reads of their account: the balance, the history of calls, sums over time, and receipts."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

from accounts.keys import Caller
from billing import history, receipts, wallets
from billing.history import Filter
from gateway.api.native import asking
from gateway.api.native.face import NATIVE, success
from gateway.api.serve import Entry, Incoming
from gateway.errors import InvalidParameter, ResourceNotFound
from gateway.reading import read
from gateway.relay import Answer

# How far back a breakdown reaches unless the request says so, and at the most.
REACH = {"daily": timedelta(days=30), "weekly": timedelta(weeks=12), "monthly": timedelta(days=365)}
LONGEST = timedelta(days=3 * 366)

REQUEST_ID = re.compile(r"(?:req_)?([0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.IGNORECASE)


async def balance(caller: Caller, incoming: Incoming, identity: UUID) -> Answer:
    """What the organization has, what of it is set aside for calls in flight, and what is left for new ones."""
    found = await read(wallets.balance_of, caller.organization_id)
    return success(
        {
            "balance_usd": history.money(found.balance_nusd),
            "available_usd": history.money(found.available_nusd),
            "held_usd": history.money(found.held_nusd),
            "currency": "USD",
        }
    )


async def usage_history(caller: Caller, incoming: Incoming, identity: UUID) -> Answer:
    """The calls of the organization, the latest first."""
    query = asking.query_of(incoming.query)
    page = asking.page(query)
    wanted = filter_of(caller, query)
    found = await read(history.logs, wanted, limit=page.limit, offset=page.offset)
    return success({**found, "limit": page.limit, "offset": page.offset})


async def usage_breakdown(caller: Caller, incoming: Incoming, identity: UUID) -> Answer:
    """Sums by day, week or month, by model and by key."""
    query = asking.query_of(incoming.query)
    page = asking.page(query, default=100)
    period = asking.one_of(query, "period", tuple(history.PERIODS), "daily") or "daily"
    by = asking.one_of(query, "by", ("model", "key"))
    zone = asking.timezone(query)
    wanted = filter_of(caller, query)
    until = wanted.until or datetime.now(UTC) + timedelta(seconds=1)
    since = wanted.since or until - REACH[period]
    if until - since > LONGEST:
        raise InvalidParameter(
            f"A breakdown covers at most {LONGEST.days} days.", param="from", value=query.get("from")
        )
    wanted = Filter(wanted.organization_id, wanted.model, wanted.key_id, wanted.outcome, since, until)
    found = await read(
        history.breakdown, wanted, period=period, by=by, timezone=zone, limit=page.limit, offset=page.offset
    )
    about = {"period": period, "by": by, "timezone": str(zone), "from": since, "to": until}
    return success({**about, **found, "limit": page.limit, "offset": page.offset})


def filter_of(caller: Caller, query: dict[str, str]) -> Filter:
    """The calls that a list is asked for. Raises InvalidParameter."""
    zone = asking.timezone(query)
    since, until = asking.since(query, "from", zone), asking.until(query, "to", zone)
    if since is not None and until is not None and since >= until:
        raise InvalidParameter("`from` must be before `to`.", param="from", value=query["from"])
    key_id = asking.whole(query, "key", 0, least=1, most=2**62) if "key" in query else None
    model = query.get("model")
    if model is not None and (len(model) > 100 or not model.isprintable()):
        raise InvalidParameter("`model` must be a model's slug.", param="model", value=model)
    return Filter(
        caller.organization_id,
        model=model,
        key_id=key_id,
        outcome=asking.one_of(query, "status", history.OUTCOMES),
        since=since,
        until=until,
    )


async def usage_receipt(caller: Caller, incoming: Incoming, identity: UUID) -> Answer:
    """The itemised receipt of one call. Raises ResourceNotFound for an unknown one, and for another organization's."""
    text = incoming.path.rsplit("/", 1)[1]
    known = REQUEST_ID.fullmatch(text)
    found = await read(receipts.receipt, caller.organization_id, UUID(known[1])) if known else None
    if found is None:
        raise ResourceNotFound("There is no such request.", resource="usage", id=text)
    return success(found)


ENTRIES = [
    Entry("GET", "/v1/llm/balance", NATIVE, "all", balance, takes_body=False),
    Entry("GET", "/v1/llm/usage/history", NATIVE, "all", usage_history, takes_body=False),
    Entry("GET", "/v1/llm/usage/breakdown", NATIVE, "all", usage_breakdown, takes_body=False),
    Entry("GET", "/v1/llm/usage/{request_id}", NATIVE, "all", usage_receipt, takes_body=False),
]
