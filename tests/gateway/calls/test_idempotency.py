"""Idempotency-Key: the same request again is the same answer and one charge, whatever dies in between."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from django.utils import timezone

from gateway import idempotency
from gateway.models import IdempotencyKey
from tests.fakes.openai_recordings import broken_stream, completion, error, stream, usage
from tests.fakes.recordings import Gate
from tests.gateway.calls.test_hanging_up import read_until, sent
from tests.people import Person, books_are_clean, colleague, nothing_happened
from tests.servers import LiveServer
from tests.shop import Shop, chat, events_of, eventually, text_of

BOTH = pytest.mark.parametrize("server", ["uvicorn", "daphne"], indirect=True)
PATHS = {"openai": "/v1/chat/completions", "native": "/v1/llm/chat/completions", "anthropic": "/v1/messages"}


def post(
    server: LiveServer, person: Person, body: object, key: str, path: str = "/v1/chat/completions"
) -> httpx.Response:
    """POST with an Idempotency-Key."""
    headers = {**person.headers, "idempotency-key": key, "content-type": "application/json"}
    return httpx.post(server.url + path, headers=headers, content=json.dumps(body), timeout=60)


def patiently(ask: Callable[[], httpx.Response]) -> httpx.Response:
    """Ask again for as long as the first request is still running."""

    def over() -> httpx.Response | None:
        answer = ask()
        running = answer.status_code == 409 and answer.json()["error"]["meta"]["state"] == "running"
        return None if running else answer

    answer: httpx.Response = eventually(over)
    return answer


def kept(person: Person) -> list[IdempotencyKey]:
    """The rows of the person's organization."""
    return list(IdempotencyKey.objects.filter(organization=person.organization))


@BOTH
@pytest.mark.parametrize("path", PATHS.values(), ids=list(PATHS))
def test_the_same_request_again_gets_the_same_answer_and_is_charged_once(
    server: LiveServer, shop: Shop, alice: Person, path: str
) -> None:
    goods = shop.sell()
    goods.tape.play(completion("Paris.", report=usage(24, 10)))
    body = chat(goods.slug, max_tokens=100)
    first, second = (post(server, alice, body, "order-1", path) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert second.content == first.content
    for name in ("content-type", "x-request-id", "x-tollgate-cost-usd", "x-tollgate-balance-usd"):
        assert second.headers[name] == first.headers[name]
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert len(goods.tape.requests) == len(alice.usage) == 1


@BOTH
def test_a_stream_is_replayed_whole(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell()
    goods.tape.play(stream(["Pa", "ris"], report=usage(24, 10)))
    body = chat(goods.slug, stream=True)
    first, second = (post(server, alice, body, "order-1") for _ in range(2))
    assert text_of(events_of(first)) == "Paris"
    assert second.content == first.content
    assert second.headers["content-type"] == first.headers["content-type"]
    assert len(alice.usage) == 1


def test_only_hashes_of_the_key_and_the_body_are_kept(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell()
    goods.tape.play(completion("Paris."))
    post(server, alice, chat(goods.slug, "Where do I live?"), "my-secret-key")
    [row] = IdempotencyKey.objects.filter(organization=alice.organization).values()
    assert "my-secret-key" not in str(row)
    assert "Where do I live?" not in str(row)


@BOTH
@pytest.mark.parametrize("streamed", [False, True])
def test_thirty_two_copies_at_once_are_one_call(server: LiveServer, shop: Shop, alice: Person, streamed: bool) -> None:
    goods = shop.sell()
    goods.tape.play(stream(["x"], report=usage(1, 5)) if streamed else completion("x", report=usage(1, 5)))
    body = chat(goods.slug, stream=streamed)
    with ThreadPoolExecutor(32) as crowd:
        answers = list(crowd.map(lambda _: patiently(lambda: post(server, alice, body, "once")), range(32)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len(goods.tape.requests) == len(alice.usage) == 1
    assert alice.balance.held_nusd == 0
    assert books_are_clean()


def test_another_body_another_person_and_another_path_are_told_apart(
    server: LiveServer, shop: Shop, alice: Person, mallory: Person
) -> None:
    goods = shop.sell()
    goods.tape.always(completion("x", report=usage(1, 5)))
    assert post(server, alice, chat(goods.slug), "k").status_code == 200
    other = post(server, alice, chat(goods.slug, "Something else"), "k")
    assert other.status_code == 409
    told = other.json()["error"]
    assert (told["code"], told["meta"]) == (
        "idempotency_conflict", {"idempotency_key": "k", "state": "different_body"}
    )  # fmt: skip
    assert "retry-after" not in other.headers
    assert len(alice.usage) == 1
    assert "idempotent-replayed" not in post(server, mallory, chat(goods.slug), "k").headers
    assert "idempotent-replayed" not in post(server, alice, chat(goods.slug), "k", "/api/v1/chat/completions").headers
    colleagues = post(server, colleague(alice, "bob"), chat(goods.slug), "k")
    assert colleagues.headers["idempotent-replayed"] == "true"
    assert (len(alice.usage), len(mallory.usage)) == (2, 1)


def test_a_copy_of_a_running_request_is_told_to_wait(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell()
    gate = Gate()
    goods.tape.play(completion("x").behind(gate))
    with ThreadPoolExecutor(1) as first:
        answer = first.submit(post, server, alice, chat(goods.slug), "k")
        goods.tape.wait_for_requests(1)
        copy = post(server, alice, chat(goods.slug), "k")
        gate.open()
        assert answer.result().status_code == 200
    assert copy.status_code == 409
    assert copy.json()["error"]["meta"]["state"] == "running"
    assert int(copy.headers["retry-after"]) >= 1
    assert len(alice.usage) == 1


def test_what_failed_without_a_charge_may_be_tried_again(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell()
    goods.tape.play(error(400, "bad", type="invalid_request_error"), error(500), broken_stream([]))
    assert post(server, alice, chat(goods.slug), "k").status_code == 400
    assert post(server, alice, chat(goods.slug), "k").status_code == 502
    assert post(server, alice, chat(goods.slug, stream=True), "k").status_code in (200, 502)
    assert not kept(alice)
    goods.tape.play(completion("now"))
    assert post(server, alice, chat(goods.slug), "k").status_code == 200
    assert sum(record.charged_nusd > 0 for record in alice.usage) == 1


@BOTH
@pytest.mark.parametrize("streamed", [False, True])
def test_who_lost_the_connection_asks_again_and_gets_the_whole_answer(
    server: LiveServer, shop: Shop, alice: Person, streamed: bool
) -> None:
    goods = shop.sell()
    gate = Gate()
    if streamed:
        goods.tape.play(stream(["Four score ", gate, "and seven"], report=usage(5, 7)))
    else:
        goods.tape.play(completion("Four score and seven", report=usage(5, 7)).behind(gate))
    body = chat(goods.slug, stream=streamed)
    with sent(server, alice, body, "idempotency-key: k\r\n") as connection:
        goods.tape.wait_for_requests(1)
        if streamed:
            read_until(connection, b"Four score")
    gate.open()
    again = patiently(lambda: post(server, alice, body, "k"))
    assert again.headers["idempotent-replayed"] == "true"
    told = text_of(events_of(again)) if streamed else again.json()["choices"][0]["message"]["content"]
    assert told == "Four score and seven"
    [record] = alice.usage
    assert (record.outcome, record.charged_nusd) == ("completed", 5 * 10_000 + 7 * 50_000)
    assert len(goods.tape.requests) == 1


def test_a_killed_server_frees_the_key_and_the_call_is_charged_once(own_server: Any, shop: Shop, alice: Person) -> None:
    goods = shop.sell()
    goods.tape.play(completion("never").behind(Gate()), completion("at last", report=usage(5, 7)))
    server = own_server(IDEMPOTENCY_LOCK_SECONDS="2")
    with sent(server, alice, chat(goods.slug), "idempotency-key: k\r\n"):
        goods.tape.wait_for_requests(1)
        eventually(lambda: alice.open_holds)
        server.kill()
    server.start()
    answer = patiently(lambda: post(server, alice, chat(goods.slug), "k"))
    assert answer.status_code == 200
    assert answer.json()["choices"][0]["message"]["content"] == "at last"
    [record] = alice.usage  # and its hold is the one that the dead server had placed
    assert record.charged_nusd == 5 * 10_000 + 7 * 50_000
    assert not alice.open_holds
    assert books_are_clean()


def test_an_answer_that_was_charged_but_never_kept_is_not_charged_again(
    server: LiveServer, shop: Shop, alice: Person
) -> None:
    goods = shop.sell()
    goods.tape.always(completion("x", report=usage(5, 7)))
    assert post(server, alice, chat(goods.slug), "k").status_code == 200
    # The server died between the charge and the note of it.
    IdempotencyKey.objects.filter(organization=alice.organization).update(
        state="running", body=None, locked_until=timezone.now()
    )
    again = post(server, alice, chat(goods.slug), "k")
    assert again.status_code == 200
    assert "idempotent-replayed" not in again.headers
    assert len(goods.tape.requests) == 2
    assert len(alice.usage) == 1
    assert again.headers["x-request-id"] == f"req_{alice.usage[0].id.hex}"
    assert books_are_clean()


def test_an_answer_too_large_to_keep_is_said_to_be_so(own_server: Any, shop: Shop, alice: Person) -> None:
    server = own_server(IDEMPOTENCY_MAX_ANSWER_BYTES="500")
    goods = shop.sell()
    goods.tape.play(completion("x" * 1000), stream(["x" * 1000]))
    for number, streamed in enumerate((False, True)):
        body = chat(goods.slug, stream=streamed)
        assert post(server, alice, body, f"k{number}").status_code == 200
        again = post(server, alice, body, f"k{number}")
        assert again.status_code == 409
        assert again.json()["error"]["meta"]["state"] == "done"
        assert "500 bytes" in again.json()["error"]["message"]
    assert len(goods.tape.requests) == 2
    assert {row.body for row in kept(alice)} == {None}


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there"])
def test_a_key_that_is_none_is_refused(server: LiveServer, shop: Shop, alice: Person, key: str) -> None:
    goods = shop.sell()
    before = alice.balance
    refused = post(server, alice, chat(goods.slug), key)
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "Idempotency-Key"
    assert nothing_happened(alice, before=before)
    assert not kept(alice)
    assert not goods.tape.requests


def test_a_key_is_forgotten_when_its_time_is_over(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell()
    goods.tape.always(completion("x"))
    post(server, alice, chat(goods.slug), "k")
    IdempotencyKey.objects.filter(organization=alice.organization).update(expires_at=timezone.now())
    assert "idempotent-replayed" not in post(server, alice, chat(goods.slug), "k").headers
    assert len(alice.usage) == 2
    IdempotencyKey.objects.filter(organization=alice.organization).update(expires_at=timezone.now())
    assert idempotency.clean() >= 1
    assert not kept(alice)
