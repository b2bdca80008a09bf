"""A price list between three forms: rows of the database, figures as people write them, and `Rates` that bill. Pure.

Figures are what price tables print, all money as decimal strings:

    {"per_1m": {"input": "2.00", "output": "12.00"},                        tokens, USD per million
     "tiers": [{"over": 200000, "per_1m": {"input": "4.00", "output": "18.00"}}],
     "per_minute": "0.0048", "per_1m_characters": "12.00",                   sound and speech
     "image": {…}, "video": {…}}                                             the rules of catalog/media_rules.py
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from catalog.media_rules import ImageRule, VideoRule, price_of
from catalog.rates import COMPONENTS, Rates

MILLION = Decimal(1_000_000)
PLACES = 10  # decimals of a stored price for one unit: NUMERIC(20, 10)
MOST = Decimal(1_000_000)  # USD for one unit; the database refuses more, and NaN with it
SPEECH = {"per_minute": "minute", "per_character": "character"}  # component → unit; all others are priced by the token

Row = tuple[str, int, Decimal]  # component, over how many prompt tokens, USD for one unit


@dataclass(frozen=True, slots=True)
class Card:
    """One price list in the form in which it is stored. Two cards are equal when they bill alike."""

    rows: tuple[Row, ...] = ()
    image_rule: Mapping[str, Any] | None = None
    video_rule: Mapping[str, Any] | None = None

    @classmethod
    def of(
        cls,
        rows: Iterable[tuple[str, int, Decimal | str]],
        *,
        image_rule: Mapping[str, Any] | None = None,
        video_rule: Mapping[str, Any] | None = None,
    ) -> Card:
        """A card in its canonical form. Raises ValueError for whatever cannot be billed exactly."""
        try:
            read = [(component, int(over), _stored(price)) for component, over, price in rows]
            image = ImageRule.from_json(image_rule).to_json() if image_rule else None
            video = VideoRule.from_json(video_rule).to_json() if video_rule else None
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"a price list has another shape: {error}") from error
        for component, over, _ in read:
            if component not in COMPONENTS:
                raise ValueError(f"unknown component: {component}")
            if over < 0 or (over and component in SPEECH):
                raise ValueError(f"{component} has no price above {over} prompt tokens")
        card = cls(tuple(sorted(read)), image, video)
        card.rates()
        return card

    @classmethod
    def of_figures(cls, figures: Mapping[str, Any]) -> Card:
        """A card from what a price table prints. Raises ValueError when a figure is no price, or too fine to keep."""
        unknown = set(figures) - {"per_1m", "tiers", "per_minute", "per_1m_characters", "image", "video"}
        if unknown:
            raise ValueError(f"a price list does not know {', '.join(sorted(unknown))}")
        rows: list[tuple[str, int, Decimal | str]] = []
        try:
            levels = [{"over": 0, "per_1m": figures.get("per_1m") or {}}, *(figures.get("tiers") or [])]
            for level in levels:
                rows.extend((name, level["over"], price_of(price) / MILLION) for name, price in level["per_1m"].items())
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"a price list has another shape: {error}") from error
        if figures.get("per_minute") is not None:
            rows.append(("per_minute", 0, price_of(figures["per_minute"])))
        if figures.get("per_1m_characters") is not None:
            rows.append(("per_character", 0, price_of(figures["per_1m_characters"]) / MILLION))
        return cls.of(rows, image_rule=figures.get("image"), video_rule=figures.get("video"))

    def figures(self) -> dict[str, Any]:
        """The inverse of `of_figures`: for people, commands and APIs."""
        levels: dict[int, dict[str, str]] = {}
        figures: dict[str, Any] = {}
        for component, over, price in sorted(self.rows, key=lambda row: (row[1], COMPONENTS.index(row[0]))):
            if component == "per_minute":
                figures["per_minute"] = printed(price)
            elif component == "per_character":
                figures["per_1m_characters"] = printed(price * MILLION)
            else:
                levels.setdefault(over, {})[component] = printed(price * MILLION)
        if 0 in levels:
            figures["per_1m"] = levels.pop(0)
        if levels:
            figures["tiers"] = [{"over": over, "per_1m": prices} for over, prices in sorted(levels.items())]
        if self.image_rule:
            figures["image"] = self.image_rule
        if self.video_rule:
            figures["video"] = self.video_rule
        return figures

    def rates(self) -> Rates:
        """The same prices, ready to bill. Raises ValueError when the card contradicts itself."""
        return Rates.of(self.rows, image_rule=self.image_rule, video_rule=self.video_rule)

    def __bool__(self) -> bool:
        """Whether it says anything at all."""
        return bool(self.rows or self.image_rule or self.video_rule)


def unit_of(component: str) -> str:
    """What one unit of a component is: token, minute or character."""
    return SPEECH.get(component, "token")


def printed(price: Decimal) -> str:
    """A price for people and JSON: plain digits, no exponent, at least two decimals."""
    text = format(price.normalize(), "f")
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals:0<2}"


def _stored(price: Decimal | str) -> Decimal:
    """A price for one unit as the database keeps it. It rounds silently there, so what is finer is refused here."""
    exact = price_of(price).normalize()
    exponent = exact.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -PLACES:
        raise ValueError(f"{exact} USD has more than {PLACES} decimals; prices per million tokens may have 4")
    if exact >= MOST:
        raise ValueError(f"{exact} USD for one unit is beyond all bounds")
    return exact
