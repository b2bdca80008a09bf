"""Why an answer ended, in the words of this wire and in ours: total in both directions."""

from __future__ import annotations

from gateway.canonical import Finish

# There is no word for a tool call: an answer that calls a function ends with STOP.
FINISHES: dict[str, Finish] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "IMAGE_OTHER": "content_filter",
    "JAILBREAK": "content_filter",
    "OTHER": "stop",
    "MALFORMED_FUNCTION_CALL": "stop",
    "MALFORMED_RESPONSE": "stop",
    "UNEXPECTED_TOOL_CALL": "stop",
    "TOO_MANY_TOOL_CALLS": "stop",
    "MISSING_THOUGHT_SIGNATURE": "stop",
    "NO_IMAGE": "stop",
    "ESCALATION": "stop",
    "CONTINUATION": "stop",
    "PUP_LIMITED_DISABLED": "stop",
}
_WORDS: dict[Finish | None, str] = {
    None: "STOP",
    "stop": "STOP",
    "tool_calls": "STOP",
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
}


def word_of(value: object) -> str | None:
    """A reason that says something: while the answer goes on, some providers write that it is unspecified."""
    return value if isinstance(value, str) and value and not value.endswith("_UNSPECIFIED") else None


def finish_of(word: str, *, called: bool = False) -> Finish:
    """Our word for a provider's; unknown ones mean "stop". An answer that has `called` a tool and then stopped waits
    for the tool."""
    finish = FINISHES.get(word.upper(), "stop")
    return "tool_calls" if called and finish == "stop" else finish


def render_finish(finish: Finish | None, native: str | None = None) -> str:
    """The word that clients know: the provider's own, where it is one of this wire and says the same."""
    if native in FINISHES and FINISHES[native] == ("stop" if finish == "tool_calls" else finish):
        return native
    return _WORDS[finish]


def block_reason(feedback: object) -> str | None:
    """Why a prompt was refused, from `promptFeedback`; None when it was not."""
    return word_of(feedback.get("blockReason")) if isinstance(feedback, dict) else None
