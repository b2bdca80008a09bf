"""Two doors, one table: the fast lane and the ninja operations give the same bytes, headers and usage records."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from gateway.api.entries import ENTRIES
from tests.fakes.openai_recordings import completion, error, stream, usage
from tests.people import Person
from tests.servers import LiveServer
from tests.shop import Goods, Shop, chat

CHANGING = {"date", "x-request-id", "request-id", "x-ratelimit-reset-requests", "x-tollgate-balance-usd"}
# What Django's middleware adds for browsers; no API client minds.
BROWSERS = {"x-content-type-options", "referrer-policy", "cross-origin-opener-policy", "x-frame-options", "vary"}
# The native API tells the balance inside its answers: tests/native/test_doors.py compares those.
CHATS = [path for _, path in ENTRIES if path.endswith("/chat/completions") and not path.startswith("/v1/llm/")]
LISTS = [path for method, path in ENTRIES if method == "GET" and "/models" in path]


@pytest.fixture
def doors(own_server: Any) -> list[LiveServer]:
    """The same server with and without the fast lane."""
    return [own_server(FAST_LANE=lane, DOCS_URL="https://docs.example.com") for lane in ("1", "0")]


def seen(response: httpx.Response) -> tuple[int, dict[str, str], bytes]:
    """What a client sees that does not change from call to call."""
    kept = {
        name: value
        for name, value in response.headers.items()
        if name not in CHANGING | BROWSERS | {"x-ratelimit-remaining-requests", "transfer-encoding"}
    }
    return response.status_code, kept, response.content


def through(doors: list[LiveServer], person: Person, method: str, path: str, **options: Any) -> list[httpx.Response]:
    """The same request through each door."""
    return [httpx.request(method, door.url + path, headers=person.headers, timeout=30, **options) for door in doors]


def test_every_chat_path_answers_alike_through_both_doors(doors: list[LiveServer], shop: Shop, alice: Person) -> None:
    goods = shop.sell()
    for path in CHATS:
        for body, recording in (
            (chat(goods.slug), completion(report=usage(9, 4))),
            (chat(goods.slug, stream=True), stream(["Hi", " there"], report=usage(9, 4))),
            (chat(goods.slug), error(400, "temperature is out of range", type="invalid_request_error")),
            (chat(goods.slug), error(429)),
        ):
            goods.tape.play(recording, recording)
            fast, slow = through(doors, alice, "POST", path, json=body)
            assert _without_ids(seen(fast)) == _without_ids(seen(slow)), path
    charged = [record.charged_nusd for record in alice.usage]
    assert charged == [290_000, 290_000, 290_000, 290_000, 0, 0, 0, 0] * len(CHATS)


def test_every_list_answers_alike_through_both_doors(doors: list[LiveServer], shop: Shop, alice: Person) -> None:
    for path in LISTS:
        fast, slow = through(doors, alice, "GET", path.replace("{model}", "gpt-4o"))
        assert fast.status_code == 200
        assert seen(fast) == seen(slow), path


def test_wrong_methods_paths_and_keys_are_refused_alike(doors: list[LiveServer], goods: Goods, alice: Person) -> None:
    for method, path, expected in (
        ("GET", "/v1/chat/completions", 405),
        ("DELETE", "/v1/models", 405),
        ("POST", "/v1/chat/completions/", 404),
        ("GET", "/v1/nowhere", 404),
        ("GET", "/models", 404),
    ):
        fast, slow = through(doors, alice, method, path)
        assert fast.status_code == expected, path
        assert _without_ids(seen(fast)) == _without_ids(seen(slow)), path
        assert fast.json()["error"]["code"] == "endpoint_not_supported"
    stranger = Person(alice.user, alice.organization, alice.key, "tollgate_unknown")
    fast, slow = through(doors, stranger, "POST", "/v1/chat/completions", json=chat(goods.slug))
    assert fast.status_code == 401
    assert _without_ids(seen(fast)) == _without_ids(seen(slow))


@pytest.fixture
def goods(shop: Shop) -> Goods:
    """Something to ask for."""
    return shop.sell()


def _without_ids(found: tuple[int, dict[str, str], bytes]) -> tuple[int, dict[str, str], object]:
    """Errors quote the request's id in their body."""
    status, headers, body = found
    if status < 400:
        return status, headers, body
    value = httpx.Response(200, content=body).json()
    value.pop("request_id")
    return status, {name: text for name, text in headers.items() if name != "content-length"}, value
