"""Counting the tokens of a prompt: POST /v1/responses/input_tokens. Reference:
platform.openai.com/docs/api-reference/responses/input-tokens.

The body is that of a Responses request; `peek_count` looks at it, and `request.retarget(model=…)`, `measure`, `text_of`
and `parse` treat it like any other.
"""

from __future__ import annotations

import msgspec

from billing.usage import count_of
from gateway.canonical import ChatRequest
from gateway.dialects.members import UNREADABLE
from gateway.dialects.openai_responses.counting import MOST_TOKENS
from gateway.dialects.openai_responses.envelope import peek_count
from gateway.dialects.openai_responses.writing import render_members
from gateway.errors import UpstreamError

__all__ = ["answer", "peek_count", "read", "render_count"]

# What a prompt is made of; the rest the provider refuses here.
_COUNTED = ("model", "input", "instructions", "parallel_tool_calls", "reasoning", "text", "tool_choice", "tools")


def render_count(request: ChatRequest, model: str) -> bytes:
    """The body that asks this dialect's provider how many tokens the prompt of `request` has."""
    members = render_members(request, model)
    return msgspec.json.encode({name: members[name] for name in _COUNTED if name in members})


def answer(tokens: int) -> bytes:
    """The answer to a customer."""
    return msgspec.json.encode({"object": "response.input_tokens", "input_tokens": tokens})


def read(body: bytes) -> int:
    """How many tokens a provider counted. Raises UpstreamError when its answer does not say so."""
    try:
        value = msgspec.json.decode(body)
    except UNREADABLE:
        raise UpstreamError(reason="bad_response") from None
    tokens = count_of(value.get("input_tokens"), MOST_TOKENS) if isinstance(value, dict) else None
    if tokens is None:
        raise UpstreamError(reason="bad_response")
    return tokens
