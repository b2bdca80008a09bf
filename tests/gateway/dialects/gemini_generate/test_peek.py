"""What the relay sees of a generateContent request without decoding it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway import errors
from gateway.dialects.gemini_generate import request

ASKED = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}


def body(**members: Any) -> bytes:
    return json.dumps({**ASKED, **members}).encode()


def test_the_model_and_the_streaming_come_from_the_path() -> None:
    envelope = request.peek(body(), model="gemini-2.5-flash", stream=True)
    assert (envelope.model, envelope.stream, envelope.wants_usage) == ("gemini-2.5-flash", True, True)
    assert (envelope.max_output, envelope.choices, envelope.has_media) == (None, 1, False)
    assert envelope.fault is None


@pytest.mark.parametrize(
    ("config", "most", "choices"),
    [
        ({"generationConfig": {"maxOutputTokens": 9, "candidateCount": 2}}, 9, 2),
        ({"generation_config": {"max_output_tokens": 9, "candidate_count": 2}}, 9, 2),
        ({"generationConfig": {"max_output_tokens": 9}}, 9, 1),
        ({"generationConfig": {"maxOutputTokens": "9"}}, 9, 1),  # JSON of this wire writes whole numbers so too
        ({"generationConfig": {"maxOutputTokens": 9.0}}, 9, 1),
        ({"generationConfig": {"maxOutputTokens": None}}, None, 1),
        ({"generationConfig": None}, None, 1),
    ],
)
def test_limits_are_read_in_every_spelling(config: dict[str, Any], most: int | None, choices: int) -> None:
    envelope = request.peek(body(**config), model="m")
    assert (envelope.max_output, envelope.choices, envelope.fault) == (most, choices, None)


@pytest.mark.parametrize(
    "contents",
    [
        {"parts": {"text": "Hi"}},
        {"role": "user", "parts": [{"text": "Hi"}]},
        [
            {"parts": [{"text": "Hi"}]},
            {"role": "model", "parts": [{"text": "Yes?"}]},
            {"role": "function", "parts": []},
        ],
        [{"role": "", "parts": None}],
    ],
)
def test_a_lone_value_stands_for_a_list_of_one(contents: Any) -> None:
    assert request.peek(json.dumps({"contents": contents}).encode(), model="m").fault is None


@pytest.mark.parametrize(
    "part",
    [
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
        {"inline_data": {"mime_type": "image/png", "data": "AAAA"}},
        {"fileData": {"fileUri": "https://example.com/a.png"}},
        {"file_data": {"file_uri": "https://example.com/a.png"}},
        {"functionResponse": {"name": "f", "response": {}, "parts": [{"inlineData": {"data": "AA=="}}]}},
    ],
)
def test_media_are_seen_wherever_they_are(part: dict[str, Any]) -> None:
    for members in ({"contents": [{"parts": [part]}]}, {**ASKED, "systemInstruction": {"parts": [part]}}):
        envelope = request.peek(json.dumps(members).encode(), model="m")
        assert envelope.has_media
        assert envelope.fault is None


@pytest.mark.parametrize(
    ("members", "code", "param"),
    [
        ({"contents": None}, "missing_parameter", "contents"),
        ({"contents": []}, "invalid_parameter", "contents"),
        ({"contents": "Hi"}, "invalid_parameter", "contents[0]"),
        ({"contents": [{"role": "assistant", "parts": []}]}, "invalid_parameter", "contents[0].role"),
        ({"contents": [{"parts": ["Hi"]}]}, "invalid_parameter", "contents[0].parts[0]"),
        ({"contents": [{"parts": [{"text": 1}]}]}, "invalid_parameter", "contents[0].parts[0].text"),
        ({"contents": [{"parts": [{"inlineData": 1}]}]}, "invalid_parameter", "contents[0].parts[0].inlineData"),
        ({"systemInstruction": "Be kind."}, "invalid_parameter", "systemInstruction"),
        ({"generationConfig": []}, "invalid_parameter", "generationConfig"),
        ({"generationConfig": {"maxOutputTokens": 0}}, "invalid_parameter", "generationConfig.maxOutputTokens"),
        ({"generationConfig": {"maxOutputTokens": "many"}}, "invalid_parameter", "generationConfig.maxOutputTokens"),
        ({"generationConfig": {"maxOutputTokens": True}}, "invalid_parameter", "generationConfig.maxOutputTokens"),
        ({"generationConfig": {"candidateCount": 9}}, "invalid_parameter", "generationConfig.candidateCount"),
        ({"generationConfig": {"temperature": "hot"}}, "invalid_parameter", "generationConfig.temperature"),
        ({"generationConfig": {"stopSequences": [1]}}, "invalid_parameter", "generationConfig.stopSequences"),
        (
            {"generationConfig": {"maxOutputTokens": 1, "max_output_tokens": 9000}},
            "invalid_parameter",
            "generationConfig.maxOutputTokens",
        ),
        ({"generationConfig": {}, "generation_config": {}}, "invalid_parameter", "generationConfig"),
        ({"generationConfig": {"topP": "all"}}, "invalid_parameter", "generationConfig.topP"),
        ({"generationConfig": {"top_k": 1.5}}, "invalid_parameter", "generationConfig.topK"),
        ({"generationConfig": {"thinkingConfig": "hard"}}, "invalid_parameter", "generationConfig.thinkingConfig"),
        ({"toolConfig": "ANY"}, "invalid_parameter", "toolConfig"),
        ({"tools": ["search"]}, "invalid_parameter", "tools[0]"),
        ({"model": "models/other"}, "invalid_parameter", "model"),
    ],
)
def test_what_is_wrong_waits_in_the_envelope(members: dict[str, Any], code: str, param: str) -> None:
    envelope = request.peek(body(**members), model="m")
    assert envelope.fault is not None
    assert (envelope.fault.code, envelope.fault.param) == (code, param)
    with pytest.raises(errors.GatewayError) as caught:
        request.parse(body(**members), model="m")
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"cachedContent": "cachedContents/abc"}, "cachedContent"),
        ({"cached_content": "cachedContents/abc"}, "cachedContent"),
        ({"tools": [{"fileSearch": {"fileSearchStoreNames": ["fileSearchStores/x"]}}]}, "tools[0].fileSearch"),
        ({"tools": {"file_search": {}}}, "tools[0].fileSearch"),
    ],
)
def test_what_lies_in_the_store_that_all_customers_share_is_refused(members: dict[str, Any], param: str) -> None:
    fault = request.peek(body(**members), model="m").fault
    assert isinstance(fault, errors.UnsupportedParameter)
    assert fault.param == param


@pytest.mark.parametrize(
    "address",
    [
        "https://generativelanguage.googleapis.com/v1beta/files/abc",
        "HTTPS://generativelanguage.googleapis.com/v1beta/files/abc",
        "https://GenerativeLanguage.googleapis.com:443/v1beta/files/abc",
        "https://x@generativelanguage.mtls.googleapis.com/v1beta/files/abc",
        "files/abc",
        "gs://bucket/abc",
        "https://[",
    ],
)
def test_files_in_the_shared_store_are_refused_wherever_they_are_named(address: str) -> None:
    file = {"fileData": {"mimeType": "image/png", "fileUri": address}}
    other = {"file_data": {"mime_type": "image/png", "file_uri": address}}
    hidden = {"functionResponse": {"name": "f", "response": {}, "parts": [file]}}
    for part in (file, other, {"text": "", **file}, hidden):
        fault = request.peek(json.dumps({"contents": [{"parts": [part]}]}).encode(), model="m").fault
        assert isinstance(fault, errors.InvalidMedia), part


@pytest.mark.parametrize("wrong", [b"", b"[]", b"null", b'"x"', b"\xff{}", b'{"contents":', b'{"a":"\xff"}'])
def test_what_is_no_json_object_is_refused_at_once(wrong: bytes) -> None:
    with pytest.raises(errors.InvalidJson):
        request.peek(wrong, model="m")


def test_without_a_model_a_fault_is_raised_because_no_unknown_model_comes_before_it() -> None:
    with pytest.raises(errors.MissingParameter):
        request.peek(b"{}")
    assert request.peek(b"{}", model="m").fault is not None


def test_a_model_in_the_body_must_be_that_of_the_path() -> None:
    assert request.peek(body(model="models/m"), model="m").fault is None
    assert request.peek(body(model="m"), model="m").fault is None


def test_media_weigh_what_they_are_and_not_their_base64() -> None:
    parts = [
        {"text": "Read:"},
        {"inlineData": {"mimeType": "image/png", "data": "A" * 400}},
        {"inline_data": {"mime_type": "audio/wav", "data": "A" * 400}},
        {"inlineData": {"mimeType": "application/pdf", "data": "A" * 400}},
        {"fileData": {"mimeType": "video/mp4", "fileUri": "https://example.com/a.mp4"}},
        {
            "functionResponse": {
                "name": "f",
                "response": {"sky": "blue"},
                "parts": [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}],
            }
        },
    ]
    asked = json.dumps({"contents": [{"role": "user", "parts": parts}]}).encode()
    measure = request.measure(asked)
    assert (measure.images, measure.audio_bytes, measure.messages) == (2, 300, 1)
    assert measure.document_bytes > 300
    assert measure.text_bytes < 40
    texts = list(request.text_of(asked))
    assert "Read:" in texts
    assert '{"sky":"blue"}' in texts
