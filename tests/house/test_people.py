"""The stage for tests from outside: a live server, people who see the same books, nobody in each other's way."""

from __future__ import annotations

from decimal import Decimal

import httpx
import pytest

from billing.models import LedgerEntry
from tests.people import Person, nothing_happened
from tests.servers import LiveServer

HELLO = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Say hello."}]}


@pytest.mark.parametrize("server", ["uvicorn", "daphne"], indirect=True)
def test_a_live_call_costs_alice_exactly_what_its_record_says(
    server: LiveServer, alice: Person, mallory: Person
) -> None:
    before, hers = alice.balance, mallory.balance
    answer = httpx.post(f"{server.url}/v1/chat/completions", json=HELLO, headers=alice.headers, timeout=30)
    assert answer.status_code == 200, answer.text
    (record,) = alice.usage
    assert record.charged_nusd > 0
    assert alice.balance.balance_nusd == before.balance_nusd - record.charged_nusd
    assert alice.balance.held_nusd == 0
    assert nothing_happened(mallory, before=hers)


def test_a_refused_live_call_leaves_no_trace(server: LiveServer, alice: Person) -> None:
    before = alice.balance
    answer = httpx.post(f"{server.url}/v1/chat/completions", json=HELLO, headers={"authorization": "Bearer tollgate_x"})
    assert answer.status_code == 401
    assert nothing_happened(alice, before=before)


def test_everybody_starts_with_the_same_purse(alice: Person, bob: Person, mallory: Person) -> None:
    assert alice.organization == bob.organization != mallory.organization
    assert alice.balance.available_nusd == mallory.balance.available_nusd == 25_000_000_000
    assert [entry.kind for entry in alice.entries] == [LedgerEntry.Kind.ADJUSTMENT]
    assert len({alice.secret, bob.secret, mallory.secret}) == 3


def test_a_server_of_ones_own_dies_whole_and_comes_back(own_server, mallory: Person) -> None:  # type: ignore[no-untyped-def]
    server = own_server("uvicorn", workers=2)
    family = server.family()
    assert len(family) >= 3
    server.kill()
    assert server.family() == []
    server.start()
    assert httpx.get(f"{server.url}/v1/models", headers=mallory.headers).status_code == 200
    assert Decimal(mallory.balance.available_nusd) == 25_000_000_000
