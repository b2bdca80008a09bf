"""The envelope of a Responses request: what is read, and what is wrong with a wrong one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway import errors
from gateway.canonical import Envelope
from gateway.dialects.openai_responses.request import measure, peek, text_of


def asking(**members: Any) -> bytes:
    return json.dumps({"model": "m", "input": "hello", **members}).encode()


def showing(*items: dict[str, Any]) -> bytes:
    return asking(input=[{"role": "user", "content": "see"}, *items])


def test_everything_the_relay_needs_is_read() -> None:
    body = asking(stream=True, max_output_tokens=7)
    assert peek(body) == Envelope("m", True, True, 7, 1, len(body), False, None)


def test_what_is_not_said_is_not_assumed_and_usage_is_always_seen() -> None:
    body = asking()
    assert peek(body) == Envelope("m", False, True, None, 1, len(body), False, None)
    nulls = asking(stream=None, max_output_tokens=None, tools=None, conversation=None, prompt=None, instructions=None)
    assert peek(nulls) == Envelope("m", False, True, None, 1, len(nulls), False, None)


def test_unknown_fields_items_and_huge_numbers_pass() -> None:
    body = asking(
        tomorrow={"deep": [1, {"x": 10**400}]},
        max_output_tokens=10**40,
        input=[
            {"type": "of_tomorrow", "content": {"x": 1}},
            {"type": "shell_call_output", "call_id": "c", "output": [{"stdout": "x", "stderr": ""}]},
            {"type": "mcp_call", "output": None},
        ],
    )
    envelope = peek(body)
    assert envelope.max_output == 10**40
    assert not envelope.has_media
    assert peek(asking(max_output_tokens=50.0)).max_output == 50


@pytest.mark.parametrize(
    "item",
    [
        {"role": "user", "content": [{"type": "input_image", "image_url": "https://example.com/a.png"}]},
        {"role": "user", "content": [{"type": "input_text", "text": "x"}, {"type": "input_file", "file_id": "f"}]},
        {"role": "user", "content": [{"type": "of_tomorrow"}]},
        {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_image", "image_url": "x"}]},
        {"type": "computer_call_output", "call_id": "c", "output": {"type": "computer_screenshot", "image_url": "x"}},
        {"type": "image_generation_call", "id": "ig_1", "result": "AAAA", "status": "completed"},
    ],
    ids=json.dumps,
)
def test_media_are_noticed(item: dict[str, Any]) -> None:
    assert peek(showing(item)).has_media
    assert peek(asking(input=[{"role": "user", "content": "x"}, item], stream="wrong")).has_media


def test_words_about_media_are_no_media() -> None:
    quiet: list[dict[str, Any]] = [
        {"role": "user", "content": [{"type": "input_text", "text": "input_image"}]},
        {"type": "reasoning", "id": "rs", "summary": [], "content": [{"type": "reasoning_text", "text": "x"}]},
        {"type": "function_call_output", "call_id": "c", "output": "input_image"},
    ]
    assert not peek(showing(*quiet)).has_media


@pytest.mark.parametrize(
    ("body", "position"),
    [
        (b"", 0),
        (b"hello", 0),
        (b"[]", 0),
        (b"null", 0),
        (b'{"model":"m","input":"x"} x', 27),
        (b'{"model":"m","input":"\xff"}', 22),
        (b'{"model":"m","input":"x","y":"\xc3("}', 30),
        (b'{"model":"m","input":"x","y":NaN}', 29),
        (b"\xef\xbb\xbf{}", 0),
        (b'{"model":"m",}', 13),
    ],
)
def test_what_is_no_json_object_is_refused_with_the_place(body: bytes, position: int) -> None:
    with pytest.raises(errors.InvalidJson) as caught:
        peek(body)
    assert caught.value.meta["position"] == position


def test_a_model_is_missing_before_anything_else_is_wrong() -> None:
    for model in ({}, {"model": None}, {"model": ""}):
        with pytest.raises(errors.MissingParameter) as caught:
            peek(json.dumps({**model, "input": 5, "stream": "wrong"}).encode())
        assert caught.value.param == "model"
    with pytest.raises(errors.InvalidParameter):
        peek(b'{"model":["m"],"input":[]}')


@pytest.mark.parametrize(
    ("members", "code", "param"),
    [
        ({"input": None}, "missing_parameter", "input"),
        ({"input": ""}, "missing_parameter", "input"),
        ({"input": []}, "invalid_parameter", "input"),
        ({"input": {"role": "user"}}, "invalid_parameter", "input"),
        ({"input": [1]}, "invalid_parameter", "input[0]"),
        ({"input": [{"content": "x"}]}, "missing_parameter", "input[0].role"),
        ({"input": [{"type": "message", "content": "x"}]}, "missing_parameter", "input[0].role"),
        ({"input": [{"role": "robot", "content": "x"}]}, "invalid_parameter", "input[0].role"),
        ({"input": [{"role": "tool", "content": "x"}]}, "invalid_parameter", "input[0].role"),
        ({"input": [{"role": "user", "content": 1}]}, "invalid_parameter", "input[0].content"),
        ({"input": [{"role": "user", "content": ["x"]}]}, "invalid_parameter", "input[0].content"),
        ({"input": [{"type": 5}]}, "invalid_parameter", "input[0].type"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "unsupported_parameter", "input[0]"),
        ({"input": [{"id": "msg_1"}]}, "unsupported_parameter", "input[0]"),
        ({"previous_response_id": "resp_1"}, "unsupported_parameter", "previous_response_id"),
        ({"previous_response_id": 5}, "invalid_parameter", "previous_response_id"),
        ({"conversation": "conv_1"}, "unsupported_parameter", "conversation"),
        ({"prompt": {"id": "pmpt_1"}}, "unsupported_parameter", "prompt"),
        ({"stream": "true"}, "invalid_parameter", "stream"),
        ({"store": 1}, "invalid_parameter", "store"),
        ({"background": "no"}, "invalid_parameter", "background"),
        ({"max_output_tokens": "100"}, "invalid_parameter", "max_output_tokens"),
        ({"max_output_tokens": True}, "invalid_parameter", "max_output_tokens"),
        ({"max_output_tokens": 0}, "invalid_parameter", "max_output_tokens"),
        ({"instructions": ["x"]}, "invalid_parameter", "instructions"),
        ({"temperature": "hot"}, "invalid_parameter", "temperature"),
        ({"temperature": True}, "invalid_parameter", "temperature"),
        ({"tools": {}}, "invalid_parameter", "tools"),
        ({"tools": ["f"]}, "invalid_parameter", "tools"),
        ({"include": "all"}, "invalid_parameter", "include"),
        ({"include": [5]}, "invalid_parameter", "include"),
        ({"text": "plain"}, "invalid_parameter", "text"),
        ({"reasoning": "high"}, "invalid_parameter", "reasoning"),
        ({"metadata": "x"}, "invalid_parameter", "metadata"),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else None,
)
def test_a_wrong_member_waits_in_the_envelope_until_the_model_was_found(
    members: dict[str, Any], code: str, param: str
) -> None:
    envelope = peek(asking(**members))
    assert envelope.model == "m"
    assert envelope.fault is not None
    assert (envelope.fault.code, envelope.fault.param) == (code, param)


def test_a_number_beyond_every_range_is_a_wrong_value_and_no_crash() -> None:
    envelope = peek(b'{"model":"m","input":"x","temperature":1e999}')
    assert envelope.fault is not None
    assert envelope.fault.param == "temperature"


def test_the_prompt_is_text_media_and_framing() -> None:
    image = "A" * 4000
    body = asking(
        instructions="brief",
        input=[
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "what is this?"},
                    {"type": "input_image", "image_url": f"data:image/png;base64,{image}"},
                    {"type": "input_image", "image_url": "https://example.com/a.png"},
                    {"type": "input_audio", "input_audio": {"data": "A" * 400, "format": "wav"}},
                    {"type": "input_file", "filename": "a.pdf", "file_data": f"data:application/pdf;base64,{image}"},
                ],
            },
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA"},
            {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": '{"a":1}'},
            {"type": "function_call_output", "call_id": "call_1", "output": "result"},
            {"type": "image_generation_call", "id": "ig_1", "result": image},
        ],
        tools=[{"type": "function", "name": "f", "description": "does something"}],
        text={"format": {"type": "json_schema", "name": "n", "schema": {"title": "a schema"}}},
    )
    texts = list(text_of(body))
    wanted = ["brief", "what is this?", "gAAAA", "f", '{"a":1}', "result"]
    assert [text for text in texts if text in wanted] == wanted
    assert any("does something" in text for text in texts)
    assert any("a schema" in text for text in texts)
    assert not any("AAAAAA" in text or "example.com" in text or "call_1" in text for text in texts)
    weighed = measure(body)
    assert (weighed.images, weighed.audio_bytes, weighed.document_bytes, weighed.messages) == (3, 300, 3000, 6)
    assert weighed.text_bytes == sum(len(text) for text in texts)
