"""What an answer says, whole or piece by piece, read without trusting its shape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.dialects.gemini_generate.content import arguments_of


def candidates_of(value: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The candidates with their numbers; one without a number has that of its place."""
    candidates = value.get("candidates")
    for position, candidate in enumerate(candidates if isinstance(candidates, list) else ()):
        if isinstance(candidate, dict):
            index = candidate.get("index")
            if not isinstance(index, int) or isinstance(index, bool) or index < 0:
                index = position
            yield index, candidate


def parts_of(candidate: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts of one candidate."""
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []


def output_of(candidate: dict[str, Any]) -> tuple[list[str], bool]:
    """All output text of a candidate, thoughts and calls included, and whether there was output that is none."""
    texts: list[str] = []
    other = False
    for part in parts_of(candidate):
        for value in (
            part.get("text"),
            _member(part, "executableCode", "code"),
            _member(part, "codeExecutionResult", "output"),
            _member(part, "functionCall", "name"),
        ):
            if isinstance(value, str) and value:
                texts.append(value)
        call = part.get("functionCall")
        if isinstance(call, dict):
            other = True
            texts += [arguments_of(call[name]) for name in ("args", "partialArgs") if call.get(name) is not None]
        other = other or isinstance(part.get("inlineData"), dict)
    return texts, other


def _member(part: dict[str, Any], name: str, inside: str) -> Any:
    value = part.get(name)
    return value.get(inside) if isinstance(value, dict) else None
