"""Errors in the shape of Responses, and what providers' complaints mean."""

from __future__ import annotations

import json

import pytest

from gateway import errors
from gateway.dialects.openai_responses.errors import parse, render, status


def test_an_error_has_openais_envelope_and_ours_around_it() -> None:
    error = errors.UnsupportedParameter("no such thing", param="conversation")
    assert json.loads(render(error, request_id="req_1", docs_url="https://docs.example/")) == {
        "error": {
            "message": "no such thing",
            "type": "invalid_request_error",
            "param": "conversation",
            "code": "unsupported_parameter",
            "doc_url": "https://docs.example/llm/errors#unsupported_parameter",
            "meta": {"param": "conversation"},
        },
        "status_code": 400,
        "request_id": "req_1",
    }
    assert status(error) == 400


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"error": {"message": "Incorrect API key", "code": "invalid_api_key"}}, "auth"),
        (429, {"error": {"message": "quota", "type": "insufficient_quota", "code": "insufficient_quota"}}, "billing"),
        (429, {"error": {"message": "slow", "type": "tokens", "code": "rate_limit_exceeded"}}, "rate_limited"),
        (400, {"error": {"message": "long", "code": "context_length_exceeded"}}, "context_length"),
        (400, {"error": {"message": "flagged", "code": "invalid_prompt"}}, "content_policy"),
        (400, {"error": {"message": "no", "code": "unsupported_parameter", "param": "top_p"}}, "unsupported_parameter"),
        (400, {"error": {"message": "no", "code": "invalid_image_url"}}, "invalid_media"),
        (404, {"error": {"message": "no", "code": "model_not_found"}}, "not_found"),
        (422, {"detail": [{"loc": ["body"], "msg": "field required", "type": "missing"}]}, "bad_request"),
        (500, {"error": {"message": "oops", "type": "server_error"}}, "server"),
        (503, "not even an object", "overloaded"),
        (0, {"type": "error", "code": "rate_limit_exceeded", "message": "slow"}, "rate_limited"),
        (0, {"type": "response.failed", "response": {"error": {"code": "server_error", "message": "x"}}}, "server"),
    ],
)
def test_a_complaint_is_understood(status: int, body: object, kind: str) -> None:
    assert parse(status, json.dumps(body).encode()).kind == kind


def test_a_complaint_keeps_its_words_code_and_parameter() -> None:
    fault = parse(400, b'{"error":{"message":"Bad `top_p`.","code":"invalid_value","param":"top_p"}}')
    assert (fault.message, fault.code, fault.param) == ("Bad `top_p`.", "invalid_value", "top_p")
    assert parse(422, b'{"detail":[{"msg":"too short"},{"msg":"too long"}]}').message == "too short; too long"


def test_a_page_of_html_is_not_passed_on() -> None:
    fault = parse(502, b"<html><body>nginx at 10.0.0.1</body></html>")
    assert (fault.kind, fault.message) == ("server", "")
