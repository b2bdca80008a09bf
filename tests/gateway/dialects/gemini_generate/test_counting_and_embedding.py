"""countTokens, embedContent and batchEmbedContents: what is asked, and what is answered."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway import errors
from gateway.canonical import Message, Text
from gateway.dialects.gemini_generate import counting_tokens, embedding, request
from gateway.dialects.gemini_generate.embedding import Embedded, Embedding

CONTENTS = [{"role": "user", "parts": [{"text": "Hi"}]}]


def coded(value: Any) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    "body",
    [
        {"contents": CONTENTS},
        {"generateContentRequest": {"contents": CONTENTS}},
        {"generate_content_request": {"model": "models/m", "contents": CONTENTS}},
        {"generateContentRequest": None, "contents": CONTENTS},
    ],
)
def test_what_is_to_be_counted_is_found_in_both_forms(body: dict[str, Any]) -> None:
    inside = counting_tokens.content(coded(body))
    assert request.peek(inside, model="m").fault is None
    assert list(request.text_of(inside)) == ["user", "Hi"]
    assert counting_tokens.parse(coded(body), model="m").messages == [Message("user", [Text("Hi")])]


@pytest.mark.parametrize(
    "body",
    [
        b'{"generateContentRequest":{"contents":[]},"generateContentRequest":{"contents":[]}}',
        b'{"generateContentRequest":{"contents":[]},"contents":[]}',
        b'{"generateContentRequest":[]}',
        b'{"generateContentRequest":',
        b'["generateContentRequest"]',
    ],
)
def test_what_cannot_be_counted_is_refused(body: bytes) -> None:
    for read in (
        counting_tokens.content,
        counting_tokens.parse,
        lambda body: counting_tokens.retarget(body, model="g"),
    ):
        with pytest.raises((errors.InvalidJson, errors.InvalidParameter)):
            read(body)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'{"contents":[]}', b'{"contents":[]}'),
        (
            b'{"a":{}, "generateContentRequest": {}}',
            b'{"a":{}, "generateContentRequest": {"model":"models/gemini-9"}}',
        ),
        (
            b'{"generate_content_request":{"contents":[], "model": "models/dear"}}',
            b'{"generate_content_request":{"contents":[], "model": "models/gemini-9"}}',
        ),
    ],
)
def test_the_model_of_the_address_is_the_one_that_counts(before: bytes, after: bytes) -> None:
    assert counting_tokens.retarget(before, model="gemini-9") == after


def test_a_count_is_asked_for_and_answered() -> None:
    asked = counting_tokens.parse(coded({"contents": CONTENTS}), model="m")
    body = json.loads(counting_tokens.render(asked, "gemini-9"))
    assert body["generateContentRequest"]["model"] == "models/gemini-9"
    assert counting_tokens.read(counting_tokens.answer(31)) == 31
    for wrong in (b"", b"{}", b"[]", b'{"totalTokens":-1}', b'{"totalTokens":"9"}'):
        with pytest.raises(errors.UpstreamError):
            counting_tokens.read(wrong)


def single(text: str, **members: Any) -> dict[str, Any]:
    return {"content": {"parts": [{"text": text}]}, **members}


def test_one_text_and_many_are_read_alike() -> None:
    options = {"taskType": "RETRIEVAL_QUERY", "outputDimensionality": 256}
    wanted = Embedding(["a ü"], 256, {"taskType": "RETRIEVAL_QUERY"})
    assert embedding.parse_request(coded(single("a ü", **options)), batch=False) == wanted
    snake = {"task_type": "RETRIEVAL_QUERY", "output_dimensionality": "256"}
    assert embedding.parse_request(coded(single("a ü", model="models/m", **snake)), batch=False, model="m") == wanted
    many = {"requests": [single("a", model="models/m", **options), single("b", **snake)]}
    both = embedding.parse_request(coded(many), batch=True, model="m")
    assert both == Embedding(["a", "b"], 256, {"taskType": "RETRIEVAL_QUERY"})
    assert wanted.size == 4


def test_an_embedding_that_was_written_reads_the_same() -> None:
    wanted = Embedding(["a", "b"], 64, {"title": "x"})
    body = embedding.render_request(wanted, "gemini-embedding-001")
    assert embedding.parse_request(body, batch=True, model="gemini-embedding-001") == wanted
    vectors = Embedded([[0.5, -1], [2, 3e-5]], 7)
    assert embedding.parse_response(embedding.render_response(vectors, batch=True)) == vectors
    one = Embedded([[0.5]])
    assert embedding.parse_response(embedding.render_response(one, batch=False)) == one


@pytest.mark.parametrize(
    ("body", "batch", "error"),
    [
        (b"", False, errors.InvalidJson),
        (b"[]", False, errors.InvalidJson),
        (coded({}), False, errors.MissingParameter),
        (coded({"content": "x"}), False, errors.InvalidParameter),
        (coded({"content": {"parts": []}}), False, errors.MissingParameter),
        (coded({"content": {"parts": [{"inlineData": {}}]}}), False, errors.UnsupportedCapability),
        (coded(single("a", outputDimensionality=0)), False, errors.InvalidParameter),
        (coded(single("a", model="models/dear")), False, errors.InvalidParameter),
        (coded({"requests": []}), True, errors.MissingParameter),
        (coded({"requests": ["a"]}), True, errors.InvalidParameter),
        (coded({"requests": [single("a")] * 2049}), True, errors.InvalidParameter),
        (
            coded({"requests": [single("a", model="models/m"), single("a", model="dear")]}),
            True,
            errors.InvalidParameter,
        ),
        (coded({"requests": [single("a"), single("b", outputDimensionality=5)]}), True, errors.InvalidParameter),
    ],
)
def test_what_cannot_be_embedded_is_refused(body: bytes, batch: bool, error: type[errors.GatewayError]) -> None:
    with pytest.raises(error):
        embedding.parse_request(body, batch=batch, model="m")


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"embeddings":[{}]}', b'{"error":{"code":500}}'])
def test_what_is_no_embedding_is_an_error_of_the_provider(body: bytes) -> None:
    with pytest.raises(errors.UpstreamError):
        embedding.parse_response(body)
