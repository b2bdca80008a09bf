"""Price lists: fallbacks, tiers, what a list lacks, and rules as JSON."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.media_rules import ImageRule, VideoRule, price_of
from catalog.rates import COMPONENTS, FALLBACKS, OUTPUT_CLASSES, PROMPT_CLASSES, Rates, Tier
from tests.billing import lists

RULES = [rule for name, rule in vars(lists).items() if isinstance(rule, dict) and "price" in rule]
FILM_RULES = [rule for rule in RULES if "variants" not in rule]
PICTURE_RULES = [rule for rule in RULES if "variants" in rule]


def prices(**usd: str) -> dict[str, Decimal]:
    return {name: Decimal(price) for name, price in usd.items()}


def test_a_list_is_made_of_rows_in_any_order() -> None:
    rates = Rates.of(
        [
            ("output", 200_000, Decimal("0.000018")),
            ("input", 0, Decimal("0.000002")),
            ("input", 200_000, Decimal("0.000004")),
            ("output", 0, Decimal("0.000012")),
            ("per_minute", 0, Decimal("0.0048")),
            ("per_character", 0, Decimal("0.000012")),
        ],
        image_rule={"price": "0.0312"},
        video_rule=lists.KLING_2_6,
    )

    assert [tier.over for tier in rates.tiers] == [0, 200_000]
    assert rates.tiers[1].prices == prices(input="0.000004", output="0.000018")
    assert rates.per_minute == Decimal("0.0048")
    assert rates.per_character == Decimal("0.000012")
    assert rates.per_image is not None
    assert rates.per_image.price == Decimal("0.0312")
    assert rates.per_video is not None
    assert rates.per_video.audio_multiplier == 2


@pytest.mark.parametrize(("prompt", "over"), [(0, 0), (1, 0), (200_000, 0), (200_001, 200_000), (10**9, 200_000)])
def test_a_tier_begins_above_its_edge(prompt: int, over: int) -> None:
    level = lists.TIERED.level(prompt)

    assert level is not None
    assert level.over == over


def test_a_list_without_tiers_has_no_level() -> None:
    assert Rates().level(5) is None


def test_a_class_that_a_tier_leaves_out_costs_its_fallback_there_and_never_less_than_below() -> None:
    rates = Rates(
        tiers=(
            Tier(0, prices(input="3", cached_input="1", audio_input="9", output="12")),
            Tier(128, prices(input="6", output="24")),
        )
    )

    upper = rates.levels[1].prices

    assert upper["cached_input"] == 6
    assert upper["audio_input"] == 9
    assert upper["reasoning"] == 24


def test_a_tier_that_states_nothing_costs_what_the_one_below_costs() -> None:
    rates = Rates(tiers=(Tier(0, prices(input="3", cached_input="1", output="12")), Tier(128, {})))

    assert rates.levels[1].prices == rates.levels[0].prices


def test_the_dearest_prices_reckon_with_every_tier_below() -> None:
    lower, upper = (
        {name: Decimal(read) for name in PROMPT_CLASSES} | {name: Decimal(written) for name in OUTPUT_CLASSES}
        for read, written in ((3, 12), (1, 2))
    )
    rates = Rates(tiers=(Tier(0, lower), Tier(128, upper)))

    assert (rates.levels[1].dearest_input, rates.levels[1].dearest_output) == (Decimal(3), Decimal(12))


def test_every_class_falls_back_to_classes_of_its_own_side() -> None:
    assert set(FALLBACKS) == {*PROMPT_CLASSES, *OUTPUT_CLASSES} == set(COMPONENTS) - {"per_minute", "per_character"}
    for name, chain in FALLBACKS.items():
        side = PROMPT_CLASSES if name in PROMPT_CLASSES else OUTPUT_CLASSES
        assert set(chain) <= set(side)


@pytest.mark.parametrize(
    "tiers",
    [
        (Tier(5, {}),),
        (Tier(0, {}), Tier(0, {})),
        (Tier(0, {}), Tier(9, {}), Tier(8, {})),
        (Tier(0, prices(inptu="1")),),
        (Tier(0, prices(input="-1")),),
    ],
)
def test_a_list_that_contradicts_itself_is_refused(tiers: tuple[Tier, ...]) -> None:
    with pytest.raises(ValueError, match=r"tier|class|price"):
        Rates(tiers=tiers)


def test_a_list_cannot_be_changed_once_made() -> None:
    with pytest.raises(AttributeError):
        lists.OPUS.per_minute = Decimal(1)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("kind", "rates", "lacking"),
    [
        ("chat", lists.OPUS, ()),
        ("chat", Rates(), ("input", "output")),
        ("chat", lists.per_million({"input": "1"}), ("output",)),
        ("chat", lists.per_million({"output": "1"}), ("input",)),
        ("embedding", lists.per_million({"input": "1"}), ()),
        ("embedding", Rates(), ("input",)),
        ("image", Rates.of([], image_rule={"price": "1"}), ()),
        ("image", lists.OPUS, ()),
        ("image", Rates(), ("per_image",)),
        ("video", Rates.of([], video_rule={"price": "1"}), ()),
        ("video", lists.OPUS, ("per_video",)),
        ("audio", Rates(per_minute=Decimal(1)), ()),
        ("audio", Rates(per_character=Decimal(1)), ()),
        ("audio", lists.per_million({"input": "1"}), ()),
        ("audio", Rates(), ("per_minute",)),
    ],
)
def test_a_list_says_what_a_model_of_a_kind_still_needs(kind: str, rates: Rates, lacking: tuple[str, ...]) -> None:
    assert rates.lacks(kind) == lacking


@pytest.mark.parametrize("rule", FILM_RULES)
def test_a_film_rule_survives_the_journey_through_json(rule: dict[str, Any]) -> None:
    parsed = VideoRule.from_json(rule)

    assert VideoRule.from_json(json.loads(json.dumps(parsed.to_json()))) == parsed


@pytest.mark.parametrize("rule", PICTURE_RULES)
def test_a_picture_rule_survives_the_journey_through_json(rule: dict[str, Any]) -> None:
    parsed = ImageRule.from_json(rule)

    assert ImageRule.from_json(json.loads(json.dumps(parsed.to_json()))) == parsed


def test_money_in_a_stored_rule_is_written_as_strings() -> None:
    stored = VideoRule.from_json(lists.KLING_3_0).to_json()

    assert stored["price"] == "0.112"
    assert stored["prices"]["resolution"]["4k"] == "0.42"
    assert ImageRule.from_json(lists.DALL_E_3).to_json()["variants"][0]["price"] == "0.064"


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"price": "0"},
        {"price": "-1"},
        {"price": "much"},
        {"price": 0.112},
        {"price": None},
        {"price": "0.1", "discount": "0"},
        {"price": "0.1", "seconds": 0},
        {"price": "0.1", "places": 9},
        {"price": "0.1", "prices": {"mode": {"pro": "1"}, "resolution": {"4k": "2"}}},
        {"price": "0.1", "multipliers": {"resolution": {"4k": 1.5}}},
        {"price": "0.1", "audio_multplier": "2"},
    ],
)
def test_a_film_rule_that_makes_no_sense_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"rule|free|price|member"):
        VideoRule.from_json(rule)


@pytest.mark.parametrize(
    "rule",
    [{}, {"price": "0"}, {"price": 0.03}, {"price": "0.1", "varants": []}, {"price": "NaN"}, {"variants": []}],
)
def test_a_picture_rule_that_makes_no_sense_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"rule|free|price"):
        ImageRule.from_json(rule)


@given(st.decimals(min_value=0, max_value=10**9, places=10))
def test_a_price_is_read_from_its_own_text(price: Decimal) -> None:
    assert price_of(str(price)) == price


@pytest.mark.parametrize("value", [0.1, True, None, "", "1,5", "NaN", "Infinity", "-0.1", Decimal("-1")])
def test_what_is_no_price_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="price"):
        price_of(value)
