"""Requests of Gemini's generateContent. Reference: ai.google.dev/api/generate-content."""

from __future__ import annotations

from gateway.dialects.gemini_generate.envelope import peek
from gateway.dialects.gemini_generate.prompt import measure, text_of
from gateway.dialects.gemini_generate.reading import parse
from gateway.dialects.gemini_generate.retargeting import retarget
from gateway.dialects.gemini_generate.writing import render

__all__ = ["measure", "parse", "peek", "render", "retarget", "text_of"]
