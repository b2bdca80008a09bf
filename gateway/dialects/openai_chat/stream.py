"""Streamed answers of OpenAI chat completions. Reference: platform.openai.com/docs/api-reference/chat/streaming."""

from __future__ import annotations

from typing import Any

import msgspec

from billing.usage import Usage
from gateway import sse
from gateway.dialects.base import Watcher
from gateway.dialects.openai_chat import errors
from gateway.dialects.openai_chat.counting import render_usage
from gateway.dialects.openai_chat.hearing import Parser
from gateway.dialects.openai_chat.renaming import rename_event as rename
from gateway.dialects.openai_chat.telling import DONE, Renderer
from gateway.dialects.openai_chat.usage import Watch
from gateway.errors import GatewayError

__all__ = ["ending", "failure", "parser", "rename", "renderer"]

parser = Parser
renderer = Renderer


def ending(watch: Watcher, *, reason: str, usage: Usage | None, model: str | None = None) -> bytes:
    """See StreamCodec.ending: a finish reason for each choice that has none, the usage event, and [DONE]."""
    assert isinstance(watch, Watch)
    head = {
        "id": watch.id or "chatcmpl-0",
        "object": "chat.completion.chunk",
        "created": watch.created,
        "model": model or watch.model or "",
    }
    open_choices = [index for index in range(watch.choices) if index not in watch.finished]
    events = [
        _event({**head, "choices": [{"index": index, "delta": {}, "logprobs": None, "finish_reason": reason}]})
        for index in open_choices
    ]
    if usage is not None:
        events.append(_event({**head, "choices": [], "usage": render_usage(usage)}))
    return b"".join([*events, DONE])


def failure(error: GatewayError, request_id: str, docs_url: str = "") -> bytes:
    """See StreamCodec.failure: a data line with the error object, at which OpenAI's clients raise."""
    return _event(errors.envelope(error, request_id=request_id, docs_url=docs_url))


def _event(value: dict[str, Any]) -> bytes:
    return sse.render(msgspec.json.encode(value))
