"""What can be called, at what price, and who serves it: one snapshot per process, read by every call without I/O.

The catalogue changes rarely and is read by each call, so each worker keeps all of it in memory. PostgreSQL announces
every change (any writer: admin, command, psql), the worker forgets, and the next call waits for the new one. Should an
announcement be lost, the snapshot ages out after a few seconds.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Q

from catalog.models import AIModel, Endpoint, PriceRate, PriceVersion, SupplierCost
from catalog.rates import Rates
from catalog.snapshots import Dated, Model, Price, Route, Snapshot

__all__ = ["Model", "Price", "Route", "Snapshot", "forget", "recall", "snapshot", "stale"]

log = logging.getLogger(__name__)

FRESH_SECONDS = 5  # how long a snapshot is believed without being told to forget it
REMEMBERED = timedelta(days=1)  # how far back prices are kept in memory; older ones are in the database
MOST_LOADS = 3  # in a row, when changes keep coming while the catalogue is being read


_lock = threading.Lock()  # one load at a time; whoever waited for it takes its result
_known: Snapshot | None = None
_known_at: float = 0
_forgotten = 0  # grows with every `forget`, so that a load that began before it is not kept


def snapshot() -> Snapshot:
    """The catalogue from memory, else from the database in five queries (synchronous)."""
    known = recall()
    if known is not None and not stale():
        return known
    with _lock:
        known = recall()
        if known is not None and not stale():
            return known
        for _ in range(MOST_LOADS):
            told = _forgotten
            loaded = _load(datetime.now(UTC))
            if told == _forgotten:
                _remember(loaded)
                break
        return loaded


def recall() -> Snapshot | None:
    """The catalogue from memory alone, however old; None after `forget`. No I/O. `stale` tells whether to reload."""
    return _known


def stale() -> bool:
    """Whether memory is empty or older than a few seconds."""
    return _known is None or time.monotonic() - _known_at > FRESH_SECONDS


def forget() -> None:
    """Something changed: the next call reads the catalogue anew."""
    global _known, _forgotten
    _forgotten += 1
    _known = None


def _remember(loaded: Snapshot) -> None:
    global _known, _known_at
    _known_at = time.monotonic()
    _known = loaded


def _load(now: datetime) -> Snapshot:
    rows = list(AIModel.objects.filter(is_enabled=True))
    kinds = {row.id: row.kind for row in rows}
    prices = _prices(kinds, now)
    routes = _routes(now)
    return Snapshot(
        models={row.slug: _model(row) for row in rows},
        price_versions={row.slug: prices[row.id] for row in rows if row.id in prices},
        route_lists={row.slug: routes[row.id] for row in rows if row.id in routes},
    )


def _model(row: AIModel) -> Model:
    return Model(
        id=row.id,
        slug=row.slug,
        display_name=row.display_name,
        vendor=row.vendor,
        kind=row.kind,
        platform=row.platform,
        capabilities=frozenset(row.capabilities),
        context_window=row.context_window,
        max_input_tokens=row.max_input_tokens,
        max_output_tokens=row.max_output_tokens,
        restrictions=row.restrictions,
        options=row.options,
        created=int(row.created_at.timestamp()),
        owned_by=row.vendor,
        lifecycle=row.lifecycle_status,
        category=row.category,
        input_modalities=tuple(row.input_modalities),
        output_modalities=tuple(row.output_modalities),
        retires_on=row.retires_on,
        successor=row.successor,
        description=row.description,
    )


def _prices(kinds: Mapping[int, str], now: datetime) -> dict[int, tuple[Dated, ...]]:
    """model id → its price versions, oldest first."""
    lately = Q(effective_to__isnull=True) | Q(effective_to__gt=now - REMEMBERED)
    versions = list(
        PriceVersion.objects.filter(lately, model__is_enabled=True)
        .order_by("effective_from")
        .values_list("id", "model_id", "effective_from", "effective_to", "image_rule", "video_rule")
    )
    rows: dict[int, list[tuple[str, int, Decimal]]] = defaultdict(list)
    rates = PriceRate.objects.filter(version__in=[version[0] for version in versions]).order_by()
    for version_id, component, over, price in rates.values_list("version_id", "component", "over_prompt", "price"):
        rows[version_id].append((component, over, price))
    found: dict[int, list[Dated]] = defaultdict(list)
    for id_, model_id, begins, ends, image_rule, video_rule in versions:
        if model_id not in kinds:  # enabled between two queries
            continue
        read = _price(f"price version {id_}", id_, rows[id_], image_rule, video_rule)
        complete = read is not None and not read.rates.lacks(kinds[model_id])
        found[model_id].append(Dated(begins, ends, read if complete else None))
    return {model_id: tuple(dated) for model_id, dated in found.items()}


def _routes(now: datetime) -> dict[int, tuple[Route, ...]]:
    """model id → its routes. The simulator steps aside for a model as soon as somebody real can serve it."""
    costs = _costs(now)
    found: dict[int, list[Route]] = defaultdict(list)
    endpoints = (
        Endpoint.objects.filter(is_enabled=True, provider__is_enabled=True, model__is_enabled=True)
        .filter(Q(provider__has_credential=True) | Q(provider__is_simulator=True))
        .order_by("priority", "-weight", "id")
        .select_related("provider")
    )
    for endpoint in endpoints:
        provider = endpoint.provider
        found[endpoint.model_id].append(
            Route(
                endpoint_id=endpoint.id,
                provider_id=provider.id,
                provider=provider.slug,
                adapter=provider.adapter,
                base_url=provider.base_url,
                upstream_id=endpoint.upstream_id,
                dialect=endpoint.dialect,
                priority=endpoint.priority,
                weight=endpoint.weight,
                supplier=costs.get(endpoint.id),
                simulated=provider.is_simulator,
                quirks=endpoint.quirks,
            )
        )
    return {model_id: _real_first(routes) for model_id, routes in found.items()}


def _real_first(routes: list[Route]) -> tuple[Route, ...]:
    real = tuple(route for route in routes if not route.simulated)
    return real or tuple(routes)


def _costs(now: datetime) -> dict[int, Price | None]:
    """endpoint id → what it costs us now."""
    costs = SupplierCost.objects.filter(Q(effective_to__isnull=True) | Q(effective_to__gt=now), effective_from__lte=now)
    return {
        endpoint_id: _price(f"supplier cost {id_}", id_, rows or [], image_rule, video_rule)
        for id_, endpoint_id, rows, image_rule, video_rule in costs.values_list(
            "id", "endpoint_id", "rates", "image_rule", "video_rule"
        )
    }


def _price(what: str, id_: int, rows: Iterable[tuple[str, int, Any]], image_rule: Any, video_rule: Any) -> Price | None:
    """One price list. A list that cannot be read costs its own model's sale, never the whole catalogue."""
    try:
        exact = [(component, over, Decimal(price)) for component, over, price in rows]
        if not (exact or image_rule or video_rule):
            return None
        return Price(id_, Rates.of(exact, image_rule=image_rule, video_rule=video_rule))
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
        log.error("%s cannot be read and is ignored: %s", what, error)
        return None
