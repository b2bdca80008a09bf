"""Extending holds: a long stream sets more aside in steps, or only says that it is alive."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from billing import holds, wallets
from billing.holds import Extension, Placement
from billing.models import Hold
from tests.books import USD, a_call, at_once, its_end, outcomes
from tests.people import Person, books_are_clean


def more(call: Placement, nusd: int, ttl_seconds: int = 600) -> Extension:
    return Extension(id=call.id, wallet_id=call.wallet_id, add_nusd=nusd, ttl_seconds=ttl_seconds)


def test_an_extension_sets_more_aside_for_the_same_call(alice: Person) -> None:
    call = a_call(alice, USD)
    holds.place([call])
    [verdict] = holds.extend([more(call, 2 * USD)])
    assert (verdict.outcome, verdict.balance_nusd, verdict.held_nusd) == ("extended", 25 * USD, 3 * USD)
    assert outcomes(holds.settle([its_end(call, 3 * USD)])) == ["settled"]
    assert alice.balance == wallets.Balance(22 * USD, 0, 22 * USD)
    assert books_are_clean()


def test_a_heartbeat_keeps_the_hold_alive_and_moves_no_money(alice: Person) -> None:
    call = a_call(alice, USD, ttl_seconds=5)
    holds.place([call])
    before = Hold.objects.get(pk=call.id)
    assert outcomes(holds.extend([more(call, 0, ttl_seconds=900)])) == ["extended"]
    after = Hold.objects.get(pk=call.id)
    assert after.amount_nusd == before.amount_nusd
    assert after.heartbeat_at > before.heartbeat_at
    assert after.expires_at > timezone.now() + timedelta(seconds=890)
    assert alice.balance.held_nusd == USD


def test_a_short_extension_never_shortens_a_hold(alice: Person) -> None:
    call = a_call(alice, USD, ttl_seconds=900)
    holds.place([call])
    holds.extend([more(call, 1, ttl_seconds=1)])
    assert Hold.objects.get(pk=call.id).expires_at > timezone.now() + timedelta(seconds=890)


def test_an_extension_beyond_the_wallet_is_refused_and_the_hold_stays_as_it_was(alice: Person) -> None:
    call = a_call(alice, 20 * USD)
    holds.place([call])
    [verdict] = holds.extend([more(call, 5 * USD + 1)])
    assert (verdict.outcome, verdict.held_nusd, verdict.cap_period) == ("insufficient", 20 * USD, None)
    assert Hold.objects.get(pk=call.id).amount_nusd == 20 * USD
    assert outcomes(holds.extend([more(call, 5 * USD)])) == ["extended"]
    assert books_are_clean()


def test_a_closed_hold_cannot_be_extended(alice: Person) -> None:
    settled, released, unknown = (a_call(alice) for _ in range(3))
    holds.place([settled, released])
    holds.settle([its_end(settled, 1)])
    holds.release(released.id, "tested")
    for call in (settled, released, unknown):
        assert outcomes(holds.extend([more(call, 1), more(call, 0)])) == ["closed", "closed"]
    assert alice.balance.held_nusd == 0
    assert books_are_clean()


def test_nobody_extends_the_hold_of_somebody_else(alice: Person, mallory: Person) -> None:
    call = a_call(alice)
    holds.place([call])
    theft = Extension(id=call.id, wallet_id=mallory.organization.pk, add_nusd=USD, ttl_seconds=60)
    assert outcomes(holds.extend([theft])) == ["closed"]
    assert mallory.balance.held_nusd == 0
    assert Hold.objects.get(pk=call.id).amount_nusd == call.amount_nusd


def test_a_frozen_wallet_grants_no_more_but_lets_the_stream_live(alice: Person) -> None:
    call = a_call(alice)
    holds.place([call])
    wallets.freeze(alice.organization, "tested")
    assert outcomes(holds.extend([more(call, 1)])) == ["insufficient"]
    assert outcomes(holds.extend([more(call, 0)])) == ["extended"]


@pytest.mark.parametrize("nonsense", [{"add_nusd": -1}, {"ttl_seconds": 0}, {"add_nusd": 2**70}], ids=str)
def test_an_extension_that_makes_no_sense_is_called_invalid(alice: Person, nonsense: dict[str, int]) -> None:
    call = a_call(alice, USD)
    holds.place([call])
    wish = {"add_nusd": 1, "ttl_seconds": 60} | nonsense
    assert outcomes(holds.extend([Extension(id=call.id, wallet_id=call.wallet_id, **wish)])) == ["invalid"]
    assert alice.balance.held_nusd == USD


def test_several_extensions_of_one_call_in_one_batch_all_count(alice: Person) -> None:
    call = a_call(alice, USD)
    holds.place([call])
    verdicts = holds.extend([more(call, USD), more(call, 0), more(call, 2 * USD), more(call, 22 * USD)])
    assert outcomes(verdicts) == ["extended", "extended", "extended", "insufficient"]
    assert Hold.objects.get(pk=call.id).amount_nusd == 4 * USD
    assert alice.balance.held_nusd == 4 * USD
    assert books_are_clean()


def test_thirty_streams_that_extend_at_once_never_hold_more_than_there_is(alice: Person) -> None:
    calls = [a_call(alice, 1) for _ in range(30)]
    holds.place(calls)
    verdicts = at_once([lambda call=call: holds.extend([more(call, USD)])[0] for call in calls])
    assert outcomes(verdicts).count("extended") == 24
    assert alice.balance.held_nusd == 24 * USD + 30
    assert books_are_clean()
