"""What a provider reports, in classes that never overlap, and what a stream says of itself as it passes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.usage import Usage
from gateway.dialects.base import Kind
from gateway.dialects.gemini_generate.counting import read_usage, render_usage
from gateway.dialects.gemini_generate.usage import Watch, read


def event(**members: Any) -> bytes:
    return b"data: " + json.dumps(members).encode() + b"\r\n\r\n"


def candidate(*parts: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"content": {"parts": list(parts), "role": "model"}, **members}


@pytest.mark.parametrize(
    ("metadata", "usage"),
    [
        (
            {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15},
            Usage(input=10, output=5),
        ),
        (
            {"promptTokenCount": 10, "candidatesTokenCount": 5, "thoughtsTokenCount": 40, "totalTokenCount": 55},
            Usage(input=10, output=5, reasoning=40),
        ),
        (  # candidates are left out when there are none …
            {"promptTokenCount": 10, "thoughtsTokenCount": 40, "totalTokenCount": 50},
            Usage(input=10, reasoning=40),
        ),
        (  # … and by some models always
            {"promptTokenCount": 10, "thoughtsTokenCount": 40, "totalTokenCount": 57},
            Usage(input=10, output=7, reasoning=40),
        ),
        ({"promptTokenCount": 10}, Usage(input=10)),
        (  # some that imitate this wire count thoughts within the answer
            {"promptTokenCount": 10, "candidatesTokenCount": 45, "thoughtsTokenCount": 40, "totalTokenCount": 55},
            Usage(input=10, output=5, reasoning=40),
        ),
        (
            {
                "promptTokenCount": 100,
                "cachedContentTokenCount": 60,
                "toolUsePromptTokenCount": 30,
                "candidatesTokenCount": 5,
                "totalTokenCount": 135,
            },
            Usage(input=70, cached_input=60, output=5),
        ),
        (
            {
                "promptTokenCount": 100,
                "cachedContentTokenCount": 30,
                "promptTokensDetails": [
                    {"modality": "TEXT", "tokenCount": 40},
                    {"modality": "AUDIO", "tokenCount": 50},
                    {"modality": "IMAGE", "tokenCount": 10},
                    {"modality": "SMELL", "tokenCount": 9},
                ],
                "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 20}, {"modality": "TEXT", "tokenCount": 10}],
                "candidatesTokenCount": 1300,
                "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}],
                "totalTokenCount": 1400,
            },
            Usage(input=30, cached_input=30, audio_input=30, image_input=10, output=10, image_output=1290),
        ),
    ],
)
def test_usage_is_taken_apart(metadata: dict[str, Any], usage: Usage) -> None:
    assert read_usage(metadata) == (usage, False)


@pytest.mark.parametrize(
    "metadata",
    [
        "many",
        [],
        {"promptTokenCount": -1, "candidatesTokenCount": 1},
        {"promptTokenCount": "10", "candidatesTokenCount": 1},
        {"promptTokenCount": 10**12, "candidatesTokenCount": 1},
        {"promptTokenCount": 10, "candidatesTokenCount": True},
        {"promptTokenCount": 10, "thoughtsTokenCount": -5},
        {"promptTokenCount": 10, "promptTokensDetails": {}},
        {"promptTokenCount": 10, "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": -3}]},
        {"totalTokenCount": 10},
        {"promptTokenCount": 0, "totalTokenCount": 0},
    ],
)
def test_figures_that_cannot_be_true_are_rejected_and_flagged(metadata: Any) -> None:
    assert read_usage(metadata) == (None, True)


@pytest.mark.parametrize("metadata", [None, {}, {"trafficType": "ON_DEMAND"}])
def test_no_report_is_no_offence(metadata: Any) -> None:
    assert read_usage(metadata) == (None, False)


def test_more_cached_than_was_read_is_flagged_and_never_exceeds_the_whole() -> None:
    usage, suspect = read_usage({"promptTokenCount": 10, "cachedContentTokenCount": 90})
    assert (usage, suspect) == (Usage(cached_input=10), True)


COUNTS = st.integers(0, 10**5)


@given(st.builds(Usage, COUNTS, COUNTS, output=COUNTS, reasoning=COUNTS, audio_input=COUNTS, image_output=COUNTS))
def test_usage_that_was_written_reads_the_same(usage: Usage) -> None:
    if usage.prompt and usage.output + usage.image_output >= usage.reasoning:
        metadata = render_usage(usage)
        assert metadata["totalTokenCount"] == usage.prompt + usage.completion
        assert read_usage(metadata) == (usage, False)


def test_usage_in_a_stream_is_cumulative_so_the_last_believable_report_counts() -> None:
    watch = Watch()
    for prompt, answer in ((10, 1), (10, 5), (10, 9)):
        watch.watch(
            event(
                candidates=[candidate({"text": "x"})],
                usageMetadata={"promptTokenCount": prompt, "candidatesTokenCount": answer},
            )
        )
    assert watch.usage == Usage(input=10, output=9)
    watch.watch(event(candidates=[candidate({"text": "x"})], usageMetadata={"promptTokenCount": -1}))
    assert watch.usage == Usage(input=10, output=9)
    assert watch.suspect


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        ({"candidates": [candidate({"text": "Hi"})]}, Kind.CONTENT),
        ({"candidates": [candidate({"text": "Hi"}, finishReason="STOP")]}, Kind.CONTENT),
        ({"candidates": [candidate({"text": "Hm", "thought": True})]}, Kind.CONTENT),
        ({"candidates": [candidate({"functionCall": {"name": "f"}})]}, Kind.CONTENT),
        ({"candidates": [candidate({"inlineData": {"mimeType": "image/png", "data": "AA=="}})]}, Kind.CONTENT),
        ({"candidates": [candidate({"executableCode": {"code": "1"}})]}, Kind.CONTENT),
        ({"candidates": [candidate({"text": ""}, finishReason="STOP")]}, Kind.FINISH),
        ({"candidates": [{"finishReason": "SAFETY"}]}, Kind.FINISH),
        ({"candidates": [{"finishReason": "FINISH_REASON_UNSPECIFIED"}]}, Kind.OPENING),
        ({"candidates": [candidate({"text": ""})]}, Kind.OPENING),
        ({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 3}}, Kind.FINISH),
        ({"usageMetadata": {"promptTokenCount": 3}}, Kind.USAGE_ONLY),
        ({"promptFeedback": {}}, Kind.OTHER),
        ({"candidates": "none"}, Kind.OTHER),
        ({"candidates": [{"content": {"parts": [{"text": "odd"}, 7]}}]}, Kind.CONTENT),
        ({"error": {"code": 500, "message": "x", "status": "INTERNAL"}}, Kind.ERROR),
    ],
)
def test_every_event_is_of_one_kind(members: dict[str, Any], kind: Kind) -> None:
    watch = Watch()
    assert watch.watch(event(**members)) is kind
    assert watch.produced == (kind is Kind.CONTENT)
    assert (watch.finish is not None) == ("STOP" in str(members) or "SAFETY" in str(members))
    assert (watch.error is not None) == (kind is Kind.ERROR)


@pytest.mark.parametrize("raw", [b": keep-alive\n\n", b"\n", b"event: x\n\n", b""])
def test_events_without_data_are_comments(raw: bytes) -> None:
    assert Watch().watch(raw) is Kind.COMMENT


def test_a_last_word_is_known_though_this_wire_has_none() -> None:
    assert Watch().watch(b"data: [DONE]\n\n") is Kind.DONE


def test_output_text_is_handed_over_once() -> None:
    watch = Watch()
    parts = ({"text": "Hm.", "thought": True}, {"functionCall": {"name": "f", "args": {"a": [1]}}}, {"text": "Yes."})
    watch.watch(event(candidates=[candidate(*parts)]))
    assert watch.take_text() == 'Hm.f{"a":[1]}Yes.'
    assert watch.take_text() == ""


def test_a_refused_prompt_is_an_answer_without_output() -> None:
    report = read(
        b'{"promptFeedback":{"blockReason":"OTHER"},"usageMetadata":{"promptTokenCount":9,"totalTokenCount":9}}'
    )
    assert (report.finish, report.produced, report.error) == ("OTHER", False, None)
    assert report.usage == Usage(input=9)


def test_an_error_in_a_list_is_an_error() -> None:
    report = read(b'[{"error":{"code":429,"message":"slow","status":"RESOURCE_EXHAUSTED"}}]')
    assert report.error is not None
    assert report.error.kind == "rate_limited"
