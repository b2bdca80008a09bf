"""What the books say, ready to print: money as USD text, times as ISO 8601."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Count, Q, Sum

from accounts.models import Organization
from billing import wallets
from billing.models import LedgerEntry, UsageRecord
from billing.pricing import usd, usd_text
from billing.usage import TOKEN_CLASSES

COUNTS = (*(f"{name}_tokens" for name in TOKEN_CLASSES), "images", "characters")


def exact_text(nusd: int) -> str:
    """USD to the last nano: nine decimals at the most, no exponent, no idle zeros."""
    text = f"{usd(nusd):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def standing(organization: Organization) -> dict[str, Any]:
    """Who an organization is to the books, and what it has."""
    wallet = wallets.of(organization)
    return {
        "slug": organization.slug,
        "name": organization.name,
        "plan": organization.plan.slug,
        "status": organization.status,
        "wallet_status": wallet.status,
        "balance_usd": exact_text(wallet.balance_nusd),
        "held_usd": exact_text(wallet.held_nusd),
        "available_usd": exact_text(wallet.balance_nusd - wallet.held_nusd),
        "entries": wallet.version,
    }


def entries(organization: Organization, limit: int) -> list[dict[str, Any]]:
    """The latest ledger entries, newest first."""
    return [
        {
            "seq": entry.seq,
            "created_at": entry.created_at.isoformat(),
            "kind": entry.kind,
            "contra": entry.contra,
            "delta_usd": exact_text(entry.delta_nusd),
            "balance_after_usd": exact_text(entry.balance_after_nusd),
            "key": entry.key,
            "call": str(entry.pk) if entry.kind == LedgerEntry.Kind.USAGE else None,
            "reference": entry.reference,
            "actor": entry.actor,
            "reason": entry.reason,
        }
        for entry in LedgerEntry.objects.filter(wallet_id=organization.pk).order_by("-seq")[:limit]
    ]


def usage(organization: Organization, limit: int, since: datetime | None = None) -> dict[str, Any]:
    """What the organization's calls consumed and cost: the sums since `since` (ever, when None), the latest calls."""
    records = UsageRecord.objects.filter(wallet_id=organization.pk)
    if since is not None:
        records = records.filter(started_at__gte=since)
    sums = records.aggregate(
        calls=Count("id"),
        charged=Sum("charged_nusd", default=0),
        cost=Sum("cost_nusd", default=0),
        failed=Count("id", filter=~Q(outcome="completed")),
    )
    return {
        "organization": organization.slug,
        "calls": sums["calls"],
        "not_completed": sums["failed"],
        "cost_usd": usd_text(sums["cost"]),
        "charged_usd": usd_text(sums["charged"]),
        "records": [record(one) for one in records.order_by("-started_at")[:limit]],
    }


def record(one: UsageRecord) -> dict[str, Any]:
    """One call. Counts that are 0 are left out."""
    return {
        "id": f"req_{one.pk.hex}",
        "started_at": one.started_at.isoformat(),
        "model": one.model,
        "provider": one.provider,
        "surface": one.surface,
        "operation": one.operation,
        "streamed": one.streamed,
        "usage": {name: count for name in COUNTS if (count := getattr(one, name))},
        "usage_source": one.usage_source,
        "exact_cost_usd": f"{one.exact_cost.normalize():f}",
        "cost_usd": usd_text(one.cost_nusd),
        "charged_usd": usd_text(one.charged_nusd),
        "late": one.is_late,
        "outcome": one.outcome,
        "finish": one.finish,
        "error_code": one.error_code,
        "status": one.status,
        "attempts": one.attempts,
        "first_byte_ms": one.first_byte_ms,
        "duration_ms": one.duration_ms,
    }
