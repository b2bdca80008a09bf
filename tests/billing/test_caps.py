"""Spend caps of keys: part of the same decision as the wallet, over what is spent and what is set aside."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing import holds
from billing.holds import Extension
from billing.models import KeySpend
from tests.books import CENT, USD, a_call, at_once, its_end, outcomes, tamper
from tests.people import Person, books_are_clean, nothing_happened, with_key

PERIODS = {"daily_cap_nusd": "daily", "monthly_cap_nusd": "monthly", "total_cap_nusd": "total"}


@pytest.mark.parametrize("cap", PERIODS)
def test_a_cap_counts_what_is_spent_and_what_is_set_aside(alice: Person, cap: str) -> None:
    capped: dict[str, Any] = {cap: USD}
    spent, open_call = a_call(alice, 30 * CENT, **capped), a_call(alice, 50 * CENT, **capped)
    holds.place([spent, open_call])
    holds.settle([its_end(spent, 20 * CENT)])
    before = alice.balance
    [verdict] = holds.place([a_call(alice, 31 * CENT, **capped)])
    assert verdict.outcome == "capped"
    assert (verdict.cap_period, verdict.cap_limit_nusd, verdict.cap_spent_nusd) == (PERIODS[cap], USD, 70 * CENT)
    assert alice.balance == before
    assert outcomes(holds.place([a_call(alice, 30 * CENT, **capped)])) == ["placed"]
    assert outcomes(holds.place([a_call(alice, 1, **capped)])) == ["capped"]


def test_the_first_cap_that_stands_in_the_way_is_named(alice: Person) -> None:
    call = a_call(alice, USD, daily_cap_nusd=2 * USD, monthly_cap_nusd=CENT, total_cap_nusd=CENT)
    [verdict] = holds.place([call])
    assert (verdict.outcome, verdict.cap_period, verdict.cap_limit_nusd) == ("capped", "monthly", CENT)


def test_fifty_parallel_calls_of_a_capped_key_stay_within_the_cap(alice: Person) -> None:
    calls = [a_call(alice, 10 * CENT, daily_cap_nusd=USD) for _ in range(50)]
    verdicts = at_once([lambda call=call: holds.place([call])[0] for call in calls])
    assert sorted(outcomes(verdicts)) == ["capped"] * 40 + ["placed"] * 10
    assert alice.balance.held_nusd == USD
    assert books_are_clean()


def test_one_batch_of_a_capped_key_stays_within_the_cap_too(alice: Person) -> None:
    verdicts = holds.place([a_call(alice, 10 * CENT, total_cap_nusd=USD) for _ in range(12)])
    assert outcomes(verdicts) == ["placed"] * 10 + ["capped"] * 2
    assert verdicts[10].cap_spent_nusd == USD


def test_what_was_placed_uncapped_a_moment_before_in_the_same_batch_counts(alice: Person) -> None:
    verdicts = holds.place([a_call(alice, USD), a_call(alice, 1, total_cap_nusd=USD), a_call(alice, USD)])
    assert outcomes(verdicts) == ["placed", "capped", "placed"]
    assert verdicts[1].cap_spent_nusd == USD


def test_a_capped_key_does_not_disturb_other_keys_of_the_organization(alice: Person) -> None:
    other = with_key(alice.user, alice.organization)
    calls = [a_call(alice, USD, daily_cap_nusd=USD), a_call(other, USD), a_call(alice, 1, daily_cap_nusd=USD)]
    assert outcomes(holds.place(calls)) == ["placed", "placed", "capped"]
    assert outcomes(holds.place([a_call(other, USD, daily_cap_nusd=2 * USD)])) == ["placed"]


def test_what_an_uncapped_call_spent_counts_once_the_key_is_capped(alice: Person) -> None:
    holds.settle([its_end(a_call(alice), USD)])
    holds.place([a_call(alice, 2 * USD)])
    before = alice.balance
    [verdict] = holds.place([a_call(alice, 1, total_cap_nusd=3 * USD)])
    assert (verdict.outcome, verdict.cap_spent_nusd) == ("capped", 3 * USD)
    assert alice.balance == before


def test_a_released_hold_gives_its_room_under_the_cap_back(alice: Person) -> None:
    call = a_call(alice, USD, daily_cap_nusd=USD)
    holds.place([call])
    holds.release(call.id, "tested")
    assert outcomes(holds.place([a_call(alice, USD, daily_cap_nusd=USD)])) == ["placed"]


def test_a_new_day_and_a_new_month_start_from_nothing(alice: Person) -> None:
    holds.settle([its_end(a_call(alice), USD)])
    today = datetime.now(UTC).date()
    tamper("UPDATE billing_keyspend SET day = %s", (today - timedelta(days=1),))
    capped = a_call(alice, 1, daily_cap_nusd=USD, monthly_cap_nusd=USD)
    assert [verdict.cap_period for verdict in holds.place([capped])] == ["monthly"]
    tamper("UPDATE billing_keyspend SET month = %s", ((today.replace(day=1) - timedelta(days=1)).replace(day=1),))
    assert outcomes(holds.place([capped])) == ["placed"]
    holds.settle([its_end(capped, 1)])
    spend = KeySpend.objects.get()
    assert (spend.day, spend.day_nusd, spend.month_nusd, spend.total_nusd) == (today, 1, 1, USD + 1)


def test_a_stream_does_not_grow_beyond_the_cap_it_began_with(alice: Person) -> None:
    call = a_call(alice, 60 * CENT, monthly_cap_nusd=USD)
    holds.place([call])
    wishes = [Extension(call.id, call.wallet_id, 30 * CENT, 60), Extension(call.id, call.wallet_id, 11 * CENT, 60)]
    verdicts = holds.extend(wishes)
    assert outcomes(verdicts) == ["extended", "insufficient"]
    assert [verdict.cap_period for verdict in verdicts] == [None, "monthly"]
    assert alice.balance.held_nusd == 90 * CENT


def test_a_cap_of_nothing_admits_nothing(alice: Person) -> None:
    before = alice.balance
    assert outcomes(holds.place([a_call(alice, 1, total_cap_nusd=0)])) == ["capped"]
    assert nothing_happened(alice, before=before)
