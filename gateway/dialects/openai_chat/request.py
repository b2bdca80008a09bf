"""Requests of OpenAI chat completions. Reference: platform.openai.com/docs/api-reference/chat/create."""

from __future__ import annotations

from gateway.dialects.openai_chat.envelope import peek
from gateway.dialects.openai_chat.prompt import measure, text_of
from gateway.dialects.openai_chat.reading import parse
from gateway.dialects.openai_chat.retargeting import retarget
from gateway.dialects.openai_chat.writing import render

__all__ = ["measure", "parse", "peek", "render", "retarget", "text_of"]
