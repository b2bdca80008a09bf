"""Errors as Google's clients expect them, and a provider's complaints in our words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway import errors
from gateway.dialects.gemini_generate import errors as codec


def told(error: errors.GatewayError, docs_url: str = "https://docs.example/") -> dict[str, Any]:
    body: dict[str, Any] = json.loads(codec.render(error, request_id="req_1", docs_url=docs_url))
    return body["error"]  # type: ignore[no-any-return]


def detail(error: dict[str, Any], kind: str) -> dict[str, Any] | None:
    found = [item for item in error["details"] if item["@type"] == f"type.googleapis.com/google.rpc.{kind}"]
    return found[0] if found else None


@pytest.mark.parametrize("code", sorted(errors.CODES))
def test_every_error_is_a_google_rpc_status(code: str) -> None:
    error = errors.CODES[code]("Told to a test.")
    body = told(error)
    assert body["code"] == codec.status(error) == error.status
    assert body["status"].isupper()
    info = detail(body, "ErrorInfo")
    assert info is not None
    assert info["metadata"]["code"] == code
    assert info["metadata"]["request_id"] == "req_1"
    assert all(isinstance(value, str) for value in info["metadata"].values())
    assert info["reason"] == ("API_KEY_INVALID" if error.status == 401 else code.upper())
    assert (detail(body, "RetryInfo") is not None) == (error.retry_after is not None)
    page = detail(body, "Help")
    assert page is not None
    assert page["links"][0]["url"].startswith("https://docs.example/llm/")
    assert detail(told(error, ""), "Help") is None


def test_when_to_come_again_and_which_field_is_to_blame_have_details_of_their_own() -> None:
    retry = detail(told(errors.RateLimitPerKey(limit=5, retry_after=12)), "RetryInfo")
    assert retry is not None
    assert retry["retryDelay"] == "12s"
    bad = detail(told(errors.InvalidParameter("Wrong.", param="contents[0].role")), "BadRequest")
    assert bad is not None
    assert bad["fieldViolations"] == [{"field": "contents[0].role", "description": "Wrong."}]


def complaint(status: str, message: str = "", *details: dict[str, Any], code: int = 0) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status, "details": list(details)}}


INFO = "type.googleapis.com/google.rpc.ErrorInfo"


@pytest.mark.parametrize(
    ("http", "body", "kind"),
    [
        (400, complaint("INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."), "auth"),
        (400, complaint("INVALID_ARGUMENT", "x", {"@type": INFO, "reason": "API_KEY_INVALID"}), "auth"),
        (400, complaint("FAILED_PRECONDITION", "User location is not supported for the API use."), "auth"),
        (
            400,
            complaint("INVALID_ARGUMENT", "The input token count (1200000) exceeds the maximum number of tokens."),
            "context_length",
        ),
        (400, complaint("INVALID_ARGUMENT", "Unable to process input image. Please retry."), "invalid_media"),
        (400, complaint("INVALID_ARGUMENT", "Unsupported MIME type: image/tiff"), "invalid_media"),
        (
            400,
            complaint("INVALID_ARGUMENT", "Thinking level is not supported for this model."),
            "unsupported_parameter",
        ),
        (400, complaint("INVALID_ARGUMENT", "Request payload size exceeds the limit: 20971520 bytes."), "too_large"),
        (400, complaint("INVALID_ARGUMENT", "contents is not specified"), "bad_request"),
        (401, complaint("UNAUTHENTICATED"), "auth"),
        (402, complaint("RESOURCE_EXHAUSTED", "Your prepayment credits are depleted."), "billing"),
        (403, complaint("PERMISSION_DENIED"), "auth"),
        (404, complaint("NOT_FOUND", "models/x is not found"), "not_found"),
        (429, complaint("RESOURCE_EXHAUSTED"), "rate_limited"),
        (499, complaint("CANCELLED"), "server"),
        (500, complaint("INTERNAL"), "server"),
        (503, complaint("UNAVAILABLE"), "overloaded"),
        (504, complaint("DEADLINE_EXCEEDED"), "timeout"),
        (0, complaint("", "x", code=429), "rate_limited"),
        (502, {"error": "bad gateway"}, "server"),
        (503, {}, "overloaded"),
    ],
)
def test_a_providers_complaint_is_understood(http: int, body: dict[str, Any], kind: str) -> None:
    assert codec.parse(http, json.dumps(body).encode()).kind == kind
    assert codec.parse(http, json.dumps([body]).encode()).kind == kind


def test_the_field_to_blame_is_passed_on_and_addresses_are_not() -> None:
    violation = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{"field": "contents"}]}
    fault = codec.parse(
        400, json.dumps(complaint("INVALID_ARGUMENT", "See https://ai.google.dev/x now.", violation)).encode()
    )
    assert (fault.param, fault.message) == ("contents", "See now.")


def test_a_page_of_html_counts_by_its_status() -> None:
    assert codec.parse(503, b"<html>").kind == "overloaded"
