"""Usage: disjoint classes, sums, and figures that no provider can mean."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.usage import MOST_TOKENS, TOKEN_CLASSES, Usage, count_of

counts = st.integers(0, 10_000_000)
usages = st.builds(Usage, **dict.fromkeys(TOKEN_CLASSES, counts))


def test_the_prompt_is_everything_that_was_read_and_the_completion_everything_that_was_written() -> None:
    usage = Usage(
        input=1,
        cached_input=10,
        cache_write_5m=100,
        cache_write_1h=1_000,
        audio_input=10_000,
        image_input=100_000,
        output=2,
        reasoning=20,
        audio_output=200,
        image_output=2_000,
    )

    assert usage.prompt == 111_111
    assert usage.completion == 2_222


def test_token_classes_are_all_token_fields() -> None:
    fields = {field.name for field in dataclasses.fields(Usage)}
    assert set(TOKEN_CLASSES) == fields - {"images", "seconds", "characters"}


@given(usages, usages)
def test_two_usages_add_up_class_by_class(one: Usage, other: Usage) -> None:
    total = one + other

    assert total.prompt == one.prompt + other.prompt
    assert total.completion == one.completion + other.completion
    assert all(getattr(total, name) == getattr(one, name) + getattr(other, name) for name in TOKEN_CLASSES)


def test_images_seconds_and_characters_add_up_too() -> None:
    total = Usage(images=1, seconds=Decimal("0.5"), characters=7) + Usage(images=2, seconds=Decimal("0.25"))

    assert (total.images, total.seconds, total.characters) == (3, Decimal("0.75"), 7)


@pytest.mark.parametrize("name", TOKEN_CLASSES)
@pytest.mark.parametrize("garbage", [-1, -(10**12), MOST_TOKENS + 1, 10**30, "12", "1e9", None, True, 1.5, [3], {}])
def test_a_figure_that_cannot_be_true_counts_as_nothing_and_is_noticed(name: str, garbage: Any) -> None:
    usage = dataclasses.replace(Usage(input=5, output=7), **{name: garbage})

    cleaned = usage.clean()

    assert getattr(cleaned, name) == 0
    assert not usage.is_clean
    assert cleaned.is_clean
    for other in TOKEN_CLASSES:
        if other != name:
            assert getattr(cleaned, other) == getattr(usage, other)


@pytest.mark.parametrize(
    "garbage",
    [Decimal("-0.1"), Decimal("NaN"), Decimal("Infinity"), Decimal(10**9), 12.5, "3", True, None],
)
def test_seconds_that_cannot_be_true_count_as_nothing(garbage: Any) -> None:
    usage = Usage(seconds=garbage)

    assert usage.clean().seconds == 0
    assert not usage.is_clean


def test_absurd_numbers_of_images_and_characters_count_as_nothing() -> None:
    assert Usage(images=-3, characters=-4).clean() == Usage()
    assert Usage(images=10**6, characters=10**12).clean() == Usage()


@given(usages)
def test_believable_figures_stay_as_they_are(usage: Usage) -> None:
    assert usage.clean() == usage
    assert usage.is_clean


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0),
        (12, 12),
        (12.0, 12),
        (MOST_TOKENS, MOST_TOKENS),
        (MOST_TOKENS + 1, None),
        (-1, None),
        (-0.0, 0),
        (1.5, None),
        (float("nan"), None),
        (float("inf"), None),
        ("12", None),
        (True, None),
        (None, None),
        ([], None),
    ],
)
def test_a_count_is_read_only_from_whole_believable_numbers(value: object, expected: int | None) -> None:
    result = count_of(value)

    assert result == expected
    assert type(result) is type(expected)
