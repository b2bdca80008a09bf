"""Anthropic: the Messages API, and its own count of a prompt's tokens."""

from collections.abc import Mapping

from catalog.routing import Route
from gateway.providers.base import Provider

VERSION = "2023-06-01"  # what we send when the customer names none


class Anthropic(Provider):
    """See https://platform.claude.com/docs/en/api/overview."""

    native = "anthropic_messages"
    paths: Mapping[str, str] = {
        "anthropic_messages": "/v1/messages",
        "anthropic_count": "/v1/messages/count_tokens",
    }

    def models_url(self, base_url: str) -> str:
        return base_url.rstrip("/") + "/v1/models"

    def headers(self, dialect: str, credential: str, forwarded: Mapping[str, str]) -> dict[str, str]:
        headers = super().headers(dialect, "", forwarded)
        if credential:
            headers["x-api-key"] = credential
        headers["anthropic-version"] = forwarded.get("anthropic-version", VERSION)
        if "anthropic-beta" in forwarded:
            headers["anthropic-beta"] = forwarded["anthropic-beta"]
        return headers

    def counts_tokens(self, route: Route) -> bool:
        return True
