"""What a usage object means in classes that do not overlap, and what a whole answer says about itself."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.usage import Usage
from gateway.dialects.openai_responses.counting import read_usage, render_usage
from gateway.dialects.openai_responses.usage import read


def usage(prompt: Any, answer: Any, *, inside: Any = None, outside: Any = None, **members: Any) -> dict[str, Any]:
    value = {"input_tokens": prompt, "output_tokens": answer, **members}
    if inside is not None:
        value["input_tokens_details"] = inside
    if outside is not None:
        value["output_tokens_details"] = outside
    return value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (usage(10, 5), Usage(input=10, output=5)),
        (usage(10, 5, inside={"cached_tokens": 4}), Usage(input=6, cached_input=4, output=5)),
        (
            usage(10, 5, inside={"cached_tokens": 4, "cache_write_tokens": 3}, outside={"reasoning_tokens": 2}),
            Usage(input=3, cached_input=4, cache_write_5m=3, output=3, reasoning=2),
        ),
        (
            usage(
                10,
                5,
                inside={
                    "cache_write_tokens": 7,
                    "cache_write_tokens_details": {"ttl_30m_tokens": 3, "ttl_12h_tokens": 4},
                },
            ),
            Usage(input=3, cache_write_5m=3, cache_write_1h=4, output=5),
        ),
        (
            usage(10, 5, inside={"audio_tokens": 2, "image_tokens": 3}, outside={"audio_tokens": 1, "image_tokens": 2}),
            Usage(input=5, audio_input=2, image_input=3, output=2, audio_output=1, image_output=2),
        ),
        (usage(10, 5, inside=None, outside={"reasoning_tokens": None}), Usage(input=10, output=5)),
        (usage(10, 5, outside={"reasoning_tokens": 20}, total_tokens=35), Usage(input=10, output=5, reasoning=20)),
        (usage(10.0, 5.0), Usage(input=10, output=5)),
    ],
)
def test_usage_is_taken_apart(value: Any, expected: Usage) -> None:
    assert read_usage(value) == (expected, False)


@pytest.mark.parametrize(
    "value",
    [
        usage(-1, 5),
        usage("10", 5),
        usage(10, True),
        usage(10, 10**9),
        usage(10, 5, inside={"cached_tokens": -1}),
        usage(10, 5, inside="x"),
        usage(10, None),
        usage(0, 0),
        {"total_tokens": 5},
        "x",
        5,
        [],
    ],
    ids=repr,
)
def test_usage_that_cannot_be_true_is_rejected(value: Any) -> None:
    assert read_usage(value) == (None, True)


@pytest.mark.parametrize("value", [None, {}, {"input_tokens": None}])
def test_usage_that_is_not_there_is_not_suspect(value: Any) -> None:
    assert read_usage(value) == (None, False)


def test_more_cached_than_there_was_is_suspect_and_never_more_than_the_whole() -> None:
    reading = read_usage(usage(10, 5, inside={"cached_tokens": 15}, outside={"reasoning_tokens": 9}))
    assert reading == (Usage(cached_input=10, reasoning=5), True)


def test_what_the_image_tool_used_comes_on_top() -> None:
    tools = {"image_gen": {"input_tokens": 50, "output_tokens": 1056}, "web_search": {"num_requests": 1}}
    assert read_usage(usage(10, 5), tools).usage == Usage(input=10, output=5, image_input=50, image_output=1056)
    assert read_usage(usage(10, 5), {"image_gen": {"output_tokens": -1}}) == (None, True)
    assert read_usage(usage(10, 5), "x").usage == Usage(input=10, output=5)


COUNTS = st.integers(0, 10**5)


@given(st.builds(Usage, COUNTS, COUNTS, COUNTS, st.just(0), COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS))
def test_usage_keeps_its_meaning(used: Usage) -> None:
    if used.prompt + used.completion:
        assert read_usage(render_usage(used)) == (used, False)
    value = render_usage(used)
    assert value["total_tokens"] == value["input_tokens"] + value["output_tokens"]


def answer(*output: Any, **members: Any) -> bytes:
    value = {"id": "resp_1", "object": "response", "status": "completed", "model": "theirs", "output": list(output)}
    return json.dumps({**value, **members}).encode()


def test_all_output_of_an_answer_is_found() -> None:
    report = read(
        answer(
            {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "a"}], "content": None},
            {"type": "message", "content": [{"type": "output_text", "text": "b"}, {"type": "refusal", "refusal": "c"}]},
            {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "x"},
            {"type": "custom_tool_call", "name": "g", "input": "d"},
            {"type": "code_interpreter_call", "code": "e"},
        )
    )
    assert report.texts == ["a", "b", "c", "f", "{}", "g", "d", "e"]
    assert report.produced
    assert (report.finish, report.model, report.id) == ("completed", "theirs", "resp_1")


@pytest.mark.parametrize(
    ("item", "produced"),
    [
        ({"type": "reasoning", "summary": [], "encrypted_content": "gAAAA"}, True),
        ({"type": "reasoning", "summary": []}, False),
        ({"type": "message", "content": []}, False),
        ({"type": "message", "content": [{"type": "output_text", "text": ""}]}, False),
        ({"type": "image_generation_call", "result": "AAAA"}, True),
        ({"type": "web_search_call"}, True),
    ],
)
def test_output_is_output_also_without_words(item: Any, produced: bool) -> None:
    assert read(answer(item)).produced == produced


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (answer(status="failed", error={"code": "rate_limit_exceeded", "message": "m"}), "rate_limited"),
        (answer(status="failed", error=None), "server"),
        (answer(status="cancelled"), "server"),
        (b'{"error":{"message":"m","type":"invalid_request_error"}}', "bad_request"),
        (b'{"error":"out of memory"}', "server"),
    ],
)
def test_a_failure_inside_an_answer_is_seen(body: bytes, kind: str) -> None:
    report = read(body)
    assert report.error is not None
    assert report.error.kind == kind


def test_a_sound_answer_is_no_failure() -> None:
    assert read(answer(error=None)).error is None
    assert read(answer(status="incomplete", incomplete_details={"reason": "max_output_tokens"})).error is None
