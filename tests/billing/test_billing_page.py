"""docs/billing.md says what calls cost; here every figure of its tables is worked out again."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from billing.media_pricing import image_cost, video_cost
from billing.pricing import ceiling_nusd, charge_nusd, cost, usd_text, with_floor
from billing.usage import TOKEN_CLASSES, Usage
from catalog.media_rules import ImageRule, VideoRule
from catalog.rates import FALLBACKS, Rates
from tests.billing import lists

PAGE = Path(__file__).parents[2] / "docs" / "billing.md"
FILMS = {
    "kling-2-6": lists.KLING_2_6,
    "kling-3-0": lists.KLING_3_0,
    "kling-2-1": lists.KLING_2_1,
    "kling-avatar-pro": lists.KLING_AVATAR_PRO,
    "kling-avatar-standard": lists.KLING_AVATAR_STANDARD,
}


def tables() -> dict[tuple[str, ...], list[tuple[str, ...]]]:
    """The rows of the page by the headings of their table; tables with the same headings are read as one."""
    found: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    rows: list[tuple[str, ...]] | None = None
    for line in PAGE.read_text().splitlines():
        if not line.startswith("|"):
            rows = None
        elif rows is None:
            rows = found.setdefault(cells(line), [])
        elif not line.startswith("|---"):
            rows.append(cells(line))
    return found


def cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in line.strip("|").split("|"))


def figures(text: str) -> dict[str, str]:
    """`input 12,345, output 678` as names and numbers."""
    read = re.findall(r"([a-z_0-9]+) ([\d.]+(?:,\d{3})*)", text)
    assert read, f"no figures in {text!r}"
    return {name: number.replace(",", "") for name, number in read}


def rates_of(text: str) -> Rates:
    base, *above = text.split("; above ")
    tiers = {f"over_{tier.split(':')[0].replace(',', '')}": figures(tier.split(":")[1]) for tier in above}
    return lists.per_million(figures(base), **tiers)


def number(text: str) -> int:
    return int(text.replace(",", ""))


TABLES = tables()


@pytest.mark.parametrize(("prices", "consumed", "price"), TABLES["dollars per million", "consumed", "cost"])
def test_a_call_costs_what_the_page_says(prices: str, consumed: str, price: str) -> None:
    usage: dict[str, Any] = {name: int(count) for name, count in figures(consumed).items()}

    assert "$" + usd_text(charge_nusd(cost(Usage(**usage), rates_of(prices)).exact)) == price


@pytest.mark.parametrize(("exact", "charged"), TABLES["exact", "charged"])
def test_a_cost_is_rounded_as_the_page_says(exact: str, charged: str) -> None:
    assert usd_text(charge_nusd(Decimal(exact))) == charged


@pytest.mark.parametrize(
    ("prices", "prompt", "answer", "held"),
    TABLES["dollars per million", "prompt at most", "answer at most", "set aside"],
)
def test_a_call_sets_aside_what_the_page_says(prices: str, prompt: str, answer: str, held: str) -> None:
    assert "$" + usd_text(ceiling_nusd(number(prompt), number(answer), rates_of(prices))) == held


@pytest.mark.parametrize(
    ("each", "asked", "delivered", "price"), TABLES["price a picture", "asked for", "delivered", "cost"]
)
def test_pictures_cost_what_the_page_says(each: str, asked: str, delivered: str, price: str) -> None:
    assert number(delivered) <= number(asked)
    assert (
        "$" + usd_text(charge_nusd(image_cost(ImageRule.from_json({"price": each}), {}, int(delivered)).exact)) == price
    )


@pytest.mark.parametrize(("model", "configuration", "price"), TABLES["model", "configuration", "cost"])
def test_films_cost_what_the_page_says(model: str, configuration: str, price: str) -> None:
    asked: dict[str, Any] = {}
    for member in configuration.split(", "):
        name, _, value = member.partition(" ")
        asked[name] = True if name == "audio" else int(value) if name == "duration" else value

    assert "$" + usd_text(charge_nusd(video_cost(VideoRule.from_json(FILMS[model]), asked).exact)) == price


@pytest.mark.parametrize(("retail", "supplier", "asked"), TABLES["price", "the other provider takes", "you pay"])
def test_a_fallback_costs_what_the_page_says(retail: str, supplier: str, asked: str) -> None:
    floored = with_floor(Decimal(retail), Decimal(supplier), is_fallback=True)

    assert (usd_text(charge_nusd(floored.price)) if floored.is_eligible else "not asked") == asked


def test_the_page_names_every_class_of_tokens_and_its_fallback() -> None:
    rows = TABLES["class", "what it is", "without a price of its own it costs"]

    assert sorted(name for name, _, _ in rows) == sorted(TOKEN_CLASSES)
    for name, _, fallback in rows:
        assert tuple(fallback.split(", else ") if fallback else ()) == FALLBACKS[name]


def test_no_table_of_figures_is_left_unread() -> None:
    read_here = {
        ("dollars per million", "consumed", "cost"),
        ("exact", "charged"),
        ("dollars per million", "prompt at most", "answer at most", "set aside"),
        ("price a picture", "asked for", "delivered", "cost"),
        ("model", "configuration", "cost"),
        ("price", "the other provider takes", "you pay"),
        ("class", "what it is", "without a price of its own it costs"),
    }

    assert set(TABLES) - read_here == {("what happened", "what you pay")}
