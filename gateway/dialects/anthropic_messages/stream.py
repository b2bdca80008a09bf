"""Streamed answers of Messages. Reference: platform.claude.com/docs/en/build-with-claude/streaming."""

from __future__ import annotations

from billing.usage import Usage
from gateway.dialects.anthropic_messages import errors
from gateway.dialects.anthropic_messages.counting import render_usage
from gateway.dialects.anthropic_messages.finishing import finish_word
from gateway.dialects.anthropic_messages.hearing import Parser as parser  # noqa: N813 — a dialect offers it as a function
from gateway.dialects.anthropic_messages.renaming import rename_event as rename
from gateway.dialects.anthropic_messages.telling import PING, event, message_start
from gateway.dialects.anthropic_messages.telling import Renderer as renderer  # noqa: N813
from gateway.dialects.anthropic_messages.usage import Watch
from gateway.dialects.base import Watcher
from gateway.errors import GatewayError

__all__ = ["PING", "ending", "failure", "parser", "rename", "renderer"]

NOTHING = Usage()


def ending(watch: Watcher, *, reason: str, usage: Usage | None, model: str | None = None) -> bytes:
    """See StreamCodec.ending: every open block is closed, then the reason with the usage, and message_stop.

    Thinking that is cut has no signature, so the provider will not take it back; nothing else can be said of it.
    """
    assert isinstance(watch, Watch)
    prompt = watch.prompt or NOTHING
    events: list[bytes] = []
    if not watch.started:
        events.append(message_start(watch.id or "msg_0", model or watch.model or "", prompt))
    events += [event("content_block_stop", {"index": index}) for index in sorted(watch.open)]
    if not watch.stopped:
        delta = {"stop_reason": finish_word(reason), "stop_sequence": None}
        figures = render_usage(usage or watch.usage or prompt)
        events.append(event("message_delta", {"delta": delta, "usage": figures}))
    return b"".join([*events, event("message_stop", {})])


def failure(error: GatewayError, request_id: str, docs_url: str = "") -> bytes:
    """See StreamCodec.failure: an event of the name "error", at which Anthropic's clients raise."""
    return event("error", errors.envelope(error, request_id=request_id, docs_url=docs_url))
