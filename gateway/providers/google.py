"""Google's Gemini API. Model and verb stand in the address; streams are asked for as server-sent events."""

from collections.abc import Mapping

from catalog.routing import Route
from gateway.providers.base import Provider


class Google(Provider):
    """See https://ai.google.dev/api."""

    native = "gemini_generate"

    def url(self, dialect: str, route: Route, *, streamed: bool) -> str:
        verb = VERBS.get(dialect) or ("streamGenerateContent?alt=sse" if streamed else "generateContent")
        return f"{route.base_url.rstrip('/')}/models/{route.upstream_id}:{verb}"

    def headers(self, dialect: str, credential: str, forwarded: Mapping[str, str]) -> dict[str, str]:
        headers = super().headers(dialect, "", forwarded)
        if credential:
            headers["x-goog-api-key"] = credential
        return headers

    def counts_tokens(self, route: Route) -> bool:
        return True


VERBS = {"gemini_count": "countTokens", "gemini_embed": "batchEmbedContents"}
