"""What one API key may spend, has spent and has used: the figures behind `GET /v1/usage` (spec 004)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from django.db.models import Avg
from django.utils import timezone as clock

from accounts.models import APIKey
from billing import history
from billing.models import KeySpend, UsageRecord, Wallet

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Span:
    """What is asked for: daily sums of the last `days` days, and sums by model of these days, both ends included."""

    days: int
    first: date
    last: date
    timezone: tzinfo


def report(organization_id: int, key_id: int, span: Span, expires_at: datetime | None) -> dict[str, Any]:
    """Everything that a key reads about itself. `mode` is "quota_limited" when it has a spend cap of any kind."""
    key = APIKey.objects.get(pk=key_id, organization_id=organization_id)
    capped = [cap for cap in (key.daily_cap_nusd, key.monthly_cap_nusd, key.total_cap_nusd) if cap is not None]
    body = _limited(key, expires_at) if capped else _unrestricted(organization_id)
    records = UsageRecord.objects.filter(wallet_id=organization_id, key_id=key_id)
    now = clock.now()
    today = history.day_of(now, span.timezone)
    lately = history.totals(records.filter(started_at__gte=now - MINUTE))
    mean = records.filter(started_at__gte=_start(today - timedelta(days=29), span.timezone)).aggregate(
        mean=Avg("duration_ms")
    )["mean"]
    body["usage"] = {
        "today": sums(history.totals(records.filter(started_at__gte=_start(today, span.timezone)))),
        "total": sums(history.totals(records)),
        "average_duration_ms": round(mean or 0),
        "rpm": lately["requests"],
        "tpm": lately["prompt"] + lately["completion"],
    }
    body["daily_usage"] = _daily(records, span, today)
    body["model_stats"] = _models(records, span)
    return body


def sums(row: Mapping[str, Any]) -> dict[str, Any]:
    """Sums in the words of spec 004's interface: `cost` is the price, `actual_cost` what was charged. Input excludes
    what was read from or written to a prompt cache."""
    return {
        "requests": row["requests"],
        "input_tokens": row["prompt"] - row["cached"] - row["written"],
        "output_tokens": row["completion"],
        "cache_creation_tokens": row["written"],
        "cache_read_tokens": row["cached"],
        "total_tokens": row["prompt"] + row["completion"],
        "cost": history.money(int(row["listed"])),
        "actual_cost": history.money(int(row["charged"])),
    }


def _limited(key: APIKey, expires_at: datetime | None) -> dict[str, Any]:
    spend = KeySpend.objects.filter(pk=key.pk).first()
    today = datetime.now(UTC).date()
    month = today.replace(day=1)
    day_nusd = spend.day_nusd if spend and spend.day == today else 0
    month_nusd = spend.month_nusd if spend and spend.month == month else 0
    total_nusd = spend.total_nusd if spend else 0
    body: dict[str, Any] = {"mode": "quota_limited", "isValid": True, "status": "active"}
    if key.total_cap_nusd is not None:
        left = max(0, key.total_cap_nusd - total_nusd)
        if not left:
            body["status"] = "quota_exhausted"
        body["quota"] = {
            "limit": history.money(key.total_cap_nusd),
            "used": history.money(total_nusd),
            "remaining": history.money(left),
            "unit": "USD",
        }
        body["remaining"], body["unit"] = history.money(left), "USD"
    following = (month + timedelta(days=32)).replace(day=1)
    windows = [
        _window("1d", key.daily_cap_nusd, day_nusd, today, today + timedelta(days=1)),
        _window("1mo", key.monthly_cap_nusd, month_nusd, month, following),
    ]
    limits = [window for window in windows if window is not None]
    if limits:
        body["rate_limits"] = limits
    if expires_at is not None:
        left_seconds = (expires_at - clock.now()).total_seconds()
        if left_seconds <= 0:
            body["status"] = "expired"
        body["expires_at"] = expires_at
        body["days_until_expiry"] = max(0, math.ceil(left_seconds / 86_400))
    return body


def _window(name: str, cap: int | None, used: int, begins: date, ends: date) -> dict[str, Any] | None:
    if cap is None:
        return None
    window: dict[str, Any] = {
        "window": name,
        "limit": history.money(cap),
        "used": history.money(used),
        "remaining": history.money(max(0, cap - used)),
        "window_start": _start(begins, UTC) if used else None,
    }
    if used:
        window["reset_at"] = _start(ends, UTC)
    return window


def _unrestricted(organization_id: int) -> dict[str, Any]:
    wallet = Wallet.objects.filter(pk=organization_id).first()
    balance = history.money(wallet.balance_nusd if wallet else 0)
    return {
        "mode": "unrestricted",
        "isValid": True,
        "planName": "Wallet balance",
        "remaining": balance,
        "unit": "USD",
        "balance": balance,
    }


def _daily(records: Any, span: Span, today: date) -> list[dict[str, Any]]:
    """The days on which something was used, oldest first."""
    since = _start(today - timedelta(days=span.days - 1), span.timezone)
    begins = history.PERIODS["daily"]("started_at", tzinfo=span.timezone)
    rows = history.summed(records.filter(started_at__gte=since).annotate(begins=begins), "begins").order_by("begins")
    found = []
    for row in rows:
        day = sums(row)
        day["cache_write_tokens"] = day.pop("cache_creation_tokens")
        found.append({"date": row["begins"].date(), **day})
    return found


def _models(records: Any, span: Span) -> list[dict[str, Any]]:
    """By model, the dearest first. `account_cost` is what the account paid: what calls cost us is nobody's business."""
    within = records.filter(
        started_at__gte=_start(span.first, span.timezone),
        started_at__lt=_start(span.last + timedelta(days=1), span.timezone),
    )
    rows = history.summed(within, "model").order_by("-charged", "model")
    return [{"model": row["model"], **sums(row), "account_cost": history.money(int(row["charged"]))} for row in rows]


def _start(day: date, timezone: tzinfo) -> datetime:
    return datetime.combine(day, time(), timezone)
