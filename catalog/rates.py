"""What a model costs: USD per token by class and tier, per image, per video, per minute of sound, per character.

Pure values without a database. A price list in force never changes, so these are frozen and may be shared freely. All
money is Decimal USD; in JSON it is a decimal string, because a JSON number would pass through binary fractions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from catalog.media_rules import ImageRule, VideoRule, price_of

__all__ = ["COMPONENTS", "FALLBACKS", "OUTPUT_CLASSES", "PROMPT_CLASSES", "ImageRule", "Rates", "Tier", "VideoRule"]

PROMPT_CLASSES = ("input", "cached_input", "cache_write_5m", "cache_write_1h", "audio_input", "image_input")
OUTPUT_CLASSES = ("output", "reasoning", "audio_output", "image_output")
# What a price list may name: the ten token classes (per token) and the two measures of sound and speech.
COMPONENTS = (*PROMPT_CLASSES, *OUTPUT_CLASSES, "per_minute", "per_character")

# Where a class has no price of its own it costs what the next one costs: thinking is output, an hour's cache write is
# at least a short one, a cached token without a discount is an ordinary one.
FALLBACKS: Mapping[str, tuple[str, ...]] = {
    "input": (),
    "cached_input": ("input",),
    "cache_write_5m": ("input",),
    "cache_write_1h": ("cache_write_5m", "input"),
    "audio_input": ("input",),
    "image_input": ("input",),
    "output": (),
    "reasoning": ("output",),
    "audio_output": ("output",),
    "image_output": ("output",),
}


@dataclass(frozen=True, slots=True)
class Tier:
    """Prices that hold for a whole request whose total prompt (cached tokens included) is more than `over` tokens."""

    over: int  # tokens; 0 = the base prices
    prices: Mapping[str, Decimal]  # USD per ONE token by class name; a missing class falls back


@dataclass(frozen=True, slots=True)
class Level:
    """A tier with every fallback worked out. `prices` holds each class that can be billed at all."""

    over: int
    prices: Mapping[str, Decimal]  # USD per one token
    dearest_input: Decimal  # of the classes of a prompt, in this tier and all below it: what a hold must reckon with
    dearest_output: Decimal


@dataclass(frozen=True, slots=True)
class Rates:
    """One price list. `tiers` ascend by `over`, the first one is the base (0); no tiers = nothing is sold by the token.

    Raises ValueError for a list that contradicts itself: tiers out of order, a class nobody knows, a negative price.
    """

    tiers: tuple[Tier, ...] = ()
    per_image: ImageRule | None = None
    per_video: VideoRule | None = None
    per_minute: Decimal | None = None  # USD per minute of sound
    per_character: Decimal | None = None  # USD per character of speech
    levels: tuple[Level, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for price in (self.per_minute, self.per_character):
            if price is not None:
                price_of(price)
        object.__setattr__(self, "levels", _levels(self.tiers))

    @classmethod
    def of(
        cls,
        rows: Iterable[tuple[str, int, Decimal]],
        *,
        image_rule: Mapping[str, Any] | None = None,
        video_rule: Mapping[str, Any] | None = None,
    ) -> Rates:
        """A price list from rows (component, over how many prompt tokens, USD per one unit) and the rules' JSON.

        Components are those of COMPONENTS; `per_minute` and `per_character` know no tiers.
        """
        tiers: dict[int, dict[str, Decimal]] = {}
        flat: dict[str, Decimal] = {}
        for component, over, price in rows:
            if component in ("per_minute", "per_character"):
                flat[component] = price
            else:
                tiers.setdefault(over, {})[component] = price
        return cls(
            tiers=tuple(Tier(over, prices) for over, prices in sorted(tiers.items())),
            per_image=ImageRule.from_json(image_rule) if image_rule else None,
            per_video=VideoRule.from_json(video_rule) if video_rule else None,
            per_minute=flat.get("per_minute"),
            per_character=flat.get("per_character"),
        )

    def level(self, prompt: int) -> Level | None:
        """The prices for a request with `prompt` tokens in all, or None when nothing is sold by the token."""
        levels = self.levels
        if not levels:
            return None
        for level in reversed(levels):
            if prompt > level.over:
                return level
        return levels[0]

    def lacks(self, kind: str) -> tuple[str, ...]:
        """What a model of this kind (chat, embedding, image, video, audio) needs a price for and has none.

        A model whose list lacks something must be refused: an unknown price is not a price of nothing.
        """
        base = self.levels[0].prices if self.levels else {}
        if kind == "chat":
            return tuple(name for name in ("input", "output") if name not in base)
        if kind == "embedding":
            return () if "input" in base else ("input",)
        if kind == "image":
            return () if self.per_image or "image_output" in base else ("per_image",)
        if kind == "video":
            return () if self.per_video else ("per_video",)
        if self.per_minute is not None or self.per_character is not None or "input" in base:
            return ()
        return ("per_minute",)


def _levels(tiers: tuple[Tier, ...]) -> tuple[Level, ...]:
    if tiers and tiers[0].over != 0:
        raise ValueError("the first tier must be the base prices (over 0)")
    levels: list[Level] = []
    for tier in tiers:
        if levels and tier.over <= levels[-1].over:
            raise ValueError("tiers must ascend")
        below = levels[-1] if levels else None
        prices = _resolve(tier.prices, below.prices if below else {})
        dearest_input = max((prices[name] for name in PROMPT_CLASSES if name in prices), default=Decimal(0))
        dearest_output = max((prices[name] for name in OUTPUT_CLASSES if name in prices), default=Decimal(0))
        if below is not None:
            dearest_input = max(dearest_input, below.dearest_input)
            dearest_output = max(dearest_output, below.dearest_output)
        levels.append(Level(tier.over, prices, dearest_input, dearest_output))
    return tuple(levels)


def _resolve(stated: Mapping[str, Decimal], below: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Prices with fallbacks. A class that a higher tier leaves out costs its fallback there, and at least what it
    costs one tier below: leaving a figure out must not make a longer prompt cheaper."""
    unknown = stated.keys() - FALLBACKS.keys()
    if unknown:
        raise ValueError(f"unknown token class: {', '.join(sorted(unknown))}")
    prices: dict[str, Decimal] = {}
    for name, chain in FALLBACKS.items():
        if name in stated:
            prices[name] = price_of(stated[name])
            continue
        fallback = next((price_of(stated[other]) for other in chain if other in stated), None)
        known = [price for price in (fallback, below.get(name)) if price is not None]
        if known:
            prices[name] = max(known)
    return prices
