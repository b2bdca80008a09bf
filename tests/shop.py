"""A shop for tests: models made for one test, each served by tapes, at prices that are easy to reckon with."""

from __future__ import annotations

import contextlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from catalog import prices
from catalog.cards import Card
from catalog.models import AIModel, Endpoint, Kind, Platform, Provider
from gateway import credentials
from tests.fakes.upstream import Tape
from tests.people import Person
from tests.servers import LiveServer

# USD per token: a thousand tokens in cost a cent, a thousand out cost five.
RATES = {"input": "0.00001", "output": "0.00005"}


@dataclass(frozen=True, slots=True)
class Goods:
    """One model of the shop and the tapes that serve it, first choice first."""

    slug: str
    tapes: list[Tape]
    model: AIModel

    @property
    def tape(self) -> Tape:
        """The only tape, or the first."""
        return self.tapes[0]


class Shop:
    """Sells models to tests."""

    def __init__(self) -> None:
        self._tapes = contextlib.ExitStack()

    def sell(
        self,
        *,
        tapes: int = 1,
        rates: Mapping[str, str] | None = RATES,
        max_output: int | None = 64_000,
        dialect: str = "openai_chat",
        upstream_id: str = "gpt-4o-2024-08-06",
        adapter: str = "compatible",
        **fields: Any,
    ) -> Goods:
        """A new model with `tapes` endpoints, at `rates` (USD a token; None: it has no price)."""
        mark = secrets.token_hex(4)
        model = AIModel.objects.create(
            slug=f"model-{mark}",
            display_name=f"Model {mark}",
            vendor="tape",
            kind=fields.pop("kind", Kind.CHAT),
            platform=fields.pop("platform", Platform.OPENAI),
            max_output_tokens=max_output,
            **fields,
        )
        if rates is not None:
            prices.change(model, Card.of([(name, 0, price) for name, price in rates.items()]))
        players = []
        for number in range(tapes):
            tape = self._tapes.enter_context(Tape())
            provider = Provider.objects.create(
                slug=f"tape-{mark}-{number}", name="Tape", adapter=adapter, base_url=f"{tape.url}/v1"
            )
            credentials.store(provider, f"sk-tape-{mark}-secret")
            Endpoint.objects.create(
                model=model, provider=provider, upstream_id=upstream_id, dialect=dialect, priority=10 + number
            )
            players.append(tape)
        return Goods(model.slug, players, model)

    def close(self) -> None:
        """Stop the tapes. The models stay: the database is thrown away."""
        self._tapes.close()


@pytest.fixture
def shop(live: str) -> Iterator[Shop]:
    """Sells models in the live servers' database."""
    store = Shop()
    yield store
    store.close()


def chat(slug: str, text: str = "Hello", **fields: Any) -> dict[str, Any]:
    """A chat request with one question."""
    return {"model": slug, "messages": [{"role": "user", "content": text}], **fields}


def ask(server: LiveServer, person: Person, body: object, *, path: str = "/v1/chat/completions") -> httpx.Response:
    """POST a JSON body as `person`, without retries."""
    return httpx.post(server.url + path, headers=person.headers, json=body, timeout=60)


def events_of(response: httpx.Response) -> list[Any]:
    """The data of a stream's events, decoded; [DONE] as the string "[DONE]"."""
    found = []
    for line in response.text.splitlines():
        if line.startswith("data: "):
            found.append("[DONE]" if line == "data: [DONE]" else json.loads(line[6:]))
    return found


def text_of(events: list[Any]) -> str:
    """The content of a chat stream."""
    return "".join(
        choice["delta"].get("content") or ""
        for event in events
        if isinstance(event, dict)
        for choice in event.get("choices", ())
    )


def eventually(condition: Callable[[], Any], seconds: float = 15) -> Any:
    """Wait for something that another process does; its value. Fails when it never comes."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it never happened"
        threading.Event().wait(0.02)
    return value
