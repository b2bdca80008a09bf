"""What `usageMetadata` means in classes that do not overlap, and the way back.

On this wire `promptTokenCount` includes cached tokens, `candidatesTokenCount` excludes thoughts, tokens of the results
of the provider's own tools stand beside both, and `totalTokenCount` is the sum of all. In a stream every report is
cumulative, so the last one counts.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    """What a `usageMetadata` object says; never raises."""
    if value is None or value == {}:
        return NOTHING
    if not isinstance(value, dict):
        return REJECTED
    try:
        return _read(value)
    except _Wrong:
        return REJECTED


def _read(value: dict[str, Any]) -> Reading:
    prompt = _count(value, "promptTokenCount")
    answer = _count(value, "candidatesTokenCount")
    thoughts = _count(value, "thoughtsTokenCount") or 0
    tools = _count(value, "toolUsePromptTokenCount") or 0
    cached = _count(value, "cachedContentTokenCount") or 0
    total = _count(value, "totalTokenCount")
    if prompt is None and answer is None and total is None:
        return NOTHING
    if prompt is None:
        return REJECTED  # a total alone has no price
    suspect = False
    if answer is None:  # left out when it is nothing, and by some models always
        answer = max(0, total - prompt - thoughts - tools) if total is not None else 0
    elif thoughts and total == prompt + tools + answer and thoughts <= answer:
        answer -= thoughts  # this provider counts them within the answer
    if prompt + tools + answer + thoughts == 0:
        return REJECTED  # no call reads and writes nothing
    if cached > prompt:
        suspect = True

    # Where parts overlap or exceed the whole, each takes what is left, so that they always sum to the whole.
    shown = _modalities(value, "promptTokensDetails")
    shown_cached = _modalities(value, "cacheTokensDetails")
    made = _modalities(value, "candidatesTokensDetails")
    cached, rest = _take(cached, prompt)
    audio_input, rest = _take(shown["AUDIO"] - min(shown["AUDIO"], shown_cached["AUDIO"]), rest)
    image_input, rest = _take(shown["IMAGE"] - min(shown["IMAGE"], shown_cached["IMAGE"]), rest)
    audio_output, output = _take(made["AUDIO"], answer)
    image_output, output = _take(made["IMAGE"], output)
    usage = Usage(
        input=rest + tools,
        cached_input=cached,
        output=output,
        reasoning=thoughts,
        audio_input=audio_input,
        audio_output=audio_output,
        image_input=image_input,
        image_output=image_output,
    )
    return Reading(usage, suspect)


def _count(value: dict[str, Any], name: str) -> int | None:
    figure = value.get(name)
    if figure is None:
        return None
    count = count_of(figure, MOST_TOKENS)
    if count is None:
        raise _Wrong(name)
    return count


def _modalities(value: dict[str, Any], name: str) -> Mapping[str, int]:
    """Tokens by modality. Only sound and pictures have prices of their own."""
    found = {"AUDIO": 0, "IMAGE": 0}
    details = value.get(name)
    if details is None:
        return found
    if not isinstance(details, list):
        raise _Wrong(name)
    for detail in details:
        modality = detail.get("modality") if isinstance(detail, dict) else None
        if isinstance(modality, str) and modality in found:
            found[modality] += _count(detail, "tokenCount") or 0
    return found


def _take(wanted: int, left: int) -> tuple[int, int]:
    taken = min(wanted, left)
    return taken, left - taken


def render_usage(usage: Usage) -> dict[str, Any]:
    """The `usageMetadata` object for this usage."""
    answer = usage.output + usage.audio_output + usage.image_output
    value: dict[str, Any] = {
        "promptTokenCount": usage.prompt,
        "candidatesTokenCount": answer,
        "totalTokenCount": usage.prompt + usage.completion,
        "promptTokensDetails": _details(
            TEXT=usage.prompt - usage.audio_input - usage.image_input, AUDIO=usage.audio_input, IMAGE=usage.image_input
        ),
    }
    if usage.cached_input:
        value["cachedContentTokenCount"] = usage.cached_input
    if usage.audio_output or usage.image_output:
        value["candidatesTokensDetails"] = _details(
            TEXT=usage.output, AUDIO=usage.audio_output, IMAGE=usage.image_output
        )
    if usage.reasoning:
        value["thoughtsTokenCount"] = usage.reasoning
    return value


def _details(**counts: int) -> list[dict[str, Any]]:
    return [{"modality": name, "tokenCount": count} for name, count in counts.items() if count]
