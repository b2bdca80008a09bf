"""Why an answer ended, in the words of Responses and in ours: total in both directions.

A response has a status and, when it is incomplete, a reason. The native word is the reason where there is one, else
the status.
"""

from __future__ import annotations

from typing import Any

from gateway.canonical import Finish

_CANONICAL: dict[str, Finish] = {
    "completed": "stop",
    "incomplete": "length",  # without a reason: something is missing from the answer
    "max_output_tokens": "length",
    "max_messages": "length",
    "max_tokens": "length",
    "content_filter": "content_filter",
    "steered": "stop",
}
_REASONS: dict[Finish, str] = {"length": "max_output_tokens", "content_filter": "content_filter"}


def word_of(response: dict[str, Any]) -> str | None:
    """The native word of a response object; None when it has no status."""
    status, details = response.get("status"), response.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, dict) else None
    if isinstance(reason, str) and reason:
        return reason
    return status if isinstance(status, str) and status else None


def finish_of(word: str, *, called: bool = False) -> Finish:
    """Our word for a provider's; unknown ones mean "stop". An answer that has `called` a tool and then merely stopped
    waits for the tool: this wire has no word of its own for that."""
    finish = _CANONICAL.get(word.lower(), "stop")
    return "tool_calls" if called and finish == "stop" else finish


def ended(finish: str | None, native: str | None = None) -> tuple[str, dict[str, str] | None]:
    """`status` and `incomplete_details` for one of our words; the provider's own reason where it is one of this
    dialect's and means the same."""
    reason = next((word for ours, word in _REASONS.items() if ours == finish), None)
    if native in ("max_messages", "content_filter", "steered") and _CANONICAL[native] == finish:
        reason = native
    if reason is None:
        return "completed", None
    return "incomplete", {"reason": reason}
