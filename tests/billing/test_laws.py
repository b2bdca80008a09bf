"""Whatever is done to the books in whatever order, they do what the plain model says, and the audit finds nothing."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing import holds, ledger, wallets
from billing.holds import Extension
from billing.ledger import NotEnough
from billing.models import LedgerEntry
from gateway import callid
from tests.billing.shadow import Shadow
from tests.books import a_call, its_end, tamper
from tests.people import Person, books_are_clean, newcomer

WALLETS, CALLS = 2, 5
SIGNS = {
    "topup": 1, "promo": 1, "usage_reversal": 1, "refund_reversal": 1, "dispute_reversal": 1,
    "refund": -1, "dispute": -1, "expiry": -1, "adjustment": -1,
}  # fmt: skip

call = st.tuples(st.integers(0, WALLETS - 1), st.integers(0, CALLS - 1))
amounts = st.integers(-1, 60)
batches = st.lists(st.tuples(call, amounts), min_size=1, max_size=5)
postings = st.tuples(st.integers(0, WALLETS - 1), st.sampled_from(list(SIGNS)), st.integers(1, 90))
deeds = st.lists(
    st.one_of(
        st.tuples(st.just("place"), batches),
        st.tuples(st.just("extend"), batches),
        st.tuples(st.just("settle"), batches),
        st.tuples(st.just("release"), call),
        st.tuples(st.just("expire"), call),
        st.tuples(st.just("post"), postings),
    ),
    max_size=16,
)


class World:
    """Fresh wallets with 100 nano-USD each, their shadows, and calls that may happen to them."""

    def __init__(self) -> None:
        self.people: list[Person] = [newcomer("somebody", usd=0) for _ in range(WALLETS)]
        self.shadows = [Shadow() for _ in range(WALLETS)]
        self.calls = [[callid.new() for _ in range(CALLS)] for _ in range(WALLETS)]
        self.posted = 0
        for number in range(WALLETS):
            wallets.of(self.people[number].organization)
            self.post((number, "topup", 100))

    def id(self, which: tuple[int, int]) -> UUID:
        return self.calls[which[0]][which[1]]

    def place(self, batch: list[tuple[tuple[int, int], int]]) -> None:
        items = [a_call(self.people[which[0]], amount, id=self.id(which)) for which, amount in batch]
        expected = [self.shadows[which[0]].place(self.id(which), amount) for which, amount in batch]
        assert [verdict.outcome for verdict in holds.place(items)] == expected

    def extend(self, batch: list[tuple[tuple[int, int], int]]) -> None:
        items = [Extension(self.id(which), self.people[which[0]].organization.pk, add, 60) for which, add in batch]
        expected = [self.shadows[which[0]].extend(self.id(which), add) for which, add in batch]
        assert [verdict.outcome for verdict in holds.extend(items)] == expected

    def settle(self, batch: list[tuple[tuple[int, int], int]]) -> None:
        items = [its_end(a_call(self.people[which[0]], id=self.id(which)), cost) for which, cost in batch]
        expected = [self.shadows[which[0]].settle(self.id(which), cost) for which, cost in batch]
        assert [(verdict.outcome, verdict.charged_nusd) for verdict in holds.settle(items)] == expected

    def release(self, which: tuple[int, int]) -> None:
        assert holds.release(self.id(which), "law") == self.shadows[which[0]].release(self.id(which))

    def expire(self, which: tuple[int, int]) -> None:
        tamper("UPDATE billing_hold SET expires_at = now() - interval '1 s' WHERE id = %s", (self.id(which),))
        assert holds.expire() == (self.shadows[which[0]].release(self.id(which)) == "released")

    def post(self, deed: tuple[int, str, int]) -> None:
        number, kind, amount = deed
        delta = amount * SIGNS[kind]
        self.posted += 1
        wallet = self.people[number].organization.pk
        expected = self.shadows[number].post(kind, delta)
        try:
            ledger.post(
                wallet,
                kind=LedgerEntry.Kind(kind),
                contra="law",
                delta_nusd=delta,
                key=f"law:{wallet}:{self.posted}",
                actor="hypothesis",
                reason="to see what happens",
            )
            assert expected == "posted"
        except NotEnough:
            assert expected == "insufficient"

    def agrees(self) -> bool:
        for person, shadow in zip(self.people, self.shadows, strict=True):
            wallet = wallets.of(person.organization)
            assert wallet.balance_nusd == shadow.balance
            assert wallet.held_nusd == shadow.held == sum(shadow.open.values())
            assert wallet.bonus_nusd == shadow.bonus
            assert wallet.status == shadow.status
            assert wallet.version == shadow.entries == len(person.entries)
            assert {hold.pk: hold.amount_nusd for hold in person.open_holds} == shadow.open
            assert {record.pk: record.charged_nusd for record in person.usage} == shadow.charged
        return True


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(deeds=deeds)
def test_the_books_do_what_the_plain_model_says(database: None, deeds: list[tuple[str, Any]]) -> None:
    world = World()
    for verb, deed in deeds:
        getattr(world, verb)(deed)
    assert world.agrees()
    assert books_are_clean()
