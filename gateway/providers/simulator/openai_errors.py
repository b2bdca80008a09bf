"""Refusals in OpenAI's shape and words."""

from __future__ import annotations

import json
from typing import Any

from gateway.providers.simulator import desk

STATUSES: dict[int, tuple[str, str | None, str]] = {
    400: ("invalid_request_error", None, "The request is invalid."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    402: ("billing_error", "billing_not_active", "Your account is not active, please check your billing details."),
    403: ("permission_error", None, "You are not allowed to do that with this model."),
    404: ("invalid_request_error", "model_not_found", "The model does not exist or you do not have access to it."),
    408: ("timeout", None, "The request timed out."),
    409: ("conflict_error", None, "The resource was changed meanwhile, please try again."),
    413: ("invalid_request_error", None, "The request is too large."),
    422: ("invalid_request_error", None, "The request was well-formed but could not be processed."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached for requests. Please try again in 1s."),
    500: ("server_error", None, "The server had an error while processing your request. Sorry about that!"),
    502: ("server_error", None, "Bad gateway."),
    503: (
        "service_unavailable_error",
        "server_is_overloaded",
        "The engine is currently overloaded, please try again later.",
    ),
    504: ("server_error", None, "The engine took too long to answer."),
    529: ("overloaded_error", None, "Overloaded."),
}
CODES: dict[str, tuple[str, str]] = {
    "insufficient_quota": (
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    "context_length_exceeded": (
        "invalid_request_error",
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 150000 tokens. "
        "Please reduce the length of the messages.",
    ),
    "content_policy_violation": (
        "invalid_request_error",
        "Your request was rejected as a result of our safety system.",
    ),
    "unsupported_parameter": ("invalid_request_error", "Unsupported parameter: this model does not know it."),
}


class Refusal(desk.Refusal):
    """An error in OpenAI's shape."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(status, message, headers)
        self.kind, self.param, self.code = kind, param, code

    @classmethod
    def of(cls, status: int, *, code: str | None = None, kind: str | None = None, param: str | None = None) -> Refusal:
        """What OpenAI says with that status, or with that code."""
        usual_kind, usual_code, message = STATUSES.get(status) or STATUSES[400 if status < 500 else 500]
        if code in CODES:
            usual_kind, message = CODES[code]
        return cls(status, message, kind=kind or usual_kind, param=param, code=code or usual_code)

    def value(self) -> dict[str, Any]:
        """The error object, as it also stands inside a stream."""
        return {"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}}

    def body(self) -> bytes:
        """The error as the body of an answer, laid out as OpenAI does."""
        return json.dumps(self.value(), indent=2).encode()


def invalid(message: str, *, param: str | None = None, code: str | None = None) -> Refusal:
    """A 400."""
    return Refusal(400, message, param=param, code=code)


def model_not_found(model: str) -> Refusal:
    """The model is not on offer."""
    return Refusal(
        404,
        f"The model `{model}` does not exist or you do not have access to it.",
        code="model_not_found",
    )
