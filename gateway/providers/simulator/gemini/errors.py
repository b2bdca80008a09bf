"""Refusals in Google's shape and words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from gateway.providers.simulator import desk

STATUSES: dict[int, tuple[str, str]] = {
    400: ("INVALID_ARGUMENT", "Request contains an invalid argument."),
    401: ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
    402: ("RESOURCE_EXHAUSTED", "Your prepaid credit is used up."),
    403: ("PERMISSION_DENIED", "The caller does not have permission"),
    404: ("NOT_FOUND", "Requested entity was not found."),
    409: ("ABORTED", "The operation was aborted."),
    413: ("INVALID_ARGUMENT", "Request payload size exceeds the limit."),
    429: ("RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing details."),
    499: ("CANCELLED", "The operation was cancelled."),
    500: ("INTERNAL", "An internal error has occurred. Please retry."),
    503: ("UNAVAILABLE", "The model is overloaded. Please try again later."),
    504: ("DEADLINE_EXCEEDED", "The request timed out. Please try again."),
}
CODES = {
    "context_length_exceeded": "The input token count (1100000) exceeds the maximum number of tokens allowed (1048576)",
    "insufficient_quota": "You exceeded your current quota, please check your plan and billing details.",
    "unsupported_parameter": "This field is not supported by this model.",
}
RPC = "type.googleapis.com/google.rpc."


class Refusal(desk.Refusal):
    """An error in Google's shape; in a streamed JSON array it is the array's one element."""

    def __init__(
        self,
        status: int,
        message: str | None = None,
        *,
        kind: str | None = None,
        details: Sequence[dict[str, Any]] = (),
        in_array: bool = False,
    ) -> None:
        usual_kind, usual = STATUSES.get(status) or STATUSES[400 if status < 500 else 500]
        super().__init__(status, usual if message is None else message)
        self.kind, self.details, self.in_array = kind or usual_kind, list(details), in_array

    def value(self) -> dict[str, Any]:
        """The error object, as it also stands inside a stream."""
        error: dict[str, Any] = {"code": self.status, "message": self.message, "status": self.kind}
        if self.details:
            error["details"] = self.details
        return {"error": error}

    def body(self) -> bytes:
        return json.dumps([self.value()] if self.in_array else self.value(), indent=2).encode()


def invalid(message: str, *, field: str | None = None) -> Refusal:
    """A 400; `field` names the culprit."""
    if field is None:
        return Refusal(400, message)
    violation = {"field": field, "description": message}
    return Refusal(400, message, details=[{"@type": f"{RPC}BadRequest", "fieldViolations": [violation]}])


def bad_key() -> Refusal:
    """The refusal of an unknown key: with Google, a 400."""
    info = {"@type": f"{RPC}ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com", "metadata": {}}
    return Refusal(400, "API key not valid. Please pass a valid API key.", details=[info])


def retry(seconds: str) -> dict[str, Any]:
    """The detail that says when to come back."""
    return {"@type": f"{RPC}RetryInfo", "retryDelay": f"{seconds}s"}
