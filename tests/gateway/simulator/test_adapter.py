"""The provider of the catalogue that leads to the simulator finds every door of it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from catalog.routing import Route
from gateway.providers import PROVIDERS

SIMULATOR = PROVIDERS["simulator"]


def route(base_url: str, dialect: str = "openai_chat", model: str = "claude-sonnet-4-6") -> Route:
    return Route(
        endpoint_id=1,
        provider_id=1,
        provider="simulator",
        adapter="simulator",
        base_url=base_url,
        upstream_id=model,
        dialect=dialect,
        priority=1000,
        weight=1,
        supplier=None,
    )


ASKED: list[tuple[str, bool, dict[str, Any], str]] = [
    ("openai_chat", False, {"messages": [{"role": "user", "content": "Say hi"}]}, '"content": "hi"'),
    ("openai_responses", False, {"input": "Say hi"}, '"text": "hi"'),
    (
        "anthropic_messages",
        False,
        {"max_tokens": 9, "messages": [{"role": "user", "content": "Say hi"}]},
        '"text": "hi"',
    ),
    ("anthropic_count", False, {"messages": [{"role": "user", "content": "Say hi"}]}, '"input_tokens"'),
    ("gemini_generate", False, {"contents": [{"parts": [{"text": "Say hi"}]}]}, '"text": "hi"'),
    ("gemini_generate", True, {"contents": [{"parts": [{"text": "Say hi"}]}]}, 'data: {"candidates"'),
    ("gemini_count", False, {"contents": [{"parts": [{"text": "Say hi"}]}]}, '"totalTokens"'),
    ("openai_speech", False, {"input": "Hi", "voice": "alloy", "response_format": "wav"}, "WAVE"),
    ("openai_moderations", False, {"input": "Hi"}, '"flagged": false'),
]


@pytest.mark.parametrize(("dialect", "streamed", "asked", "told"), ASKED, ids=[f"{row[0]}-{row[1]}" for row in ASKED])
@pytest.mark.parametrize("slash", ["", "/"])
def test_every_dialect_has_its_door(
    base_url: str, dialect: str, streamed: bool, asked: dict[str, Any], told: str, slash: str
) -> None:
    way = route(base_url + slash)
    body = asked if dialect.startswith("gemini") else {"model": way.upstream_id, **asked}
    headers = SIMULATOR.headers(dialect, "simulator", {})
    reply = httpx.post(SIMULATOR.url(dialect, way, streamed=streamed), json=body, headers=headers)
    assert reply.status_code == 200, reply.text
    assert told.encode() in reply.content


def test_it_speaks_its_own_dialect_first_and_then_all_others_of_the_kind(base_url: str) -> None:
    chat = SIMULATOR.speaks(route(base_url))
    assert chat[0] == "openai_chat"
    assert set(chat) == {"openai_chat", "openai_responses", "anthropic_messages", "gemini_generate"}
    assert SIMULATOR.speaks(route(base_url, "anthropic_messages"))[0] == "anthropic_messages"
    assert "openai_chat" not in SIMULATOR.speaks(route(base_url, "openai_embeddings"))
    assert SIMULATOR.speaks(route(base_url, "openai_images")) == ("openai_images",)


def test_it_counts_for_those_whose_companies_count(base_url: str) -> None:
    assert SIMULATOR.counts_tokens(route(base_url))
    assert not SIMULATOR.counts_tokens(route(base_url, model="gpt-4o"))


def test_only_the_dialects_own_headers_go_along() -> None:
    sent = {"anthropic-version": "2026-10-21", "anthropic-beta": "a,b"}
    headers = SIMULATOR.headers("anthropic_messages", "secret", sent)
    assert sent.items() <= headers.items()
    assert headers["authorization"] == "Bearer secret"
    assert not sent.keys() & SIMULATOR.headers("openai_chat", "secret", sent).keys()
    google = SIMULATOR.headers("gemini_generate", "secret", {})
    assert (google["x-goog-api-key"], "authorization" in google) == ("secret", False)
