"""What a message or a delta of chat completions says, in any of the shapes that providers send."""

from __future__ import annotations

from typing import Any


def output_of(message: dict[str, Any]) -> list[str]:
    """All output text of a message or a delta, in any of the shapes that providers send."""
    found: list[str] = []
    found.extend(strings(message.get("content")))
    reasoning = message.get("reasoning_content") or message.get("reasoning") or message.get("reasoning_details")
    found.extend(strings(reasoning))
    found.extend(strings(message.get("refusal")))
    calls = message.get("tool_calls")
    for call in [*(calls if isinstance(calls, list) else ()), {"function": message.get("function_call")}]:
        for kind in ("function", "custom"):
            named = call.get(kind) if isinstance(call, dict) else None
            if isinstance(named, dict):
                found.extend(text for part in ("name", "arguments", "input") if (text := text_or_none(named.get(part))))
    audio = message.get("audio")
    if isinstance(audio, dict):
        found.extend(strings(audio.get("transcript")))
    return [text for text in found if text]


def strings(value: object) -> list[str]:
    """The texts in a content that may be a string, or parts, or parts within parts; labels and media left out."""
    found: list[str] = []
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, list):
            left.extend(reversed(item))
        elif isinstance(item, dict):
            left.extend(item[name] for name in ("summary", "refusal", "thinking", "text") if item.get(name))
    return found


def has_media(message: dict[str, Any]) -> bool:
    """Whether there is output that is no text."""
    return bool(message.get("audio") or message.get("images"))


def text_or_none(value: object) -> str | None:
    """A text that says something."""
    return value if isinstance(value, str) and value else None
