"""An error in the words of other companies' clients: Anthropic's and Google's. Pure tables."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.errors import GatewayError, StreamingRequired, UnsupportedCapability

# Our status → Anthropic's status and `error.type`. Their word for "nobody can take the call" is 529 overloaded.
ANTHROPIC: Mapping[int, tuple[int, str]] = {
    400: (400, "invalid_request_error"),
    401: (401, "authentication_error"),
    402: (402, "billing_error"),
    403: (403, "permission_error"),
    404: (404, "not_found_error"),
    405: (405, "invalid_request_error"),
    409: (409, "conflict_error"),
    413: (413, "request_too_large"),
    426: (426, "invalid_request_error"),
    429: (429, "rate_limit_error"),
    500: (500, "api_error"),
    502: (502, "api_error"),
    503: (529, "overloaded_error"),
    504: (504, "timeout_error"),
}

# Our status → google.rpc.Code. The HTTP status stays ours.
GEMINI: Mapping[int, str] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "RESOURCE_EXHAUSTED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    426: "UNIMPLEMENTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def anthropic_face(error: GatewayError) -> tuple[int, str]:
    """The HTTP status and `error.type` that Anthropic's clients understand."""
    return ANTHROPIC[error.status]


def gemini_face(error: GatewayError) -> tuple[int, str, str]:
    """The HTTP status, `error.status` and the reason in ErrorInfo that Google's clients understand."""
    status = GEMINI[error.status]
    if isinstance(error, StreamingRequired | UnsupportedCapability):
        status = "FAILED_PRECONDITION"
    return error.status, status, "API_KEY_INVALID" if error.status == 401 else error.code.upper()
