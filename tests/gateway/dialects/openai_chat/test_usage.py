"""What an answer cost: disjoint classes that sum to the totals, and no belief in figures that cannot be true."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.usage import Usage
from gateway.dialects.openai_chat.counting import read_usage, render_usage
from gateway.dialects.openai_chat.usage import read

COUNT = st.integers(0, 10_000_000)


def test_cached_audio_and_reasoning_are_taken_out_of_the_totals() -> None:
    usage, suspect = read_usage(
        {
            "prompt_tokens": 1000,
            "completion_tokens": 500,
            "total_tokens": 1500,
            "prompt_tokens_details": {
                "cached_tokens": 600,
                "cache_write_tokens": 100,
                "audio_tokens": 50,
                "image_tokens": 30,
                "text_tokens": 220,
            },
            "completion_tokens_details": {"reasoning_tokens": 200, "audio_tokens": 40, "image_tokens": 10},
        }
    )
    assert usage == Usage(
        input=220,
        cached_input=600,
        cache_write_5m=100,
        audio_input=50,
        image_input=30,
        output=250,
        reasoning=200,
        audio_output=40,
        image_output=10,
    )
    assert not suspect


def test_cache_hits_beside_the_details_count_too() -> None:
    usage, _ = read_usage(
        {"prompt_tokens": 20, "completion_tokens": 5, "prompt_cache_hit_tokens": 12, "prompt_cache_miss_tokens": 8}
    )
    assert usage == Usage(input=8, cached_input=12, output=5)


def test_reasoning_outside_the_completion_is_seen_by_the_total_and_billed_once() -> None:
    usage, suspect = read_usage(
        {
            "prompt_tokens": 32,
            "completion_tokens": 9,
            "total_tokens": 135,
            "completion_tokens_details": {"reasoning_tokens": 94},
        }
    )
    assert usage == Usage(input=32, output=9, reasoning=94)
    assert not suspect


def test_cached_tokens_beside_the_prompt_are_seen_by_the_total() -> None:
    usage, suspect = read_usage(
        {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "total_tokens": 115,
            "prompt_tokens_details": {"cached_tokens": 100},
        }
    )
    assert usage == Usage(input=10, cached_input=100, output=5)
    assert not suspect


def test_parts_that_exceed_the_whole_are_cut_in_the_customers_favour_and_flagged() -> None:
    usage, suspect = read_usage(
        {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 100}}
    )
    assert usage == Usage(cached_input=10, output=5)
    assert suspect


@pytest.mark.parametrize("nothing", [None, {}, {"prompt_tokens": None, "completion_tokens": None}, {"cost": 3}])
def test_no_report_is_no_suspicion(nothing: Any) -> None:
    assert read_usage(nothing) == (None, False)


@pytest.mark.parametrize(
    "wrong",
    [
        {"prompt_tokens": -1, "completion_tokens": 5},
        {"prompt_tokens": "19", "completion_tokens": "10", "total_tokens": "29"},
        {"prompt_tokens": 10_000_001, "completion_tokens": 5},
        {"prompt_tokens": 1.5, "completion_tokens": 5},
        {"prompt_tokens": True, "completion_tokens": 5},
        {"prompt_tokens": [1], "completion_tokens": 5},
        {"prompt_tokens": 10},
        {"total_tokens": 15},
        {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": "none"},
        {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": -3}},
        {"prompt_tokens": 10, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": "2"}},
        "lots",
        [1, 2],
        7,
    ],
    ids=repr,
)
def test_a_report_that_cannot_be_true_is_rejected_and_flagged(wrong: Any) -> None:
    assert read_usage(wrong) == (None, True)


@given(
    st.fixed_dictionaries(
        {"prompt_tokens": COUNT, "completion_tokens": COUNT},
        optional={
            "total_tokens": COUNT,
            "prompt_cache_hit_tokens": COUNT,
            "prompt_tokens_details": st.dictionaries(
                st.sampled_from(["cached_tokens", "cache_write_tokens", "audio_tokens", "image_tokens"]),
                COUNT | st.none(),
            )
            | st.none(),
            "completion_tokens_details": st.dictionaries(
                st.sampled_from(["reasoning_tokens", "audio_tokens", "image_tokens"]), COUNT | st.none()
            )
            | st.none(),
        },
    )
)
def test_classes_are_clean_and_sum_to_the_totals(value: dict[str, Any]) -> None:
    usage, suspect = read_usage(value)
    if value["prompt_tokens"] + value["completion_tokens"] == 0:
        assert (usage, suspect) == (None, True)
        return
    assert usage is not None
    assert usage.is_clean
    # Parts stand inside the totals, or, where the provider's own total says so, beside them.
    inside, outside = value.get("prompt_tokens_details") or {}, value.get("completion_tokens_details") or {}
    cached = inside.get("cached_tokens")
    cached = value.get("prompt_cache_hit_tokens") or 0 if cached is None else cached
    written, reasoning = inside.get("cache_write_tokens") or 0, outside.get("reasoning_tokens") or 0
    assert usage.prompt in (value["prompt_tokens"], value["prompt_tokens"] + cached + written)
    assert usage.completion in (value["completion_tokens"], value["completion_tokens"] + reasoning)


@given(
    st.builds(
        Usage,
        input=st.integers(1, 10**6),
        cached_input=st.integers(0, 10**6),
        cache_write_5m=st.integers(0, 10**6),
        output=st.integers(0, 10**6),
        reasoning=st.integers(0, 10**6),
        audio_input=st.integers(0, 10**6),
        audio_output=st.integers(0, 10**6),
        image_input=st.integers(0, 10**6),
        image_output=st.integers(0, 10**6),
    )
)
def test_usage_survives_being_written_and_read(usage: Usage) -> None:
    assert read_usage(json.loads(json.dumps(render_usage(usage)))) == (usage, False)


def answer(message: dict[str, Any], **members: Any) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": None}
    return json.dumps({"id": "c", "model": "m", "choices": [choice], **members}).encode()


@pytest.mark.parametrize(
    "message",
    [
        {"content": "text"},
        {"content": None, "reasoning_content": "thought"},
        {"content": "", "reasoning": "thought"},
        {
            "content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
                {"type": "text", "text": "x"},
            ]
        },
        {"content": None, "refusal": "no"},
        {"content": None, "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": ""}}]},
        {"content": None, "tool_calls": [{"id": "1", "custom": {"name": "f", "input": ""}}]},
        {"content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"content": None, "audio": {"id": "a", "data": "AAAA", "transcript": ""}},
        {"content": "", "images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]},
    ],
)
def test_any_kind_of_output_is_output(message: dict[str, Any]) -> None:
    assert read(answer(message)).produced


@pytest.mark.parametrize("message", [{}, {"content": ""}, {"content": None, "tool_calls": []}, {"content": None}])
def test_an_empty_answer_produced_nothing(message: dict[str, Any]) -> None:
    report = read(answer(message))
    assert not report.produced
    assert report.texts == []
    assert report.finish is None


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        ({"error": {"message": "Rate limit", "code": 429}}, "rate_limited"),
        ({"error": "out of memory"}, "server"),
        ({"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}, "billing"),
        ({"base_resp": {"status_code": 1026, "status_msg": "sensitive"}}, "content_policy"),
        ({"choices": [{"error": {"code": 502, "message": "x"}, "finish_reason": "error"}]}, "server"),
        ({"choices": [{"message": {"content": ""}, "finish_reason": "insufficient_system_resource"}]}, "overloaded"),
    ],
)
def test_a_failure_inside_an_answer_is_seen(members: dict[str, Any], kind: str) -> None:
    report = read(json.dumps({"id": "c", "choices": [], **members}).encode())
    assert report.error is not None
    assert report.error.kind == kind


def test_a_sound_base_response_is_no_failure() -> None:
    assert read(answer({"content": "x"}, base_resp={"status_code": 0, "status_msg": ""})).error is None
