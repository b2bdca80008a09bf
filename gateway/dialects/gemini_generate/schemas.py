"""The older schema language of this wire, a subset of OpenAPI 3.0, in JSON Schema, which all other wires speak."""

from __future__ import annotations

from typing import Any

from gateway.dialects.gemini_generate.spelling import camel_name
from gateway.errors import InvalidParameter

DEEPEST = 64

_ONE = frozenset({"items", "additionalProperties", "not"})
_MANY = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_NAMED = frozenset({"properties", "defs", "$defs"})
_COUNTS = frozenset(
    {"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties", "minimum", "maximum"}
)
_OWN = frozenset({"nullable", "propertyOrdering", "type"})
_RENAMED = {"defs": "$defs", "ref": "$ref", "example": "examples"}


def standard_schema(schema: Any, where: str, depth: int = 0) -> dict[str, Any]:
    """The same in JSON Schema: type names in lower case, `nullable` as a second type. Members that both have stay as
    they are. Raises InvalidParameter for what is no schema."""
    if not isinstance(schema, dict) or depth > DEEPEST:
        raise InvalidParameter(f"`{where}` must be a schema.", param=where)
    found: dict[str, Any] = {}
    members = {camel_name(name): value for name, value in schema.items() if value is not None}
    kind = members.get("type")
    if isinstance(kind, str) and not kind.endswith("_UNSPECIFIED"):
        found["type"] = [kind.lower(), "null"] if members.get("nullable") is True else kind.lower()
    elif isinstance(kind, list):
        found["type"] = [word.lower() if isinstance(word, str) else word for word in kind]
    for name, value in members.items():
        if name in _OWN:
            continue
        key = _RENAMED.get(name, name)
        if name in _ONE and isinstance(value, dict):
            found[key] = standard_schema(value, f"{where}.{name}", depth + 1)
        elif name in _MANY and isinstance(value, list):
            found[key] = [standard_schema(item, f"{where}.{name}", depth + 1) for item in value]
        elif name in _NAMED and isinstance(value, dict):
            found[key] = {inner: standard_schema(item, f"{where}.{name}", depth + 1) for inner, item in value.items()}
        elif name in _COUNTS and isinstance(value, str) and value.isascii() and value.isdecimal():
            found[key] = int(value)  # this wire writes large whole numbers as strings
        elif name == "example":
            found[key] = [value]
        elif name == "enum" and isinstance(value, list) and members.get("nullable") is True and None not in value:
            found[key] = [*value, None]
        else:
            found[key] = value
    return found
