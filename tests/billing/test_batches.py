"""Batches: every item has its own verdict, in the order of the items, and a broken one never harms its neighbours."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from billing import holds, wallets
from billing.sql import functions
from tests.books import CENT, USD, a_call, its_end, outcomes
from tests.people import Person, books_are_clean, newcomer, nothing_happened


def test_one_batch_serves_many_wallets_and_answers_in_order(database: None) -> None:
    people = [newcomer(f"person{number}", usd=1) for number in range(6)]
    calls = [a_call(random.choice(people), 30 * CENT) for _ in range(64)]
    verdicts = holds.place(calls)
    assert [verdict.id for verdict in verdicts] == [call.id for call in calls]
    taken: dict[int, int] = {}
    for call, verdict in zip(calls, verdicts, strict=True):
        taken[call.wallet_id] = taken.get(call.wallet_id, 0) + 1
        assert verdict.outcome == ("placed" if taken[call.wallet_id] <= 3 else "insufficient")
        assert verdict.held_nusd == min(taken[call.wallet_id], 3) * 30 * CENT
    placed = [call for call, verdict in zip(calls, verdicts, strict=True) if verdict.outcome == "placed"]
    random.shuffle(placed)
    ends = [its_end(call, number) for number, call in enumerate(placed, start=1)]
    settled = holds.settle(ends)
    assert [(verdict.id, verdict.charged_nusd) for verdict in settled] == [(end.id, end.cost_nusd) for end in ends]
    assert books_are_clean()


def test_a_call_too_dear_leaves_room_for_the_smaller_ones_behind_it(alice: Person) -> None:
    verdicts = holds.place([a_call(alice, nusd) for nusd in (20 * USD, 6 * USD, 5 * USD, 1)])
    assert outcomes(verdicts) == ["placed", "insufficient", "placed", "insufficient"]
    assert alice.balance == wallets.Balance(25 * USD, 25 * USD, 0)


def test_the_same_call_twice_in_one_batch_counts_once(alice: Person) -> None:
    call = a_call(alice, USD)
    assert outcomes(holds.place([call, call])) == ["placed", "duplicate"]
    settled, again = holds.settle([its_end(call, 40), its_end(call, 50)])
    assert (settled.outcome, again.outcome, again.charged_nusd) == ("settled", "duplicate", 40)
    assert alice.balance == wallets.Balance(25 * USD - 40, 0, 25 * USD - 40)
    assert books_are_clean()


def test_a_placement_that_makes_no_sense_spares_its_neighbours(alice: Person, mallory: Person) -> None:
    good = [a_call(person, USD) for person in (mallory, alice, mallory)]
    bad = [a_call(alice, -1), a_call(alice, 2**63), a_call(mallory, kind="x" * 99), a_call(alice, wallet_id=2**40)]
    verdicts = holds.place([bad[0], good[0], bad[1], good[1], bad[2], good[2], bad[3]])
    assert outcomes(verdicts) == [
        "invalid", "placed", "invalid", "placed", "invalid", "placed", "insufficient",
    ]  # fmt: skip
    assert [verdict.id for verdict in verdicts][1::2] == [call.id for call in good]
    assert (alice.balance.held_nusd, mallory.balance.held_nusd) == (USD, 2 * USD)
    assert books_are_clean()


@pytest.mark.parametrize(
    "damage",
    [
        {"cost_nusd": -1},
        {"cost_nusd": 2**63},
        {"status": 2**20},
        {"duration_ms": 2**40},
        {"first_byte_ms": 2**31},
        {"model_id": 2**64},
        {"wallet_id": 2**40},
        {"wallet_id": 2**70},
    ],
    ids=str,
)
def test_a_settlement_that_makes_no_sense_spares_its_neighbours(
    alice: Person, mallory: Person, damage: dict[str, Any]
) -> None:
    calls = [a_call(person, USD) for person in (mallory, alice, alice, mallory)]
    holds.place(calls)
    ends = [its_end(calls[0], 10), its_end(calls[1], 20, **damage), its_end(calls[2], 30), its_end(calls[3], 40)]
    assert outcomes(holds.settle(ends)) == ["settled", "invalid", "settled", "settled"]
    assert alice.balance == wallets.Balance(25 * USD - 30, USD, 24 * USD - 30)
    assert mallory.balance.balance_nusd == 25 * USD - 50
    assert books_are_clean()
    assert outcomes(holds.settle([its_end(calls[1], 20)])) == ["settled"]  # mended, it is charged


@pytest.mark.parametrize("missing", ["id", "wallet_id", "cost_nusd", "model", "usage_source", "exact_cost", "attempts"])
def test_a_settlement_that_lacks_something_spares_its_neighbours(alice: Person, missing: str) -> None:
    calls = [a_call(alice, USD), a_call(alice, USD)]
    holds.place(calls)
    [text] = holds.settle_parameters([its_end(call, 10) for call in calls])
    records = json.loads(text)
    del records[0][missing]
    answers = functions.rows(holds.SETTLE_SQL, (json.dumps(records),))
    assert sorted((row[0], row[1]) for row in answers) == [(1, "invalid"), (2, "settled")]
    assert [record.pk for record in alice.usage] == [calls[1].id]
    assert books_are_clean()


def test_a_broken_item_in_an_extension_spares_its_neighbours(alice: Person) -> None:
    calls = [a_call(alice, USD), a_call(alice, USD)]
    holds.place(calls)
    wishes = [
        holds.Extension(calls[0].id, calls[0].wallet_id, 2**66, 60),
        holds.Extension(calls[1].id, calls[1].wallet_id, USD, 60),
    ]
    assert outcomes(holds.extend(wishes)) == ["invalid", "extended"]
    assert alice.balance.held_nusd == 3 * USD
    assert books_are_clean()


def test_a_batch_of_nothing_but_nonsense_moves_nothing(alice: Person) -> None:
    before = alice.balance
    assert outcomes(holds.place([a_call(alice, -number) for number in range(5)])) == ["invalid"] * 5
    assert outcomes(holds.settle([its_end(a_call(alice), -1), its_end(a_call(alice), 2**63)])) == ["invalid"] * 2
    assert nothing_happened(alice, before=before)


def test_a_large_batch_moves_to_the_nano(database: None) -> None:
    people = [newcomer(f"person{number}") for number in range(3)]
    calls = [a_call(random.choice(people), random.randint(1, CENT)) for _ in range(1_000)]
    assert set(outcomes(holds.place(calls))) == {"placed"}
    ends = [its_end(call, random.randint(0, call.amount_nusd)) for call in calls]
    holds.settle(ends)
    for person in people:
        spent = sum(end.cost_nusd for end in ends if end.wallet_id == person.organization.pk)
        assert person.balance == wallets.Balance(25 * USD - spent, 0, 25 * USD - spent)
    assert books_are_clean()
