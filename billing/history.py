"""What an organization's calls consumed, call by call and summed up, as its customers may see it: no word of which
provider answered, or of what that cost us. Money is USD to 8 decimals, times are aware datetimes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, QuerySet, Sum
from django.db.models.functions import TruncDay, TruncMonth, TruncWeek

from accounts.models import APIKey
from billing.models import UsageRecord
from billing.pricing import usd_text

PERIODS = {"daily": TruncDay, "weekly": TruncWeek, "monthly": TruncMonth}
OUTCOMES = ("completed", "failed", "cancelled", "cut", "refused")

PROMPT = ("input", "cached_input", "cache_write_5m", "cache_write_1h", "audio_input", "image_input")
COMPLETION = ("output", "reasoning", "audio_output", "image_output")
_WRITES = ("cache_write_5m", "cache_write_1h")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which calls: those of one organization that pass everything that is given. `until` is not included."""

    organization_id: int
    model: str | None = None
    key_id: int | None = None
    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def records(self) -> QuerySet[UsageRecord]:
        """Their records, in no order."""
        records = UsageRecord.objects.filter(wallet_id=self.organization_id)
        for name, value in (("model", self.model), ("key_id", self.key_id), ("outcome", self.outcome)):
            if value is not None:
                records = records.filter(**{name: value})
        if self.since is not None:
            records = records.filter(started_at__gte=self.since)
        if self.until is not None:
            records = records.filter(started_at__lt=self.until)
        return records


def money(nusd: int) -> Decimal:
    """Nano-USD as it is printed."""
    return Decimal(usd_text(nusd))


def logs(wanted: Filter, *, limit: int, offset: int) -> dict[str, Any]:
    """One page of calls, the latest first, and how many there are."""
    records = wanted.records()
    page = list(records.order_by("-started_at", "-id")[offset : offset + limit])
    keys = key_names(record.key_id for record in page)
    return {"logs": [log(record, keys) for record in page], "total": records.count()}


def log(record: UsageRecord, keys: Mapping[int, APIKey]) -> dict[str, Any]:
    """One call."""
    counts = {name: getattr(record, f"{name}_tokens") for name in (*PROMPT, *COMPLETION)}
    prompt, completion = sum(counts[name] for name in PROMPT), sum(counts[name] for name in COMPLETION)
    request_id = f"req_{record.pk.hex}"
    return {
        "id": request_id,
        "request_id": request_id,
        "created_at": record.started_at,
        "model": record.model,
        "operation": record.operation,
        "surface": record.surface,
        "streamed": record.streamed,
        "status": record.outcome,
        "finish_reason": record.finish or None,
        "error_code": record.error_code,
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "cached_tokens": counts["cached_input"],
        "cache_write_tokens": sum(counts[name] for name in _WRITES),
        "reasoning_tokens": counts["reasoning"],
        "total_tokens": prompt + completion,
        "images": record.images,
        "usage_source": record.usage_source,
        "cost_usd": money(record.charged_nusd),
        "key": described(record.key_id, keys),
        "first_byte_ms": record.first_byte_ms,
        "duration_ms": record.duration_ms,
    }


def key_names(key_ids: Iterable[int | None]) -> dict[int, APIKey]:
    """The keys with these ids that are still there."""
    return APIKey.objects.in_bulk({key_id for key_id in key_ids if key_id is not None})


def described(key_id: int | None, keys: Mapping[int, APIKey]) -> dict[str, Any] | None:
    """A key as its owners know it; its id alone once it is gone, None for calls without one."""
    if key_id is None:
        return None
    key = keys.get(key_id)
    return {"id": key_id, "name": key.name if key else "", "masked": key.masked if key else ""}


def breakdown(
    wanted: Filter, *, period: str, by: str | None, timezone: tzinfo, limit: int, offset: int
) -> dict[str, Any]:
    """Sums by day, week (from Monday) or month of `timezone`, the latest first; with `by` ("model" or "key") one row
    for each in each period. Beside them the sums of the whole time: in all, by model, by key, the dearest first."""
    records = wanted.records()
    column = {"model": "model", "key": "key_id", None: None}[by]
    groups = ["begins", column] if column else ["begins"]
    rows = summed(records.annotate(begins=PERIODS[period]("started_at", tzinfo=timezone)), *groups)
    rows = rows.order_by("-begins", "-charged", *groups[1:])
    found = list(rows[offset : offset + limit])
    by_model = list(summed(records, "model").order_by("-charged", "model"))
    by_key = list(summed(records, "key_id").order_by("-charged", "key_id"))
    keys = key_names(row["key_id"] for row in by_key)
    return {
        "breakdown": [row_of(row, keys) for row in found],
        "total_rows": rows.count(),
        "by_model": [row_of(row, keys) for row in by_model],
        "by_key": [row_of(row, keys) for row in by_key],
        "total": figures(totals(records)),
    }


def row_of(row: Mapping[str, Any], keys: Mapping[int, APIKey]) -> dict[str, Any]:
    """One row of sums with what it is about."""
    about: dict[str, Any] = {}
    if "begins" in row:
        begins = row["begins"]
        about["date"] = begins.date() if isinstance(begins, datetime) else begins
    if "model" in row:
        about["model"] = row["model"]
    if "key_id" in row:
        about["key"] = described(row["key_id"], keys)
    return about | figures(row)


def summed(records: Any, *groups: str) -> Any:
    """A query set with one row of sums for each group."""
    return records.values(*groups).annotate(**_sums()).order_by()


def totals(records: QuerySet[UsageRecord]) -> dict[str, Any]:
    """The same sums over all of them."""
    return records.aggregate(**_sums())


def figures(row: Mapping[str, Any]) -> dict[str, Any]:
    """Sums as customers read them."""
    return {
        "requests": row["requests"],
        "prompt_tokens": row["prompt"],
        "completion_tokens": row["completion"],
        "cached_tokens": row["cached"],
        "cache_write_tokens": row["written"],
        "reasoning_tokens": row["thought"],
        "total_tokens": row["prompt"] + row["completion"],
        "images": row["pictures"],
        "cost_usd": money(int(row["charged"])),
    }


def _sums() -> dict[str, Any]:
    def tokens(*names: str) -> Sum:
        first, *rest = (F(f"{name}_tokens") for name in names)
        return Sum(sum(rest, start=first), default=0)

    return {
        "requests": Count("id"),
        "prompt": tokens(*PROMPT),
        "completion": tokens(*COMPLETION),
        "cached": tokens("cached_input"),
        "written": tokens(*_WRITES),
        "thought": tokens("reasoning"),
        "pictures": Sum("images", default=0),
        "charged": Sum("charged_nusd", default=0),
        "listed": Sum("cost_nusd", default=0),
    }


def day_of(moment: datetime, timezone: tzinfo) -> date:
    """The day that a moment falls on."""
    return moment.astimezone(timezone).date()
