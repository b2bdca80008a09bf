"""Requests of OpenAI Responses. Reference: platform.openai.com/docs/api-reference/responses/create."""

from __future__ import annotations

from gateway.dialects.openai_responses.envelope import peek
from gateway.dialects.openai_responses.prompt import measure, text_of
from gateway.dialects.openai_responses.reading import parse
from gateway.dialects.openai_responses.retargeting import retarget
from gateway.dialects.openai_responses.writing import render

__all__ = ["measure", "parse", "peek", "render", "retarget", "text_of"]
