"""How fast the simulator speaks."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Self

from gateway.providers.simulator.conversation import Dice

PHRASE = re.compile(r"\[\[\s*pace\s*:\s*([^\]]{1,60})\]\]", re.IGNORECASE)
FIRST_MS, SPREAD_MS = 150, 150  # the first token comes after 150 to 300 ms
SLOWEST, SPREAD = 60, 60  # 60 to 120 tokens per second
THINKING = 10  # hidden reasoning passes this many times faster than speech


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds until the first token and tokens per second; None is what a model of today would do.

    `Pace(first=0, rate=0)` is instant: nothing is waited for.
    """

    first: float | None = None
    rate: float | None = None

    @classmethod
    def read(cls, text: str) -> Self:
        """`natural`, `instant`, or tokens per second, then optionally `first=SECONDS`; ValueError for anything else."""
        words = text.replace(",", " ").split()
        pace = cls()
        for word in words:
            if word == "instant":
                pace = cls(first=0, rate=0)
            elif word.startswith("first="):
                pace = replace(pace, first=_seconds(word.removeprefix("first=")))
            elif word != "natural":
                pace = replace(pace, rate=_seconds(word))
        return pace

    def opening(self, dice: Dice, hidden_tokens: int) -> float:
        """Seconds of silence before the first token, thinking included."""
        if self.first is not None:
            return self.first
        rate = self.tokens_per_second(dice)
        thinking = hidden_tokens / (rate * THINKING) if rate else 0
        return (FIRST_MS + dice.roll("first", SPREAD_MS)) / 1000 + thinking

    def tokens_per_second(self, dice: Dice) -> float:
        """The speed of this answer; 0 means without waiting."""
        return self.rate if self.rate is not None else SLOWEST + dice.roll("rate", SPREAD)

    def between(self, dice: Dice, number: int) -> float:
        """Seconds before token `number`, half as long to half as long again as the average."""
        rate = self.tokens_per_second(dice)
        return (50 + dice.roll(("gap", number), 101)) / 100 / rate if rate else 0


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1_000_000:
        raise ValueError(f"{text!r} is no pace")
    return value
