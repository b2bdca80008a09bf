"""Why an answer ended, in the words of chat completions and in ours: total in both directions."""

from __future__ import annotations

from gateway.canonical import Finish

_CANONICAL: dict[str, Finish] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "function_call": "tool_calls",
    # words of providers that imitate this dialect
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "safety": "content_filter",
    "sensitive": "content_filter",
    "refusal": "content_filter",
    "recitation": "content_filter",
}


def finish_of(word: str, *, called: bool = False) -> Finish:
    """Our word for a provider's; unknown ones mean "stop". An answer that has `called` a tool and then merely stopped
    waits for the tool, whatever its provider says."""
    finish = _CANONICAL.get(word.lower(), "stop")
    return "tool_calls" if called and finish == "stop" else finish


def render_finish(finish: Finish | None) -> Finish:
    """The word that clients know; an answer without a reason has stopped."""
    return finish or "stop"
