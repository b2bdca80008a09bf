"""Errors in the shape of google.rpc.Status. Reference: ai.google.dev/gemini-api/docs/troubleshooting, and
cloud.google.com/apis/design/errors for the details."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import msgspec

from gateway.canonical import Fault
from gateway.dialects.faults import fault
from gateway.dialects.members import UNREADABLE
from gateway.errors import GatewayError, doc_url
from gateway.faces import gemini_face

DOMAIN = "tollgate"
_TYPE = "type.googleapis.com/google.rpc."

# google.rpc.Code, and the reasons of ErrorInfo, which are more telling. What is not here goes by the HTTP status.
_REASONS = {
    "ACCESS_TOKEN_EXPIRED": "auth",
    "API_KEY_INVALID": "auth",
    "API_KEY_EXPIRED": "auth",
    "API_KEY_SERVICE_BLOCKED": "auth",
    "BILLING_DISABLED": "billing",
    "CONSUMER_INVALID": "auth",
    "CONSUMER_SUSPENDED": "auth",
    "RATE_LIMIT_EXCEEDED": "rate_limited",
    "SERVICE_DISABLED": "auth",
    "USER_PROJECT_DENIED": "auth",
}
_CODES = {
    "ABORTED": "server",
    "ALREADY_EXISTS": "server",
    "CANCELLED": "server",
    "DATA_LOSS": "server",
    "DEADLINE_EXCEEDED": "timeout",
    "FAILED_PRECONDITION": "auth",  # the account's country, or its billing
    "INTERNAL": "server",
    "NOT_FOUND": "not_found",
    "PERMISSION_DENIED": "auth",
    "RESOURCE_EXHAUSTED": "rate_limited",
    "UNAUTHENTICATED": "auth",
    "UNAVAILABLE": "overloaded",
    "UNKNOWN": "server",
}
# One code stands for everything that is wrong with a request; the sentences tell more. First match wins.
_SENTENCES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(words, re.IGNORECASE | re.DOTALL), kind)
    for words, kind in (
        (r"api key (?:not valid|expired|not found)|user location is not supported", "auth"),
        (r"token count.{0,40}exceeds", "context_length"),
        (r"payload size exceeds|request (?:is )?too large", "too_large"),
        (r"(?:process|decode|fetch|retrieve|read).{0,30}(?:image|video|audio|document|pdf|file|url)", "invalid_media"),
        (r"unsupported mime|mime ?type.{0,60}(?:not supported|unsupported)|document has no pages", "invalid_media"),
        (
            r"not (?:supported|enabled|available|allowed) (?:for|by|in|on|with)|does not support",
            "unsupported_parameter",
        ),
    )
)
_INVALID = frozenset({"INVALID_ARGUMENT", "OUT_OF_RANGE"})


def render(error: GatewayError, *, request_id: str, docs_url: str) -> bytes:
    """The error as a google.rpc.Status in JSON."""
    return msgspec.json.encode(envelope(error, request_id=request_id, docs_url=docs_url))


def status(error: GatewayError) -> int:
    """See ErrorCodec.status: Google's clients know our statuses."""
    return gemini_face(error)[0]


def envelope(error: GatewayError, *, request_id: str, docs_url: str) -> dict[str, Any]:
    """The error as an object: our code and `meta` as strings in ErrorInfo, when to come again in RetryInfo, the field
    to blame in BadRequest, the page that explains it in Help."""
    code, word, reason = gemini_face(error)
    metadata = {"code": error.code, "request_id": request_id}
    metadata.update((name, _text(value)) for name, value in error.meta.items() if value is not None)
    details: list[dict[str, Any]] = [
        {"@type": f"{_TYPE}ErrorInfo", "reason": reason, "domain": DOMAIN, "metadata": metadata}
    ]
    if error.retry_after is not None:
        details.append({"@type": f"{_TYPE}RetryInfo", "retryDelay": f"{error.retry_after}s"})
    if error.param is not None and error.status == 400:
        violation = {"field": error.param, "description": error.message}
        details.append({"@type": f"{_TYPE}BadRequest", "fieldViolations": [violation]})
    if docs_url:
        link = {"description": "What this error means", "url": doc_url(error.code, docs_url.rstrip("/"))}
        details.append({"@type": f"{_TYPE}Help", "links": [link]})
    return {"error": {"code": code, "message": error.message, "status": word, "details": details}}


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def parse(status: int, body: bytes) -> Fault:
    """What a provider's error body says; without `alt=sse` it comes in a list."""
    try:
        value = msgspec.json.decode(body)
    except UNREADABLE:
        return fault(status)  # a proxy's HTML page, or nothing: only the status counts
    return fault_in(value, status) or fault(status)


def fault_in(value: object, status: int = 0) -> Fault | None:
    """The error that an answer or a stream's event carries, or None when it carries none."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    error = value.get("error") if isinstance(value, dict) else None
    if not error:
        return None
    if not isinstance(error, dict):
        return fault(status, message=error if isinstance(error, str) else "")
    code, word, message = error.get("code"), error.get("status"), error.get("message")
    message, word = _string(message) or "", _string(word)
    if status < 400 and isinstance(code, int) and 400 <= code <= 599:
        status = code
    reason, param = _details(error.get("details"))
    made = fault(status, message=message, codes=(reason, word, code), param=param)
    if made.kind == "context_length":
        return made
    kind = _REASONS.get(reason or "")
    if kind is None and (word in _INVALID or (word is None and status == 400)):
        kind = next((kind for words, kind in _SENTENCES if words.search(message)), "bad_request")
    if kind is None and status != 402:  # prepaid credit that is used up has the code of a rate limit
        kind = _CODES.get(word or "")
    return replace(made, kind=kind) if kind is not None else made


def _string(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _details(value: object) -> tuple[str | None, str | None]:
    """The reason, and the field to blame."""
    reason: str | None = None
    param: str | None = None
    for detail in value if isinstance(value, list) else ():
        match detail:
            case {"reason": str(word)}:
                reason = reason or word
            case {"fieldViolations": [{"field": str(field)}, *_]}:
                param = param or field
    return reason, param
