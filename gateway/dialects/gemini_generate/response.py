"""Whole answers of Gemini's generateContent. Reference: ai.google.dev/api/generate-content."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.canonical import Choice, Completion, Reasoning
from gateway.dialects.assembly import Assembly
from gateway.dialects.blobs import tied
from gateway.dialects.gemini_generate.content import answer_part
from gateway.dialects.gemini_generate.counting import render_usage
from gateway.dialects.gemini_generate.errors import fault_in
from gateway.dialects.gemini_generate.finishing import render_finish
from gateway.dialects.gemini_generate.hearing import Parser
from gateway.dialects.gemini_generate.logprobs import render_logprobs
from gateway.dialects.gemini_generate.renaming import rename
from gateway.dialects.gemini_generate.spelling import NAME
from gateway.dialects.members import UNREADABLE
from gateway.errors import UpstreamError

__all__ = ["parse", "rename", "render"]


def parse(body: bytes) -> Completion:
    """See ResponseCodec.parse. A prompt that the provider refused is a choice without parts, ended by the filter."""
    try:
        value = msgspec.json.decode(body)
    except UNREADABLE:
        raise UpstreamError(reason="bad_response") from None
    if not isinstance(value, dict) or fault_in(value) is not None:
        raise UpstreamError(reason="bad_response")
    assembly = Assembly()
    for event in Parser().read(value, whole=True):
        assembly.feed(event)
    if not assembly.completion.choices and not value.get("candidates"):
        raise UpstreamError(reason="bad_response")
    return assembly.completion


def render(completion: Completion) -> bytes:
    """See ResponseCodec.render."""
    value: dict[str, Any] = {
        "candidates": [
            render_candidate(index, choice)
            for index, choice in enumerate(completion.choices)
            if choice.parts or "promptFeedback" not in choice.extras.get(NAME, {})
        ]
    }
    if not value["candidates"]:
        del value["candidates"]
    value.update(completion.extras.get(NAME, {}))
    for choice in completion.choices:
        feedback = choice.extras.get(NAME, {}).get("promptFeedback")
        if feedback is not None:
            value["promptFeedback"] = feedback
    if completion.usage is not None:
        value["usageMetadata"] = render_usage(completion.usage)
    value["modelVersion"] = completion.model
    if completion.id:
        value["responseId"] = completion.id
    return msgspec.json.encode(value)


def render_candidate(index: int, choice: Choice) -> dict[str, Any]:
    """One candidate with all its parts."""
    parts: list[dict[str, Any]] = []
    thoughts: list[Reasoning] = []
    tokens: list[Any] = []
    for part in choice.parts:
        wire = answer_part(part, thoughts)
        thoughts = thoughts + tied([part]) if wire is None or "functionCall" not in wire else []
        if wire is not None:
            parts.append(wire)
        tokens += part.extras.get("openai", {}).get("logprobs") or []
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}}
    candidate.update(ending_of(choice.finish, choice.native_finish, choice.extras.get(NAME, {})))
    if tokens:
        candidate["logprobsResult"] = render_logprobs(tokens)
    candidate["index"] = index
    return candidate


def ending_of(finish: Any, native: str | None, own: dict[str, Any]) -> dict[str, Any]:
    """The members of a candidate that come with its end; without an end only what else is known."""
    ended = {"finishReason": render_finish(finish, native)} if finish is not None else {}
    return {**ended, **{name: value for name, value in own.items() if name != "promptFeedback"}}
