"""An instance of a JSON Schema, filled with what the conversation offers.

Understood (JSON Schema 2020-12 and what older drafts wrote differently): type, enum, const, properties, required,
additionalProperties, minProperties, items, prefixItems, minItems, maxItems, uniqueItems, contains, string lengths,
pattern, format, number bounds, multipleOf, anyOf, oneOf, allOf, $ref with $defs or definitions (also recursive),
nullable, dependentRequired. Conditions (`if`, `not`) are not looked at.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from gateway.providers.simulator import patterns, schema_reading
from gateway.providers.simulator.hints import Hints

DEEP = 5  # from here on only what must be there is made, so that recursive schemas come to an end
BOTTOM = 40  # an endless schema (one that requires itself) is given up here
ENOUGH, MOST_VALUES = 2_000, 20_000  # from so many values on only what must be there is made; then it is given up
FORMATS = {
    "date-time": "2026-01-15T12:00:00Z",
    "date": "2026-01-15",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "ada@example.com",
    "idn-email": "ada@example.com",
    "hostname": "example.com",
    "idn-hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "uri-reference": "https://example.com/",
    "iri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000001",
    "json-pointer": "/name",
    "regex": "^a+$",
}
MOST_ASKED = 10_000  # items, properties or characters, however many a schema demands


def instance(schema: Mapping[str, Any] | bool, hints: Hints, *, sparing: bool = False) -> Any:
    """A JSON value that the schema allows.

    `sparing` leaves optional properties out unless the conversation offers something for them: arguments of tools are
    filled like that, answers are filled whole.
    """
    return _Filler(schema if isinstance(schema, Mapping) else {}, hints, sparing).fill(schema, "", 0, 0)


class _Filler:
    def __init__(self, root: Mapping[str, Any], hints: Hints, sparing: bool) -> None:
        self._reader, self._hints, self._sparing = schema_reading.Reader(root), hints, sparing
        self._made = 0

    def fill(self, schema: Mapping[str, Any] | bool, name: str, depth: int, at: int) -> Any:
        """An instance for a field `name`; `at` numbers the items of an array, so that they differ."""
        self._made += 1
        if not isinstance(schema, Mapping) or depth > BOTTOM or self._made > MOST_VALUES:
            return self._hints.text(name, at=at)
        schema = self._reader.plain(schema, deep=self._deep(depth))
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return self._one_of(schema, name, at)
        kind = schema_reading.kind(schema, deep=self._deep(depth))
        if kind == "object":
            return self._object(schema, depth, at)
        if kind == "array":
            return self._array(schema, name, depth)
        if kind in ("integer", "number"):
            return self._number(schema, name, kind, at)
        if kind == "boolean":
            return not any(word in self._hints.question.lower().split() for word in ("not", "no", "without", "never"))
        return None if kind == "null" else self._string(schema, name, at)

    def _deep(self, depth: int) -> bool:
        return depth >= DEEP or self._made > ENOUGH

    # --- Making it ----------------------------------------------------------------------------------------

    def _one_of(self, schema: Mapping[str, Any], name: str, at: int) -> Any:
        values = schema["enum"]
        if (named := self._hints.chosen(values)) is not None and at == 0:
            return named
        if "default" in schema and schema["default"] in values and at == 0:
            return schema["default"]
        return values[(self._hints.dice.roll(name, len(values)) + at) % len(values)]

    def _object(self, schema: Mapping[str, Any], depth: int, at: int) -> dict[str, Any]:
        properties: Mapping[str, Any] = schema.get("properties", {})
        required = [name for name in schema.get("required", ()) if isinstance(name, str)]
        value: dict[str, Any] = {}
        for name, inner in properties.items():
            if name in required or self._offered(name, inner, depth):
                value[name] = self.fill(inner, name, depth + 1, at)
        dependent = schema.get("dependentRequired", {})
        also = [needed for name in value for needed in dependent.get(name) or () if isinstance(needed, str)]
        more = schema.get("additionalProperties", True)
        for name in (*required, *also):
            if name not in value:
                value[name] = self.fill(properties.get(name, more), name, depth + 1, at)
        for number in range(_whole(schema.get("minProperties")) - len(value)):
            spare = next((name for name in properties if name not in value), f"item_{number + 1}")
            value[spare] = self.fill(properties.get(spare, more), spare, depth + 1, number)
        if not value and not properties and isinstance(more, Mapping) and not self._deep(depth) and not self._sparing:
            value["item_1"] = self.fill(more, "item", depth + 1, 0)
        return value

    def _offered(self, name: str, schema: Any, depth: int) -> bool:
        """Whether an optional property is worth filling in."""
        if not self._sparing:
            return not self._deep(depth)
        schema = self._reader.plain(schema, deep=self._deep(depth)) if isinstance(schema, Mapping) else {}
        if "enum" in schema:
            return self._hints.chosen(schema["enum"]) is not None
        kind = schema_reading.kind(schema, deep=self._deep(depth))
        if kind in ("integer", "number"):
            return bool(self._hints.numbers) and name.lower().replace("_", " ") in self._hints.question.lower()
        return kind == "string" and self._hints.found(name, str(schema.get("description", ""))) is not None

    def _array(self, schema: Mapping[str, Any], name: str, depth: int) -> list[Any]:
        items = schema.get("items")
        fixed = schema.get("prefixItems") or (items if isinstance(items, list) else [])
        value = [self.fill(inner, name, depth + 1, at) for at, inner in enumerate(fixed)]
        least, most = _whole(schema.get("minItems")), schema.get("maxItems")
        if "contains" in schema:
            least = max(least, len(value) + max(1, _whole(schema.get("minContains", 1))))
        usual = len(fixed) + self._hints.several(name)
        wanted = max(least, min(usual, most) if isinstance(most, int) else usual)
        if (self._deep(depth) and least <= len(value)) or (fixed and least <= len(value)):
            return value
        inner = items if isinstance(items, Mapping) else schema.get("contains", schema.get("additionalItems", True))
        if isinstance(items, Mapping) and "contains" in schema:
            inner = schema_reading.merged(items, schema["contains"])
        seen = {json.dumps(item, sort_keys=True, default=str) for item in value}
        for at in range(wanted * 4 + 20 if schema.get("uniqueItems") is True else wanted):
            if len(value) >= wanted:
                break
            item = self.fill(inner if inner is not False else True, name.removesuffix("s"), depth + 1, at)
            written = json.dumps(item, sort_keys=True, default=str)
            if written not in seen or (not schema.get("uniqueItems") and len(value) < max(least, 1)):
                value.append(item)
                seen.add(written)
        while len(value) < least and value:
            value.append(value[-1])
        return value

    def _number(self, schema: Mapping[str, Any], name: str, kind: str, at: int) -> int | float:
        step = schema_reading.decimal(schema.get("multipleOf")) or (Decimal(1) if kind == "integer" else None)
        if kind == "integer" and step is not None and step % 1 != 0:
            step = step * 10 ** -int(step.normalize().as_tuple().exponent)
        low, high, small = (
            schema_reading.decimal(schema.get("minimum")),
            schema_reading.decimal(schema.get("maximum")),
            step or Decimal("0.5"),
        )
        if (above := schema_reading.decimal(schema.get("exclusiveMinimum"))) is not None or schema.get(
            "exclusiveMinimum"
        ) is True:
            low = (above if above is not None else low or Decimal(0)) + small
        if (below := schema_reading.decimal(schema.get("exclusiveMaximum"))) is not None or schema.get(
            "exclusiveMaximum"
        ) is True:
            high = (below if below is not None else high or Decimal(0)) - small
        if low is not None and high is not None and low > high and step is None:
            low = high = ((above if above is not None else low) + (below if below is not None else high)) / 2
        value = schema_reading.decimal(self._hints.number(name, at)) or Decimal(1 + self._hints.dice.roll(name, 9) + at)
        if at and low is not None and high is not None and high > low:
            value = low + value % (high - low + (step or 0))  # the items of an array differ where the bounds let them
        value = value if low is None else max(low, value)
        value = value if high is None else min(high, value)
        if step:
            value = (value / step).to_integral_value(
                ROUND_FLOOR if high is not None and value == high else ROUND_CEILING
            ) * step
            value = value + step if low is not None and value < low else value
        return int(value) if value == value.to_integral_value() else float(value)

    def _string(self, schema: Mapping[str, Any], name: str, at: int) -> str:
        shortest, longest = _whole(schema.get("minLength")), schema.get("maxLength")
        if "pattern" in schema:
            offered = self._hints.text(name, str(schema.get("description", "")), at)
            made = patterns.matching(
                schema["pattern"], shortest=shortest, longest=longest if isinstance(longest, int) else None
            )
            if made is not None and not patterns.fits(schema["pattern"], offered):
                return made
            text = offered
        elif schema.get("format") in FORMATS:
            return (
                FORMATS[schema["format"]]
                if at == 0 or schema["format"] != "uuid"
                else FORMATS["uuid"][:-1] + str((at + 1) % 10)
            )
        else:
            text = self._hints.text(name, str(schema.get("description", "")), at)
        if len(text) < shortest:
            text = (text + " ").ljust(shortest, ".")
        return text[:longest] if isinstance(longest, int) and longest >= 0 else text


def _whole(value: object) -> int:
    """A count that a schema asks for, within reason."""
    return min(value, MOST_ASKED) if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
