"""Customers of four tongues and providers of four, for tests that translate every one of them into every other.

A `Tongue` writes requests as a customer's program would and reads the answers, whole or streamed, without any code of
the gateway. `translated` sells a model that only one kind of provider serves: the simulator, asked in one dialect.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from billing.models import UsageRecord
from catalog import prices
from catalog.cards import Card
from catalog.models import AIModel, Endpoint, Kind, Platform, Provider
from gateway import credentials

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
CITY: Any = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL, ABOUT = "get_weather", "The weather in a city."

# USD per token, every class at a price of its own: a token in the wrong class is a wrong charge.
RATES = {
    "input": "0.00001",
    "cached_input": "0.000001",
    "cache_write_5m": "0.0000125",
    "cache_write_1h": "0.00002",
    "output": "0.00005",
    "reasoning": "0.00007",
}
# dialect → (adapter, what to put in the place of the simulator's /v1, a model that thinks)
PROVIDERS = {
    "openai_chat": ("compatible", "/v1", "deepseek-reasoner"),
    "openai_responses": ("openai", "/v1", "gpt-5.2"),
    "anthropic_messages": ("anthropic", "", "claude-sonnet-4-5"),
    "gemini_generate": ("google", "/v1beta", "gemini-3-pro-preview"),
}


def translated(dialect: str, *, upstream_id: str | None = None, **fields: Any) -> str:
    """The slug of a new model that the simulator serves in `dialect` alone."""
    adapter, path, name = PROVIDERS[dialect]
    mark = secrets.token_hex(4)
    model = AIModel.objects.create(
        slug=f"model-{mark}",
        display_name=f"Model {mark}",
        vendor="simulator",
        kind=Kind.CHAT,
        platform=Platform.OPENAI,
        max_output_tokens=64_000,
        **fields,
    )
    prices.change(model, Card.of([(component, 0, price) for component, price in RATES.items()]))
    simulator = Provider.objects.get(is_simulator=True).base_url.removesuffix("/v1")
    provider = Provider.objects.create(slug=f"p-{mark}", name="P", adapter=adapter, base_url=simulator + path)
    credentials.store(provider, f"sk-{mark}")
    Endpoint.objects.create(model=model, provider=provider, upstream_id=upstream_id or name, dialect=dialect)
    return model.slug


def price(record: UsageRecord) -> int:
    """What the tokens of a record cost in nano-USD, reckoned from RATES by hand."""
    nano = {"input": 10_000, "cached_input": 1_000, "cache_write_5m": 12_500, "cache_write_1h": 20_000}
    nano |= {"output": 50_000, "reasoning": 70_000, "image_input": 10_000}
    return sum(getattr(record, f"{name}_tokens") * each for name, each in nano.items())


@dataclass(slots=True)
class Called:
    """A tool call as the customer reads it."""

    id: str
    name: str
    arguments: Any


@dataclass(slots=True)
class Heard:
    """An answer. `turns` is what the customer's program appends to its history, unchanged."""

    text: str = ""
    thoughts: str = ""
    calls: list[Called] = field(default_factory=list)
    finish: str = ""
    model: str = ""
    usage: Mapping[str, int] = field(default_factory=dict)
    turns: list[Any] = field(default_factory=list)
    error: Any = None


class Tongue:
    """One dialect from the customer's side."""

    name: str
    stop: str  # the finish of an answer in words
    tools: str  # the finish of an answer that calls tools
    length: str

    def path(self, slug: str, *, stream: bool) -> str:
        raise AssertionError

    def user(self, text: str, *, picture: bool = False) -> list[Any]:
        """The turns of a question."""
        raise AssertionError

    def result(self, called: Called, text: str) -> list[Any]:
        """The turns of a tool's result."""
        raise AssertionError

    def body(self, slug: str, turns: list[Any], **wishes: Any) -> dict[str, Any]:
        """Wishes: system, tool, think, limit, stream."""
        raise AssertionError

    def whole(self, answer: Any) -> Heard:
        raise AssertionError

    def pieces(self, events: list[Any]) -> Heard:
        raise AssertionError

    def told(self, record: UsageRecord) -> dict[str, int]:
        """The usage that an answer must report when this is its record."""
        raise AssertionError


def split(text: str) -> list[Any]:
    """The data of a stream's events; [DONE] is left out."""
    lines = [line[6:] for line in text.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody at a server's door with one tongue and one model."""

    url: str
    headers: Mapping[str, str]
    tongue: Tongue
    slug: str

    def send(self, turns: list[Any], *, stream: bool = False, **wishes: Any) -> httpx.Response:
        """The bare answer."""
        body = self.tongue.body(self.slug, turns, stream=stream, **wishes)
        address = self.url + self.tongue.path(self.slug, stream=stream)
        return httpx.post(address, headers=dict(self.headers), json=body, timeout=60)

    def ask(self, turns: list[Any], *, stream: bool = False, **wishes: Any) -> Heard:
        """The answer, understood."""
        answer = self.send(turns, stream=stream, **wishes)
        assert answer.status_code == 200, answer.text
        return self.tongue.pieces(split(answer.text)) if stream else self.tongue.whole(answer.json())
