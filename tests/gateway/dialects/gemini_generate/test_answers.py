"""Answers of this wire in the canonical form, and back; the older language of its schemas."""

from __future__ import annotations

import json

import pytest

from gateway import errors
from gateway.canonical import Blob, Choice, Completion, Finish, Part, Reasoning, Refusal, ToolCall
from gateway.dialects.gemini_generate import response
from gateway.dialects.gemini_generate.finishing import FINISHES, finish_of, render_finish
from gateway.dialects.gemini_generate.schemas import standard_schema

FOREIGN = Blob("anthropic", "signature", "QUJD")


def test_schemas_of_the_older_language_become_json_schema() -> None:
    older = {
        "type": "OBJECT",
        "property_ordering": ["a", "type"],
        "properties": {
            "a": {"type": "STRING", "nullable": True, "enum": ["x", "y"]},
            "type": {"type": "ARRAY", "items": {"type": "INTEGER"}, "min_items": "1", "maxItems": 3},
            "c": {"any_of": [{"type": "NUMBER"}, {"type": "TYPE_UNSPECIFIED", "example": 5}]},
        },
        "required": ["a"],
    }
    assert standard_schema(older, "p") == {
        "type": "object",
        "properties": {
            "a": {"type": ["string", "null"], "enum": ["x", "y", None]},
            "type": {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 3},
            "c": {"anyOf": [{"type": "number"}, {"examples": [5]}]},
        },
        "required": ["a"],
    }
    refused: list[object] = ["x", [], {"items": {"properties": {"a": 1}}}]
    for wrong in refused:
        with pytest.raises(errors.InvalidParameter):
            standard_schema(wrong, "p")


FINISHED: tuple[Finish, ...] = ("stop", "length", "tool_calls", "content_filter")


def test_reasons_are_translated_in_both_directions_without_a_gap() -> None:
    for word, finish in FINISHES.items():
        assert finish_of(word) == finish
        assert render_finish(finish, word) == word
    for finish in FINISHED:
        assert finish_of(render_finish(finish), called=finish == "tool_calls") == finish
    assert finish_of("OF_TOMORROW") == "stop"
    assert finish_of("STOP", called=True) == "tool_calls"
    assert finish_of("MAX_TOKENS", called=True) == "length"
    assert render_finish("content_filter", "end_turn") == "SAFETY"
    assert render_finish("tool_calls", "STOP") == "STOP"


def test_an_answer_that_calls_a_function_waits_for_it() -> None:
    body = b'{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f"}}]},"finishReason":"STOP"}]}'
    assert response.parse(body).choices[0].finish == "tool_calls"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"7", b'{"error":{"code":500}}', b'{"usageMetadata":{}}'])
def test_what_is_no_answer_is_an_error_of_the_provider(body: bytes) -> None:
    with pytest.raises(errors.UpstreamError):
        response.parse(body)


def test_a_foreign_answer_is_told_in_words_that_clients_of_this_wire_know() -> None:
    said: list[Part] = [
        Reasoning("Hm.", blob=FOREIGN),
        Refusal("I would rather not."),
        ToolCall("call_1", "f", '{"x": 1}'),
    ]
    value = json.loads(response.render(Completion("id-1", "ours", [Choice(said, "content_filter", "refusal")])))
    candidate = value["candidates"][0]
    assert candidate["finishReason"] == "SAFETY"
    assert candidate["content"]["parts"][1] == {"text": "I would rather not."}
    made = candidate["content"]["parts"][2]["functionCall"]
    assert (made["name"], made["args"]) == ("f", {"x": 1})
    assert made["id"].startswith("call_1_tg_")
