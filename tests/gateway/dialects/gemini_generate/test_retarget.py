"""A customer's body on its way to the provider: only the output limit may change."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import errors
from gateway.dialects.gemini_generate import request, response, stream


def limited(body: bytes, most: int | None) -> bytes:
    return request.retarget(body, model="upstream-1", ask_usage=True, max_output=most)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'{"contents":[]}', b'{"generationConfig":{"maxOutputTokens":50},"contents":[]}'),
        (b"{}", b'{"generationConfig":{"maxOutputTokens":50}}'),
        (b'{"generationConfig": null }', b'{"generationConfig": {"maxOutputTokens":50} }'),
        (b'{"generationConfig":{}}', b'{"generationConfig":{"maxOutputTokens":50}}'),
        (b'{"generationConfig":{"topK":1}}', b'{"generationConfig":{"maxOutputTokens":50,"topK":1}}'),
        (b'{"generation_config":{"topK":1}}', b'{"generation_config":{"maxOutputTokens":50,"topK":1}}'),
        (b'{"generationConfig":{"maxOutputTokens": 100}}', b'{"generationConfig":{"maxOutputTokens": 50}}'),
        (b'{"generationConfig":{"max_output_tokens":"100"}}', b'{"generationConfig":{"max_output_tokens":50}}'),
        (b'{"generationConfig":{"maxOutputTokens":null}}', b'{"generationConfig":{"maxOutputTokens":50}}'),
        (b'{"generationConfig":{"maxOutputTokens":1e400}}', b'{"generationConfig":{"maxOutputTokens":50}}'),
        (b'{"generationConfig":{"maxOutputTokens":50}}', b'{"generationConfig":{"maxOutputTokens":50}}'),
        (b'{"generationConfig":{"maxOutputTokens":7}}', b'{"generationConfig":{"maxOutputTokens":7}}'),
    ],
)
def test_a_limit_is_set_in_place_and_smaller_ones_stay(before: bytes, after: bytes) -> None:
    assert limited(before, 50) == after


def test_neither_the_model_nor_usage_is_written_into_the_body() -> None:
    body = b'{ "model":"models/x", "contents" : [ ] }'
    assert limited(body, None) is body


@pytest.mark.parametrize(
    "body",
    [
        b'{"contents":[],"contents":[]}',
        b'{"generationConfig":{},"generation_config":{}}',
        b'{"generationConfig":{"maxOutputTokens":1,"maxOutputTokens":9000}}',
        b'{"generationConfig":{"maxOutputTokens":1,"max_output_tokens":9000}}',
        b'{"generation_config":{"max_output_tokens":1,"maxOutputTokens":9000}}',
    ],
)
def test_a_member_that_stands_twice_is_refused_in_every_spelling(body: bytes) -> None:
    for most in (None, 50):
        with pytest.raises(errors.InvalidJson):
            limited(body, most)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text(max_size=5), JSON, max_size=3),
    st.dictionaries(st.text(max_size=5), JSON, max_size=3),
    st.none() | st.integers(1, 10**6),
    st.sampled_from([None, 0, 2]),
)
def test_nothing_but_the_limit_ever_changes(
    members: dict[str, Any], config: dict[str, Any], asked: int | None, indent: int | None
) -> None:
    if asked is not None:
        config["maxOutputTokens"] = asked
    members["generationConfig"] = config
    changed = json.loads(limited(json.dumps(members, indent=indent).encode(), 500))
    assert changed["generationConfig"].pop("maxOutputTokens") == min(asked or 500, 500)
    members["generationConfig"] = {name: value for name, value in config.items() if name != "maxOutputTokens"}
    assert changed == members


@pytest.mark.parametrize(
    "body",
    [
        '{"candidates":[{"content":{"parts":[{"text":"\\"modelVersion\\":\\"x\\"}"}]}}],"modelVersion" : "g","n":1 }\n',
        '{"modelVersion":"g","candidates":[{"modelVersion":"x"}]}',
        '{"candidates":[{"modelVersion":"x"}],"modelVersion":"g"}',
        '{"a":"modelVersion","modelVersion":"g","usageMetadata":{"b":{"modelVersion":"x"}}}',
        '{"modelVersion":"g","a":",","b":["modelVersion"]}',
    ],
)
def test_only_the_answers_own_model_is_renamed(body: str) -> None:
    expected = json.loads(body)
    expected["modelVersion"] = "ours"
    assert json.loads(response.rename(body.encode(), "ours")) == expected
    event = f"data: {body.strip()}\r\n\r\n".encode()
    renamed = stream.rename(event, "ours")
    assert json.loads(renamed.removeprefix(b"data: ")) == expected
    assert renamed.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "body",
    [
        '{"candidates":[{"modelVersion":"x"}]}',
        '{"a\\"modelVersion":"x"}',
        '{"a":{"modelVersion":"x"}}',
        '{"a":"modelVersion"}',
        "[]",
        "{",
    ],
)
def test_an_answer_that_names_no_model_stays_as_it_is(body: str) -> None:
    assert response.rename(body.encode(), "ours") == body.encode()
    event = f"data: {body}\n\n".encode()
    assert stream.rename(event, "ours") == event
