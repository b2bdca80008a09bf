"""What consumption costs, what is charged for it, and what must be set aside before anybody knows. Pure.

Exact amounts are Decimal USD. What moves in the books is whole nano-USD (1 USD = 1 000 000 000), rounded once per call.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from operator import attrgetter
from typing import Final

from billing.usage import MOST_TOKENS, TOKEN_CLASSES, Usage
from catalog.rates import Rates

NANO: Final = 1_000_000_000
STEP_NUSD: Final = 10  # charges are whole multiples of 1e-8 USD: 8 decimals on every page add up to the balance exactly
HEADROOM: Final = Decimal("1.03")  # a fallback provider may raise a price by at most 3 % (spec 000)
MARGIN: Final = Decimal("1.10")  # a price is at least what the supplier takes plus ten percent (spec 000)
MOST_RISE: Final = 3  # percent
_ZERO: Final = Decimal(0)
_STORED: Final = Decimal("1E-14")  # the finest amount that a usage record keeps
_counts = attrgetter(*TOKEN_CLASSES)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a bill. `component` names the rate: a token class, per_image, per_video, per_minute, per_character.

    amount = count × unit_price in USD; for per_minute the count is in seconds and the amount a sixtieth of that.
    """

    component: str
    count: int | Decimal
    unit_price: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Cost:
    """USD, unrounded: `exact` is the sum of the lines' amounts."""

    exact: Decimal
    lines: tuple[Line, ...]

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.exact + other.exact, self.lines + other.lines)


def cost(usage: Usage, rates: Rates) -> Cost:
    """The price of what was consumed, at the tier that the whole prompt reaches: the whole request moves to it.

    A class without a price of its own costs what its fallback costs; one that has no price at all is not sold by the
    list (an embedding has no output) and costs nothing. Figures below zero count as zero: a call never earns credit.
    Images cost the rule's plain price here; `billing.media_pricing` knows the variants.
    """
    exact = _ZERO
    lines: list[Line] = []
    level = rates.level(usage.prompt)
    if level is not None:
        prices = level.prices
        for name, count in zip(TOKEN_CLASSES, _counts(usage), strict=True):
            if count > 0 and name in prices:
                price = prices[name]
                amount = price * count
                exact += amount
                lines.append(Line(name, count, price, amount))
    if usage.images > 0 and rates.per_image is not None:
        price = rates.per_image.price
        lines.append(Line("per_image", usage.images, price, price * usage.images))
        exact += lines[-1].amount
    if usage.seconds > 0 and rates.per_minute is not None:
        amount = (rates.per_minute * usage.seconds / 60).quantize(_STORED, ROUND_HALF_UP)
        lines.append(Line("per_minute", usage.seconds, rates.per_minute, amount))
        exact += amount
    if usage.characters > 0 and rates.per_character is not None:
        price = rates.per_character
        lines.append(Line("per_character", usage.characters, price, price * usage.characters))
        exact += lines[-1].amount
    return Cost(exact, tuple(lines))


def charge_nusd(exact: Decimal) -> int:
    """What is taken from the wallet: `exact` USD rounded half up to 1e-8 USD, and at least that when anything was
    consumed; 0 for nothing."""
    if exact <= 0:
        return 0
    steps = int(exact.scaleb(8).to_integral_value(ROUND_HALF_UP))
    return max(1, steps) * STEP_NUSD


def hold_nusd(exact: Decimal) -> int:
    """What to set aside for a price of `exact` USD: room for a fallback's rise, rounded up. Never below the charge."""
    if exact <= 0:
        return 0
    return int((exact * HEADROOM).scaleb(8).to_integral_value(ROUND_CEILING)) * STEP_NUSD


def ceiling_nusd(prompt_bound: int, output_bound: int, rates: Rates) -> int:
    """The most that a call within these bounds (tokens) can cost, in nano-USD, head-room included.

    Nobody knows yet which classes the tokens will fall into, nor which tier a shorter prompt would reach: each bound
    is priced at the dearest class of every tier up to the bound. 0 where nothing is sold by the token.
    """
    level = rates.level(prompt_bound)
    if level is None:
        return 0
    return hold_nusd(level.dearest_input * max(0, prompt_bound) + level.dearest_output * max(0, output_bound))


def output_affordable(nusd: int, prompt_bound: int, rates: Rates) -> int:
    """The largest number of output tokens whose `ceiling_nusd` is within `nusd`: 0 when the prompt alone is too dear.

    At most MOST_TOKENS, which stands for "without limit" where output costs nothing.
    """
    level = rates.level(prompt_bound)
    if level is None:
        return MOST_TOKENS
    # A ceiling is a multiple of the step, so the money beyond the last whole step buys nothing.
    money = Decimal(nusd // STEP_NUSD * STEP_NUSD)
    room = money - level.dearest_input * max(0, prompt_bound) * HEADROOM * NANO
    if room < 0:
        return 0
    if not level.dearest_output:
        return MOST_TOKENS
    per_token = level.dearest_output * HEADROOM * NANO
    if room >= per_token * MOST_TOKENS:
        return MOST_TOKENS
    return int(room // per_token)


@dataclass(frozen=True, slots=True)
class Floored:
    """A price after the look at what the supplier takes. `rise` is a share of the retail price (0.02 = 2 %)."""

    price: Decimal
    rise: Decimal
    is_eligible: bool  # False: selling at this price would break the floor; do not choose this route


def with_floor(retail: Decimal, supplier: Decimal | None, *, is_fallback: bool, margin: Decimal = MARGIN) -> Floored:
    """The price to ask on a route whose supplier takes `supplier` USD (None = unknown, then nothing can be said).

    The floor is `margin` × supplier, on unrounded amounts. The first route sells at the retail price always. A fallback
    may rise by whole percents up to 3; a route that would need more is not eligible, and if it delivered all the
    same, the customer pays those 3 % and not more.
    """
    if supplier is None or supplier * margin <= retail:
        return Floored(retail, _ZERO, is_eligible=True)
    if not is_fallback or retail <= 0:
        return Floored(retail, _ZERO, is_eligible=False)
    percent, rest = divmod((supplier * margin - retail) * 100, retail)
    needed = int(percent) + (1 if rest else 0)
    rise = Decimal(min(needed, MOST_RISE)).scaleb(-2)
    return Floored(retail * (1 + rise), rise, is_eligible=needed <= MOST_RISE)


def usd(nusd: int) -> Decimal:
    """Nano-USD as exact USD (nine decimals)."""
    return Decimal(nusd).scaleb(-9)


def nusd_of(amount: Decimal) -> int:
    """USD as nano-USD. Raises ValueError for an amount that is finer than a nano, or no amount at all."""
    if not amount.is_finite() or (nano := amount.scaleb(9)) != nano.to_integral_value():
        raise ValueError(f"not an amount in nano-USD: {amount}")
    return int(nano)


def usd_text(nusd: int) -> str:
    """USD for people and JSON: at most 8 decimals (half up), no exponent, no idle zeros: "9.17825791", "0.315", "5"."""
    steps = (abs(nusd) + STEP_NUSD // 2) // STEP_NUSD
    whole, fraction = divmod(steps, NANO // STEP_NUSD)
    text = f"{whole}.{fraction:08d}".rstrip("0").rstrip(".")
    return f"-{text}" if nusd < 0 and steps else text
