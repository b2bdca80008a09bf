"""What pictures and films cost: every stated figure of the catalogue, and configurations that have no price."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.media_pricing import NotSold, image_cost, image_price, video_config, video_cost, video_price
from billing.pricing import charge_nusd, nusd_of, usd_text
from catalog.media_rules import ImageRule, VideoRule
from tests.billing import lists

FILMS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    (lists.KLING_2_1, {}, "0.405"),
    (lists.KLING_2_1, {"mode": "pro", "duration": 10}, "0.81"),
    (lists.KLING_2_1, {"mode": "master"}, "1.26"),
    (lists.KLING_2_1, {"mode": "master", "duration": 10}, "2.52"),
    (lists.KLING_2_1, {"mode": "standard"}, "0.225"),
    (lists.KLING_2_5_TURBO_PRO, {}, "0.315"),
    (lists.KLING_2_5_TURBO_PRO, {"duration": 10}, "0.63"),
    (lists.KLING_2_6, {}, "0.315"),
    (lists.KLING_2_6, {"duration": 10}, "0.63"),
    (lists.KLING_2_6, {"audio": True}, "0.63"),
    (lists.KLING_2_6, {"audio": True, "duration": 10}, "1.26"),
    (lists.KLING_3_0, {}, "0.504"),
    (lists.KLING_3_0, {"resolution": "720p"}, "0.378"),
    (lists.KLING_3_0, {"resolution": "4k"}, "1.89"),
    (lists.KLING_3_0, {"duration": 10}, "1.008"),
    (lists.KLING_3_0, {"duration": 15}, "1.512"),
    (lists.KLING_3_0, {"audio": True}, "1.008"),  # audio doubles (spec 000)
    (lists.KLING_O3, {}, "0.15"),
    (lists.KLING_O3, {"duration": 15}, "0.45"),
    (lists.KLING_2_6_MOTION, {}, "0.504"),
    (lists.KLING_2_6_MOTION, {"resolution": "720p"}, "0.315"),
    (lists.KLING_2_6_MOTION, {"duration": 10}, "1.008"),
    (lists.KLING_3_0_MOTION, {}, "0.756"),
    (lists.KLING_3_0_MOTION, {"resolution": "720p"}, "0.567"),
    (lists.KLING_AVATAR_PRO, {}, "1.035"),
    (lists.KLING_AVATAR_PRO, {"duration": 5}, "0.518"),
    (lists.KLING_AVATAR_PRO, {"duration": 15}, "1.553"),
    (lists.KLING_AVATAR_STANDARD, {}, "0.506"),
    (lists.KLING_AVATAR_STANDARD, {"duration": 5}, "0.253"),
    (lists.HAILUO_02, {}, "0.2"),
    (lists.HAILUO_02, {"resolution": "1080p"}, "0.35"),
    (lists.HAILUO_02, {"duration": 10}, "0.333"),
    (lists.WAN_2_5, {"resolution": "480p", "duration": 10}, "0.6"),
    (lists.WAN_2_5, {"resolution": "1080p"}, "0.9"),
]


@pytest.mark.parametrize(("rule", "config", "price"), FILMS)
def test_a_film_costs_its_stated_price(rule: dict[str, Any], config: dict[str, Any], price: str) -> None:
    parsed = VideoRule.from_json(rule)

    assert video_price(parsed, config) == Decimal(price)
    assert usd_text(charge_nusd(video_cost(parsed, config).exact)) == price


def test_the_bill_of_a_film_is_one_line() -> None:
    bill = video_cost(VideoRule.from_json(lists.KLING_2_6), {"audio": True})

    [line] = bill.lines
    assert (line.component, line.count, line.amount) == ("per_video", 1, Decimal("0.630"))
    assert bill.exact == Decimal("0.630")


def test_a_balance_after_a_film_is_what_the_specification_prints() -> None:
    charge = charge_nusd(video_price(VideoRule.from_json(lists.KLING_2_6), {"duration": 5, "audio": False}))

    assert usd_text(nusd_of(Decimal("9.49325791")) - charge) == "9.17825791"


def test_the_configuration_is_shown_with_its_defaults_filled_in() -> None:
    config = video_config(
        VideoRule.from_json(lists.KLING_2_6), {"duration": None, "resolution": "1080P", "audio": True}
    )

    assert config == {"task": "t2v", "duration": 5, "resolution": "1080p", "audio": True, "mode": None}


@pytest.mark.parametrize(
    ("rule", "config", "field"),
    [
        (lists.KLING_2_6, {"duration": 7}, "duration"),
        (lists.KLING_2_6, {"duration": 0}, "duration"),
        (lists.KLING_2_6, {"resolution": "4k"}, "resolution"),
        (lists.KLING_2_1, {"audio": True}, "audio"),
        (lists.KLING_2_1, {"mode": "turbo"}, "mode"),
        (lists.KLING_2_5_TURBO_PRO, {"mode": "master"}, "mode"),
        (lists.KLING_3_0, {"duration": 16}, "duration"),
        (lists.KLING_3_0, {"duration": True}, "duration"),
        (lists.KLING_3_0, {"duration": "5"}, "duration"),
        (lists.KLING_3_0, {"resolution": "8k"}, "resolution"),
        (lists.KLING_3_0, {"audio": 1}, "audio"),
        (lists.KLING_3_0, {"audio": 0}, "audio"),
        (lists.KLING_3_0, {"duration": 5.0}, "duration"),
        (lists.KLING_O3, {"duration": -5}, "duration"),
        (lists.KLING_O3, {"duration": True}, "duration"),
        (lists.KLING_O3, {"audio": "yes"}, "audio"),
        (lists.KLING_2_6_MOTION, {"resolution": "480p"}, "resolution"),
        (lists.HAILUO_02, {"resolution": "512p"}, "resolution"),
        (lists.HAILUO_02, {"resolution": 512}, "resolution"),
    ],
)
def test_a_configuration_without_a_price_is_not_sold(rule: dict[str, Any], config: dict[str, Any], field: str) -> None:
    with pytest.raises(NotSold) as refusal:
        video_price(VideoRule.from_json(rule), config)

    assert refusal.value.field == field
    assert refusal.value.value == config[field]
    assert field in str(refusal.value)


def test_a_refused_configuration_names_what_is_offered() -> None:
    with pytest.raises(NotSold, match="choose from 720p, 1080p, 4k") as refusal:
        video_price(VideoRule.from_json(lists.KLING_3_0), {"resolution": "8k"})
    assert refusal.value.allowed == ("720p", "1080p", "4k")


def test_a_member_without_any_allowed_value_must_be_left_out() -> None:
    rule = VideoRule.from_json(lists.KLING_2_6 | {"allowed": {"mode": []}})

    assert video_price(rule, {"mode": None}) == Decimal("0.315")
    with pytest.raises(NotSold, match="leave it out"):
        video_price(rule, {"mode": "pro"})


def test_a_length_that_is_none_is_answered_with_a_hint() -> None:
    with pytest.raises(NotSold, match="whole seconds"):
        video_price(VideoRule.from_json(lists.KLING_O3), {"duration": 2.5})  # type: ignore[dict-item]


@given(st.integers(3, 15), st.sampled_from(["720p", "1080p", "4k"]), st.booleans())
def test_a_film_costs_its_rate_times_its_length_and_sound_doubles_it(length: int, resolution: str, audio: bool) -> None:
    rule = VideoRule.from_json(lists.KLING_3_0)
    exact = rule.prices["resolution"][resolution] * length * Decimal("0.9") * (2 if audio else 1)

    price = video_price(rule, {"duration": length, "resolution": resolution, "audio": audio})

    assert abs(price - exact) <= Decimal("0.0005")
    if length < 15:
        longer = video_price(rule, {"duration": length + 1, "resolution": resolution, "audio": audio})
        assert longer > price


def test_the_shortest_film_of_the_cheapest_rule_is_not_free() -> None:
    assert video_price(VideoRule.from_json({"price": "0.0001", "defaults": {"duration": 1}}), {}) == Decimal("0.001")


@pytest.mark.parametrize(
    ("reference", "retail"),
    [("0.039", "0.0312"), ("0.134", "0.1072"), ("0.24", "0.192"), ("0.044", "0.0352"), ("0.058", "0.0464")],
)
def test_pictures_are_sold_at_four_fifths_of_their_list_price(reference: str, retail: str) -> None:
    rule = ImageRule.from_json({"price": str(Decimal(reference) * Decimal("0.8"))})

    assert usd_text(charge_nusd(image_cost(rule, None, 1).exact)) == retail


@pytest.mark.parametrize(("delivered", "price"), [(0, "0"), (1, "0.1072"), (2, "0.2144"), (3, "0.3216"), (-1, "0")])
def test_only_delivered_pictures_are_paid(delivered: int, price: str) -> None:
    bill = image_cost(ImageRule.from_json({"price": "0.1072"}), {"n": 4}, delivered)

    assert bill.exact == Decimal(price)
    assert len(bill.lines) == (1 if delivered > 0 else 0)


@pytest.mark.parametrize(
    ("rule", "config", "price"),
    [
        (lists.DALL_E_3, None, "0.032"),
        (lists.DALL_E_3, {"size": "1024x1024", "quality": "standard"}, "0.032"),
        (lists.DALL_E_3, {"size": "1792x1024"}, "0.064"),
        (lists.DALL_E_3, {"size": "1024x1792", "quality": "standard"}, "0.064"),
        (lists.DALL_E_3, {"quality": "hd"}, "0.064"),
        (lists.DALL_E_3, {"quality": "HD", "size": "1024X1792"}, "0.096"),
        (lists.DALL_E_3, {"size": "auto", "quality": "hd"}, "0.064"),
        (lists.DALL_E_3, {"size": "1792x1024", "quality": "sparkling"}, "0.064"),
        (lists.DALL_E_3, {"size": None, "quality": None, "style": "vivid"}, "0.032"),
        (lists.DALL_E_2, {}, "0.016"),
        (lists.DALL_E_2, {"size": "1024x1024"}, "0.016"),
        (lists.DALL_E_2, {"size": "512x512"}, "0.0144"),
        (lists.DALL_E_2, {"size": "256x256"}, "0.0128"),
    ],
)
def test_a_picture_costs_the_price_of_its_size_and_quality(
    rule: dict[str, Any], config: dict[str, Any] | None, price: str
) -> None:
    assert image_price(ImageRule.from_json(rule), config) == Decimal(price)


def test_the_variant_that_says_most_wins() -> None:
    rule = ImageRule.from_json(
        {
            "price": "0.01",
            "variants": [
                {"when": {"quality": ["high"]}, "price": "0.05"},
                {"when": {"quality": ["high"], "size": ["512x512"]}, "price": "0.03"},
            ],
        }
    )

    assert image_price(rule, {"quality": "high"}) == Decimal("0.05")
    assert image_price(rule, {"quality": "high", "size": "512x512"}) == Decimal("0.03")
