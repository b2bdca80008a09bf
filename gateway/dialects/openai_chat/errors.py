"""Errors of OpenAI chat completions. Reference: platform.openai.com/docs/guides/error-codes."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.canonical import Fault
from gateway.dialects.faults import fault
from gateway.dialects.members import UNREADABLE
from gateway.errors import GatewayError, doc_url

# Some providers report failure inside an answer with status 200, as `base_resp` with a number of their own.
_BASE_CODES = {
    1002: "rate_limit_exceeded",
    1004: "invalid_api_key",
    1008: "insufficient_quota",
    1026: "content_policy_violation",
    1027: "content_policy_violation",
    1039: "rate_limit_exceeded",
    2013: "invalid_request_error",
    2049: "invalid_api_key",
}

# Finish reasons that are failures of the provider.
_FAILED = {"error": "server_error", "insufficient_system_resource": "server_is_overloaded"}


def render(error: GatewayError, *, request_id: str, docs_url: str) -> bytes:
    """The envelope of spec 000: OpenAI's own four fields, and doc_url, meta, status_code and request_id."""
    return msgspec.json.encode(envelope(error, request_id=request_id, docs_url=docs_url))


def status(error: GatewayError) -> int:
    """See ErrorCodec.status: OpenAI's own statuses are ours."""
    return error.status


def envelope(error: GatewayError, *, request_id: str, docs_url: str) -> dict[str, Any]:
    """The error as an object."""
    inner: dict[str, Any] = {
        "message": error.message,
        "type": error.type,
        "param": error.param,
        "code": error.code,
    }
    if docs_url:
        inner["doc_url"] = doc_url(error.code, docs_url.rstrip("/"))
    inner["meta"] = error.meta
    return {"error": inner, "status_code": error.status, "request_id": request_id}


def parse(status: int, body: bytes) -> Fault:
    """What a provider's error body says, in any of the shapes that providers of this dialect send."""
    try:
        value = msgspec.json.decode(body)
    except UNREADABLE:
        return fault(status)  # a proxy's HTML page, or nothing: only the status counts
    return fault_in(value, status) or told(value, status)


def told(value: object, status: int) -> Fault:
    """A Fault from an error object or from anything that stands in its place."""
    if isinstance(value, str):
        return fault(status, message=value)
    if not isinstance(value, dict):
        return fault(status)
    message = value.get("message") or value.get("msg") or value.get("detail") or value.get("error_msg")
    if isinstance(message, list):  # a list of validation problems
        message = "; ".join(str(problem.get("msg", "")) for problem in message if isinstance(problem, dict))
    codes: tuple[object, ...] = (value.get("code"), value.get("type"), value.get("status"))
    metadata = value.get("metadata")
    if isinstance(metadata, dict) and metadata.get("reasons"):  # a moderation verdict in an aggregator's words
        codes = ("content_policy_violation", *codes)
    return fault(status, message=message if isinstance(message, str) else "", codes=codes, param=value.get("param"))


def fault_in(value: object, status: int = 0) -> Fault | None:
    """The error that an answer or a stream's event carries, or None when it carries none."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict):
        return None
    error = value.get("error")
    if error:
        return told(error, status)
    base = value.get("base_resp")
    if isinstance(base, dict) and base.get("status_code"):
        code = base["status_code"]
        known = _BASE_CODES.get(code, code) if isinstance(code, int) else code
        return told({"code": known, "message": base.get("status_msg")}, status)
    choices = value.get("choices")
    if isinstance(choices, list):
        for choice in choices:
            if isinstance(choice, dict):
                if choice.get("error"):
                    return told(choice["error"], status)
                finish = choice.get("finish_reason")
                if isinstance(finish, str) and finish in _FAILED:
                    return told({"code": _FAILED[finish]}, status)
        return None
    if value.get("object") == "error" or value.get("type") == "error":
        return told(value, status)
    if ("message" in value or "detail" in value) and "id" not in value:
        return told(value, status)
    return None


def failed(finish: str) -> bool:
    """Whether a finish reason is a provider's failure."""
    return finish in _FAILED
