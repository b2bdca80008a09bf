"""Price versions: one after another, never two at once, never changed once in force."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import DataError, IntegrityError, connection, transaction

from catalog import loading, prices
from catalog.cards import Card
from catalog.models import AIModel, Endpoint, Origin, PriceRate, PriceVersion, Provider, SupplierCost

CHEAP = Card.of_figures({"per_1m": {"input": "1.00", "output": "2.00"}})
DEAR = Card.of_figures({"per_1m": {"input": "3.00", "output": "4.00"}})
DAY = timedelta(days=1)


def now() -> datetime:
    return prices.clock(AIModel.objects.all())


def sql(statement: str, *parameters: int | str) -> None:
    """What somebody with psql could try."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)


@pytest.fixture
def sold(parrot: AIModel) -> PriceVersion:
    """Parrot is sold since a moment ago."""
    return prices.change(parrot, CHEAP)


def test_a_change_closes_the_old_version_and_opens_the_new_one_at_the_same_moment(
    parrot: AIModel, sold: PriceVersion
) -> None:
    new = prices.change(parrot, DEAR, note="dearer upstream", created_by_id=42)
    sold.refresh_from_db()
    assert sold.effective_to == new.effective_from
    assert (new.effective_to, new.note, new.created_by_id, new.origin) == (None, "dearer upstream", 42, Origin.OPERATOR)
    assert prices.card_of(sold) == CHEAP
    assert prices.card_of(new) == DEAR


def test_a_price_can_be_scheduled_and_a_change_before_it_ends_where_it_begins(
    parrot: AIModel, sold: PriceVersion
) -> None:
    tomorrow = now() + DAY
    scheduled = prices.change(parrot, DEAR, at=tomorrow)
    between = prices.change(parrot, CHEAP)
    sold.refresh_from_db()
    assert sold.effective_to == between.effective_from
    assert between.effective_to == tomorrow
    assert (scheduled.effective_from, scheduled.effective_to) == (tomorrow, None)


def test_scheduling_twice_for_one_moment_replaces_what_has_not_come_yet(parrot: AIModel, sold: PriceVersion) -> None:
    tomorrow = now() + DAY
    prices.change(parrot, CHEAP, at=tomorrow)
    prices.change(parrot, DEAR, at=tomorrow)
    versions = list(PriceVersion.objects.filter(model=parrot).order_by("effective_from"))
    assert [prices.card_of(version) for version in versions] == [CHEAP, DEAR]


def test_many_changes_at_once_form_one_unbroken_line(live: str) -> None:
    slug = f"parrot-{secrets.token_hex(4)}"
    model = AIModel.objects.create(slug=slug, display_name="", vendor="", kind="chat", platform="openai")

    def change(card: Card) -> None:
        try:
            prices.change(model, card)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as people:
        list(people.map(change, [CHEAP, DEAR] * 8))
    versions = list(PriceVersion.objects.filter(model=model).order_by("effective_from"))
    assert len(versions) == 16
    assert [version.effective_to for version in versions] == [
        *(version.effective_from for version in versions[1:]),
        None,
    ]


def test_no_price_begins_in_the_past(parrot: AIModel, sold: PriceVersion) -> None:
    with pytest.raises(ValueError, match="past"):
        prices.change(parrot, DEAR, at=now() - DAY)
    assert PriceVersion.objects.get(model=parrot) == sold


@pytest.mark.parametrize(
    ("kind", "figures", "lacking"),
    [
        ("chat", {"per_1m": {"input": "1"}}, "output"),
        ("chat", {}, "input, output"),
        ("embedding", {"per_1m": {"output": "1"}}, "input"),
        ("image", {"per_1m": {"input": "1"}}, "per_image"),
        ("video", {"image": {"price": "1"}}, "per_video"),
        ("audio", {}, "per_minute"),
    ],
)
def test_a_list_that_lacks_what_the_model_needs_is_refused(
    parrot: AIModel, kind: str, figures: dict[str, object], lacking: str
) -> None:
    AIModel.objects.filter(pk=parrot.pk).update(kind=kind)
    parrot.refresh_from_db()
    with pytest.raises(prices.PriceIncomplete, match=lacking):
        prices.change(parrot, Card.of_figures(figures))
    assert not PriceVersion.objects.filter(model=parrot).exists()


def test_two_versions_of_a_model_can_never_overlap(parrot: AIModel, sold: PriceVersion) -> None:
    begins = now()
    for ends in (None, begins + DAY):
        with pytest.raises(IntegrityError, match="never_two_at_once"), transaction.atomic():
            PriceVersion.objects.create(model=parrot, effective_from=begins, effective_to=ends)
    other = AIModel.objects.create(slug="parrot-2", display_name="", vendor="", kind="chat", platform="openai")
    assert PriceVersion.objects.create(model=other, effective_from=begins).pk


def test_a_version_never_ends_before_it_begins_nor_at_once(parrot: AIModel) -> None:
    begins = now() + DAY
    for ends in (begins, begins - timedelta(hours=1)):
        with pytest.raises((IntegrityError, DataError)), transaction.atomic():
            PriceVersion.objects.create(model=parrot, effective_from=begins, effective_to=ends)


@pytest.mark.parametrize(
    "change",
    [
        "model_id = model_id + 1", "effective_from = effective_from - interval '1 day'", "note = 'another reason'",
        "created_by_id = 1", "created_at = now() - interval '1 day'", "origin = 'shipped'", "id = id + 1000",
        "image_rule = '{\"price\": \"9\"}'", "video_rule = '{}'", "effective_to = now() - interval '1 second'",
    ],
)  # fmt: skip
def test_a_version_in_force_cannot_be_changed_by_anybody(sold: PriceVersion, change: str) -> None:
    with pytest.raises(IntegrityError, match=r"in force|the past"):
        sql(f"UPDATE catalog_priceversion SET {change} WHERE id = %s", sold.pk)
    with pytest.raises(IntegrityError, match="stays"):
        sql("DELETE FROM catalog_pricerate WHERE false; DELETE FROM catalog_priceversion WHERE id = %s", sold.pk)


def test_what_is_over_stays_over(parrot: AIModel, sold: PriceVersion) -> None:
    prices.change(parrot, DEAR)
    for ends in ("NULL", "now() + interval '1 day'"):
        with pytest.raises(IntegrityError, match="the past"):
            sql(f"UPDATE catalog_priceversion SET effective_to = {ends} WHERE id = %s", sold.pk)


def test_the_rates_of_a_version_in_force_cannot_be_changed_or_removed(parrot: AIModel, sold: PriceVersion) -> None:
    later = prices.change(parrot, DEAR, at=now() + DAY)
    attempts = [
        ("UPDATE catalog_pricerate SET price = 0 WHERE version_id = %s", sold.pk),
        ("UPDATE catalog_pricerate SET over_prompt = 9 WHERE version_id = %s", sold.pk),
        ("DELETE FROM catalog_pricerate WHERE version_id = %s", sold.pk),
        (f"UPDATE catalog_pricerate SET version_id = {later.pk} WHERE version_id = %s", sold.pk),
        (f"UPDATE catalog_pricerate SET version_id = {sold.pk} WHERE version_id = %s", later.pk),
    ]
    for statement, version in attempts:
        with pytest.raises(IntegrityError, match="have been in force"):
            sql(statement, version)
    assert prices.card_of(sold) == CHEAP


def test_nobody_adds_a_rate_to_a_version_in_force_afterwards(live: str) -> None:
    slug = f"parrot-{secrets.token_hex(4)}"
    model = AIModel.objects.create(slug=slug, display_name="", vendor="", kind="chat", platform="openai")
    version = prices.change(model, CHEAP)
    with pytest.raises(IntegrityError, match="have been in force"):
        PriceRate.objects.create(version=version, component="reasoning", price=Decimal(0))
    assert prices.card_of(version) == CHEAP


def test_a_version_that_is_only_scheduled_may_be_corrected_and_withdrawn(parrot: AIModel, sold: PriceVersion) -> None:
    later = prices.change(parrot, DEAR, at=now() + DAY)
    later.rates.filter(component="input").update(price=Decimal("0.000002"))
    later.note = "corrected"
    later.save()
    later.delete()
    PriceVersion.objects.filter(pk=sold.pk).update(effective_to=None)
    assert PriceVersion.objects.get(model=parrot) == sold


@pytest.mark.parametrize("price", ["NaN", "-0.0000000001", "1000000", "Infinity"])
def test_the_database_itself_refuses_what_is_no_price(parrot: AIModel, price: str) -> None:
    later = prices.change(parrot, CHEAP, at=now() + DAY)
    with pytest.raises((IntegrityError, DataError)):
        sql("UPDATE catalog_pricerate SET price = %s::numeric WHERE version_id = %s", price, later.pk)


def test_the_database_knows_only_the_components_that_bills_know(parrot: AIModel) -> None:
    later = prices.change(parrot, CHEAP, at=now() + DAY)
    with pytest.raises(IntegrityError, match="component_is_known"), transaction.atomic():
        PriceRate.objects.create(version=later, component="tokens", price=1)
    with pytest.raises(IntegrityError, match="once_per_component"), transaction.atomic():
        PriceRate.objects.create(version=later, component="input", price=1)


def test_who_writes_a_version_cannot_lie_about_when(parrot: AIModel) -> None:
    version = PriceVersion.objects.create(
        model=parrot, effective_from=now() + DAY, created_at=datetime(2020, 1, 1, tzinfo=UTC)
    )
    version.refresh_from_db()
    assert now() - version.created_at < timedelta(minutes=5)


def test_a_priced_model_and_its_provider_cannot_be_deleted(catalogue: loading.Report) -> None:
    for row in (AIModel.objects.get(slug="gpt-4o"), Provider.objects.get(slug="openai")):
        with pytest.raises(IntegrityError), transaction.atomic():
            row.delete()


def test_supplier_costs_are_versions_of_the_same_kind(catalogue: loading.Report) -> None:
    endpoint = Endpoint.objects.get(model__slug="gpt-4o", provider__slug="openai")
    old = SupplierCost.objects.get(endpoint=endpoint)
    new = prices.change_cost(endpoint, DEAR, note="new contract")
    old.refresh_from_db()
    assert old.effective_to == new.effective_from
    with pytest.raises(IntegrityError, match="never_two_at_once"), transaction.atomic():
        SupplierCost.objects.create(endpoint=endpoint, effective_from=now())
    with pytest.raises(IntegrityError, match="in force"):
        sql("UPDATE catalog_suppliercost SET rates = '[]' WHERE id = %s", new.pk)
    assert prices.card_of_cost(new) == DEAR
