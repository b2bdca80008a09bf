"""Requests of Messages, and those that only count their tokens. Reference: platform.claude.com/docs/en/api/messages."""

from __future__ import annotations

from gateway.dialects.anthropic_messages.envelope import peek, peek_count
from gateway.dialects.anthropic_messages.prompt import measure, text_of
from gateway.dialects.anthropic_messages.reading import parse
from gateway.dialects.anthropic_messages.retargeting import retarget
from gateway.dialects.anthropic_messages.writing import render

__all__ = ["measure", "parse", "peek", "peek_count", "render", "retarget", "text_of"]
