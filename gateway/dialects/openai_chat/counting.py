"""What a `usage` object of OpenAI chat completions means in classes that do not overlap, and the way back.

In this dialect `prompt_tokens` includes cached, audio and image tokens and cache writes, `completion_tokens` includes
reasoning and audio. Providers that imitate it deviate; where their own total says so, their figures are taken apart
accordingly, and otherwise in the customer's favour.
"""

from __future__ import annotations

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


def read_usage(value: object) -> Reading:
    """What a `usage` object says; never raises."""
    if value is None or value == {}:
        return NOTHING
    if not isinstance(value, dict):
        return REJECTED
    try:
        return _read(value)
    except _Wrong:
        return REJECTED


def _read(value: dict[str, Any]) -> Reading:
    prompt = _count(value, "prompt_tokens")
    completion = _count(value, "completion_tokens")
    total = _count(value, "total_tokens")
    if prompt is None and completion is None and total is None:
        return NOTHING
    if prompt is None or completion is None or prompt + completion == 0:
        return REJECTED  # a total alone has no price, and no call reads and writes nothing
    inside = _details(value, "prompt_tokens_details")
    outside = _details(value, "completion_tokens_details")
    cached = _first(
        _count(inside, "cached_tokens"), _count(value, "prompt_cache_hit_tokens"), _count(value, "cached_tokens")
    )
    written = _first(_count(inside, "cache_write_tokens"))
    reasoning = _first(_count(outside, "reasoning_tokens"), _count(value, "reasoning_tokens"))
    suspect = False

    if cached + written > prompt:
        if total is not None and total == prompt + cached + written + completion:
            prompt += cached + written  # this provider counts them beside the prompt
        else:
            suspect = True
    if reasoning and (total == prompt + completion + reasoning or (total is None and reasoning > completion)):
        completion += reasoning  # and this one counts reasoning beside the completion
    elif reasoning > completion:
        suspect = True

    # Where parts overlap or exceed the whole, each takes what is left, so that they always sum to the whole.
    rest = prompt
    cached, rest = _take(cached, rest)
    written, rest = _take(written, rest)
    audio_input, rest = _take(_first(_count(inside, "audio_tokens")), rest)
    image_input, input_ = _take(_first(_count(inside, "image_tokens")), rest)
    reasoning, rest = _take(reasoning, completion)
    audio_output, rest = _take(_first(_count(outside, "audio_tokens")), rest)
    image_output, output = _take(_first(_count(outside, "image_tokens")), rest)
    return Reading(
        Usage(
            input=input_,
            cached_input=cached,
            cache_write_5m=written,
            output=output,
            reasoning=reasoning,
            audio_input=audio_input,
            audio_output=audio_output,
            image_input=image_input,
            image_output=image_output,
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


def _first(*counts: int | None) -> int:
    return next((count for count in counts if count is not None), 0)


def _take(wanted: int, left: int) -> tuple[int, int]:
    taken = min(wanted, left)
    return taken, left - taken


def render_usage(usage: Usage) -> dict[str, Any]:
    """The `usage` object for this usage: everything inside the two totals."""
    inside: dict[str, int] = {"cached_tokens": usage.cached_input, "audio_tokens": usage.audio_input}
    written = usage.cache_write_5m + usage.cache_write_1h
    if written:
        inside["cache_write_tokens"] = written
    if usage.image_input:
        inside["image_tokens"] = usage.image_input
    outside: dict[str, int] = {"reasoning_tokens": usage.reasoning, "audio_tokens": usage.audio_output}
    if usage.image_output:
        outside["image_tokens"] = usage.image_output
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.prompt + usage.completion,
        "prompt_tokens_details": inside,
        "completion_tokens_details": outside,
    }
