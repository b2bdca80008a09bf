"""Price lists between figures, rows and bills: exact in every direction, or refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.cards import Card, printed
from catalog.rates import OUTPUT_CLASSES, PROMPT_CLASSES

FIGURES: dict[str, Any] = {
    "per_1m": {"input": "2.00", "cached_input": "0.175", "output": "12.00"},
    "tiers": [{"over": 200000, "per_1m": {"input": "4.00", "output": "18.00"}}],
}
per_million = st.decimals(min_value=0, max_value=100_000, places=4)


def test_figures_become_prices_of_one_unit_and_figures_again() -> None:
    card = Card.of_figures(FIGURES)
    assert card.rows == (
        ("cached_input", 0, Decimal("0.000000175")),
        ("input", 0, Decimal("0.000002")),
        ("input", 200000, Decimal("0.000004")),
        ("output", 0, Decimal("0.000012")),
        ("output", 200000, Decimal("0.000018")),
    )
    assert card.figures() == FIGURES


def test_speech_and_media_have_their_own_figures() -> None:
    figures = {"per_minute": "0.0048", "per_1m_characters": "12.00"}
    assert Card.of_figures(figures).figures() == figures
    rates = Card.of_figures(figures).rates()
    assert (rates.per_minute, rates.per_character) == (Decimal("0.0048"), Decimal("0.000012"))
    image = Card.of_figures({"image": {"price": "0.0500"}})
    assert image.figures()["image"]["price"] == "0.0500"


def test_cards_are_equal_when_they_bill_alike() -> None:
    assert Card.of([("input", 0, "0.0000020000"), ("output", 0, "0.0000120")]) == Card.of(
        [("output", 0, Decimal("0.000012")), ("input", 0, Decimal("2E-6"))]
    )
    assert Card.of([("input", 0, "0.000002")]) != Card.of([("input", 0, "0.0000021")])
    assert not Card.of([])


@given(st.dictionaries(st.sampled_from([*PROMPT_CLASSES, *OUTPUT_CLASSES]), per_million))
def test_no_price_is_ever_rounded_on_its_way(prices: dict[str, Decimal]) -> None:
    card = Card.of_figures({"per_1m": {name: str(price) for name, price in prices.items()}})
    assert {name: price * 1_000_000 for name, _, price in card.rows} == prices
    assert Card.of_figures(card.figures()) == card


@pytest.mark.parametrize(
    "figures",
    [
        {"per_1m": {"input": "-1"}}, {"per_1m": {"input": "NaN"}}, {"per_1m": {"input": "Infinity"}},
        {"per_1m": {"input": "one"}}, {"per_1m": {"input": 0.5}}, {"per_1m": {"input": None}},
        {"per_1m": {"input": "0.00001"}}, {"per_1m": {"inptu": "1"}}, {"per_1m": ["1"]}, {"per_token": "1"},
        {"tiers": [{"over": 9, "per_1m": {"input": "1"}}]}, {"per_1m": {"input": "1"}, "tiers": [{"over": 5}]},
        {"per_1m": {"input": "1"}, "tiers": [{"over": -5, "per_1m": {"input": "1"}}]},
        {"per_1m": {"input": "1"}, "tiers": [{"over": 9, "per_1m": {"per_minute": "1"}}]},
        {"per_1m": {"input": "1000000000000"}}, {"image": {"price": "0"}}, {"image": {"prize": "1"}}, {"image": "1"},
        {"video": {"price": "1", "multipliers": ["2"]}},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_exact_price_is_refused(figures: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each says something else
        Card.of_figures(figures)


def test_prices_are_printed_for_people() -> None:
    texts = {"2": "2.00", "0.5": "0.50", "2E-7": "0.0000002", "1E+3": "1000.00", "0.175": "0.175", "0": "0.00"}
    assert {price: printed(Decimal(price)) for price in texts} == texts
