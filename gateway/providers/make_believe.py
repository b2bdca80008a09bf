"""The simulator: a make-believe company that stands in for every other, and so speaks what each of them speaks.

Its base URL is that of its OpenAI side, `http://host:port/v1`; Anthropic's paths lie under the same, Google's beside it
under `/v1beta`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from catalog.routing import Route
from gateway.providers.anthropic import VERSION
from gateway.providers.base import Provider

CONVERSATION = ("openai_chat", "openai_responses", "anthropic_messages", "gemini_generate")
EMBEDDING = ("openai_embeddings", "gemini_embed")
GOOGLE_VERBS = {"gemini_count": "countTokens", "gemini_embed": "batchEmbedContents"}
COUNTED = re.compile(r"claude|gemini", re.IGNORECASE)  # models whose own companies count a prompt's tokens


class MakeBelieve(Provider):
    """See docs/simulator.md."""

    paths: Mapping[str, str] = {
        **Provider.paths,
        "anthropic_messages": "/messages",
        "anthropic_count": "/messages/count_tokens",
        "openai_moderations": "/moderations",
        "openai_speech": "/audio/speech",
        "openai_transcriptions": "/audio/transcriptions",
        "openai_translations": "/audio/translations",
    }

    def speaks(self, route: Route) -> tuple[str, ...]:
        """The route's own dialect first, then all others of its kind: no call has to be translated for it."""
        for kind in (CONVERSATION, EMBEDDING):
            if route.dialect in kind:
                return (route.dialect, *(dialect for dialect in kind if dialect != route.dialect))
        return (route.dialect,)

    def url(self, dialect: str, route: Route, *, streamed: bool) -> str:
        if not dialect.startswith("gemini_"):
            return super().url(dialect, route, streamed=streamed)
        verb = GOOGLE_VERBS.get(dialect) or ("streamGenerateContent?alt=sse" if streamed else "generateContent")
        root = route.base_url.rstrip("/").removesuffix("/v1")
        return f"{root}/v1beta/models/{route.upstream_id}:{verb}"

    def headers(self, dialect: str, credential: str, forwarded: Mapping[str, str]) -> dict[str, str]:
        if dialect.startswith("gemini_"):
            key = {"x-goog-api-key": credential} if credential else {}
            return super().headers(dialect, "", forwarded) | key
        headers = super().headers(dialect, credential, forwarded)
        if dialect.startswith("anthropic_"):
            headers["anthropic-version"] = forwarded.get("anthropic-version", VERSION)
            if "anthropic-beta" in forwarded:
                headers["anthropic-beta"] = forwarded["anthropic-beta"]
        return headers

    def counts_tokens(self, route: Route) -> bool:
        return bool(COUNTED.search(route.upstream_id))
