"""Several providers for one model: who is asked, who is left alone, who comes back, and what the customer pays."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from catalog import prices
from catalog.breaker import FAILURES
from catalog.cards import Card
from catalog.models import Endpoint, EndpointHealth
from tests.fakes.openai_recordings import completion, error, stream, usage
from tests.people import Person, newcomer
from tests.servers import LiveServer
from tests.shop import Goods, Shop, ask, chat, events_of, eventually, text_of


def explained(goods: Goods) -> dict[str, Any]:
    """What `manage.py route explain` says."""
    out = StringIO()
    call_command("route", "explain", goods.slug, "--json", stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def test_an_endpoint_that_keeps_failing_is_left_alone_and_comes_back(own_server: Any, shop: Shop, live: str) -> None:
    alice = newcomer("alice", rpm=1_000_000)
    server = own_server(BREAK_SECONDS="1")
    goods = shop.sell(tapes=2)
    first, second = goods.tapes
    first.always(error(500))
    second.always(completion(report=usage(1, 1)))
    for _ in range(FAILURES + 3):
        assert ask(server, alice, chat(goods.slug)).status_code == 200
    asked = len(first.requests)
    assert asked < FAILURES + 3
    row = eventually(lambda: EndpointHealth.objects.filter(endpoint__model=goods.model).first())
    assert row.reason.startswith("upstream_error")
    chain = explained(goods)["chain"]
    assert [leg["health"] for leg in chain] == ["closed", "open"]
    first.always(completion(report=usage(1, 1)))

    def returned() -> bool:
        assert ask(server, alice, chat(goods.slug)).status_code == 200
        return EndpointHealth.objects.get(endpoint__model=goods.model).state == "closed"

    eventually(returned, 30)
    before = len(second.requests)
    assert ask(server, alice, chat(goods.slug)).status_code == 200
    assert len(second.requests) == before


def test_our_own_key_refused_opens_at_once_and_the_customer_never_sees_it(
    server: LiveServer, shop: Shop, alice: Person
) -> None:
    goods = shop.sell(tapes=2)
    goods.tapes[0].always(error(401, "Incorrect API key provided: sk-ours", code="invalid_api_key"))
    goods.tapes[1].always(completion(report=usage(1, 1)))
    for _ in range(3):
        answer = ask(server, alice, chat(goods.slug))
        assert answer.status_code == 200
    assert len(goods.tapes[0].requests) == 1
    assert [attempt["error"] for attempt in alice.usage[0].attempts] == ["upstream_unavailable", None]


def test_a_customers_mistake_never_counts_against_the_provider(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell(tapes=2)
    goods.tapes[0].always(error(400, "bad temperature", type="invalid_request_error"))
    for _ in range(FAILURES + 2):
        assert ask(server, alice, chat(goods.slug)).status_code == 400
    assert len(goods.tapes[0].requests) == FAILURES + 2
    assert goods.tapes[1].requests == []


def test_when_all_are_broken_the_answer_comes_at_once_and_says_when_to_return(
    server: LiveServer, shop: Shop, alice: Person
) -> None:
    goods = shop.sell()
    goods.tape.always(error(500))
    for _ in range(FAILURES):
        assert ask(server, alice, chat(goods.slug)).status_code == 502
    before = alice.balance
    answer = ask(server, alice, chat(goods.slug))
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "upstream_unavailable")
    assert 1 <= int(answer.headers["retry-after"]) <= 120
    assert len(goods.tape.requests) == FAILURES
    assert alice.balance == before


def test_among_equals_each_customer_has_a_favourite_so_that_prompt_caches_are_found_again(
    server: LiveServer, shop: Shop, live: str
) -> None:
    goods = shop.sell(tapes=2)
    Endpoint.objects.filter(model=goods.model).update(priority=10)
    for tape in goods.tapes:
        tape.always(completion(report=usage(1, 1)))
    crowd = [newcomer("customer", usd=1) for _ in range(12)]
    for person in crowd:
        for _ in range(3):
            assert ask(server, person, chat(goods.slug)).status_code == 200
    favourites = Counter()  # type: Counter[int]
    for person in crowd:
        endpoints = {record.endpoint_id for record in person.usage}
        assert len(endpoints) == 1
        favourites.update(endpoints)
    assert len(favourites) == 2


def test_a_fallback_keeps_the_price_or_raises_it_by_whole_percents_up_to_three(
    server: LiveServer, shop: Shop, alice: Person
) -> None:
    goods = shop.sell(tapes=3, rates={"input": "0.00001", "output": "0.00005"})
    _, dear, dearest = Endpoint.objects.filter(model=goods.model).order_by("priority")
    prices.change_cost(dear, Card.of([("input", 0, "0.0000092"), ("output", 0, "0.000046")]))  # × 1.1 = + 1.2 %
    prices.change_cost(dearest, Card.of([("input", 0, "0.00001"), ("output", 0, "0.00005")]))  # × 1.1 = + 10 %
    goods.tapes[0].always(error(500))
    goods.tapes[1].play(completion(report=usage(100, 100)))
    answer = ask(server, alice, chat(goods.slug))
    assert answer.status_code == 200
    [record] = alice.usage
    assert record.charged_nusd == 6_000_000 * 102 // 100
    assert record.rise == Decimal("0.02")
    assert record.supplier_cost == Decimal("0.00552")
    goods.tapes[1].always(error(500))
    assert ask(server, alice, chat(goods.slug)).status_code == 502
    assert goods.tapes[2].requests == []  # it could only be sold below the floor
    assert explained(goods)["left_out"][0]["why"].startswith("as a fallback")


@pytest.mark.deadline(200)
def test_two_of_three_endpoints_misbehaving_in_every_way_leave_every_client_with_an_honest_answer(
    own_server: Any, shop: Shop, live: str
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from tests.fakes.openai_recordings import broken_stream
    from tests.fakes.recordings import Recording
    from tests.people import books_are_clean

    server = own_server(BREAK_SECONDS="1", STREAM_FIRST_BYTE_SECONDS="5", CALL_BUDGET_SECONDS="20")
    rich = newcomer("rich", usd=100, rpm=1_000_000)
    goods = shop.sell(tapes=3)
    whole, pieces = completion("Hello", report=usage(10, 5)), stream(["Hel", "lo"], report=usage(10, 5))
    mishaps = [
        error(500),
        error(503),
        error(429),
        Recording.garbage(),
        Recording.json(b"{"),
        completion("", finish=None),
        whole.cut(after=30),
        pieces.reset(after=0),
        broken_stream(),
    ]
    for number, tape in enumerate(goods.tapes[:2]):
        tape.always(lambda request, number=number: mishaps[(len(request.body) + number) % len(mishaps)])
    goods.tapes[2].always(lambda request: pieces if request.json().get("stream") else whole)

    def one(number: int) -> tuple[bool, str]:
        streamed = number % 2 == 0
        answer = ask(server, rich, chat(goods.slug, "x" * (number % 23), stream=streamed))
        if answer.status_code != 200:
            return False, answer.json()["error"]["code"]
        text = text_of(events_of(answer)) if streamed else answer.json()["choices"][0]["message"]["content"]
        return True, text

    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(one, range(1000)))
    assert {text for served, text in answers if served} == {"Hello"}
    assert {code for served, code in answers if not served} <= {"upstream_error", "upstream_unavailable"}
    served = sum(ok for ok, _ in answers)
    assert served > 900
    eventually(lambda: rich.balance.held_nusd == 0)
    assert sum(record.charged_nusd for record in rich.usage) == served * 350_000
    assert len(rich.usage) == 1000
    assert books_are_clean()
