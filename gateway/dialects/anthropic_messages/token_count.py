"""Counting the tokens of a prompt: POST /v1/messages/count_tokens. Reference: platform.claude.com/docs, "Token
counting".

The body is that of a Messages request without `max_tokens` and `stream`; `request.peek_count` looks at it, and
`request.retarget(model=…)`, `measure` and `text_of` treat it like any other.
"""

from __future__ import annotations

import msgspec

from billing.usage import count_of
from gateway.canonical import ChatRequest
from gateway.dialects.anthropic_messages.counting import MOST_TOKENS
from gateway.dialects.anthropic_messages.envelope import peek_count
from gateway.dialects.anthropic_messages.reading import parse_members
from gateway.dialects.anthropic_messages.writing import render_count
from gateway.dialects.members import UNREADABLE
from gateway.errors import UpstreamError

__all__ = ["answer", "parse", "peek_count", "read", "render_count"]


def parse(body: bytes) -> ChatRequest:
    """The canonical form of what is to be counted. Raises like RequestCodec.parse, but for the missing limit."""
    envelope = peek_count(body)
    if envelope.fault is not None:
        raise envelope.fault
    return parse_members(body, envelope)


def answer(tokens: int) -> bytes:
    """The answer to a customer."""
    return msgspec.json.encode({"input_tokens": tokens})


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
