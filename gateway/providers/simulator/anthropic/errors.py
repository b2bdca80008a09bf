"""Refusals in Anthropic's shape and words."""

from __future__ import annotations

import json
import secrets
from typing import Any

from gateway.providers.simulator import desk

STATUSES: dict[int, tuple[str, str]] = {
    400: ("invalid_request_error", "The request is invalid."),
    401: ("authentication_error", "invalid x-api-key"),
    402: ("billing_error", "Your account is not active, please check your billing details."),
    403: ("permission_error", "Your API key does not have permission to use the specified resource."),
    404: ("not_found_error", "The requested resource could not be found."),
    409: ("conflict_error", "The resource was changed meanwhile, please try again."),
    413: ("request_too_large", "Request exceeds the maximum size"),
    429: ("rate_limit_error", "This request would exceed your account's rate limit. Please try again later."),
    500: ("api_error", "Internal server error"),
    504: ("timeout_error", "The request timed out."),
    529: ("overloaded_error", "Overloaded"),
}
CODES: dict[str, tuple[str, str]] = {
    "insufficient_quota": (
        "invalid_request_error",
        "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or "
        "purchase credits.",
    ),
    "context_length_exceeded": ("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
    "content_policy_violation": ("invalid_request_error", "Output blocked by content filtering policy"),
    "unsupported_parameter": ("invalid_request_error", "Extra inputs are not permitted"),
}


class Refusal(desk.Refusal):
    """An error in Anthropic's shape."""

    def __init__(self, status: int, message: str | None = None, *, kind: str | None = None) -> None:
        usual_kind, usual = STATUSES.get(status) or STATUSES[400 if status < 500 else 500]
        super().__init__(status, usual if message is None else message)
        self.kind = kind or usual_kind

    def value(self) -> dict[str, Any]:
        """The error as it also stands inside a stream."""
        return {"type": "error", "error": {"type": self.kind, "message": self.message}}

    def body(self) -> bytes:
        return json.dumps({**self.value(), "request_id": f"req_{secrets.token_hex(12)}"}).encode()


def invalid(message: str) -> Refusal:
    """A 400."""
    return Refusal(400, message)
