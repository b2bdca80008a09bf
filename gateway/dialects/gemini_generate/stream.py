"""Streamed answers of Gemini's streamGenerateContent. Reference: ai.google.dev/api/generate-content.

As server-sent events, each a whole response object with a piece of the answer; array.py, beside this module, makes of
them the JSON array that clients get who did not ask for `alt=sse`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from billing.usage import Usage
from gateway import sse
from gateway.dialects.base import Watcher
from gateway.dialects.gemini_generate import errors
from gateway.dialects.gemini_generate.counting import render_usage
from gateway.dialects.gemini_generate.finishing import render_finish
from gateway.dialects.gemini_generate.hearing import Parser
from gateway.dialects.gemini_generate.renaming import rename_event as rename
from gateway.dialects.gemini_generate.telling import Renderer
from gateway.dialects.gemini_generate.usage import Watch
from gateway.errors import GatewayError

__all__ = ["ending", "failure", "parser", "rename", "renderer"]

parser = Parser
renderer = Renderer


def ending(watch: Watcher, *, reason: str, usage: Usage | None, model: str | None = None) -> bytes:
    """See StreamCodec.ending: one event with a finish reason for each candidate that has none, and usage."""
    assert isinstance(watch, Watch)
    word = render_finish("length" if reason == "length" else "stop")
    value: dict[str, Any] = {}
    candidates = [
        {"content": {"parts": [{"text": ""}], "role": "model"}, "finishReason": word, "index": index}
        for index in range(watch.choices)
        if index not in watch.finished
    ]
    if candidates:
        value["candidates"] = candidates
    if usage is not None:
        value["usageMetadata"] = render_usage(usage)
    if not value:
        return b""
    value["modelVersion"] = model or watch.model or ""
    if watch.id:
        value["responseId"] = watch.id
    return sse.render(msgspec.json.encode(value))


def failure(error: GatewayError, request_id: str, docs_url: str = "") -> bytes:
    """See StreamCodec.failure: an event with the error object, at which Google's clients raise."""
    return sse.render(msgspec.json.encode(errors.envelope(error, request_id=request_id, docs_url=docs_url)))
