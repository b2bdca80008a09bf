"""Structured answers validate against the schema that asked for them."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.providers.simulator.conversation import Dice
from gateway.providers.simulator.hints import Hints
from gateway.providers.simulator.schemas import instance
from tests.gateway.simulator.asking import spoken

TREE = {
    "type": "object",
    "properties": {"value": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#"}}},
    "required": ["value", "children"],
    "additionalProperties": False,
}
LINKED = {
    "type": "object",
    "properties": {"list": {"$ref": "#/$defs/node"}},
    "required": ["list"],
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "value": {"type": "number"},
                "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
            },
            "required": ["value", "next"],
            "additionalProperties": False,
        }
    },
}
SCHEMAS: dict[str, dict[str, Any]] = {
    "enum": {"type": "string", "enum": ["red", "green"]},
    "const": {"const": {"a": [1, None]}},
    "nested": {
        "type": "object",
        "properties": {
            "a": {"properties": {"b": {"type": "array", "items": {"type": "boolean"}}}, "required": ["b"]},
        },
        "required": ["a"],
    },
    "bounds": {
        "type": "object",
        "properties": {
            "age": {"type": "integer", "minimum": 18, "maximum": 19},
            "share": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.1},
            "even": {"type": "integer", "multipleOf": 14, "minimum": 15},
            "price": {"type": "number", "multipleOf": 0.25, "maximum": 3},
            "below": {"type": "integer", "maximum": -5},
        },
        "required": ["age", "share", "even", "price", "below"],
    },
    "lengths": {
        "type": "object",
        "properties": {"a": {"type": "string", "minLength": 300}, "b": {"type": "string", "maxLength": 2}},
        "required": ["a", "b"],
    },
    "arrays": {"type": "array", "items": {"type": "integer"}, "minItems": 7, "maxItems": 9, "uniqueItems": True},
    "unique enum": {"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 3, "uniqueItems": True},
    "no items": {"type": "array", "items": {"type": "string"}, "maxItems": 0},
    "tuple": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False},
    "contains": {"type": "array", "contains": {"const": 5}, "minContains": 2},
    "anyOf": {"anyOf": [{"type": "object", "properties": {"x": {"type": "integer"}}}, {"type": "string"}]},
    "oneOf of kinds": {
        "oneOf": [
            {"type": "object", "properties": {"kind": {"const": "a"}, "n": {"const": 3}}, "required": ["kind", "n"]},
            {"type": "object", "properties": {"kind": {"const": "b"}}, "required": ["kind"]},
        ]
    },
    "allOf": {
        "allOf": [
            {"type": "object", "properties": {"a": {"type": "integer", "minimum": 5}}, "required": ["a"]},
            {"properties": {"a": {"maximum": 5}, "b": {"type": "string"}}, "required": ["b"]},
        ]
    },
    "nullable": {"type": ["null", "integer"]},
    "tree": TREE,
    "linked list": LINKED,
    "definitions": {"$ref": "#/definitions/x~1y", "definitions": {"x/y": {"type": "integer", "minimum": 3}}},
    "reference with neighbours": {"$ref": "#/$defs/n", "maximum": 4, "$defs": {"n": {"type": "integer", "minimum": 4}}},
    "patterns": {
        "type": "object",
        "properties": {
            "plate": {"type": "string", "pattern": "^[A-Z]{2}-\\d{3,4}$"},
            "slug": {"type": "string", "pattern": "^[a-z]+(-[a-z]+)*$", "minLength": 6},
            "choice": {"type": "string", "pattern": "^(yes|no)$"},
            "version": {"type": "string", "pattern": "^v\\d+\\.\\d+\\.\\d+$"},
        },
        "required": ["plate", "slug", "choice", "version"],
    },
    "map": {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 3},
    "required without properties": {"type": "object", "required": ["a", "b"]},
    "dependent": {"properties": {"a": {"type": "integer"}}, "dependentRequired": {"a": ["b"]}, "required": ["a"]},
    "no type": {"properties": {"a": {"minimum": 3}}, "required": ["a"]},
    "anything": {},
}  # fmt: skip
FORMATS = ["date-time", "date", "time", "email", "uri", "uuid", "ipv4", "ipv6", "hostname", "duration"]


def made(schema: Any, question: str = "Alice pays 12 euros on Friday.", *, sparing: bool = False) -> Any:
    """An instance, as it arrives on the other side of the wire."""
    hints = Hints(question, "It costs 12.", Dice("seed"))
    return json.loads(json.dumps(instance(schema, hints, sparing=sparing)))


@pytest.mark.parametrize("sparing", [False, True])
@pytest.mark.parametrize("name", SCHEMAS)
def test_what_is_made_is_what_the_schema_allows(name: str, sparing: bool) -> None:
    jsonschema_rs.validate(SCHEMAS[name], made(SCHEMAS[name], sparing=sparing))


@pytest.mark.parametrize("name", FORMATS)
def test_formats_are_kept(name: str) -> None:
    schema = {"type": "string", "format": name}
    jsonschema_rs.validator_for(schema, validate_formats=True).validate(made(schema))


def test_structured_answers_say_what_a_plain_answer_would_say() -> None:
    event = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "date": {"type": "string"},
            "participants": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["name", "date", "participants"],
    }
    told = json.loads(spoken("Alice and Bob are going to a science fair on Friday.", shape="schema", schema=event))
    assert (told["date"], told["participants"]) == ("Friday", ["Alice", "Bob"])
    sum_ = {"type": "object", "properties": {"answer": {"type": "integer"}}, "required": ["answer"]}
    assert json.loads(spoken("What is 17 + 25?", shape="schema", schema=sum_)) == {"answer": 42}
    mood = {"type": "object", "properties": {"colour": {"enum": ["red", "green", "blue"]}}, "required": ["colour"]}
    assert json.loads(spoken("I like green things.", shape="schema", schema=mood)) == {"colour": "green"}


def test_an_endless_schema_comes_to_an_end() -> None:
    endless = {"type": "object", "properties": {"again": {"$ref": "#"}}, "required": ["again"]}
    assert "again" in made(endless)
    assert made({"$ref": "#"}) is not None
    assert made({"allOf": [{"$ref": "#"}, {"$ref": "#"}]}) is not None
    bushy = {"type": "object", "properties": {name: {"$ref": "#"} for name in "abcdefgh"}}
    assert len(json.dumps(made(bushy))) < 1_000_000
    forest = {"type": "array", "items": {"$ref": "#"}, "minItems": 3}
    assert len(json.dumps(made(forest))) < 10_000_000


LEAVES = st.sampled_from(
    [
        {"type": "string"},
        {"type": "integer", "minimum": 2, "maximum": 40},
        {"type": "number", "exclusiveMinimum": 1},
        {"type": "boolean"},
        {"type": "null"},
        {"enum": ["a", 1, None]},
        {"type": "string", "pattern": "^[a-f0-9]{8}$"},
        {"type": ["string", "null"], "maxLength": 5},
    ]
)
SOME_SCHEMA = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda items, least: {"type": "array", "items": items, "minItems": least}, inner, st.integers(0, 3)),
        st.builds(lambda *options: {"anyOf": list(options)}, inner, inner),
        st.builds(
            lambda properties: {
                "type": "object",
                "properties": properties,
                "required": sorted(properties),
                "additionalProperties": False,
            },
            st.dictionaries(st.sampled_from(["name", "city", "count", "items", "answer", "date"]), inner, max_size=4),
        ),
    ),
    max_leaves=12,
)


@given(SOME_SCHEMA, st.text(max_size=60))
@settings(max_examples=200)
def test_any_strict_schema_is_filled_in(schema: dict[str, Any], question: str) -> None:
    jsonschema_rs.validate(schema, made(schema, question))


WORDS = ["type", "properties", "items", "enum", "required", "anyOf", "allOf", "$ref", "minimum", "pattern", "minItems"]
NONSENSE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["#", "object", "array", "(", ""]),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(WORDS), inner),
    max_leaves=10,
)


@given(NONSENSE)
@settings(max_examples=200)
def test_nonsense_for_a_schema_never_breaks_the_simulator(schema: Any) -> None:
    made(schema if isinstance(schema, dict) else {"properties": {"x": schema}})
