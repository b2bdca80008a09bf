"""Why an answer ended, in the words of Messages and in ours: total in both directions."""

from __future__ import annotations

from gateway.canonical import Finish

_CANONICAL: dict[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "pause_turn": "stop",  # a long turn of the provider's own tools; sent back as it is, it goes on
    "refusal": "content_filter",
}
_WIRE: dict[Finish, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}


def finish_of(word: str, *, called: bool = False) -> Finish:
    """Our word for a provider's; unknown ones mean "stop". An answer that has `called` a tool and then merely stopped
    waits for the tool, whatever its provider says."""
    finish = _CANONICAL.get(word.lower(), "stop")
    return "tool_calls" if called and finish == "stop" and word != "pause_turn" else finish


def render_finish(
    finish: Finish | None, *, native: str | None = None, stop_sequence: str | None = None, refused: bool = False
) -> str:
    """The word that clients know; the provider's own where it is one of this dialect's and means the same."""
    finish = finish or "stop"
    if native is not None and _CANONICAL.get(native) == finish:
        return native
    if refused and finish == "stop":
        return "refusal"
    if stop_sequence is not None and finish == "stop":
        return "stop_sequence"
    return _WIRE[finish]


def finish_word(reason: str) -> str:
    """The word that clients know for one of ours given as text; an unknown one means that the answer has stopped."""
    return next((word for finish, word in _WIRE.items() if finish == reason), "end_turn")
