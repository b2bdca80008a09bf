"""What a `usage` object of Messages means in classes that do not overlap, and the way back.

In this dialect `input_tokens` leaves out what was read from the cache and what was written to it, and
`cache_creation_input_tokens` is the sum of the two classes in `cache_creation`: adding them to it would bill every
write twice. `output_tokens` includes thinking.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from billing.usage import Usage, count_of

MOST_TOKENS = 10_000_000  # no model reads or writes that much in one call

_PROMPT = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation")


class Reading(NamedTuple):
    """`usage` is None when nothing believable was reported; `suspect` when something was amiss."""

    usage: Usage | None
    suspect: bool


NOTHING = Reading(None, False)
REJECTED = Reading(None, True)


class _Wrong(Exception):
    """A figure that is no believable count."""


class Ledger:
    """The usage of one stream: message_start tells the prompt, each message_delta all figures so far or some of them.

    Nothing is final before a message_delta: message_start counts only the first token or two of the answer, and some
    providers write 0 and 0 there.
    """

    __slots__ = ("_figures", "_opening", "prompt")

    def __init__(self) -> None:
        self._figures: dict[str, Any] = {}
        self._opening: dict[str, Any] = {}  # the prompt as message_start told it
        self.prompt: Usage | None = None  # the same, read; None when it is not believable

    def open(self, value: object) -> None:
        """The `usage` of message_start."""
        if isinstance(value, dict):
            self._figures = dict(value)
            self._opening = {name: value[name] for name in _PROMPT if value.get(name) is not None}
            self.prompt = read_usage({**self._opening, "output_tokens": 0}).usage

    def report(self, value: object) -> Reading:
        """The `usage` of a message_delta: what it says counts, what it leaves out is as it was before."""
        if value is None or value == {}:
            return NOTHING
        if not isinstance(value, dict):
            return REJECTED
        figures = {**self._figures, **{name: figure for name, figure in value.items() if figure is not None}}
        reading = read_usage(figures)
        if reading.usage is None and self.prompt is not None and _empty_prompt(figures):
            figures.update(self._opening)  # this provider writes zeros for what it has said already
            reading = read_usage(figures)
        if reading.usage is not None:
            self._figures = figures
        return reading


def _empty_prompt(figures: dict[str, Any]) -> bool:
    return not any(figures.get(name) for name in _PROMPT[:3])


def read_usage(value: object) -> Reading:
    """What a whole `usage` object says; never raises."""
    if value is None or value == {}:
        return NOTHING
    if not isinstance(value, dict):
        return REJECTED
    try:
        return _read(value)
    except _Wrong:
        return REJECTED


def _read(value: dict[str, Any]) -> Reading:
    fresh = _count(value, "input_tokens")
    cached = _count(value, "cache_read_input_tokens") or 0
    written = _count(value, "cache_creation_input_tokens")
    completion = _count(value, "output_tokens")
    if fresh is None and completion is None:
        return NOTHING
    by_age = _details(value, "cache_creation")
    short = _count(by_age, "ephemeral_5m_input_tokens") or 0
    long = _count(by_age, "ephemeral_1h_input_tokens") or 0
    suspect = False
    if written is None:
        written = short + long
    elif short + long != written:
        # The sum counts. The dearer class takes no more than is said of it, the other one what is left.
        suspect = short + long > written
        long = min(long, written)
    thinking = _count(_details(value, "output_tokens_details"), "thinking_tokens") or 0
    if (fresh or 0) + cached + written == 0 or completion is None:
        return REJECTED  # no call reads nothing
    if thinking > completion:
        suspect, thinking = True, completion
    return Reading(
        Usage(
            input=fresh or 0,
            cached_input=cached,
            cache_write_5m=written - long,
            cache_write_1h=long,
            output=completion - thinking,
            reasoning=thinking,
        ),
        suspect,
    )


def _count(value: dict[str, Any], name: str) -> int | None:
    figure = value.get(name)
    if figure is None:
        return None
    count = count_of(figure, MOST_TOKENS)
    if count is None:
        raise _Wrong(name)
    return count


def _details(value: dict[str, Any], name: str) -> dict[str, Any]:
    details = value.get(name)
    if details is None:
        return {}
    if not isinstance(details, dict):
        raise _Wrong(name)
    return details


def render_usage(usage: Usage) -> dict[str, Any]:
    """The `usage` object for this usage. Sound and pictures of a prompt are plain input here."""
    value: dict[str, Any] = {
        "input_tokens": usage.input + usage.audio_input + usage.image_input,
        "cache_creation_input_tokens": usage.cache_write_5m + usage.cache_write_1h,
        "cache_read_input_tokens": usage.cached_input,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_write_5m,
            "ephemeral_1h_input_tokens": usage.cache_write_1h,
        },
        "output_tokens": usage.completion,
    }
    if usage.reasoning:
        value["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    return value
