"""Every slug and every price that the specification names, bought from the shipped catalogue."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import transaction
from pytest_django import DjangoDbBlocker

from billing import media_pricing
from billing.pricing import cost
from billing.usage import Usage
from catalog import loading, routing
from catalog.rates import Rates
from catalog.snapshots import Snapshot
from tests.catalog.spec_tables import DEEPSEEK, IMAGES, LISTED, LISTED_IMAGES, MINIMAX, VIDEOS, rows

MILLION = 1_000_000

pytestmark = pytest.mark.django_db  # tells pytest-django to make the database that `shop` reads


@pytest.fixture(scope="module")
def shop(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Snapshot:
    """The shipped catalogue as a call sees it after it went through the database, read once for all these tests."""
    with django_db_blocker.unblock(), transaction.atomic():
        loading.load()
        routing.forget()
        snapshot = routing.snapshot()
        transaction.set_rollback(True)
    routing.forget()
    return snapshot


def rates(shop: Snapshot, slug: str) -> Rates:
    price = shop.price(slug)
    assert price is not None, f"{slug} is not sold"
    return price.rates


@pytest.mark.parametrize("row", rows(DEEPSEEK) + rows(MINIMAX), ids=lambda row: row["Slug"])
def test_chat_models_cost_what_the_price_tables_say(shop: Snapshot, row: dict[str, str]) -> None:
    sold = rates(shop, row["Slug"])
    assert cost(Usage(input=MILLION), sold).exact == Decimal(row["Input"])
    assert cost(Usage(output=MILLION), sold).exact == Decimal(row["Output"])
    assert cost(Usage(reasoning=MILLION), sold).exact == Decimal(row["Output"])
    assert cost(Usage(cached_input=MILLION), sold).exact == Decimal(row["Input"]), "no cached price is named"
    assert shop.models[row["Slug"]].category == row["Category"]


@pytest.mark.parametrize("row", rows(LISTED), ids=lambda row: row["Slug"])
def test_other_chat_models_cost_a_fifth_less_than_the_vendors_list(shop: Snapshot, row: dict[str, str]) -> None:
    base = rates(shop, row["Slug"]).tiers[0].prices
    fifth_off = Decimal("0.8") / MILLION
    assert base["input"] == Decimal(row["Input"]) * fifth_off
    assert base["output"] == Decimal(row["Output"]) * fifth_off
    if row["Cached"] == "-":
        assert "cached_input" not in base
    else:
        assert base["cached_input"] == Decimal(row["Cached"]) * fifth_off


@pytest.mark.parametrize("row", rows(IMAGES), ids=lambda row: row["Slug"])
def test_images_cost_what_the_price_table_says_whatever_their_size(shop: Snapshot, row: dict[str, str]) -> None:
    model = shop.models[row["Slug"]]
    rule = rates(shop, row["Slug"]).per_image
    assert rule is not None
    assert str(rule.price) == row["Price / image"], "verbatim, trailing zeros too"
    sizes = model.options.get("size") or ["1024x1024", "4096x4096"]
    prices = {media_pricing.image_price(rule, {"size": size, "quality": "hd"}) for size in sizes}
    assert prices == {Decimal(row["Price / image"])}
    assert (model.kind, model.display_name, model.description) == ("image", row["Model"], row["Notes"])


@pytest.mark.parametrize("row", rows(LISTED_IMAGES), ids=lambda row: f"{row['Slug']}-{row['Value']}")
def test_images_without_a_price_in_the_tables_cost_a_fifth_less_than_the_vendors_list(
    shop: Snapshot, row: dict[str, str]
) -> None:
    rule = rates(shop, row["Slug"]).per_image
    assert rule is not None
    assert media_pricing.image_price(rule, {row["Option"]: row["Value"]}) == Decimal(row["Price"]) * Decimal("0.8")


@pytest.mark.parametrize("row", rows(VIDEOS), ids=lambda row: row["Slug"])
def test_videos_cost_the_headline_price_when_nothing_special_is_asked_for(shop: Snapshot, row: dict[str, str]) -> None:
    model = shop.models[row["Slug"]]
    rule = rates(shop, row["Slug"]).per_video
    assert rule is not None
    price = media_pricing.video_price(rule, {})
    assert price == Decimal(row["Headline / video"])
    asked = {name: model.options["default"][name] for name in ("task", "duration", "resolution", "audio", "mode")}
    assert media_pricing.video_price(rule, asked) == price, "asking for the defaults is asking for nothing"
    assert (model.kind, model.display_name, model.description) == ("video", row["Family"], row["Notes"])


@pytest.mark.parametrize(
    ("slug", "asked", "usd"),
    [
        ("kling-2-1", {"mode": "pro", "duration": 10}, "0.810"),
        ("kling-2-1", {"mode": "master"}, "1.260"),
        ("kling-2-1", {"mode": "master", "duration": 10}, "2.520"),
        ("kling-2-1", {"mode": "standard"}, "0.225"),
        ("kling-2-5-turbo-pro", {"duration": 10}, "0.630"),
        ("kling-2-6", {"duration": 5, "audio": False, "resolution": "1080p"}, "0.315"),
        ("kling-2-6", {"duration": 10}, "0.630"),
        ("kling-2-6", {"audio": True}, "0.630"),
        ("kling-2-6", {"audio": True, "duration": 10}, "1.260"),
        ("kling-3-0", {"resolution": "720p"}, "0.378"),
        ("kling-3-0", {"resolution": "4k"}, "1.890"),
        ("kling-3-0", {"duration": 10}, "1.008"),
        ("kling-3-0", {"duration": 15}, "1.512"),
        ("kling-3-0", {"audio": True}, "1.008"),
        ("kling-2-6-motion-control", {"resolution": "720p"}, "0.315"),
        ("kling-2-6-motion-control", {"duration": 10}, "1.008"),
        ("kling-3-0-motion-control", {"resolution": "720p"}, "0.567"),
        ("kling-avatar-pro", {"duration": 5}, "0.518"),
        ("kling-avatar-pro", {"duration": 15}, "1.553"),
        ("kling-avatar-standard", {"duration": 5}, "0.253"),
    ],
)
def test_kling_scales_by_length_resolution_mode_and_audio_at_nine_tenths(
    shop: Snapshot, slug: str, asked: dict[str, str | int | bool], usd: str
) -> None:
    rule = rates(shop, slug).per_video
    assert rule is not None
    assert media_pricing.video_price(rule, asked) == Decimal(usd)


def test_a_longer_clip_of_another_family_costs_more_in_proportion(shop: Snapshot) -> None:
    expected = {("hailuo-02", 10): "0.333", ("wan-2-6", 15): "2.400", ("sora-2-official", 4): "0.240"}
    for (slug, seconds), usd in expected.items():
        rule = rates(shop, slug).per_video
        assert rule is not None
        assert media_pricing.video_price(rule, {"duration": seconds}) == Decimal(usd), slug
