"""Placing holds: what is set aside, what is refused, and that a refusal moves nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from django.utils import timezone

from billing import holds, wallets
from billing.models import Hold, Wallet
from tests.books import CENT, USD, a_call, at_once, its_end, outcomes
from tests.people import Person, books_are_clean, newcomer, nothing_happened


def test_a_placed_hold_sets_money_aside_without_spending_it(alice: Person) -> None:
    [verdict] = holds.place([a_call(alice, 3 * USD)])
    assert (verdict.outcome, verdict.balance_nusd, verdict.held_nusd) == ("placed", 25 * USD, 3 * USD)
    assert alice.balance == wallets.Balance(25 * USD, 3 * USD, 22 * USD)
    [hold] = alice.open_holds
    assert (hold.amount_nusd, hold.key_id, hold.kind) == (3 * USD, alice.key.pk, "call")
    assert timedelta(seconds=595) < hold.expires_at - timezone.now() <= timedelta(seconds=600)
    assert not alice.entries[1:]
    assert books_are_clean()


def test_a_hold_keeps_everything_that_its_placement_says(alice: Person) -> None:
    call = a_call(alice, 5, kind="job", price_version_id=7, daily_cap_nusd=10, monthly_cap_nusd=20, total_cap_nusd=30)
    assert outcomes(holds.place([call])) == ["placed"]
    hold = Hold.objects.get(pk=call.id)
    for field in ("wallet_id", "key_id", "amount_nusd", "kind", "price_version_id", "daily_cap_nusd"):
        assert getattr(hold, field) == getattr(call, field)
    assert (hold.monthly_cap_nusd, hold.total_cap_nusd) == (20, 30)


def test_the_last_nano_can_be_held_and_not_one_more(alice: Person) -> None:
    assert outcomes(holds.place([a_call(alice, 25 * USD)])) == ["placed"]
    [verdict] = holds.place([a_call(alice, 1)])
    assert (verdict.outcome, verdict.balance_nusd, verdict.held_nusd) == ("insufficient", 25 * USD, 25 * USD)
    assert alice.balance == wallets.Balance(25 * USD, 25 * USD, 0)


def test_too_much_is_refused_and_moves_nothing(alice: Person) -> None:
    before = alice.balance
    assert outcomes(holds.place([a_call(alice, 25 * USD + 1)])) == ["insufficient"]
    assert nothing_happened(alice, before=before)


def test_of_fifty_parallel_calls_on_one_dollar_ten_are_admitted(database: None) -> None:
    bob = newcomer("bob", usd=1)
    calls = [a_call(bob, 10 * CENT) for _ in range(50)]
    verdicts = at_once([lambda call=call: holds.place([call])[0] for call in calls])
    assert sorted(outcomes(verdicts)) == ["insufficient"] * 40 + ["placed"] * 10
    admitted = [call for call, verdict in zip(calls, verdicts, strict=True) if verdict.outcome == "placed"]
    assert bob.balance == wallets.Balance(USD, USD, 0)
    settled = at_once([lambda call=call: holds.settle([its_end(call)])[0] for call in admitted])
    assert outcomes(settled) == ["settled"] * 10
    assert bob.balance == wallets.Balance(0, 0, 0)
    assert sum(entry.delta_nusd for entry in bob.entries) == 0
    assert books_are_clean()


def test_an_organization_without_a_wallet_has_nothing_to_hold(database: None) -> None:
    bob = newcomer("bob", usd=0)
    [verdict] = holds.place([a_call(bob, 1)])
    assert (verdict.outcome, verdict.balance_nusd, verdict.held_nusd) == ("insufficient", 0, 0)
    assert not Hold.objects.exists()
    assert not Wallet.objects.exists()


def test_placing_twice_holds_once(alice: Person) -> None:
    call = a_call(alice)
    assert outcomes(holds.place([call])) == ["placed"]
    assert outcomes(holds.place([call])) == ["duplicate"]
    assert outcomes(holds.place([replace(call, amount_nusd=USD)])) == ["duplicate"]
    assert alice.balance.held_nusd == call.amount_nusd
    assert books_are_clean()


def test_placing_one_call_twenty_times_at_once_holds_once(alice: Person) -> None:
    call = a_call(alice)
    verdicts = at_once([lambda: holds.place([call])[0]] * 20)
    assert sorted(outcomes(verdicts)) == ["duplicate"] * 19 + ["placed"]
    assert alice.balance.held_nusd == call.amount_nusd


def test_a_closed_hold_is_not_placed_again(alice: Person) -> None:
    call = a_call(alice)
    holds.place([call])
    holds.release(call.id, "tested")
    assert outcomes(holds.place([call])) == ["duplicate"]
    assert alice.balance.held_nusd == 0


def test_a_frozen_wallet_refuses_until_it_is_thawed(alice: Person) -> None:
    wallets.freeze(alice.organization, "a question about a payment")
    before = alice.balance
    assert outcomes(holds.place([a_call(alice)])) == ["frozen"]
    assert nothing_happened(alice, before=before)
    assert len(alice.entries) == 1  # and its history is readable
    wallets.thaw(alice.organization)
    assert outcomes(holds.place([a_call(alice)])) == ["placed"]


def test_a_frozen_wallet_still_settles_what_is_in_flight(alice: Person) -> None:
    call = a_call(alice)
    holds.place([call])
    wallets.freeze(alice.organization, "a question about a payment")
    assert outcomes(holds.settle([its_end(call)])) == ["settled"]
    assert alice.balance == wallets.Balance(25 * USD - call.amount_nusd, 0, 25 * USD - call.amount_nusd)


@pytest.mark.parametrize(
    "nonsense",
    [
        {"amount_nusd": 0},
        {"amount_nusd": -1},
        {"ttl_seconds": 0},
        {"id": UUID("f47ac10b-58cc-4372-a567-0e02b2c3d479")},  # random: no moment in it
        {"id": UUID(int=0)},
        {"amount_nusd": 2**63},
        {"ttl_seconds": 2**31},
        {"key_id": 2**70},
        {"kind": "x" * 21},
    ],
    ids=str,
)
def test_nonsense_is_called_invalid_and_moves_nothing(alice: Person, nonsense: dict[str, object]) -> None:
    before = alice.balance
    assert outcomes(holds.place([a_call(alice, **nonsense)])) == ["invalid"]
    assert nothing_happened(alice, before=before)


def test_an_empty_batch_is_no_trouble(database: None) -> None:
    assert holds.place([]) == []
    assert holds.extend([]) == []
    assert holds.settle([]) == []
