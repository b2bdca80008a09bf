"""Months of usage records: made ahead of time, dropped when their retention is over."""

from __future__ import annotations

from datetime import UTC, date, datetime

from django.conf import settings

from billing.sql import functions


def month_after(month: date, months: int) -> date:
    """The first day of the month that comes `months` after (or, negative, before) the month of `month`."""
    count = month.year * 12 + month.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)


def existing() -> list[date]:
    """The first days of the months that have a partition, in order."""
    return [row[0] for row in functions.rows("SELECT p.starts FROM billing_partitions() p")]


def make(today: date | None = None) -> list[date]:
    """Make what is missing from this month to USAGE_MONTHS_AHEAD months ahead; returns the months that were made.

    Raises OperationalError when something keeps the table locked for longer than five seconds: try again later, the
    records of a month without a partition wait in a partition for the rest.
    """
    now = today or datetime.now(UTC).date()
    wanted = [month_after(now, ahead) for ahead in range(settings.USAGE_MONTHS_AHEAD + 1)]
    return [month for month in wanted if functions.value("SELECT billing_make_partition(%s)", (month,))]


def drop(today: date | None = None) -> int:
    """Drop the months beyond USAGE_RETENTION_MONTHS whole months before this one; returns how many. 0 keeps all."""
    if not settings.USAGE_RETENTION_MONTHS:
        return 0
    oldest = month_after(today or datetime.now(UTC).date(), -settings.USAGE_RETENTION_MONTHS)
    return int(functions.value("SELECT billing_drop_partitions(%s)", (oldest,)))
