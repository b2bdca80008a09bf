"""Prices of pictures and films: flat per returned image, and per delivered video by length, resolution, mode and sound.

Pure values; `catalog.rates` puts them into a price list. JSON shapes (money and multipliers are decimal strings):

    image_rule  {"price": "0.032", "defaults": {"size": "1024x1024", "quality": "standard"},
                 "variants": [{"when": {"size": ["1024x1792", "1792x1024"], "quality": ["hd"]}, "price": "0.096"}]}
    video_rule  {"price": "0.112", "seconds": 1, "discount": "0.9",
                 "prices": {"resolution": {"720p": "0.084", "1080p": "0.112", "4k": "0.42"}},
                 "multipliers": {"resolution": {}, "mode": {}}, "audio_multiplier": "2", "places": 3,
                 "defaults": {"task": "t2v", "duration": 5, "resolution": "1080p", "audio": false, "mode": null},
                 "allowed": {"duration": [5, 10], "resolution": ["720p", "1080p", "4k"], "audio": [false, true]}}

Members other than `price` may be left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

Value = str | int | bool | None  # of one member of an image's or video's configuration


def price_of(value: Decimal | str | int) -> Decimal:
    """A price as Decimal. Raises ValueError for binary fractions, nonsense, infinities and negative amounts."""
    if isinstance(value, bool) or not isinstance(value, Decimal | str | int):
        raise ValueError(f"a price is a decimal string, not {type(value).__name__}")
    try:
        price = Decimal(value)
    except InvalidOperation:
        raise ValueError(f"not a price: {value!r}") from None
    if not price.is_finite() or price < 0:
        raise ValueError(f"not a price: {value!r}")
    return price


@dataclass(frozen=True, slots=True)
class ImageVariant:
    """The price of one image where the configuration matches every condition of `when`."""

    when: Mapping[str, tuple[str, ...]]  # member (size, quality, resolution) → values, lower case
    price: Decimal


@dataclass(frozen=True, slots=True)
class ImageRule:
    """USD per returned image. `defaults` says what configuration `price` belongs to."""

    price: Decimal
    variants: tuple[ImageVariant, ...] = ()
    defaults: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not price_of(self.price):
            raise ValueError("an image is never free")

    @classmethod
    def from_json(cls, rule: Mapping[str, Any]) -> ImageRule:
        """Raises ValueError when the shape or a figure is wrong."""
        _only(rule, "price", "variants", "defaults")
        return cls(
            price=price_of(rule["price"]),
            variants=tuple(
                ImageVariant(
                    when={name: tuple(str(value).lower() for value in values) for name, values in item["when"].items()},
                    price=price_of(item["price"]),
                )
                for item in rule.get("variants") or ()
            ),
            defaults={name: str(value).lower() for name, value in (rule.get("defaults") or {}).items()},
        )

    def to_json(self) -> dict[str, Any]:
        """The inverse of `from_json`."""
        return {
            "price": str(self.price),
            "variants": [
                {"when": {name: list(values) for name, values in item.when.items()}, "price": str(item.price)}
                for item in self.variants
            ],
            "defaults": dict(self.defaults),
        }


@dataclass(frozen=True, slots=True)
class VideoRule:
    """USD per delivered video = reference price × length / `seconds` × `discount` × multipliers, rounded half up.

    The reference price of the default configuration is `price` for `seconds` seconds; `prices` replaces it by the value
    of one member (the resolution, or the mode), `multipliers` scale it by others, `audio_multiplier` when audio is on.
    The seeds' families differ only in these figures: Kling is a rate a second at nine tenths, the others scale their
    headline price (`seconds` = the headline's length, so that 0.200 for 6 s needs no repeating fraction).
    """

    price: Decimal
    seconds: int = 1
    discount: Decimal = Decimal(1)
    prices: Mapping[str, Mapping[str, Decimal]] = field(default_factory=dict)
    multipliers: Mapping[str, Mapping[str, Decimal]] = field(default_factory=dict)
    audio_multiplier: Decimal = Decimal(1)
    places: int = 3  # decimals of a final price
    defaults: Mapping[str, Value] = field(default_factory=dict)
    # A member that is absent takes any value; one with an empty list, none.
    allowed: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not price_of(self.price) or not price_of(self.discount) or not price_of(self.audio_multiplier):
            raise ValueError("a video is never free")
        if self.seconds < 1 or not 0 <= self.places <= 8:
            raise ValueError("a rule needs a length of at least 1 s and 0 to 8 decimals")
        if len(self.prices) > 1:
            raise ValueError("only one member can choose the reference price")

    @classmethod
    def from_json(cls, rule: Mapping[str, Any]) -> VideoRule:
        """Raises ValueError when the shape or a figure is wrong."""
        _only(
            rule, "price", "seconds", "discount", "prices", "multipliers", "audio_multiplier", "places", "defaults",
            "allowed",
        )  # fmt: skip
        return cls(
            price=price_of(rule["price"]),
            seconds=int(rule.get("seconds", 1)),
            discount=price_of(rule.get("discount", "1")),
            prices=_tables(rule.get("prices")),
            multipliers=_tables(rule.get("multipliers")),
            audio_multiplier=price_of(rule.get("audio_multiplier") or "1"),
            places=int(rule.get("places", 3)),
            defaults=dict(rule.get("defaults") or {}),
            allowed={name: tuple(values) for name, values in (rule.get("allowed") or {}).items()},
        )

    def to_json(self) -> dict[str, Any]:
        """The inverse of `from_json`."""
        return {
            "price": str(self.price),
            "seconds": self.seconds,
            "discount": str(self.discount),
            "prices": {name: {key: str(price) for key, price in table.items()} for name, table in self.prices.items()},
            "multipliers": {
                name: {key: str(factor) for key, factor in table.items()} for name, table in self.multipliers.items()
            },
            "audio_multiplier": str(self.audio_multiplier),
            "places": self.places,
            "defaults": dict(self.defaults),
            "allowed": {name: list(values) for name, values in self.allowed.items()},
        }


def _tables(tables: Mapping[str, Mapping[str, str]] | None) -> dict[str, dict[str, Decimal]]:
    return {
        name: {key.lower(): price_of(value) for key, value in table.items()} for name, table in (tables or {}).items()
    }


def _only(rule: Mapping[str, Any], *names: str) -> None:
    """A misspelt member would silently sell at another price."""
    unknown = set(rule) - set(names)
    if unknown:
        raise ValueError(f"a rule does not know {', '.join(sorted(unknown))}")
    if "price" not in rule:
        raise ValueError("a rule needs a price")
