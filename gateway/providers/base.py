"""A provider: a company (or a machine of one's own) that answers calls. It says what it speaks, where, how it is paid
in headers, and what its complaints mean. It never decides about money, routes or customers."""

from __future__ import annotations

import json
from collections.abc import Mapping

from catalog.routing import Route
from gateway.dialects.base import Fault
from gateway.errors import (
    ContentPolicyViolation,
    ContextLengthExceeded,
    GatewayError,
    InvalidMedia,
    InvalidParameter,
    RequestTooLarge,
    UnsupportedParameter,
    UpstreamError,
    UpstreamTimeout,
    UpstreamUnavailable,
)


class Provider:
    """The default: any company that speaks the OpenAI dialects under one base URL, paid with a bearer token."""

    paths: Mapping[str, str] = {
        "openai_chat": "/chat/completions",
        "openai_responses": "/responses",
        "openai_embeddings": "/embeddings",
    }

    native = "openai_chat"  # what its own clients speak, for calls that belong to no customer

    def models_url(self, base_url: str) -> str:
        """Where it lists its models; asking proves the address and the secret, and costs nothing."""
        return base_url.rstrip("/") + "/models"

    def count_models(self, body: bytes) -> int | None:
        """How many models such a list names; None when it is no list."""
        try:
            listed = json.loads(body)
        except ValueError:
            return None
        rows = listed.get("data", listed.get("models")) if isinstance(listed, dict) else None
        return len(rows) if isinstance(rows, list) else None

    def speaks(self, route: Route) -> tuple[str, ...]:
        """The dialects in which this route can be asked, best first."""
        return (route.dialect,)

    def url(self, dialect: str, route: Route, *, streamed: bool) -> str:
        """Where to send a request in `dialect`."""
        return route.base_url.rstrip("/") + self.paths[dialect]

    def counts_tokens(self, route: Route) -> bool:
        """Whether it counts a prompt's tokens in its own dialect when asked."""
        return False

    def headers(self, dialect: str, credential: str, forwarded: Mapping[str, str]) -> dict[str, str]:
        """What opens the provider's door. Of the customer's own headers only `forwarded` may be passed on: those that
        belong to the dialect, such as beta switches."""
        headers = {"content-type": "application/json", "user-agent": "tollgate", "accept-encoding": "identity"}
        if credential:
            headers["authorization"] = f"Bearer {credential}"
        return headers

    def classify(self, fault: Fault) -> GatewayError:
        """A provider's complaint in our words.

        What the customer can mend is told in the provider's own explanation, scrubbed; everything else (its outages,
        our account there, its limits on us) is told in ours: routes stay opaque, and never look like the customer's
        own 401, 402 or 429.
        """
        error = MENDABLE.get(fault.kind)
        if error is not None:
            return error(fault.message, param=fault.param if "param" in error.keys else None)
        if fault.kind == "timeout":
            return UpstreamTimeout("The model's provider took too long.")
        if fault.kind in UNAVAILABLE:
            unavailable = UpstreamUnavailable("The model is temporarily unavailable.", reason=UNAVAILABLE[fault.kind])
            unavailable.blame = "refused" if fault.kind in OURS else "busy"
            return unavailable
        return UpstreamError("The model's provider failed to answer.", reason="bad_response")


MENDABLE: dict[str, type[GatewayError]] = {
    "bad_request": InvalidParameter,
    "unsupported_parameter": UnsupportedParameter,
    "context_length": ContextLengthExceeded,
    "content_policy": ContentPolicyViolation,
    "invalid_media": InvalidMedia,
    "too_large": RequestTooLarge,
}
OURS = ("auth", "billing", "not_found")  # our account or our catalogue is wrong: somebody must act
UNAVAILABLE = {
    "auth": "down",
    "billing": "down",
    "not_found": "down",
    "rate_limited": "rate_limited",
    "overloaded": "overloaded",
    "maintenance": "maintenance",
}
