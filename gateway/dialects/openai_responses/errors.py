"""Errors of Responses: OpenAI's envelope for a status, the members of a failed response inside a stream. Reference:
platform.openai.com/docs/guides/error-codes and /docs/api-reference/responses/object."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.canonical import Fault
from gateway.dialects.faults import fault
from gateway.dialects.members import UNREADABLE
from gateway.errors import GatewayError, doc_url

# What a failed response may be called is a closed set for OpenAI's clients. Ours that mean the same; the rest is
# "server_error", at which clients try again. `insufficient_quota` and `context_length_exceeded` are not in the printed
# set but sent, and agents stop at them instead of trying again.
_WIRE = {
    "rate_limit_per_key": "rate_limit_exceeded",
    "concurrency_limit": "rate_limit_exceeded",
    "content_policy_violation": "invalid_prompt",
    "context_length_exceeded": "context_length_exceeded",
    "insufficient_balance": "insufficient_quota",
    "spend_limit_exceeded": "insufficient_quota",
}

_ENDED_BADLY = ("failed", "cancelled")


def render(error: GatewayError, *, request_id: str, docs_url: str) -> bytes:
    """The envelope of spec 000: OpenAI's own four fields, and doc_url, meta, status_code and request_id."""
    inner: dict[str, Any] = {
        "message": error.message,
        "type": error.type,
        "param": error.param,
        "code": error.code,
        **_page(error, docs_url),
        "meta": error.meta,
    }
    return msgspec.json.encode({"error": inner, "status_code": error.status, "request_id": request_id})


def status(error: GatewayError) -> int:
    """See ErrorCodec.status: OpenAI's own statuses are ours."""
    return error.status


def failed(error: GatewayError, *, request_id: str, docs_url: str) -> dict[str, Any]:
    """What differs in the response object of a failed answer. Its `error` and `metadata` both name our code, because
    clients keep sometimes the one and sometimes the other."""
    inner: dict[str, Any] = {
        "code": _WIRE.get(error.code, "server_error"),
        "message": error.message,
        "type": error.type,
        "param": error.param,
        "error_code": error.code,
        **_page(error, docs_url),
    }
    return {"status": "failed", "error": inner, "metadata": {"error_code": error.code, "request_id": request_id}}


def _page(error: GatewayError, docs_url: str) -> dict[str, str]:
    return {"doc_url": doc_url(error.code, docs_url.rstrip("/"))} if docs_url else {}


def parse(status: int, body: bytes) -> Fault:
    """What a provider's error body says."""
    try:
        value = msgspec.json.decode(body)
    except UNREADABLE:
        return fault(status)  # a proxy's HTML page, or nothing: only the status counts
    return fault_in(value, status) or told(value, status)


def told(value: object, status: int = 0) -> Fault:
    """A Fault from an error object or from anything that stands in its place."""
    if isinstance(value, str):
        return fault(status, message=value)
    if not isinstance(value, dict):
        return fault(status)
    message = value.get("message") or value.get("detail")
    if isinstance(message, list):  # a list of validation problems
        message = "; ".join(str(problem.get("msg", "")) for problem in message if isinstance(problem, dict))
    kind = value.get("type") if value.get("type") != "error" else None
    codes: tuple[object, ...] = (value.get("code"), kind, value.get("status"))
    return fault(status, message=message if isinstance(message, str) else "", codes=codes, param=value.get("param"))


def fault_in(value: object, status: int = 0) -> Fault | None:
    """The error that an answer or a stream's event carries, or None when it carries none."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict):
        return None
    error, response = value.get("error"), value.get("response")
    if error:
        return told(error, status)
    if value.get("type") == "error":
        return told(value, status)
    if isinstance(response, dict):
        return _of_response(response, status, value.get("type") == "response.failed")
    return _of_response(value, status, False)


def _of_response(response: dict[str, Any], status: int, failed: bool) -> Fault | None:
    error = response.get("error")
    if error:
        return told(error, status)
    if failed or (response.get("object") == "response" and response.get("status") in _ENDED_BADLY):
        return fault(status, codes=(response.get("status"),))
    return None
