"""Query parameters of the native API's lists: read strictly, refused by name."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo, available_timezones

from gateway.errors import InvalidParameter

LARGEST_OFFSET = 10_000_000
FIRST_YEAR, LAST_YEAR = 2000, 2999  # of a filter by time; beyond them lie only typing errors


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted."""

    limit: int
    offset: int


def query_of(query: str) -> dict[str, str]:
    """The parameters of a query string, the last one of each name; empty ones count as absent."""
    return dict(parse_qsl(query, max_num_fields=None))


def page(query: Mapping[str, str], *, default: int = 50, most: int = 1000) -> Page:
    """`limit` (1 to `most`) and `offset`. Raises InvalidParameter."""
    return Page(
        whole(query, "limit", default, least=1, most=most), whole(query, "offset", 0, least=0, most=LARGEST_OFFSET)
    )


def whole(query: Mapping[str, str], name: str, default: int, *, least: int, most: int) -> int:
    """A whole number within bounds. Raises InvalidParameter."""
    text = query.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,18}", text) or not least <= int(text) <= most:
        raise InvalidParameter(
            f"`{name}` must be a whole number from {least} to {most}.", param=name, value=text, min=least, max=most
        )
    return int(text)


def one_of(query: Mapping[str, str], name: str, allowed: Collection[str], default: str | None = None) -> str | None:
    """One of a few words. Raises InvalidParameter."""
    text = query.get(name, default)
    if text is not None and text not in allowed:
        raise InvalidParameter(
            f"`{name}` must be one of {', '.join(allowed)}.", param=name, value=text, allowed=list(allowed)
        )
    return text


def timezone(query: Mapping[str, str]) -> tzinfo:
    """`timezone`, an IANA name; UTC unless given. Raises InvalidParameter."""
    name = query.get("timezone", "UTC")
    if name not in _timezones():
        raise InvalidParameter("`timezone` must be an IANA name such as Europe/Oslo.", param="timezone", value=name)
    return ZoneInfo(name)


def since(query: Mapping[str, str], name: str, zone: tzinfo) -> datetime | None:
    """A moment, or the beginning of a day in `zone`. Raises InvalidParameter."""
    return _moment(query, name, zone, days=0)


def until(query: Mapping[str, str], name: str, zone: tzinfo) -> datetime | None:
    """A moment, or the end of a day in `zone`, which belongs to it. Raises InvalidParameter."""
    return _moment(query, name, zone, days=1)


def _moment(query: Mapping[str, str], name: str, zone: tzinfo, *, days: int) -> datetime | None:
    text = query.get(name)
    if text is None:
        return None
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
            found = datetime.combine(date.fromisoformat(text) + timedelta(days=days), time(), zone)
        else:
            # A plus sign that was not escaped arrives as a space.
            found = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
            found = found if found.tzinfo is not None else found.replace(tzinfo=zone)
        if not FIRST_YEAR <= found.year <= LAST_YEAR:
            raise ValueError(text)
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidParameter(
            f"`{name}` must be a date (2026-11-21) or a time (2026-11-21T12:00:00Z).", param=name, value=text
        ) from None


@cache
def _timezones() -> frozenset[str]:
    """The names that PostgreSQL knows as well: places, and UTC."""
    places = (name for name in available_timezones() if "/" in name and not name.startswith(("posix", "right")))
    return frozenset({*places, "UTC", "GMT"})
