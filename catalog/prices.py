"""Changing a price or a supplier's price: close the version in force, open the next one, in one transaction.

Nothing is ever overwritten, so a running call keeps the version it began with, and every receipt can be worked out
again.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import DateTimeField, Func, Q, QuerySet

from catalog.cards import Card, unit_of
from catalog.models import AIModel, Endpoint, Origin, PriceRate, PriceVersion, SupplierCost

Version = TypeVar("Version", PriceVersion, SupplierCost)


class PriceIncomplete(ValueError):
    """A price list lacks a price that a model of this kind needs; the model would be given away."""


def change(
    model: AIModel,
    card: Card,
    *,
    at: datetime | None = None,
    note: str = "",
    created_by_id: int | None = None,
    origin: str = Origin.OPERATOR,
) -> PriceVersion:
    """Sell `model` at the prices of `card` from `at` (default: now) on.

    The version then in force ends at that moment; the new one lasts until the next one that is already scheduled, if
    any. Raises PriceIncomplete, and ValueError when `at` lies in the past.
    """
    check(model, card)
    with transaction.atomic():
        AIModel.objects.select_for_update(no_key=True).get(pk=model.pk)
        begins, ends = _make_room(PriceVersion.objects.filter(model=model), at, AIModel.objects.filter(pk=model.pk))
        version = new_version(model, card, begins, origin)
        version.effective_to, version.note, version.created_by_id = ends, note, created_by_id
        version.save(force_insert=True)
        PriceRate.objects.bulk_create(rates_of(version, card))
    return version


def change_cost(
    endpoint: Endpoint,
    card: Card,
    *,
    at: datetime | None = None,
    note: str = "",
    created_by_id: int | None = None,
    origin: str = Origin.OPERATOR,
) -> SupplierCost:
    """Reckon with `card` as what `endpoint` costs us from `at` (default: now) on; an empty card means unknown.

    Raises ValueError when `at` lies in the past.
    """
    with transaction.atomic():
        row = Endpoint.objects.filter(pk=endpoint.pk)
        row.select_for_update(no_key=True).get()
        begins, ends = _make_room(SupplierCost.objects.filter(endpoint=endpoint), at, row)
        cost = new_cost(endpoint, card, begins, origin)
        cost.effective_to, cost.note, cost.created_by_id = ends, note, created_by_id
        cost.save(force_insert=True)
    return cost


def check(model: AIModel, card: Card) -> None:
    """Raises PriceIncomplete when `model` could not be billed by `card`."""
    lacking = card.rates().lacks(model.kind)
    if lacking:
        raise PriceIncomplete(
            f"{model.slug} is a model of kind {model.kind}: it needs a price for {', '.join(lacking)}."
        )


def card_of(version: PriceVersion) -> Card:
    """What a version says. Its rates may be prefetched. Raises ValueError when it cannot be read."""
    rows = [(rate.component, rate.over_prompt, rate.price) for rate in version.rates.all()]
    return Card.of(rows, image_rule=version.image_rule, video_rule=version.video_rule)


def card_of_cost(cost: SupplierCost) -> Card:
    """What a supplier's price says; an empty card is an unknown one. Raises ValueError when it cannot be read."""
    return Card.of(cost.rates or [], image_rule=cost.image_rule, video_rule=cost.video_rule)


def in_force(versions: QuerySet[Version], at: datetime) -> QuerySet[Version]:
    """Those of `versions` that hold at a moment: at most one for each model, or endpoint."""
    return versions.filter(Q(effective_to__isnull=True) | Q(effective_to__gt=at), effective_from__lte=at)


def clock(rows: QuerySet[Any]) -> datetime:
    """The database's time, asked of any table with a row in it. The guards go by it, so whoever writes does too."""
    moment = Func(function="clock_timestamp", output_field=DateTimeField())
    now: datetime = rows.order_by().values_list(moment, flat=True)[:1].get()
    return now


def new_version(model: AIModel, card: Card, begins: datetime, origin: str) -> PriceVersion:
    """An unsaved version without its rates."""
    return PriceVersion(
        model=model, effective_from=begins, origin=origin, image_rule=card.image_rule, video_rule=card.video_rule
    )


def rates_of(version: PriceVersion, card: Card) -> Iterable[PriceRate]:
    """The unsaved rates of a saved version."""
    for component, over, price in card.rows:
        yield PriceRate(version=version, component=component, over_prompt=over, price=price, unit=unit_of(component))


def new_cost(endpoint: Endpoint, card: Card, begins: datetime, origin: str) -> SupplierCost:
    """An unsaved supplier's price."""
    rows = [[component, over, format(price, "f")] for component, over, price in card.rows]
    return SupplierCost(
        endpoint=endpoint,
        effective_from=begins,
        origin=origin,
        rates=rows or None,
        image_rule=card.image_rule,
        video_rule=card.video_rule,
    )


def _make_room(
    versions: QuerySet[Version], at: datetime | None, owner: QuerySet[Any]
) -> tuple[datetime, datetime | None]:
    """End the version in force at `at`; (start, end) of the gap. The owner's row is locked, so nobody else makes one.

    The time is read after the lock was taken: a statement that waited for it would otherwise begin before the version
    of whoever held it.
    """
    now = clock(owner)
    if at is not None and at < now:
        raise ValueError("A price cannot change in the past.")
    begins = at or now
    following = versions.filter(effective_from__gt=begins).order_by("effective_from").first()
    ends = following.effective_from if following is not None else None
    covering = in_force(versions, begins).first()
    if covering is not None:
        ends = covering.effective_to
        if covering.effective_from == begins:
            covering.delete()  # it was scheduled for this very moment and is replaced before it came
        else:
            covering.effective_to = begins
            covering.save(update_fields=["effective_to"])
    return begins, ends
