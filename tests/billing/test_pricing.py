"""What calls cost: the published examples to the last decimal, tiers, fallbacks, rounding, the margin floor."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing.pricing import Line, charge_nusd, cost, nusd_of, usd, usd_text, with_floor
from billing.usage import Usage
from catalog.rates import Rates, Tier
from tests.billing.lists import DEEPSEEK_V4_FLASH, MINIMAX_M2_1, OPUS, TIERED, per_million


@pytest.mark.parametrize(
    ("rates", "usage", "charged"),
    [
        (DEEPSEEK_V4_FLASH, Usage(input=24, output=10), "0.00000732"),
        (DEEPSEEK_V4_FLASH, Usage(input=12_345, output=678), "0.0024255"),
        (MINIMAX_M2_1, Usage(input=1), "0.0000003"),
        (
            OPUS,
            Usage(input=100, cached_input=50_000, cache_write_5m=2_000, cache_write_1h=1_000, output=800),
            "0.0544",
        ),
        (TIERED, Usage(input=200_000, output=1_000), "0.412"),
        (TIERED, Usage(input=200_001, output=1_000), "0.818004"),
    ],
    ids=["flash, a greeting", "flash, a page", "one token", "cache of both ages", "tier's edge", "beyond the edge"],
)
def test_worked_examples_cost_what_they_say(rates: Rates, usage: Usage, charged: str) -> None:
    assert usd_text(charge_nusd(cost(usage, rates).exact)) == charged


def test_cached_tokens_are_billed_once_at_their_own_price() -> None:
    """The prompt of 53 100 tokens is mostly cache: adding cache reads and writes to an input that already contains
    them is the classic way to bill $0.0913 or more for this call."""
    usage = Usage(input=100, cached_input=50_000, cache_write_5m=2_000, cache_write_1h=1_000, output=800)

    bill = cost(usage, OPUS)

    assert usage.prompt == 53_100
    assert [(line.component, line.count, line.amount) for line in bill.lines] == [
        ("input", 100, Decimal("0.0004")),
        ("cached_input", 50_000, Decimal("0.02")),
        ("cache_write_5m", 2_000, Decimal("0.01")),
        ("cache_write_1h", 1_000, Decimal("0.008")),
        ("output", 800, Decimal("0.016")),
    ]
    assert bill.exact == Decimal("0.0544")


def test_cache_writes_of_five_minutes_and_of_an_hour_cost_their_own_prices() -> None:
    assert cost(Usage(cache_write_5m=1_000_000), OPUS).exact == 5
    assert cost(Usage(cache_write_1h=1_000_000), OPUS).exact == 8


@pytest.mark.parametrize(
    ("usage", "exact"),
    [
        (Usage(reasoning=1_000_000), 20),
        (Usage(cache_write_1h=1_000_000), 4),
        (Usage(cache_write_5m=1_000_000), 4),
        (Usage(cached_input=1_000_000), 4),
        (Usage(audio_input=1_000_000), 4),
        (Usage(image_input=1_000_000), 4),
        (Usage(audio_output=1_000_000), 20),
        (Usage(image_output=1_000_000), 20),
    ],
)
def test_a_class_without_a_price_costs_what_its_next_of_kin_costs(usage: Usage, exact: int) -> None:
    assert cost(usage, per_million({"input": "4", "output": "20"})).exact == exact


def test_an_hours_cache_write_without_a_price_costs_what_a_short_one_costs() -> None:
    rates = per_million({"input": "4", "cache_write_5m": "5", "output": "20"})

    assert cost(Usage(cache_write_1h=1_000_000), rates).exact == 5


def test_tokens_of_a_picture_cost_the_picture_price_and_not_the_price_of_text() -> None:
    rates = per_million({"input": "0.30", "output": "2.50", "image_output": "30"})

    assert cost(Usage(output=1_000_000, image_output=1_000_000), rates).exact == Decimal("32.50")


@pytest.mark.parametrize(
    "usage",
    [
        Usage(cached_input=200_001),
        Usage(cache_write_5m=200_001),
        Usage(input=100_000, cached_input=50_000, cache_write_5m=30_000, cache_write_1h=20_001),
        Usage(input=100_000, audio_input=50_000, image_input=50_001),
    ],
)
def test_the_tier_goes_by_the_whole_prompt_cached_tokens_included(usage: Usage) -> None:
    assert cost(usage, TIERED).exact == Decimal("0.000004") * usage.prompt


def test_a_long_answer_does_not_move_the_tier() -> None:
    assert cost(Usage(input=1, output=500_000), TIERED).exact == Decimal("0.000002") + 6


def test_images_minutes_and_characters_have_their_own_lines() -> None:
    rates = Rates.of(
        [("per_minute", 0, Decimal("0.0048")), ("per_character", 0, Decimal("0.000012"))],
        image_rule={"price": "0.1072"},
    )

    bill = cost(Usage(images=2, seconds=Decimal("12.5"), characters=1_000, input=77), rates)

    assert bill.lines == (
        Line("per_image", 2, Decimal("0.1072"), Decimal("0.2144")),
        Line("per_minute", Decimal("12.5"), Decimal("0.0048"), Decimal("0.001")),
        Line("per_character", 1_000, Decimal("0.000012"), Decimal("0.012")),
    )
    assert bill.exact == Decimal("0.2274")


def test_a_list_without_token_prices_bills_no_tokens() -> None:
    """Images are flat per returned picture, whatever tokens the provider reports beside them (spec 000)."""
    rates = Rates.of([], image_rule={"price": "0.0312"})

    assert cost(Usage(images=1, input=50, image_output=1_290), rates).exact == Decimal("0.0312")


def test_seconds_that_do_not_divide_are_kept_to_fourteen_decimals() -> None:
    rates = Rates.of([("per_minute", 0, Decimal("0.0001"))])

    assert cost(Usage(seconds=Decimal(7)), rates).exact == Decimal("0.00001166666667")


def test_negative_figures_never_earn_credit() -> None:
    usage = Usage(input=-1_000_000, output=10, cached_input=-5, images=-2, seconds=Decimal(-3), characters=-9)
    rates = Rates(
        tiers=DEEPSEEK_V4_FLASH.tiers, per_minute=Decimal(1), per_character=Decimal(1), per_image=None, per_video=None
    )

    assert cost(usage, rates).exact == Decimal("0.000003")


def test_nothing_costs_nothing() -> None:
    bill = cost(Usage(), OPUS)

    assert bill.exact == 0
    assert bill.lines == ()
    assert charge_nusd(bill.exact) == 0


def test_bills_add_up_line_by_line() -> None:
    one, other = cost(Usage(input=3), OPUS), cost(Usage(output=4), OPUS)

    assert (one + other).exact == one.exact + other.exact
    assert (one + other).lines == one.lines + other.lines


@pytest.mark.parametrize(
    ("exact", "nusd"),
    [
        ("0", 0),
        ("-1", 0),
        ("1E-20", 10),
        ("0.000000001", 10),
        ("0.000000004999", 10),
        ("0.000000014999", 10),
        ("0.000000015", 20),
        ("0.000000025", 30),
        ("0.000000297", 300),
        ("0.00000732", 7_320),
        ("1", 1_000_000_000),
        ("123456.78", 123_456_780_000_000),
    ],
)
def test_a_charge_is_rounded_half_up_to_eight_decimals_and_is_at_least_one_step(exact: str, nusd: int) -> None:
    assert charge_nusd(Decimal(exact)) == nusd


@pytest.mark.parametrize(
    ("supplier", "fallback", "price", "rise", "eligible"),
    [
        ("0.28", True, "0.315", "0", True),
        ("0.29", True, "0.3213", "0.02", True),
        ("0.295", True, "0.32445", "0.03", False),
        ("0.40", True, "0.32445", "0.03", False),
        (None, True, "0.315", "0", True),
        ("0.28", False, "0.315", "0", True),
        ("0.29", False, "0.315", "0", False),
        (None, False, "0.315", "0", True),
    ],
)
def test_a_price_keeps_ten_percent_above_the_supplier_and_rises_on_a_fallback_by_three_percent_at_most(
    supplier: str | None, fallback: bool, price: str, rise: str, eligible: bool
) -> None:
    cost_of_route = None if supplier is None else Decimal(supplier)

    asked = with_floor(Decimal("0.315"), cost_of_route, is_fallback=fallback)

    assert asked.price == Decimal(price)
    assert asked.rise == Decimal(rise)
    assert asked.is_eligible is eligible


def test_the_floor_itself_needs_no_rise_and_a_hair_above_it_needs_one_percent() -> None:
    assert with_floor(Decimal("1.1"), Decimal(1), is_fallback=True).rise == 0
    assert with_floor(Decimal("1.1"), Decimal("1.000000000001"), is_fallback=True).rise == Decimal("0.01")


@pytest.mark.parametrize("percent", [1, 2, 3])
def test_a_rise_of_a_whole_percent_is_not_rounded_to_the_next(percent: int) -> None:
    asked = with_floor(Decimal(100), Decimal(100 + percent), is_fallback=True, margin=Decimal(1))

    assert asked.price == 100 + percent
    assert asked.is_eligible


def test_the_margin_can_be_set() -> None:
    assert not with_floor(Decimal(1), Decimal("0.9"), is_fallback=False, margin=Decimal("1.2")).is_eligible
    assert with_floor(Decimal(1), Decimal("0.9"), is_fallback=False, margin=Decimal("1.1")).is_eligible


def test_something_free_is_never_made_dearer() -> None:
    assert with_floor(Decimal(0), Decimal(1), is_fallback=True).price == 0
    assert not with_floor(Decimal(0), Decimal(1), is_fallback=True).is_eligible


@pytest.mark.parametrize(
    ("nusd", "text"),
    [
        (0, "0"),
        (10, "0.00000001"),
        (4, "0"),
        (-4, "0"),
        (5, "0.00000001"),
        (1_000_000_000, "1"),
        (5_000_000_000, "5"),
        (20_000_000_000, "20"),
        (315_000_000, "0.315"),
        (9_178_257_910, "9.17825791"),
        (-250_000_000, "-0.25"),
        (8_999_999_999_999_999, "9000000"),
        (123_456_789_012_345_670, "123456789.01234567"),
    ],
)
def test_money_is_written_with_at_most_eight_decimals_and_no_exponent(nusd: int, text: str) -> None:
    assert usd_text(nusd) == text


def test_a_balance_after_a_film_is_exact() -> None:
    assert usd_text(nusd_of(Decimal("9.49325791")) - charge_nusd(Decimal("0.315"))) == "9.17825791"


def test_dollars_and_nano_dollars_are_two_spellings_of_one_amount() -> None:
    assert nusd_of(Decimal("25")) == 25_000_000_000
    assert usd(25_000_000_001) == Decimal("25.000000001")
    assert nusd_of(usd(-123_456_789)) == -123_456_789


@pytest.mark.parametrize("amount", ["0.0000000001", "NaN", "Infinity", "-Infinity"])
def test_an_amount_that_the_books_cannot_hold_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        nusd_of(Decimal(amount))


@pytest.mark.parametrize("price", [Decimal("-0.01"), Decimal("NaN"), 0.5])
def test_a_price_that_is_none_is_refused_when_the_list_is_made(price: Any) -> None:
    with pytest.raises(ValueError, match="price"):
        Rates(tiers=(Tier(0, {"input": price}),))
