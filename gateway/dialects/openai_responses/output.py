"""What an output item says in words, for estimates, and what items there are."""

from __future__ import annotations

from typing import Any

# Items that say their words in parts; everything else is something that the model did.
SPOKEN = frozenset({"message", "reasoning"})

# Members of items that a model wrote.
_WRITTEN = ("name", "arguments", "input", "code", "queries")


def words_of(item: dict[str, Any]) -> list[str]:
    """All output text of an item, of any type."""
    found: list[str] = []
    if item.get("type") == "reasoning":
        thoughts = thoughts_of(item)
        return [thoughts] if thoughts else []
    if item.get("type") == "message":
        content = item.get("content")
        for part in content if isinstance(content, list) else ():
            if isinstance(part, dict):
                found += (words for name in ("text", "refusal") if (words := text_or_none(part.get(name))))
        return found
    for name in _WRITTEN:
        value = item.get(name)
        for text in value if isinstance(value, list) else (value,):
            if isinstance(text, str) and text:
                found.append(text)
    return found


def thoughts_of(item: dict[str, Any]) -> str:
    """A reasoning item in words: its summary, or all of it where the provider shows that."""
    texts: list[str] = []
    for name in ("summary", "content"):
        parts = item.get(name)
        for part in parts if isinstance(parts, list) else ():
            text = text_or_none(part.get("text")) if isinstance(part, dict) else None
            if text is not None:
                texts.append(text)
    return "\n\n".join(texts)


def is_output(item: dict[str, Any]) -> bool:
    """Whether somebody pays for an item: it says or does something, or is reasoning that only the model can read."""
    if item.get("type") not in SPOKEN:
        return True
    return bool(words_of(item)) or bool(item.get("encrypted_content"))


def items_of(response: dict[str, Any]) -> list[dict[str, Any]]:
    """The output items of a response object."""
    output = response.get("output")
    return [item for item in output if isinstance(item, dict)] if isinstance(output, list) else []


def text_or_none(value: object) -> str | None:
    """A text that says something."""
    return value if isinstance(value, str) and value else None
