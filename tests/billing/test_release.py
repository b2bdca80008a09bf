"""Holds that end without a charge: released, expired, and at last forgotten."""

from __future__ import annotations

import threading
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone

from billing import holds, tasks, wallets
from billing.holds import Extension
from billing.models import Hold
from gateway import callid
from tests.books import USD, a_call, at_once, its_end, outcomes, tamper
from tests.people import Person, books_are_clean

OVERDUE = "UPDATE billing_hold SET expires_at = now() - interval '1 second' WHERE state = 'open'"


def test_a_released_hold_gives_all_of_its_money_back(alice: Person) -> None:
    call = a_call(alice, USD)
    holds.place([call])
    assert holds.release(call.id, "the provider could not be reached") == "released"
    assert alice.balance == wallets.Balance(25 * USD, 0, 25 * USD)
    hold = Hold.objects.get(pk=call.id)
    assert (hold.state, hold.reason, hold.charged_nusd) == ("released", "the provider could not be reached", None)
    assert not alice.usage
    assert books_are_clean()


def test_releasing_again_or_what_never_was_does_nothing(alice: Person) -> None:
    call, unknown = a_call(alice, USD), a_call(alice, USD)
    holds.place([call])
    assert [holds.release(call.id, "x"), holds.release(call.id, "y"), holds.release(unknown.id, "z")] == [
        "released",
        "closed",
        "missing",
    ]
    assert alice.balance.held_nusd == 0


def test_releasing_one_hold_fifty_times_at_once_frees_it_once(alice: Person) -> None:
    call, other = a_call(alice, USD), a_call(alice, USD)
    holds.place([call, other])
    answers = at_once([lambda: holds.release(call.id, "x")] * 50)
    assert sorted(answers) == ["closed"] * 49 + ["released"]
    assert alice.balance.held_nusd == USD
    assert books_are_clean()


def test_only_overdue_holds_expire_and_nobody_pays_for_them(alice: Person, mallory: Person) -> None:
    calls = [a_call(alice), a_call(mallory), a_call(alice)]
    holds.place(calls)
    assert holds.expire() == 0
    tamper(f"{OVERDUE} AND id <> %s", (calls[2].id,))
    assert holds.expire() == 2
    assert [Hold.objects.get(pk=call.id).state for call in calls] == ["expired", "expired", "open"]
    assert mallory.balance == wallets.Balance(25 * USD, 0, 25 * USD)
    assert alice.balance.held_nusd == calls[2].amount_nusd
    assert not alice.usage
    assert books_are_clean()


def test_the_sweep_takes_as_many_rounds_as_it_needs(alice: Person) -> None:
    holds.place([a_call(alice, 1) for _ in range(25)])
    tamper(OVERDUE)
    assert holds.expire(10) == 10
    assert tasks.expire_holds() == 15
    assert tasks.expire_holds() == 0
    assert alice.balance.held_nusd == 0


def test_a_sign_of_life_saves_an_overdue_hold_that_was_not_yet_swept(alice: Person) -> None:
    call = a_call(alice)
    holds.place([call])
    tamper(OVERDUE)
    holds.extend([Extension(call.id, call.wallet_id, 0, 60)])
    assert holds.expire() == 0


def test_a_sign_of_life_that_comes_while_the_sweep_waits_for_the_wallet_saves_the_hold(alice: Person) -> None:
    call = a_call(alice)
    holds.place([call])
    tamper(OVERDUE)
    swept: list[int] = []
    with transaction.atomic():
        holds.extend([Extension(call.id, call.wallet_id, 0, 60)])  # not yet committed: the sweep sees an overdue hold
        sweep = threading.Thread(target=lambda: swept.extend(at_once([holds.expire])))
        sweep.start()
        while not somebody_waits_for_a_lock():
            continue
    sweep.join()
    assert swept == [0]
    assert len(alice.open_holds) == 1


def somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchall()[0][0])


def test_of_a_sweep_and_a_settlement_one_wins_and_the_charge_stands(alice: Person) -> None:
    for _ in range(8):
        calls = [a_call(alice, 1_000) for _ in range(16)]
        holds.place(calls)
        tamper(OVERDUE)
        before = alice.balance.balance_nusd
        settling = [lambda call=call: holds.settle([its_end(call)])[0].outcome for call in calls]
        answers = at_once([*settling, *[lambda: str(holds.expire())] * 4])
        expired = Hold.objects.filter(pk__in=[call.id for call in calls], state="expired").count()
        assert answers[:16].count("late") == expired == sum(int(answer) for answer in answers[16:])
        assert answers[:16].count("settled") == 16 - expired
        assert alice.balance == wallets.Balance(before - 16_000, 0, before - 16_000)
        assert books_are_clean()


def test_closed_holds_are_forgotten_when_their_time_is_over_and_open_ones_never(alice: Person) -> None:
    settled, abandoned, recent = (a_call(alice, USD) for _ in range(3))
    holds.place([settled, abandoned, recent])
    ends = [its_end(settled, USD), its_end(recent, USD)]
    holds.settle(ends)
    long_ago = callid.started_at(settled.id) - timedelta(days=91)
    assert holds.expire() == 0
    for call in (settled, abandoned):
        for table in ("billing_hold", "billing_usagerecord", "billing_ledgerentry"):
            tamper(f"UPDATE {table} SET id = billing_first_id(%s) WHERE id = %s", (long_ago, call.id))
            long_ago += timedelta(milliseconds=1)
    assert tasks.prune_holds() == 1
    assert sorted(Hold.objects.values_list("state", flat=True)) == ["open", "settled"]
    assert tasks.prune_holds() == 0
    assert outcomes(holds.settle(ends[1:])) == ["duplicate"]


def test_nothing_younger_than_a_day_is_forgotten_whatever_is_asked(alice: Person) -> None:
    call = a_call(alice)
    holds.place([call])
    holds.release(call.id, "tested")
    tamper("SELECT billing_prune_holds(%s, 100)", (timezone.now() + timedelta(days=9),))
    assert Hold.objects.filter(pk=call.id).exists()


def test_a_settlement_after_its_hold_is_forgotten_is_still_a_duplicate(alice: Person) -> None:
    call = a_call(alice)
    holds.place([call])
    holds.settle([its_end(call, 5)])
    tamper("DELETE FROM billing_hold")
    assert outcomes(holds.settle([its_end(call, 5)])) == ["duplicate"]
    assert alice.balance.balance_nusd == 25 * USD - 5
    assert books_are_clean()
