"""Reading a JSON Schema: references followed, combinations resolved to one plain schema, nonsense left out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

Schema = Mapping[str, Any]

DEEPEST = 40  # allOf within allOf
MOST_STEPS = 10_000  # references followed and parts merged for one answer; what comes after is left out
ALTERNATIVES = ("anyOf", "oneOf")
KINDS = (
    ("object", ("properties", "additionalProperties", "required", "minProperties", "patternProperties")),
    ("array", ("items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains")),
    ("string", ("pattern", "format", "minLength", "maxLength")),
    ("number", ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")),
)
WORDS: Mapping[type | tuple[type, ...], tuple[str, ...]] = {
    str: ("$ref", "pattern", "format", "description"),
    list: ("enum", "required", "anyOf", "oneOf", "allOf", "prefixItems"),
    dict: ("properties", "dependentRequired", "contains", "$defs", "definitions"),
    int: ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "minContains"),
    (int, float): ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    (str, list): ("type",),
    (dict, list, bool): ("items", "additionalProperties", "additionalItems"),
}
EXPECTED = {word: kind for kind, words in WORDS.items() for word in words}


class Reader:
    """Reads the parts of one schema, `root`; bounded in its work, also for schemas that contain themselves."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._steps = MOST_STEPS
        self._level = 0

    def plain(self, schema: Schema, *, deep: bool) -> Schema:
        """The schema without $ref, allOf, anyOf and oneOf. `deep`: choose what leads no deeper."""
        while self._steps > 0 and self._level < DEEPEST:
            self._steps -= 1
            schema = _sensible(schema)
            if "$ref" in schema:
                schema = merged(self._target(schema["$ref"]), _but(schema, "$ref"))
            elif "allOf" in schema:
                parts = [part for part in schema["allOf"] if isinstance(part, Mapping)]
                schema = _but(schema, "allOf")
                self._level += 1
                for part in parts:
                    schema = merged(schema, self.plain(part, deep=deep))
                self._level -= 1
            elif options := [part for key in ALTERNATIVES for part in schema.get(key, ()) if isinstance(part, Mapping)]:
                schema = merged(_but(schema, *ALTERNATIVES), _option(options, deep))
            else:
                return schema
        return _sensible(_but(schema, "$ref", "allOf", *ALTERNATIVES))

    def _target(self, reference: str) -> Schema:
        found: Any = self._root
        for step in filter(None, reference.lstrip("#").split("/")):
            key = unquote(step).replace("~1", "/").replace("~0", "~")
            if isinstance(found, list):
                found = found[int(key)] if key.isdecimal() and int(key) < len(found) else None
            else:
                found = found.get(key) if isinstance(found, Mapping) else None
        return found if isinstance(found, Mapping) else {}


def kind(schema: Schema, *, deep: bool) -> str:
    """The type of a plain schema in one word; guessed from its other words when it does not say."""
    said = schema.get("type")
    if isinstance(said, list) and said:
        if deep and "null" in said:
            return "null"
        return str(next((one for one in said if one != "null"), "null"))
    if isinstance(said, str):
        return "null" if deep and schema.get("nullable") is True else said.lower()
    return next((kind for kind, words in KINDS if any(word in schema for word in words)), "string")


def merged(first: Schema, second: Schema) -> dict[str, Any]:
    """Both schemas at once: properties and requirements together, the tighter bounds; else the second one decides."""
    merged = {**first, **second}
    for key in ("properties", "$defs", "definitions"):
        if isinstance(first.get(key), Mapping) and isinstance(second.get(key), Mapping):
            both = {**first[key], **second[key]}
            shared = {
                name: {"allOf": [first[key][name], second[key][name]]}
                for name in first[key].keys() & second[key].keys()
            }
            merged[key] = {**both, **shared}
    if isinstance(first.get("required"), list) and isinstance(second.get("required"), list):
        merged["required"] = [*first["required"], *second["required"]]
    if isinstance(first.get("enum"), list) and isinstance(second.get("enum"), list):
        merged["enum"] = [value for value in first["enum"] if value in second["enum"]] or second["enum"]
    for keys, better in ((("minimum", "minLength", "minItems"), max), (("maximum", "maxLength", "maxItems"), min)):
        for key in keys:
            if decimal(first.get(key)) is not None and decimal(second.get(key)) is not None:
                merged[key] = better(first[key], second[key])
    return merged


def decimal(value: object) -> Decimal | None:
    """A number exactly; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        return None
    return number if number.is_finite() else None


def _option(options: list[Schema], deep: bool) -> Schema:
    """The first option that is not null; deep down null, or else the shortest one without a reference."""
    if deep:
        return min(
            options, key=lambda one: (one.get("type") != "null", "$ref" in one, len(json.dumps(one, default=str)))
        )
    return next((option for option in options if option.get("type") != "null"), options[0])


def _sensible(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema without words that are followed by something of the wrong type."""
    kept = {word: value for word, value in schema.items() if isinstance(value, EXPECTED.get(word, object))}
    return {word: value for word, value in kept.items() if not (isinstance(value, bool) and EXPECTED.get(word) is int)}


def _but(schema: Mapping[str, Any], *words: str) -> dict[str, Any]:
    return {word: value for word, value in schema.items() if word not in words}
