"""Errors in the shape of chat completions, and what providers' complaints mean."""

from __future__ import annotations

import json

import pytest

from gateway import errors
from gateway.dialects.faults import LONGEST_MESSAGE, scrubbed
from gateway.dialects.openai_chat.errors import parse, render


def test_an_error_has_the_envelope_of_the_specification() -> None:
    error = errors.StreamingRequired("must stream", max_tokens=8000, limit=4096)
    assert json.loads(render(error, request_id="req_1", docs_url="https://docs.example/")) == {
        "error": {
            "message": "must stream",
            "type": "invalid_request_error",
            "param": None,
            "code": "streaming_required",
            "doc_url": "https://docs.example/llm/long-generations",
            "meta": {"max_tokens": 8000, "limit": 4096},
        },
        "status_code": 400,
        "request_id": "req_1",
    }


def test_an_error_names_its_parameter_and_its_page() -> None:
    error = errors.MissingParameter("`messages` is required", param="messages")
    value = json.loads(render(error, request_id="req_1", docs_url="https://docs.example"))
    assert value["error"]["param"] == "messages"
    assert value["error"]["doc_url"] == "https://docs.example/llm/errors#missing_parameter"
    assert "doc_url" not in json.loads(render(error, request_id="req_1", docs_url=""))["error"]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"error": {"message": "Incorrect API key", "code": "invalid_api_key"}}, "auth"),
        (403, {"error": {"message": "Country", "code": "unsupported_country_region_territory"}}, "auth"),
        (403, {"error": {"message": "flagged", "code": 403, "metadata": {"reasons": ["violence"]}}}, "content_policy"),
        (429, {"error": {"message": "quota", "type": "insufficient_quota", "code": "insufficient_quota"}}, "billing"),
        (429, {"error": {"message": "cap", "code": "project_spend_limit_exceeded"}}, "billing"),
        (429, {"error": {"message": "slow", "type": "tokens", "code": "rate_limit_exceeded"}}, "rate_limited"),
        (429, {"error": {"message": "slow"}}, "rate_limited"),
        (402, {"error": {"message": "Insufficient Balance"}}, "billing"),
        (404, {"error": {"message": "no", "code": "model_not_found"}}, "not_found"),
        (400, {"error": {"message": "long", "code": "context_length_exceeded"}}, "context_length"),
        (400, {"error": {"message": "This model's maximum context length is 8192 tokens."}}, "context_length"),
        (400, {"object": "error", "message": "prompt is too long", "code": 400}, "context_length"),
        (400, {"error": {"message": "no", "code": "moderation_blocked"}}, "content_policy"),
        (400, {"error": {"message": "no", "code": "unsupported_parameter", "param": "top_p"}}, "unsupported_parameter"),
        (400, {"error": {"message": "no", "code": "invalid_image_url"}}, "invalid_media"),
        (400, {"error": {"message": "bad value", "type": "invalid_request_error"}}, "bad_request"),
        (413, {}, "too_large"),
        (422, {"detail": [{"loc": ["body"], "msg": "field required", "type": "missing"}]}, "bad_request"),
        (408, {}, "timeout"),
        (500, {"error": {"message": "oops", "type": "server_error"}}, "server"),
        (502, {}, "server"),
        (503, {"error": {"message": "busy", "code": "server_is_overloaded"}}, "overloaded"),
        (503, "not even JSON", "overloaded"),
        (504, {}, "timeout"),
        (529, {}, "overloaded"),
        (400, {"code": "Throttling.RateQuota", "message": "slow down"}, "rate_limited"),
        (400, {"code": "DataInspectionFailed", "message": "no"}, "content_policy"),
        (400, {"code": "Arrearage", "message": "pay"}, "billing"),
        (400, [{"error": {"code": 400, "message": "bad", "status": "INVALID_ARGUMENT"}}], "bad_request"),
        (0, {"error": {"code": 503, "message": "busy"}}, "overloaded"),
        (0, {"error": {"type": "invalid_request_error", "message": "bad"}}, "bad_request"),
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


@pytest.mark.parametrize(
    "message",
    [
        "See https://platform.example.com/account?org=1 for more.",
        "Contact support@vendor.example please.",
        "Failed (request id req_0123456789abcdef).",
        "Organization org-AbCdEfGhIjKl is limited.",
        "Incorrect key sk-proj-abcdefghijkl given.",
        "Trace ID: 550e8400-e29b-41d4-a716-446655440000",
    ],
)
def test_addresses_and_identifiers_are_taken_out(message: str) -> None:
    clean = scrubbed(message)
    for secret in ("example", "req_", "org-", "sk-", "550e"):
        assert secret not in clean


def test_an_explanation_is_one_line_of_bearable_length() -> None:
    clean = scrubbed("a\n\n b\t" + "word " * 10_000)
    assert clean.startswith("a b word")
    assert len(clean) <= LONGEST_MESSAGE
