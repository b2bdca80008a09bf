"""What a `usage` object of Responses means in classes that do not overlap, and the way back.

`input_tokens` includes cached tokens and cache writes, `output_tokens` includes reasoning. What the provider's own
image tool used is told beside it, in `tool_usage`, and comes on top.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from billing.usage import Usage, count_of

MOST_TOKENS = 10_000_000  # no model reads or writes that much in one call


class Reading(NamedTuple):
    """`usage` is None when nothing believable was reported; `suspect` when something was amiss."""

    usage: Usage | None
    suspect: bool


NOTHING = Reading(None, False)
REJECTED = Reading(None, True)


class _Wrong(Exception):
    """A figure that is no believable count."""


def read_usage(value: object, tools: object = None) -> Reading:
    """What a `usage` object says, with the `tool_usage` beside it; never raises."""
    if value is None or value == {}:
        return NOTHING
    if not isinstance(value, dict):
        return REJECTED
    try:
        reading = _read(value)
        return reading if reading.usage is None else _with_pictures(reading, reading.usage, tools)
    except _Wrong:
        return REJECTED


def _read(value: dict[str, Any]) -> Reading:
    prompt, answer = _count(value, "input_tokens"), _count(value, "output_tokens")
    total = _count(value, "total_tokens")
    if prompt is None and answer is None and total is None:
        return NOTHING
    if prompt is None or answer is None or prompt + answer == 0:
        return REJECTED  # a total alone has no price, and no call reads and writes nothing
    inside, outside = _details(value, "input_tokens_details"), _details(value, "output_tokens_details")
    cached, written = _count(inside, "cached_tokens") or 0, _count(inside, "cache_write_tokens") or 0
    long_lived = _count(_details(inside, "cache_write_tokens_details"), "ttl_12h_tokens") or 0
    reasoning = _count(outside, "reasoning_tokens") or 0
    suspect = cached + written > prompt
    if reasoning and total == prompt + answer + reasoning:
        answer += reasoning  # a provider that counts reasoning beside the answer
    suspect = suspect or reasoning > answer

    # Where parts overlap or exceed the whole, each takes what is left, so that they always sum to the whole.
    cached, rest = _take(cached, prompt)
    written, rest = _take(written, rest)
    long_lived, short_lived = _take(long_lived, written)
    audio_input, rest = _take(_count(inside, "audio_tokens") or 0, rest)
    image_input, rest = _take(_count(inside, "image_tokens") or 0, rest)
    reasoning, left = _take(reasoning, answer)
    audio_output, left = _take(_count(outside, "audio_tokens") or 0, left)
    image_output, left = _take(_count(outside, "image_tokens") or 0, left)
    usage = Usage(
        input=rest,
        cached_input=cached,
        cache_write_5m=short_lived,
        cache_write_1h=long_lived,
        output=left,
        reasoning=reasoning,
        audio_input=audio_input,
        audio_output=audio_output,
        image_input=image_input,
        image_output=image_output,
    )
    return Reading(usage, suspect)


def _with_pictures(reading: Reading, usage: Usage, tools: object) -> Reading:
    pictures = tools.get("image_gen") if isinstance(tools, dict) else None
    if not isinstance(pictures, dict):
        return reading
    seen, made = _count(pictures, "input_tokens") or 0, _count(pictures, "output_tokens") or 0
    usage = replace(usage, image_input=usage.image_input + seen, image_output=usage.image_output + made)
    return Reading(usage, reading.suspect)


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


def _take(wanted: int, left: int) -> tuple[int, int]:
    taken = min(wanted, left)
    return taken, left - taken


def render_usage(usage: Usage) -> dict[str, Any]:
    """The `usage` object for this usage: everything inside the two totals."""
    inside = {
        "cached_tokens": usage.cached_input,
        "cache_write_tokens": usage.cache_write_5m + usage.cache_write_1h,
    }
    outside = {"reasoning_tokens": usage.reasoning}
    for details, name, count in (
        (inside, "audio_tokens", usage.audio_input),
        (inside, "image_tokens", usage.image_input),
        (outside, "audio_tokens", usage.audio_output),
        (outside, "image_tokens", usage.image_output),
    ):
        if count:
            details[name] = count
    return {
        "input_tokens": usage.prompt,
        "input_tokens_details": inside,
        "output_tokens": usage.completion,
        "output_tokens_details": outside,
        "total_tokens": usage.prompt + usage.completion,
    }
