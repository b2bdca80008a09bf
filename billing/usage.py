"""What one call consumed, in classes that never overlap, so that nothing is ever billed twice. Pure.

Providers count differently: OpenAI reports cached and audio tokens inside `prompt_tokens` and reasoning inside
`completion_tokens`; Anthropic reports cache reads and writes beside `input_tokens`; Gemini reports cached tokens inside
`promptTokenCount` and thoughts beside `candidatesTokenCount`. The dialects take the sums apart; here they are disjoint.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

# No model reads or writes this much in one call, by a factor of ten and more: a larger figure is a fault of whoever
# reports it, and nobody should pay for that.
MOST_TOKENS: Final = 100_000_000
MOST_IMAGES: Final = 1_000
MOST_SECONDS: Final = Decimal(604_800)  # a week of sound or film
MOST_CHARACTERS: Final = 100_000_000


def count_of(value: object, most: int = MOST_TOKENS) -> int | None:
    """A count out of a provider's JSON, or None when it is no believable count.

    Whole numbers within 0..most pass, also those that a provider writes as 12.0; strings, booleans, negative and absurd
    figures do not.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most:
        return value
    return None


@dataclass(frozen=True, slots=True)
class Usage:
    """Token classes (disjoint: input excludes everything cached, audio and image; output excludes reasoning, audio and
    image), images returned, seconds of sound or film, characters spoken."""

    input: int = 0
    cached_input: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output: int = 0
    reasoning: int = 0
    audio_input: int = 0
    audio_output: int = 0
    image_input: int = 0
    image_output: int = 0
    images: int = 0
    seconds: Decimal = Decimal(0)
    characters: int = 0

    @property
    def prompt(self) -> int:
        """Tokens of the whole prompt, cached ones and cache writes included: what price tiers go by."""
        return (
            self.input
            + self.cached_input
            + self.cache_write_5m
            + self.cache_write_1h
            + self.audio_input
            + self.image_input
        )

    @property
    def completion(self) -> int:
        """Tokens of the whole answer, reasoning included."""
        return self.output + self.reasoning + self.audio_output + self.image_output

    @property
    def is_clean(self) -> bool:
        """Whether every figure is a believable one."""
        return self == self.clean()

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input + other.input,
            self.cached_input + other.cached_input,
            self.cache_write_5m + other.cache_write_5m,
            self.cache_write_1h + other.cache_write_1h,
            self.output + other.output,
            self.reasoning + other.reasoning,
            self.audio_input + other.audio_input,
            self.audio_output + other.audio_output,
            self.image_input + other.image_input,
            self.image_output + other.image_output,
            self.images + other.images,
            self.seconds + other.seconds,
            self.characters + other.characters,
        )

    def clean(self) -> Usage:
        """The same with every figure that cannot be true (negative, absurd, not a number) set to nothing.

        Nothing, and not the nearest limit: a customer must not pay for a provider's fault, nor be credited by one.
        """
        return Usage(
            input=count_of(self.input) or 0,
            cached_input=count_of(self.cached_input) or 0,
            cache_write_5m=count_of(self.cache_write_5m) or 0,
            cache_write_1h=count_of(self.cache_write_1h) or 0,
            output=count_of(self.output) or 0,
            reasoning=count_of(self.reasoning) or 0,
            audio_input=count_of(self.audio_input) or 0,
            audio_output=count_of(self.audio_output) or 0,
            image_input=count_of(self.image_input) or 0,
            image_output=count_of(self.image_output) or 0,
            images=count_of(self.images, MOST_IMAGES) or 0,
            seconds=_seconds(self.seconds),
            characters=count_of(self.characters, MOST_CHARACTERS) or 0,
        )


# In the order of the fields above.
TOKEN_CLASSES: Final = (
    "input",
    "cached_input",
    "cache_write_5m",
    "cache_write_1h",
    "output",
    "reasoning",
    "audio_input",
    "audio_output",
    "image_input",
    "image_output",
)


def _seconds(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return Decimal(0)
    seconds = Decimal(value)
    return seconds if seconds.is_finite() and 0 <= seconds <= MOST_SECONDS else Decimal(0)
