"""The envelope of a chat completion request: what is read, and what is wrong with a wrong one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway import errors
from gateway.canonical import Envelope
from gateway.dialects.openai_chat.request import measure, peek, text_of

HELLO = [{"role": "user", "content": "hello"}]


def asking(**members: Any) -> bytes:
    return json.dumps({"model": "m", "messages": HELLO, **members}).encode()


def test_everything_the_relay_needs_is_read() -> None:
    body = asking(stream=True, stream_options={"include_usage": True}, max_tokens=7, n=3)
    assert peek(body) == Envelope("m", True, True, 7, 3, len(body), False, None)


def test_what_is_not_said_is_not_assumed() -> None:
    body = asking()
    assert peek(body) == Envelope("m", False, False, None, 1, len(body), False, None)
    nulls = asking(stream=None, stream_options=None, max_tokens=None, max_completion_tokens=None, n=None, tools=None)
    assert peek(nulls) == Envelope("m", False, False, None, 1, len(nulls), False, None)


@pytest.mark.parametrize(("old", "new"), [(5, 9), (9, 5)])
def test_of_two_output_limits_the_larger_is_covered(old: int, new: int) -> None:
    assert peek(asking(max_tokens=old, max_completion_tokens=new)).max_output == 9


def test_unknown_fields_and_huge_numbers_pass() -> None:
    body = asking(tomorrow={"deep": [1, {"x": 10**400}]}, seed=10**30, max_tokens=10**40)
    assert peek(body).fault is None
    assert peek(body).max_output == 10**40


def test_a_whole_number_written_as_a_float_is_one() -> None:
    envelope = peek(b'{"model":"m","messages":[{"role":"user","content":"x"}],"max_tokens":50.0}')
    assert (envelope.fault, envelope.max_output) == (None, 50)


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "of_tomorrow"},
    ],
    ids=lambda part: part["type"],
)
def test_media_are_noticed(part: dict[str, Any]) -> None:
    body = asking(messages=[{"role": "user", "content": [{"type": "text", "text": "see"}, part]}])
    assert peek(body).has_media
    assert not peek(asking(messages=[{"role": "user", "content": [{"type": "text", "text": "image_url"}]}])).has_media


@pytest.mark.parametrize(
    ("body", "position"),
    [
        (b"", 0),
        (b"   ", 3),
        (b"hello", 0),
        (b"[]", 0),
        (b'"x"', 0),
        (b"null", 0),
        (b'{"model":"m","messages":[{"role":"user","content":"x"}]} x', 58),
        (b'{"model":"m","messages":[{"role":"user","content":"\xff"}]}', 51),
        (b'{"model":"m","messages":[{"role":"user","content":"x"}],"y":"\xc3("}', 61),
        (b'{"model":"m","messages":[{"role":"user","content":"x"}],"y":NaN}', 60),
        (b'{"model":"m","messages":[{"role":"user","content":"x"}],"y":Infinity}', 60),
        (b'{"model":"m","messages":[{"role":"user","content":"x","y":-}]}', 59),
        (b"{'model':'m'}", 1),
        (b"\xef\xbb\xbf{}", 0),
        (b'{"model":"m",}', 13),
        (b'{"model":"m","messages":[{"role":"user","content":"a\nb"}]}', 52),
        (b"\x00\x01\x02", 0),
    ],
)
def test_what_is_no_json_object_is_refused_with_the_place(body: bytes, position: int) -> None:
    with pytest.raises(errors.InvalidJson) as caught:
        peek(body)
    assert caught.value.meta["position"] == position


def test_a_model_is_missing_before_anything_else_is_wrong() -> None:
    for model in ({}, {"model": None}, {"model": ""}):
        with pytest.raises(errors.MissingParameter) as caught:
            peek(json.dumps({**model, "messages": "wrong", "stream": "wrong"}).encode())
        assert caught.value.param == "model"
    with pytest.raises(errors.InvalidParameter) as wrong:
        peek(b'{"model":["m"],"messages":[]}')
    assert wrong.value.param == "model"


@pytest.mark.parametrize(
    ("members", "code", "param"),
    [
        ({"messages": None}, "missing_parameter", "messages"),
        ({"messages": []}, "invalid_parameter", "messages"),
        ({"messages": "hi"}, "invalid_parameter", "messages"),
        ({"messages": {"role": "user"}}, "invalid_parameter", "messages"),
        ({"messages": [1]}, "invalid_parameter", "messages[0]"),
        ({"messages": [*HELLO, None]}, "invalid_parameter", "messages[1]"),
        ({"messages": [{"content": "x"}]}, "missing_parameter", "messages[0].role"),
        ({"messages": [{"role": 1, "content": "x"}]}, "invalid_parameter", "messages[0].role"),
        ({"messages": [{"role": ["user"], "content": "x"}]}, "invalid_parameter", "messages[0].role"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "invalid_parameter", "messages[0].role"),
        ({"messages": [{"role": "user", "content": 1}]}, "invalid_parameter", "messages[0].content"),
        ({"messages": [{"role": "user", "content": {"a": 1}}]}, "invalid_parameter", "messages[0].content"),
        ({"messages": [{"role": "user", "content": ["x"]}]}, "invalid_parameter", "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": 5}]}]}, "invalid_parameter", "messages[0].content"),
        ({"stream": "true"}, "invalid_parameter", "stream"),
        ({"stream": 1}, "invalid_parameter", "stream"),
        ({"stream_options": "usage"}, "invalid_parameter", "stream_options"),
        ({"stream_options": {"include_usage": "yes"}}, "invalid_parameter", "stream_options"),
        ({"max_tokens": "100"}, "invalid_parameter", "max_tokens"),
        ({"max_tokens": 1.5}, "invalid_parameter", "max_tokens"),
        ({"max_tokens": True}, "invalid_parameter", "max_tokens"),
        ({"max_tokens": 0}, "invalid_parameter", "max_tokens"),
        ({"max_tokens": -1, "max_completion_tokens": 5}, "invalid_parameter", "max_tokens"),
        ({"max_completion_tokens": [1]}, "invalid_parameter", "max_completion_tokens"),
        ({"n": 0}, "invalid_parameter", "n"),
        ({"n": 129}, "invalid_parameter", "n"),
        ({"n": "2"}, "invalid_parameter", "n"),
        ({"temperature": "hot"}, "invalid_parameter", "temperature"),
        ({"temperature": True}, "invalid_parameter", "temperature"),
        ({"top_p": []}, "invalid_parameter", "top_p"),
        ({"logprobs": 5}, "invalid_parameter", "logprobs"),
        ({"top_logprobs": "5"}, "invalid_parameter", "top_logprobs"),
        ({"tools": {}}, "invalid_parameter", "tools"),
        ({"tools": ["f"]}, "invalid_parameter", "tools"),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else None,
)
def test_a_wrong_member_waits_in_the_envelope_until_the_model_was_found(
    members: dict[str, Any], code: str, param: str
) -> None:
    body = json.dumps({"model": "m", "messages": HELLO, **members}).encode()
    envelope = peek(body)
    assert envelope.model == "m"
    assert envelope.fault is not None
    assert (envelope.fault.code, envelope.fault.param) == (code, param)


def test_a_number_beyond_every_range_is_a_wrong_value_and_no_crash() -> None:
    envelope = peek(b'{"model":"m","messages":[{"role":"user","content":"x"}],"temperature":1e999}')
    assert envelope.fault is not None
    assert envelope.fault.param == "temperature"
    many = peek(b'{"model":"m","messages":[{"role":"user","content":"x"}],"n":' + b"9" * 6000 + b"}")
    assert many.fault is not None
    assert many.fault.param == "n"


def test_the_prompt_is_text_media_and_framing() -> None:
    image = "A" * 4000
    body = json.dumps(
        {
            "model": "m",
            "messages": [
                {"role": "system", "content": "brief"},
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "what is this?"},
                        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{image}"}},
                        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
                        {"type": "input_audio", "input_audio": {"data": "A" * 400, "format": "wav"}},
                        {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{image}"}},
                    ],
                },
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}],
                },
                {"role": "tool", "tool_call_id": "c", "content": "result"},
            ],
            "tools": [{"type": "function", "function": {"name": "f", "description": "does something"}}],
        }
    ).encode()
    texts = list(text_of(body))
    assert [text for text in texts if text in WANTED] == ["brief", "what is this?", "f", '{"a":1}', "result"]
    assert any("does something" in text for text in texts)
    assert not any("AAAA" in text or "example.com" in text for text in texts)
    weighed = measure(body)
    assert (weighed.images, weighed.audio_bytes, weighed.document_bytes, weighed.messages) == (2, 300, 3000, 4)
    assert weighed.text_bytes == sum(len(text) for text in texts)


WANTED = {"brief", "what is this?", "f", '{"a":1}', "result"}
