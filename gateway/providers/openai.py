"""OpenAI. Its conversation models answer in chat completions and in Responses; a few newer ones in Responses alone."""

from catalog.routing import Route
from gateway.providers.base import Provider


class OpenAI(Provider):
    """See https://platform.openai.com/docs/api-reference."""

    def speaks(self, route: Route) -> tuple[str, ...]:
        if route.dialect == "openai_chat":
            return ("openai_chat", "openai_responses")
        return (route.dialect,)
