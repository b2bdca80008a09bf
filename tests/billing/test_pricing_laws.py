"""Laws that every price list keeps: more is never cheaper, lines add up, a hold covers what may be charged."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from billing.pricing import STEP_NUSD, ceiling_nusd, charge_nusd, cost, hold_nusd, output_affordable, usd, usd_text
from billing.usage import MOST_TOKENS, TOKEN_CLASSES, Usage
from catalog.rates import FALLBACKS, OUTPUT_CLASSES, PROMPT_CLASSES, Rates, Tier
from tests.billing.lists import OPUS, TIERED

EDGE = 1_000
prices = st.decimals(min_value=0, max_value="0.01", places=10)
counts = st.integers(0, 3_000)
usages = st.builds(Usage, **dict.fromkeys(TOKEN_CLASSES, counts))


@st.composite
def price_lists(draw: st.DrawFn) -> Rates:
    """A list with input and output prices, any of the others, and up to two tiers that state whatever they like."""
    base = draw(st.dictionaries(st.sampled_from(sorted(FALLBACKS)), prices))
    base |= {"input": draw(prices), "output": draw(prices)}
    tiers = [Tier(0, base)]
    for over in draw(st.sampled_from([(), (EDGE,), (EDGE, 2 * EDGE)])):
        tiers.append(Tier(over, draw(st.dictionaries(st.sampled_from(sorted(FALLBACKS)), prices))))
    return Rates(tiers=tuple(tiers))


@st.composite
def rising_lists(draw: st.DrawFn) -> Rates:
    """A list whose upper tier is at least as dear in everything that it states, and may leave classes out."""
    base = draw(st.dictionaries(st.sampled_from(sorted(FALLBACKS)), prices))
    base |= {"input": draw(prices), "output": draw(prices)}
    stated = draw(st.sets(st.sampled_from(sorted(FALLBACKS))))
    below = Rates(tiers=(Tier(0, base),)).levels[0].prices
    return Rates(tiers=(Tier(0, base), Tier(EDGE, {name: below[name] + draw(prices) for name in stated})))


def with_more(usage: Usage, name: str, more: int) -> Usage:
    changed: dict[str, Any] = {name: getattr(usage, name) + more}
    return dataclasses.replace(usage, **changed)


@given(price_lists(), usages)
def test_the_bill_is_the_sum_of_its_lines_and_every_line_is_count_times_price(rates: Rates, usage: Usage) -> None:
    bill = cost(usage, rates)

    assert bill.exact == sum((line.amount for line in bill.lines), Decimal(0))
    assert all(line.amount == line.count * line.unit_price for line in bill.lines)
    assert {line.component: line.count for line in bill.lines} == {
        name: getattr(usage, name) for name in TOKEN_CLASSES if getattr(usage, name)
    }


@given(price_lists(), usages, usages)
def test_within_a_tier_two_calls_cost_together_what_they_cost_apart(rates: Rates, one: Usage, other: Usage) -> None:
    both = one + other
    assume(rates.level(one.prompt) is rates.level(other.prompt) is rates.level(both.prompt))

    assert cost(both, rates).exact == cost(one, rates).exact + cost(other, rates).exact


@given(price_lists(), usages, st.sampled_from(TOKEN_CLASSES), st.integers(1, 5_000))
def test_within_a_tier_more_tokens_are_never_cheaper(rates: Rates, usage: Usage, name: str, more: int) -> None:
    larger = with_more(usage, name, more)
    assume(rates.level(usage.prompt) is rates.level(larger.prompt))

    assert cost(larger, rates).exact >= cost(usage, rates).exact


@given(rising_lists(), usages, st.sampled_from(PROMPT_CLASSES), st.integers(1, 5_000))
def test_a_longer_prompt_is_never_cheaper_where_the_upper_tier_is_dearer(
    rates: Rates, usage: Usage, name: str, more: int
) -> None:
    larger = with_more(usage, name, more)

    assert cost(larger, rates).exact >= cost(usage, rates).exact


@given(price_lists(), usages, st.sampled_from(TOKEN_CLASSES))
def test_a_token_is_billed_in_exactly_one_class(rates: Rates, usage: Usage, name: str) -> None:
    """Take a class away, and the bill loses its line and nothing else."""
    less = with_more(usage, name, -getattr(usage, name))
    assume(rates.level(usage.prompt) is rates.level(less.prompt))
    lost = sum((line.amount for line in cost(usage, rates).lines if line.component == name), Decimal(0))

    assert cost(usage, rates).exact - cost(less, rates).exact == lost


amounts = st.decimals(min_value=0, max_value=100_000, places=14)


@given(amounts)
def test_a_charge_is_within_half_a_step_of_the_exact_cost_and_never_nothing_for_something(exact: Decimal) -> None:
    charged = charge_nusd(exact)

    assert charged % STEP_NUSD == 0
    assert (charged > 0) == (exact > 0)
    if charged > STEP_NUSD:
        assert -Decimal("5E-9") < usd(charged) - exact <= Decimal("5E-9")


@given(amounts, amounts)
def test_a_larger_cost_is_never_charged_less(one: Decimal, other: Decimal) -> None:
    assert charge_nusd(min(one, other)) <= charge_nusd(max(one, other))


@given(amounts, st.integers(0, 3))
def test_a_hold_for_a_known_price_covers_the_charge_and_a_fallbacks_rise(exact: Decimal, percent: int) -> None:
    assert charge_nusd(exact * (100 + percent) / 100) <= hold_nusd(exact)


@given(st.lists(amounts, max_size=50))
def test_what_is_printed_adds_up_to_what_was_taken(costs: list[Decimal]) -> None:
    charges = [charge_nusd(exact) for exact in costs]

    assert sum((Decimal(usd_text(charge)) for charge in charges), Decimal(0)) == usd(sum(charges))


@st.composite
def calls_within_limits(draw: st.DrawFn) -> tuple[Usage, int, int]:
    """A usage, and bounds on prompt and output that it stays within, in whatever classes."""
    usage = draw(usages)
    return usage, usage.prompt + draw(st.integers(0, 4_000)), usage.completion + draw(st.integers(0, 4_000))


@given(price_lists(), calls_within_limits(), st.integers(0, 3))
def test_a_settlement_within_the_stated_limits_never_exceeds_the_hold(
    rates: Rates, call: tuple[Usage, int, int], percent: int
) -> None:
    usage, prompt_bound, output_bound = call

    charged = charge_nusd(cost(usage, rates).exact * (100 + percent) / 100)

    assert charged <= ceiling_nusd(prompt_bound, output_bound, rates)


@given(price_lists(), st.integers(0, 3_000), st.integers(0, 3_000), st.integers(0, 500), st.integers(0, 500))
def test_a_larger_bound_never_needs_a_smaller_hold(
    rates: Rates, prompt: int, output: int, more_prompt: int, more_output: int
) -> None:
    assert ceiling_nusd(prompt, output, rates) <= ceiling_nusd(prompt + more_prompt, output + more_output, rates)


@given(price_lists(), st.integers(0, 3_000), st.integers(0, 10**10))
def test_the_affordable_output_is_the_largest_whose_hold_fits(rates: Rates, prompt_bound: int, nusd: int) -> None:
    tokens = output_affordable(nusd, prompt_bound, rates)

    if tokens:
        assert ceiling_nusd(prompt_bound, tokens, rates) <= nusd
    if tokens < MOST_TOKENS:
        assert ceiling_nusd(prompt_bound, tokens + 1, rates) > nusd


@given(price_lists(), st.integers(0, 3_000), st.integers(0, 100_000))
def test_the_hold_of_an_output_affords_that_output(rates: Rates, prompt_bound: int, output_bound: int) -> None:
    assert output_affordable(ceiling_nusd(prompt_bound, output_bound, rates), prompt_bound, rates) >= output_bound


@given(price_lists(), st.integers(0, 3_000), st.integers(0, 100_000), st.integers(1, 2 * STEP_NUSD))
def test_a_little_less_than_the_hold_affords_what_a_smaller_hold_needs(
    rates: Rates, prompt_bound: int, output_bound: int, missing: int
) -> None:
    money = ceiling_nusd(prompt_bound, output_bound, rates) - missing
    tokens = output_affordable(money, prompt_bound, rates)

    if tokens:
        assert ceiling_nusd(prompt_bound, tokens, rates) <= money
    if tokens < MOST_TOKENS:
        assert ceiling_nusd(prompt_bound, tokens + 1, rates) > money


def test_a_hold_reckons_with_the_dearest_class_and_tier_that_the_bound_reaches() -> None:
    # 1 000 tokens at 8 (an hour's cache write) and 100 at 20 per million, and three percent.
    assert ceiling_nusd(1_000, 100, OPUS) == 10_300_000
    assert ceiling_nusd(200_000, 0, TIERED) == 412_000_000
    assert ceiling_nusd(200_001, 0, TIERED) == 824_004_120


def test_a_hold_reckons_with_a_lower_tier_that_is_dearer() -> None:
    bulk = Rates(tiers=(Tier(0, {"input": Decimal("0.001")}), Tier(100, {"input": Decimal("0.0001")})))

    assert ceiling_nusd(101, 0, bulk) == 104_030_000
    assert charge_nusd(cost(Usage(input=100), bulk).exact) <= ceiling_nusd(101, 0, bulk)


def test_one_dollar_can_call_a_model_with_a_long_output() -> None:
    affordable = output_affordable(1_000_000_000, 1_000, OPUS)

    assert affordable == 48_143
    assert ceiling_nusd(1_000, 64_000, OPUS) > 1_000_000_000


def test_no_money_affords_no_output_and_a_free_output_has_no_end() -> None:
    free = Rates(tiers=(Tier(0, {"input": Decimal("0.001")}),))

    assert output_affordable(0, 1_000, OPUS) == 0
    assert output_affordable(-5, 0, OPUS) == 0
    assert output_affordable(10**9, 1, free) == MOST_TOKENS
    assert output_affordable(0, 1, free) == 0
    assert output_affordable(10**18, 0, OPUS) == MOST_TOKENS
    assert output_affordable(0, 10, Rates()) == MOST_TOKENS


def test_bounds_below_zero_count_as_zero() -> None:
    assert ceiling_nusd(-5, -7, OPUS) == 0
    assert ceiling_nusd(5, 7, Rates()) == 0


def test_every_class_is_either_read_or_written() -> None:
    assert sorted(PROMPT_CLASSES + OUTPUT_CLASSES) == sorted(TOKEN_CLASSES)
