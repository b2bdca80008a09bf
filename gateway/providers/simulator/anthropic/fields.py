"""Fields of a request, checked one by one; complaints in Anthropic's words: a path with dots, then what is wrong."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from gateway.providers.simulator.anthropic.errors import invalid


def read_json(body: bytes) -> dict[str, Any]:
    """The body as an object; Refusal 400 when it is none."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise invalid("The request body is not valid JSON") from None
    return record(value, "")


def only(holder: Mapping[str, Any], known: Collection[str], path: str) -> None:
    """Refusal for a field that this company does not know: it ignores none."""
    for name in holder:
        if name not in known:
            raise invalid(f"{_under(path, name)}: Extra inputs are not permitted")


def record(value: object, path: str) -> dict[str, Any]:
    """An object."""
    if not isinstance(value, dict):
        raise invalid(f"{path + ': ' if path else ''}Input should be a valid dictionary")
    return value


def listed(value: object, path: str) -> list[Any]:
    """An array."""
    if not isinstance(value, list):
        raise invalid(f"{path}: Input should be a valid list")
    return value


def text(holder: Mapping[str, Any], name: str, path: str, *, required: bool = False) -> str | None:
    """A string field; None when absent or null and not required."""
    value = holder.get(name)
    if value is None:
        if required:
            raise invalid(f"{_under(path, name)}: Field required")
        return None
    if not isinstance(value, str):
        raise invalid(f"{_under(path, name)}: Input should be a valid string")
    return value


def flag(holder: Mapping[str, Any], name: str, path: str) -> bool:
    """A boolean field, false when absent."""
    value = holder.get(name, False)
    if not isinstance(value, bool):
        raise invalid(f"{_under(path, name)}: Input should be a valid boolean")
    return value


def whole(holder: Mapping[str, Any], name: str, path: str, *, least: int, required: bool = False) -> int | None:
    """An integer field of at least `least`."""
    value = holder.get(name)
    if value is None and not required:
        return None
    if value is None:
        raise invalid(f"{_under(path, name)}: Field required")
    if isinstance(value, bool) or not isinstance(value, int):
        raise invalid(f"{_under(path, name)}: Input should be a valid integer")
    if value < least:
        raise invalid(f"{_under(path, name)}: Input should be greater than or equal to {least}")
    return value


def number(holder: Mapping[str, Any], name: str, path: str, *, most: int) -> None:
    """A number field from 0 to `most`."""
    value = holder.get(name)
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise invalid(f"{_under(path, name)}: Input should be a valid number")
    if not 0 <= value <= most:
        raise invalid(f"{_under(path, name)}: Input should be less than or equal to {most} and not negative")


def one_of(value: object, path: str, allowed: Sequence[str]) -> str:
    """One word of those allowed."""
    if isinstance(value, str) and value in allowed:
        return value
    words = ", ".join(f"'{word}'" for word in allowed)
    if value is None:
        raise invalid(f"{path}: Field required")
    raise invalid(f"{path}: Input tag '{value}' found does not match any of the expected tags: {words}")


def _under(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
