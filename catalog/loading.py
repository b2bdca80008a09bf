"""Bringing the shipped catalogue into the database, again and again, without touching what an operator did.

Every row remembers in `shipped` what the last load wrote. A field that no longer holds that value was edited by an
operator and is left alone; the others follow the file. An endpoint that was shipped once and is gone was removed by an
operator and does not come back. A price follows the file only as long as the version in force came from the file. So a
second load of the same file changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Field, Model

from catalog import prices, shipped
from catalog.cards import Card
from catalog.models import AIModel, Endpoint, Origin, PriceRate, PriceVersion, Provider, SupplierCost
from catalog.shipped import Shipped, ShippedEndpoint, ShippedModel

Row = TypeVar("Row", Provider, AIModel, Endpoint)
Version = TypeVar("Version", PriceVersion, SupplierCost)
_MISSING = object()


@dataclass(slots=True)
class Counts:
    """What happened to one kind of rows. `edited` names what an operator's hand protects from the file."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    edited: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Report:
    """What one load did."""

    providers: Counts = field(default_factory=Counts)
    models: Counts = field(default_factory=Counts)
    endpoints: Counts = field(default_factory=Counts)
    prices: Counts = field(default_factory=Counts)
    costs: Counts = field(default_factory=Counts)

    @property
    def changed(self) -> bool:
        """Whether anything was written."""
        return any(counts.created or counts.updated for counts in self._all())

    def _all(self) -> tuple[Counts, ...]:
        return self.providers, self.models, self.endpoints, self.prices, self.costs

    def as_json(self) -> dict[str, Any]:
        return {"changed": self.changed, **asdict(self)}


def load(path: Path = shipped.FILE) -> Report:
    """Load a catalogue file in one transaction. Raises ShippedFileInvalid; then nothing was changed."""
    content = shipped.read(path)
    report = Report()
    with transaction.atomic():
        providers = _load_providers(content, report.providers)
        models = _load_models(content, report.models)
        endpoints = _load_endpoints(content, models, providers, report.endpoints)
        _load_prices(content.models, models, report.prices)
        _load_costs(content.models, models, endpoints, report.costs)
    return report


def _load_providers(content: Shipped, counts: Counts) -> dict[str, Provider]:
    known = {row.slug: row for row in Provider.objects.select_for_update(no_key=True)}
    fresh = []
    for item in content.providers:
        row = known.get(item.slug)
        if row is None:
            row = Provider(slug=item.slug, **item.values, shipped=dict(item.values))
            fresh.append(row)
        elif _follow(row, item.values, counts, item.slug):
            row.save()
    Provider.objects.bulk_create(fresh)
    counts.created += len(fresh)
    return known | {row.slug: row for row in fresh}


def _load_models(content: Shipped, counts: Counts) -> dict[str, AIModel]:
    known = {row.slug: row for row in AIModel.objects.select_for_update(no_key=True)}
    fresh = []
    for item in content.models:
        row = known.get(item.slug)
        if row is None:
            fresh.append(AIModel(slug=item.slug, **item.values, shipped=dict(item.values)))
        elif _follow(row, item.values, counts, item.slug):
            row.save()
    AIModel.objects.bulk_create(fresh)
    counts.created += len(fresh)
    return known | {row.slug: row for row in fresh}


def _load_endpoints(
    content: Shipped, models: Mapping[str, AIModel], providers: Mapping[str, Provider], counts: Counts
) -> dict[tuple[int, str], Endpoint]:
    """(model id, key) → row. The simulator serves every model there is, also those that an operator added."""
    simulator = next((item.slug for item in content.providers if item.values["is_simulator"]), None)
    wanted: dict[str, list[ShippedEndpoint]] = {item.slug: list(item.endpoints) for item in content.models}
    if simulator is not None:
        for slug, model in models.items():
            wanted.setdefault(slug, []).append(shipped.simulated(slug, model.kind, simulator))
    known = {
        (row.model_id, f"{row.provider.slug}/{row.upstream_id}"): row
        for row in Endpoint.objects.select_related("provider").select_for_update(no_key=True, of=("self",))
    }
    fresh: list[tuple[str, Endpoint]] = []
    remembering: list[AIModel] = []
    for slug, items in wanted.items():
        model = models[slug]
        before = set(model.shipped.get("endpoints", ()))
        for item in items:
            row = known.get((model.id, item.key))
            if row is not None:
                if _follow(row, item.values, counts, f"{slug} at {item.key}"):
                    row.save()
            elif item.key in before:
                counts.edited.append(f"{slug} at {item.key}")
            else:
                row = Endpoint(
                    model=model,
                    provider=providers[item.provider],
                    upstream_id=item.upstream_id,
                    **item.values,
                    shipped=dict(item.values),
                )
                fresh.append((item.key, row))
        now = {item.key for item in items}
        _switch_off(known, model, before - now, counts)
        if before | now != before:
            model.shipped = {**model.shipped, "endpoints": sorted(before | now)}
            remembering.append(model)
    AIModel.objects.bulk_update(remembering, ["shipped"])
    Endpoint.objects.bulk_create([row for _, row in fresh])
    counts.created += len(fresh)
    return known | {(row.model_id, key): row for key, row in fresh}


def _switch_off(known: Mapping[tuple[int, str], Endpoint], model: AIModel, gone: Iterable[str], counts: Counts) -> None:
    """Endpoints that the file had once and has no more: off, unless an operator made them his own."""
    for key in gone:
        row = known.get((model.id, key))
        if row is not None and row.is_enabled and _plain(row.shipped, row) == row.shipped:
            row.is_enabled = False
            row.shipped = {**row.shipped, "is_enabled": False}
            row.save(update_fields=["is_enabled", "shipped"])
            counts.updated += 1


def _load_prices(items: Iterable[ShippedModel], models: Mapping[str, AIModel], counts: Counts) -> None:
    begins = prices.clock(Provider.objects.all())
    ever = set(PriceVersion.objects.values_list("model_id", flat=True))
    current = {
        version.model_id: version
        for version in prices.in_force(PriceVersion.objects.all(), begins).prefetch_related("rates")
    }
    fresh: list[tuple[PriceVersion, Card]] = []
    for item in items:
        model = models[item.slug]
        if not item.price:
            continue
        if model.id not in ever:
            version = prices.new_version(model, item.price, begins, Origin.SHIPPED)
            version.note = item.price_note
            fresh.append((version, item.price))
            continue
        version_now = current.get(model.id)
        if version_now is None or version_now.origin != Origin.SHIPPED:
            counts.edited.append(item.slug)
        elif _says(prices.card_of, version_now) == item.price:
            counts.unchanged += 1
        else:
            prices.change(model, item.price, note=item.price_note, origin=Origin.SHIPPED)
            counts.updated += 1
    PriceVersion.objects.bulk_create([version for version, _ in fresh])
    PriceRate.objects.bulk_create([rate for version, card in fresh for rate in prices.rates_of(version, card)])
    counts.created += len(fresh)


def _load_costs(
    items: Iterable[ShippedModel],
    models: Mapping[str, AIModel],
    endpoints: Mapping[tuple[int, str], Endpoint],
    counts: Counts,
) -> None:
    begins = prices.clock(Provider.objects.all())
    ever = set(SupplierCost.objects.values_list("endpoint_id", flat=True))
    current = {cost.endpoint_id: cost for cost in prices.in_force(SupplierCost.objects.all(), begins)}
    fresh: list[SupplierCost] = []
    for slug, item in ((model.slug, endpoint) for model in items for endpoint in model.endpoints):
        endpoint = endpoints.get((models[slug].id, item.key))
        if endpoint is None or not (item.cost or endpoint.id in ever):
            continue
        if endpoint.id not in ever:
            cost = prices.new_cost(endpoint, item.cost, begins, Origin.SHIPPED)
            cost.note = item.cost_note
            fresh.append(cost)
            continue
        cost_now = current.get(endpoint.id)
        if cost_now is None or cost_now.origin != Origin.SHIPPED:
            counts.edited.append(f"{slug} at {item.key}")
        elif _says(prices.card_of_cost, cost_now) == item.cost:
            counts.unchanged += 1
        else:
            prices.change_cost(endpoint, item.cost, note=item.cost_note, origin=Origin.SHIPPED)
            counts.updated += 1
    SupplierCost.objects.bulk_create(fresh)
    counts.created += len(fresh)


def _says(read: Callable[[Version], Card], version: Version) -> Card | None:
    """What a version of a former load says; None for one that this release cannot read any more, and replaces."""
    try:
        return read(version)
    except ValueError:
        return None


def _follow(row: Row, values: Mapping[str, Any], counts: Counts, name: str) -> bool:
    """Take over from the file what nobody edited. True when the row must be saved."""
    now, changed = _plain(values, row), False
    for key, value in values.items():
        if now[key] == value:
            continue
        # A field that was not shipped before (it is new in this release) is unedited while it holds its default.
        if now[key] == row.shipped.get(key, _default(row, key) if row.shipped else _MISSING):
            setattr(row, key, value)
            changed = True
        else:
            counts.edited.append(f"{name}: {key}")
    if changed:
        counts.updated += 1
    else:
        counts.unchanged += 1
    remembered = {**row.shipped, **values}
    if remembered != row.shipped:
        row.shipped = remembered
        return True
    return changed


def _default(row: Model, key: str) -> Any:
    column = row._meta.get_field(key)
    return column.get_default() if isinstance(column, Field) else _MISSING


def _plain(keys: Iterable[str], row: Model) -> dict[str, Any]:
    """Fields of a row as JSON has them."""
    return {key: _as_json(getattr(row, key)) for key in keys}


def _as_json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else value
