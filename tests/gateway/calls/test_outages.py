"""When Redis, PostgreSQL or the server itself goes away in the middle of calls: honest answers, and nothing lost."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest

from bench.servers import Customer, Program, World
from gateway import processes
from tests.fakes.openai_recordings import completion, stream, usage
from tests.fakes.recordings import Gate
from tests.fakes.upstream import Tape
from tests.shop import chat, eventually

pytestmark = pytest.mark.deadline(200)
REPORT = usage(10, 2)  # what every answer of the tape costs: 10 and 2 tokens
COST = 10 * World.PRICES["input"] + 2 * World.PRICES["output"]


@pytest.fixture(scope="module")
def tape() -> Iterator[Tape]:
    """The provider of this world."""
    with Tape() as player:
        yield player


@pytest.fixture(scope="module")
def world(tape: Tape, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A PostgreSQL and a Redis that may be killed."""
    settings = {"PLACE_PATIENCE_SECONDS": "1", "SETTLE_PATIENCE_SECONDS": "60"}
    with World(tmp_path_factory.mktemp("outages") / "world", provider_url=tape.url, **settings) as made:
        yield made


@pytest.fixture(scope="module")
def server(world: World) -> Program:
    """The server that must survive."""
    return world.server()


@pytest.fixture
def carol(world: World) -> Customer:
    """She has 25 dollars and calls through every outage."""
    return world.customers("25")[0]


def ask(server: Program, key: str, **fields: Any) -> httpx.Response:
    """A call, without retries."""
    headers = {"authorization": f"Bearer {key}"}
    return httpx.post(
        f"{server.url}/v1/chat/completions", headers=headers, json=chat(World.MODEL, **fields), timeout=60
    )


@contextlib.contextmanager
def sent(server: Program, key: str, **fields: Any) -> Iterator[socket.socket]:
    """A call on a bare socket."""
    payload = json.dumps(chat(World.MODEL, **fields)).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(payload)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
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


def books(world: World, customer: Customer) -> tuple[list[tuple[Any, ...]], int, int]:
    """(outcome, charge) of every call, and what the wallet has and holds, in nano-USD."""
    with psycopg.connect(world.postgres.url(), autocommit=True) as connection:
        wallet = (customer.organization,)
        records = connection.execute(
            "SELECT outcome, charged_nusd FROM billing_usagerecord WHERE wallet_id = %s ORDER BY id", wallet
        ).fetchall()
        [(balance, held)] = connection.execute(
            "SELECT balance_nusd, held_nusd FROM billing_wallet WHERE organization_id = %s", wallet
        ).fetchall()
    return records, balance, held


def charged(world: World, customer: Customer, *records: tuple[str, int]) -> bool:
    """Whether exactly these calls stand in the books, and nothing is set aside any more."""
    return books(world, customer) == (list(records), 25_000_000_000 - sum(charge for _, charge in records), 0)


def test_calls_go_on_unlimited_while_redis_is_away_and_each_is_charged(
    world: World, server: Program, tape: Tape, carol: Customer
) -> None:
    told = json.loads(world.run("manage.py", "key", "create", carol.slug, "--rpm", "2", "--json"))
    key = str(told["key"])
    tape.always(completion(report=REPORT))
    gate = Gate()
    tape.play(stream(["Hello", gate, " there"], report=REPORT))
    with sent(server, key, stream=True) as running:
        read_until(running, b"Hello")
        assert ask(server, key).status_code == 200
        assert ask(server, key).status_code == 429
        world.redis.kill()
        try:
            answers = [ask(server, key) for _ in range(5)]
            gate.open()
            read_until(running, b"[DONE]")
        finally:
            world.redis.start()
    assert [answer.status_code for answer in answers] == [200] * 5
    assert charged(world, carol, *[("completed", COST)] * 7)
    eventually(lambda: ask(server, key).status_code == 429)
    assert world.audit() == []


def test_without_postgresql_the_answer_is_honest_and_nobody_is_asked(
    world: World, server: Program, tape: Tape, carol: Customer
) -> None:
    tape.always(completion(report=REPORT))
    assert ask(server, carol.key).status_code == 200
    seen = len(tape.requests)
    world.postgres.kill()
    try:
        for fields in ({}, {"stream": True}):
            answer = ask(server, carol.key, **fields)
            assert answer.status_code == 500
            assert answer.json()["error"]["code"] == "internal_error"
            assert answer.json()["request_id"] == answer.headers["x-request-id"]
            assert "psycopg" not in answer.text
        assert httpx.get(f"{server.url}/healthz", timeout=60).status_code == 503
        assert len(tape.requests) == seen
    finally:
        world.postgres.start()
    eventually(lambda: ask(server, carol.key).status_code == 200)
    assert charged(world, carol, *[("completed", COST)] * 2)
    assert httpx.get(f"{server.url}/healthz", timeout=60).status_code == 200
    assert world.audit() == []


def test_a_customer_who_was_unknown_before_the_outage_gets_an_honest_answer_too(
    world: World, server: Program, tape: Tape
) -> None:
    [dave] = world.customers("25")
    world.postgres.kill()
    try:
        answer = ask(server, dave.key)
        assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_error")
    finally:
        world.postgres.start()
    tape.always(completion(report=REPORT))
    eventually(lambda: ask(server, dave.key).status_code == 200)


def test_calls_that_run_while_postgresql_dies_are_charged_when_it_is_back(
    world: World, server: Program, tape: Tape, carol: Customer
) -> None:
    gates = Gate(), Gate()
    tape.play(stream(["Hello", gates[0], " there"], report=REPORT), completion(report=REPORT).behind(gates[1]))
    before = len(tape.requests)
    with sent(server, carol.key, stream=True) as streamed:
        read_until(streamed, b"Hello")
        with sent(server, carol.key) as whole:
            tape.wait_for_requests(before + 2)
            world.postgres.kill()
            try:
                for gate in gates:
                    gate.open()
                seen = read_until(streamed, b'"stop"')
                assert b"[DONE]" not in seen  # nobody is told of an end that is not in the books
            finally:
                world.postgres.start()
            assert b"[DONE]" in seen + read_until(streamed, b"[DONE]")
            assert b"x-tollgate-cost-usd: 0.0002\r\n" in read_until(whole, b'"usage"')
    assert charged(world, carol, *[("completed", COST)] * 2)
    assert world.audit() == []


@pytest.mark.parametrize("kind", ["uvicorn", "daphne"])
def test_a_server_that_is_asked_to_stop_leaves_no_call_behind(
    world: World, tape: Tape, carol: Customer, kind: str
) -> None:
    server = world.server(kind, grace=1)
    tape.play(stream(["Hello", Gate(), "never"], report=REPORT))
    with sent(server, carol.key, stream=True) as running:
        read_until(running, b"Hello")
        server.stop()
    [(outcome, charge)], _, held = books(world, carol)
    assert (outcome, held) == ("cancelled", 0)
    assert 0 < charge <= COST
    assert world.audit() == []


def test_a_server_that_is_asked_to_stop_lets_running_streams_come_to_their_end(
    world: World, tape: Tape, carol: Customer
) -> None:
    server = world.server(grace=60)
    gate = Gate()
    tape.play(stream(["Hello", gate, " there"], report=REPORT))
    with sent(server, carol.key, stream=True) as running:
        read_until(running, b"Hello")
        assert server.process is not None
        os.kill(server.process.pid, signal.SIGTERM)
        eventually(lambda: not listening(server))
        gate.open()
        read_until(running, b"[DONE]")
    eventually(lambda: not processes.alive(server.process.pid) if server.process else True)
    assert charged(world, carol, ("completed", COST))


def listening(server: Program) -> bool:
    """Whether the server accepts connections."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", server.port), timeout=5):
        return True
    return False
