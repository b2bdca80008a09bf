"""The receipt of one call: every class of what it consumed, at the unit price of the price version that it began with.

It is worked out again from the usage record and the prices of that time, and agrees with what was charged to the last
decimal: prices in force never change.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from accounts.models import User
from billing import history, pricing
from billing.models import Hold, LedgerEntry, UsageRecord
from billing.usage import TOKEN_CLASSES, Usage
from catalog import prices
from catalog.models import PriceVersion

UNITS = {"per_image": "image", "per_video": "video", "per_minute": "second", "per_character": "character"}


def receipt(organization_id: int, call_id: UUID) -> dict[str, Any] | None:
    """The receipt of a call of this organization; None when it has no such call. Money is exact Decimal USD."""
    record = UsageRecord.objects.filter(pk=call_id, wallet_id=organization_id).first()
    if record is None:
        return None
    version = _version_of(record)
    lines, rest = itemised(record, version)
    hold = Hold.objects.filter(pk=call_id, wallet_id=organization_id).first()
    entry = LedgerEntry.objects.filter(pk=call_id, wallet_id=organization_id).first()
    user = User.objects.filter(pk=record.user_id).first() if record.user_id is not None else None
    return {
        **history.log(record, history.key_names([record.key_id])),
        "finished_at": record.finished_at,
        "user": {"id": user.pk, "email": user.email} if user else None,
        "lines": lines,
        "other_usd": rest,
        "rise": record.rise,
        "exact_cost_usd": record.exact_cost,
        "list_cost_usd": history.money(record.cost_nusd),
        "charged_usd": history.money(record.charged_nusd),
        "price_version": _version(version),
        "hold": _hold(hold),
        "ledger_entry": _entry(entry),
    }


def _version_of(record: UsageRecord) -> PriceVersion | None:
    if record.price_version_id is None:
        return None
    return PriceVersion.objects.filter(pk=record.price_version_id).prefetch_related("rates").first()


def usage_of(record: UsageRecord) -> Usage:
    """What a record says was consumed."""
    counts = {name: getattr(record, f"{name}_tokens") for name in TOKEN_CLASSES}
    return Usage(**counts, images=record.images, seconds=record.seconds, characters=record.characters)


def itemised(record: UsageRecord, version: PriceVersion | None) -> tuple[list[dict[str, Any]], Decimal]:
    """The lines of a call at its own prices, and what of its exact cost they do not explain (0 for text)."""
    risen = 1 + record.rise
    lines = []
    explained = Decimal(0)
    if version is not None:
        for line in pricing.cost(usage_of(record), prices.card_of(version).rates()).lines:
            explained += line.amount * risen
            lines.append(
                {
                    "class": line.component,
                    "count": line.count,
                    "unit": UNITS.get(line.component, "token"),
                    "unit_price_usd": line.unit_price,
                    "amount_usd": line.amount * risen,
                }
            )
    return lines, record.exact_cost - explained


def _version(version: PriceVersion | None) -> dict[str, Any] | None:
    if version is None:
        return None
    return {
        "id": version.pk,
        "effective_from": version.effective_from,
        "effective_to": version.effective_to,
    }


def _hold(hold: Hold | None) -> dict[str, Any] | None:
    """Closed holds are kept for a while only."""
    if hold is None:
        return None
    return {
        "amount_usd": history.money(hold.amount_nusd),
        "state": hold.state,
        "placed_at": hold.created_at,
        "closed_at": hold.closed_at,
    }


def _entry(entry: LedgerEntry | None) -> dict[str, Any] | None:
    """A call that cost nothing has none."""
    if entry is None:
        return None
    return {
        "seq": entry.seq,
        "posted_at": entry.created_at,
        "delta_usd": history.money(entry.delta_nusd),
        "balance_after_usd": history.money(entry.balance_after_nusd),
    }
