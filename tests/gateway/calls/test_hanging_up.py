"""Customers who leave before, between and after the bytes: the provider stops, what passed is charged."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes.openai_recordings import completion, stream, usage
from tests.fakes.recordings import Gate
from tests.people import Person
from tests.servers import LiveServer
from tests.shop import Shop, chat, eventually

BOTH = pytest.mark.parametrize("server", ["uvicorn", "daphne"], indirect=True)


@contextlib.contextmanager
def sent(server: LiveServer, person: Person, body: dict[str, Any], headers: str = "") -> Iterator[socket.socket]:
    """A request on a bare socket, which can be closed at any moment."""
    payload = json.dumps(body).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {person.secret}\r\n"
        f"content-type: application/json\r\n{headers}content-length: {len(payload)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(head.encode() + payload)
        yield connection


def read_until(connection: socket.socket, word: bytes) -> bytes:
    """Everything up to and including the first `word`."""
    seen = b""
    while word not in seen:
        part = connection.recv(65536)
        assert part, f"closed after {seen!r}"
        seen += part
    return seen


def settled(person: Person, calls: int = 1) -> None:
    """Wait until so many calls are in the books and nothing is set aside."""
    eventually(lambda: len(person.usage) == calls and person.balance.held_nusd == 0)


@BOTH
def test_leaving_in_the_middle_stops_the_provider_and_charges_what_passed(
    server: LiveServer, shop: Shop, alice: Person
) -> None:
    goods = shop.sell()
    gate = Gate()
    goods.tape.play(stream(["Four score and seven years ago ", gate, "our fathers brought forth"]))
    with sent(server, alice, chat(goods.slug, "Recite something", stream=True)) as connection:
        read_until(connection, b"seven years ago")
    [request] = goods.tape.wait_for_requests(1)
    assert request.wait_for_hang_up(5)
    settled(alice)
    [record] = alice.usage
    assert (record.outcome, record.usage_source) == ("cancelled", "estimated")
    assert 5 <= record.output_tokens <= 9
    assert 0 < record.charged_nusd < 1_000_000


@BOTH
def test_leaving_before_the_first_token_cancels_a_silent_provider_and_costs_nothing(
    server: LiveServer, shop: Shop, alice: Person
) -> None:
    goods = shop.sell()
    goods.tape.play(stream(["never"]).behind(Gate()))
    before = alice.balance
    with sent(server, alice, chat(goods.slug, stream=True)):
        [request] = goods.tape.wait_for_requests(1)
    assert request.wait_for_hang_up(5)
    settled(alice)
    assert alice.balance == before
    assert alice.usage[0].outcome == "cancelled"


@BOTH
def test_leaving_a_whole_answer_stops_the_provider_and_costs_nothing(
    server: LiveServer, shop: Shop, alice: Person
) -> None:
    goods = shop.sell()
    goods.tape.play(completion("never").behind(Gate()))
    before = alice.balance
    with sent(server, alice, chat(goods.slug)):
        [request] = goods.tape.wait_for_requests(1)
    assert request.wait_for_hang_up(5)
    settled(alice)
    assert alice.balance == before
    assert alice.usage[0].outcome == "cancelled"


@BOTH
def test_twenty_customers_who_leave_at_once_leave_nothing_set_aside(
    server: LiveServer, shop: Shop, alice: Person
) -> None:
    goods = shop.sell()
    goods.tape.always(stream(["never"]).behind(Gate()))
    with contextlib.ExitStack() as crowd:
        for _ in range(20):
            crowd.enter_context(sent(server, alice, chat(goods.slug, stream=True)))
        goods.tape.wait_for_requests(20)
    settled(alice, 20)
    assert eventually(lambda: goods.tape.open_connections == 0)


@BOTH
def test_the_normal_end_of_a_stream_is_no_hang_up(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell()
    goods.tape.play(stream(["Hello"], report=usage(10, 1)))
    with sent(server, alice, chat(goods.slug, stream=True)) as connection:
        read_until(connection, b"data: [DONE]\n\n")
    settled(alice)
    [record] = alice.usage
    assert (record.outcome, record.usage_source, record.finish) == ("completed", "reported", "stop")
    assert not goods.tape.requests[0].hung_up


def test_a_customer_who_leaves_while_sending_the_body_leaves_no_trace(
    server: LiveServer, shop: Shop, alice: Person
) -> None:
    goods = shop.sell()
    before = alice.balance
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {alice.secret}\r\n"
            f"content-type: application/json\r\ncontent-length: 500\r\n\r\n{{".encode()
        )
    goods.tape.play(completion(report=usage(10, 1)))
    with sent(server, alice, chat(goods.slug)) as connection:
        read_until(connection, b"chat.completion")
    settled(alice, 1)
    assert before.balance_nusd - alice.balance.balance_nusd == 150_000
    assert "Traceback" not in server.said()
