"""Everything at once on few wallets: sixteen hands, all the verbs, and not one deadlock."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

from django.db import connection

from billing import holds, ledger
from billing.holds import Extension, Placement
from billing.models import Hold, LedgerEntry, UsageRecord
from tests.books import CENT, USD, a_call, at_once, its_end
from tests.people import Person, books_are_clean, newcomer, with_key

HANDS = 16
ROUNDS = 25


def test_sixteen_hands_on_four_wallets_never_lock_one_another_out(database: None) -> None:
    people = [newcomer(f"person{number}") for number in range(4)]
    people += [with_key(person.user, person.organization) for person in people]  # a second key each
    before = deadlocks()
    at_once([partial(work, people, random.Random(seed)) for seed in range(HANDS)])
    assert deadlocks() == before
    assert books_are_clean()
    calls = set(UsageRecord.objects.values_list("pk", flat=True))
    assert calls
    assert len(calls) == UsageRecord.objects.count()
    posted = LedgerEntry.objects.filter(key__startswith="storm:")
    assert sorted(posted.values_list("key", flat=True)) == sorted({entry.key for entry in posted})
    for hold in Hold.objects.filter(state="open"):
        holds.release(hold.pk, "the storm is over")
    assert {person.balance.held_nusd for person in people} == {0}
    assert books_are_clean()


def work(people: list[Person], dice: random.Random) -> None:
    """One hand. Its batches touch all wallets in an order of chance, so that locks would cross if they could."""
    open_calls: list[Placement] = []
    deeds: list[Callable[[], object]] = [
        partial(place, people, dice, open_calls),
        partial(extend, dice, open_calls),
        partial(settle, dice, open_calls),
        partial(release, dice, open_calls),
        partial(holds.expire, 20),
        partial(post, people, dice),
    ]
    for _ in range(ROUNDS):
        for deed in dice.choices(deeds, weights=(8, 3, 6, 1, 1, 1), k=4):
            deed()
    for call in open_calls:
        holds.settle([its_end(call)])


def place(people: list[Person], dice: random.Random, open_calls: list[Placement]) -> None:
    calls = [
        a_call(
            dice.choice(people),
            dice.randint(1, 5 * CENT),
            ttl_seconds=dice.choice((1, 600)),
            daily_cap_nusd=dice.choice((None, USD)),
        )
        for _ in range(dice.randint(1, 12))
    ]
    if dice.random() < 1 / 8:
        calls.insert(0, a_call(people[0], -1))  # and the batch is decided one by one
    verdicts = holds.place(calls)
    open_calls += [call for call, verdict in zip(calls, verdicts, strict=True) if verdict.outcome == "placed"]


def extend(dice: random.Random, open_calls: list[Placement]) -> None:
    chosen = dice.sample(open_calls, min(len(open_calls), 6))
    holds.extend([Extension(call.id, call.wallet_id, dice.randint(0, CENT), 600) for call in chosen])


def settle(dice: random.Random, open_calls: list[Placement]) -> None:
    chosen = dice.sample(open_calls, min(len(open_calls), 10))
    ends = [its_end(call, dice.randint(0, 2 * call.amount_nusd)) for call in chosen]
    if ends and dice.random() < 1 / 8:
        ends.append(its_end(chosen[0], -1))
    holds.settle(ends)
    holds.settle(ends[:2])
    for call in chosen:
        open_calls.remove(call)


def release(dice: random.Random, open_calls: list[Placement]) -> None:
    if open_calls:
        holds.release(open_calls.pop(dice.randrange(len(open_calls))).id, "storm")


def post(people: list[Person], dice: random.Random) -> None:
    person = dice.choice(people)
    key = f"storm:{person.organization.pk}:{dice.randint(1, 40)}"
    ledger.post(person.organization.pk, kind=LedgerEntry.Kind.TOPUP, contra="clearing:test", delta_nusd=CENT, key=key)


def deadlocks() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        [(count,)] = cursor.fetchall()
    return int(count)
