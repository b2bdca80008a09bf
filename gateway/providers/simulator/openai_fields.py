"""Fields of a request, checked one by one; complaints in OpenAI's words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.providers.simulator.openai_errors import invalid

ARTICLES = {
    str: "a string",
    int: "an integer",
    float: "a decimal",
    bool: "a boolean",
    list: "an array",
    dict: "an object",
}


def read_json(body: bytes) -> dict[str, Any]:
    """The body as an object; Refusal 400 when it is none."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise invalid(
            "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP "
            "library correctly. The API expects a JSON payload, but what was sent was not valid JSON.)"
        ) from None
    if not isinstance(value, dict):
        raise invalid(
            f"Invalid type for request body: expected an object, but got {named(value)} instead.", code="invalid_type"
        )
    return value


def named(value: object) -> str:
    """A value's type with its article: `a string`."""
    return "null" if value is None else ARTICLES.get(type(value), "an unknown type")


def wrong_type(param: str, expected: str, value: object) -> Exception:
    """The refusal of a field of the wrong type."""
    return invalid(
        f"Invalid type for '{param}': expected {expected}, but got {named(value)} instead.",
        param=param,
        code="invalid_type",
    )


def missing(param: str) -> Exception:
    """The refusal of a request without a field that must be there."""
    return invalid(f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter")


def text(holder: Mapping[str, Any], name: str, param: str, *, required: bool = False) -> str | None:
    """A string field; None when absent or null and not required."""
    value = holder.get(name)
    if value is None:
        if required:
            raise missing(param)
        return None
    if not isinstance(value, str):
        raise wrong_type(param, "a string", value)
    return value


def flag(holder: Mapping[str, Any], name: str, param: str, default: bool) -> bool:
    """A boolean field."""
    value = holder.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise wrong_type(param, "a boolean", value)
    return value


def whole(holder: Mapping[str, Any], name: str, param: str, *, least: int, most: int | None = None) -> int | None:
    """An integer field within bounds; None when absent or null."""
    value = holder.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong_type(param, "an integer", value)
    _bounded(value, param, "integer", least, most)
    return value


def number(holder: Mapping[str, Any], name: str, param: str, *, least: int, most: int) -> float | None:
    """A number field within bounds; None when absent or null."""
    value = holder.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong_type(param, "a decimal", value)
    _bounded(value, param, "decimal", least, most)
    return value


def listed(holder: Mapping[str, Any], name: str, param: str, of: str = "objects") -> list[Any] | None:
    """An array field; None when absent or null."""
    value = holder.get(name)
    if value is None:
        return None
    if not isinstance(value, list):
        raise wrong_type(param, f"an array of {of}", value)
    return value


def record(value: object, param: str) -> dict[str, Any]:
    """An object."""
    if not isinstance(value, dict):
        raise wrong_type(param, "an object", value)
    return value


def one_of(value: object, param: str, allowed: Sequence[str]) -> str:
    """One word of those allowed."""
    if value in allowed:
        return str(value)
    words = [f"'{word}'" for word in allowed]
    told = words[0] if len(words) == 1 else f"{', '.join(words[:-1])}, and {words[-1]}"
    raise invalid(f"Invalid value: '{value}'. Supported values are: {told}.", param=param, code="invalid_value")


def _bounded(value: float, param: str, kind: str, least: int, most: int | None) -> None:
    if value < least:
        told = f"below minimum value. Expected a value >= {least}"
        raise invalid(
            f"Invalid '{param}': {kind} {told}, but got {value} instead.", param=param, code=f"{kind}_below_min_value"
        )
    if most is not None and not value <= most:
        told = f"above maximum value. Expected a value <= {most}"
        raise invalid(
            f"Invalid '{param}': {kind} {told}, but got {value} instead.", param=param, code=f"{kind}_above_max_value"
        )
