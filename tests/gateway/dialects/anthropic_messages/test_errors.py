"""How this dialect says that something went wrong, how its providers do, and why answers end."""

from __future__ import annotations

import json

import pytest

from gateway import errors
from gateway.dialects.anthropic_messages.errors import parse as parse_error
from gateway.dialects.anthropic_messages.errors import render as render_error
from gateway.dialects.anthropic_messages.finishing import finish_of, finish_word, render_finish


@pytest.mark.parametrize(
    ("status", "word", "message", "kind", "param"),
    [
        (400, "invalid_request_error", "max_tokens: 99999 > 8192, which is too many", "bad_request", "max_tokens"),
        (
            400,
            "invalid_request_error",
            "messages.0.content.1.image: invalid",
            "invalid_media",
            "messages.0.content.1.image",
        ),
        (400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum", "context_length", None),
        (400, "invalid_request_error", "input length and `max_tokens` exceed context limit", "context_length", None),
        (400, "invalid_request_error", "Your credit balance is too low to access the API", "billing", None),
        (400, "invalid_request_error", "You have reached your specified API usage limits.", "billing", None),
        (400, "invalid_request_error", "Output blocked by content filtering policy", "content_policy", None),
        (400, "invalid_request_error", "Could not process image", "invalid_media", None),
        (
            400,
            "invalid_request_error",
            "`temperature` is deprecated for this model.",
            "unsupported_parameter",
            "temperature",
        ),
        (401, "authentication_error", "invalid x-api-key", "auth", None),
        (402, "billing_error", "No money", "billing", None),
        (403, "permission_error", "No", "auth", None),
        (404, "not_found_error", "model: claude-9", "not_found", None),
        (413, "request_too_large", "Too large", "too_large", None),
        (429, "rate_limit_error", "Too many", "rate_limited", None),
        (500, "api_error", "Internal", "server", None),
        (504, "timeout_error", "Late", "timeout", None),
        (529, "overloaded_error", "Overloaded", "overloaded", None),
    ],
)
def test_a_providers_complaint_is_understood(
    status: int, word: str, message: str, kind: str, param: str | None
) -> None:
    told = {"type": "error", "error": {"type": word, "message": message}, "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy"}
    fault = parse_error(status, json.dumps(told).encode())
    assert (fault.kind, fault.param) == (kind, param)
    assert fault.code == word


def test_our_errors_wear_anthropics_clothes() -> None:
    error = errors.UpstreamUnavailable(reason="overloaded", retry_after=7)
    value = json.loads(render_error(error, request_id="req_1", docs_url="https://docs.example/"))
    assert value == {
        "type": "error",
        "error": {
            "type": "overloaded_error",
            "message": error.message,
            "details": {
                "error_code": "upstream_unavailable",
                "meta": {"reason": "overloaded", "retry_after": 7},
                "doc_url": "https://docs.example/llm/errors#upstream_unavailable",
            },
        },
        "request_id": "req_1",
    }
    broke = json.loads(render_error(errors.InsufficientBalance(), request_id="r", docs_url=""))
    assert broke["error"]["type"] == "billing_error"
    assert "doc_url" not in broke["error"]["details"]


def test_reasons_to_stop_are_total_in_both_directions() -> None:
    words = {
        "end_turn": "stop",
        "stop_sequence": "stop",
        "pause_turn": "stop",
        "max_tokens": "length",
        "model_context_window_exceeded": "length",
        "tool_use": "tool_calls",
        "refusal": "content_filter",
        "what_nobody_knows": "stop",
    }
    assert {word: finish_of(word) for word in words} == words
    assert finish_of("end_turn", called=True) == "tool_calls"
    assert finish_of("pause_turn", called=True) == "stop"
    assert [render_finish(finish) for finish in ("stop", "length", "tool_calls", "content_filter", None)] == [
        "end_turn",
        "max_tokens",
        "tool_use",
        "refusal",
        "end_turn",
    ]
    assert render_finish("length", native="model_context_window_exceeded") == "model_context_window_exceeded"
    assert render_finish("length", native="MAX_TOKENS") == "max_tokens"
    assert render_finish("stop", stop_sequence="END") == "stop_sequence"
    assert render_finish("stop", refused=True) == "refusal"
    assert [finish_word(reason) for reason in ("length", "stop", "anything")] == ["max_tokens", "end_turn", "end_turn"]
