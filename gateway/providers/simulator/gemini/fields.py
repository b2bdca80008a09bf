"""Fields of a request as Google reads them: camelCase or snake_case, and none that it does not know."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from gateway.providers.simulator.gemini.errors import invalid

JSON = "Invalid JSON payload received."


def read_json(body: bytes) -> dict[str, Any]:
    """The body as an object; Refusal 400 when it is none."""
    try:
        value = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise invalid(f"{JSON} Unexpected token.") from None
    if not isinstance(value, dict):
        raise invalid(f"{JSON} Root element must be a message.")
    return value


def known(value: object, names: Collection[str], path: str) -> dict[str, Any]:
    """An object with its names in camelCase; Refusal for a field of another name, or for one that is there twice."""
    if not isinstance(value, dict):
        raise invalid(f"Invalid value at '{path}': expected an object.", field=path)
    found: dict[str, Any] = {}
    for name, item in value.items():
        plain = camel(name)
        if plain not in names:
            where = f" at '{path}'" if path else ""
            raise invalid(f'{JSON} Unknown name "{name}"{where}: Cannot find field.', field=path)
        if plain in found:
            raise invalid(f"{JSON} Field '{plain}' is set more than once.", field=path)
        found[plain] = item
    return found


def camel(name: str) -> str:
    """max_output_tokens → maxOutputTokens."""
    return re.sub(r"_([a-z0-9])", lambda match: match[1].upper(), name)


def listed(holder: Mapping[str, Any], name: str, path: str) -> list[Any]:
    """An array field, empty when absent. One object stands for an array of one."""
    value = holder.get(name)
    if value is None:
        return []
    if isinstance(value, dict):
        return [value]
    if not isinstance(value, list):
        raise wrong(value, path, name)
    return value


def text(holder: Mapping[str, Any], name: str, path: str) -> str | None:
    """A string field; None when absent."""
    value = holder.get(name)
    if value is not None and not isinstance(value, str):
        raise wrong(value, path, name)
    return value


def flag(holder: Mapping[str, Any], name: str, path: str) -> bool:
    """A boolean field, false when absent."""
    value = holder.get(name, False)
    if value is not None and not isinstance(value, bool):
        raise wrong(value, path, name)
    return bool(value)


def whole(holder: Mapping[str, Any], name: str, path: str, *, least: int | None = None) -> int | None:
    """An integer field, also written as a text, as Google's JSON allows; None when absent."""
    value = holder.get(name)
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,19}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong(value, path, name)
    if least is not None and value < least:
        raise invalid(f"{name} must be at least {least}.", field=f"{path}.{name}")
    return value


def number(holder: Mapping[str, Any], name: str, path: str, *, least: int, most: int) -> None:
    """A number field within bounds."""
    value = holder.get(name)
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong(value, path, name)
    if not least <= value <= most:
        raise invalid(f"{name} must be in the range [{least}, {most}].", field=f"{path}.{name}")


def word(value: object, path: str, allowed: Collection[str]) -> str:
    """A member of an enumeration."""
    if isinstance(value, str) and value.upper() in allowed:
        return value.upper()
    raise invalid(f"Invalid value at '{path}': {json.dumps(value)[:60]}", field=path)


def wrong(value: object, path: str, name: str) -> Exception:
    """The refusal of a field of the wrong type."""
    return invalid(f"Invalid value at '{path}.{name}': {json.dumps(value)[:60]}", field=f"{path}.{name}")
