"""Posting what is not usage: once by its key, never below nothing but by a refund or a dispute."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError

from billing import holds, ledger, wallets
from billing.ledger import KeyConflict, NotEnough, Posting, WalletMissing
from billing.models import LedgerEntry
from tests.books import USD, a_call, at_once, its_end, outcomes
from tests.people import Person, books_are_clean, newcomer

Kind = LedgerEntry.Kind


def post(person: Person, kind: LedgerEntry.Kind, nusd: int, key: str, **more: Any) -> Posting:
    return ledger.post(person.organization.pk, kind=kind, contra="clearing:test", delta_nusd=nusd, key=key, **more)


def test_a_posting_moves_the_balance_and_continues_the_chain(alice: Person) -> None:
    posting = post(alice, Kind.TOPUP, 5 * USD, "stripe:pi:1:credit", reference="pi_1", actor="stripe", reason="paid")
    assert (posting.is_new, posting.balance_nusd) == (True, 30 * USD)
    entry = LedgerEntry.objects.get(pk=posting.entry_id)
    assert (entry.seq, entry.kind, entry.contra, entry.key) == (2, "topup", "clearing:test", "stripe:pi:1:credit")
    assert (entry.reference, entry.actor, entry.reason) == ("pi_1", "stripe", "paid")
    assert wallets.of(alice.organization).epoch == 1
    assert books_are_clean()


def test_one_fact_told_32_times_at_once_is_posted_once(alice: Person) -> None:
    postings = at_once([lambda: post(alice, Kind.TOPUP, USD, "stripe:pi:2:credit")] * 32)
    assert sum(posting.is_new for posting in postings) == 1
    assert len({posting.entry_id for posting in postings}) == 1
    assert alice.balance.balance_nusd == 26 * USD
    assert books_are_clean()


def test_a_key_that_names_another_fact_is_a_conflict_and_moves_nothing(alice: Person, mallory: Person) -> None:
    post(alice, Kind.TOPUP, USD, "k")
    for person, kind, nusd in ((alice, Kind.TOPUP, 2 * USD), (alice, Kind.PROMO, USD), (mallory, Kind.TOPUP, USD)):
        with pytest.raises(KeyConflict):
            post(person, kind, nusd, "k")
    assert (alice.balance.balance_nusd, mallory.balance.balance_nusd) == (26 * USD, 25 * USD)
    assert len(mallory.entries) == 1


def test_two_wallets_that_race_for_one_key_do_not_both_get_it(alice: Person, mallory: Person) -> None:
    def try_it(person: Person) -> str:
        try:
            return "posted" if post(person, Kind.TOPUP, USD, "k").is_new else "duplicate"
        except (KeyConflict, IntegrityError):
            return "refused"

    for _ in range(5):
        answers = at_once([lambda person=person: try_it(person) for person in (alice, mallory)] * 4)
        assert answers.count("posted") <= 1
    assert alice.balance.balance_nusd + mallory.balance.balance_nusd == 51 * USD
    assert books_are_clean()


@pytest.mark.parametrize("kind", [Kind.ADJUSTMENT, Kind.EXPIRY])
def test_only_refunds_and_disputes_take_what_is_not_available(alice: Person, kind: LedgerEntry.Kind) -> None:
    post(alice, Kind.PROMO, 25 * USD, "gift")
    holds.place([a_call(alice, 30 * USD)])
    with pytest.raises(NotEnough):
        post(alice, kind, -20 * USD - 1, "x", actor="staff", reason="tested")
    assert alice.balance.balance_nusd == 50 * USD
    assert post(alice, kind, -20 * USD, "x", actor="staff", reason="tested").balance_nusd == 30 * USD
    assert books_are_clean()


def test_no_more_expires_than_was_given(alice: Person) -> None:
    post(alice, Kind.PROMO, USD, "gift")
    with pytest.raises(NotEnough):
        post(alice, Kind.EXPIRY, -USD - 1, "end")
    assert post(alice, Kind.EXPIRY, -USD, "end").balance_nusd == 25 * USD
    assert wallets.of(alice.organization).bonus_nusd == 0
    assert books_are_clean()


@pytest.mark.parametrize("kind", [Kind.REFUND, Kind.DISPUTE])
def test_a_debt_freezes_the_wallet_until_it_is_covered(alice: Person, kind: LedgerEntry.Kind) -> None:
    assert post(alice, kind, -30 * USD, "taken").balance_nusd == -5 * USD
    wallet = wallets.of(alice.organization)
    assert (wallet.status, wallet.frozen_for, wallet.floor_nusd) == ("frozen", "debt", -5 * USD)
    assert outcomes(holds.place([a_call(alice, 1)])) == ["frozen"]
    assert books_are_clean()
    post(alice, Kind.TOPUP, 4 * USD, "some")
    wallet = wallets.of(alice.organization)
    assert (wallet.status, wallet.floor_nusd) == ("frozen", -USD)
    post(alice, Kind.TOPUP, 3 * USD, "the rest")
    wallet = wallets.of(alice.organization)
    assert (wallet.status, wallet.frozen_for, wallet.floor_nusd, wallet.balance_nusd) == ("active", "", 0, 2 * USD)
    assert outcomes(holds.place([a_call(alice, 2 * USD)])) == ["placed"]
    assert books_are_clean()


def test_money_that_comes_in_does_not_thaw_what_staff_froze(alice: Person) -> None:
    wallets.freeze(alice.organization, "stolen card")
    post(alice, Kind.DISPUTE, -30 * USD, "dispute")
    post(alice, Kind.TOPUP, 50 * USD, "credit")
    wallet = wallets.of(alice.organization)
    assert (wallet.status, wallet.frozen_for) == ("frozen", "stolen card")


def test_a_debt_beyond_open_holds_lets_them_settle_and_closes_behind_them(alice: Person) -> None:
    calls = [a_call(alice, 10 * USD), a_call(alice, 10 * USD)]
    holds.place(calls)
    post(alice, Kind.DISPUTE, -25 * USD, "dispute")
    assert wallets.of(alice.organization).floor_nusd == -20 * USD
    assert outcomes(holds.settle([its_end(calls[0], 4 * USD)])) == ["settled"]
    assert wallets.of(alice.organization).floor_nusd == -14 * USD
    holds.release(calls[1].id, "tested")
    assert wallets.of(alice.organization).floor_nusd == -4 * USD
    [verdict] = holds.settle([its_end(a_call(alice), USD)])
    assert (verdict.outcome, verdict.charged_nusd) == ("shortfall", 0)
    assert books_are_clean()


@pytest.mark.parametrize(
    ("kind", "nusd", "more"),
    [
        (Kind.TOPUP, -1, {}),
        (Kind.PROMO, -1, {}),
        (Kind.REFUND, 1, {}),
        (Kind.DISPUTE, 1, {}),
        (Kind.EXPIRY, 1, {}),
        (Kind.USAGE_REVERSAL, -1, {}),
        (Kind.ADJUSTMENT, 1, {}),
        (Kind.ADJUSTMENT, 1, {"actor": "staff"}),
        (Kind.ADJUSTMENT, 0, {"actor": "staff", "reason": "nothing"}),
        (Kind.USAGE, -1, {}),
        ("bribe", 1, {}),
    ],
)
def test_a_posting_whose_sign_or_kind_is_wrong_is_refused(
    alice: Person, kind: LedgerEntry.Kind, nusd: int, more: dict[str, str]
) -> None:
    with pytest.raises((IntegrityError, NotEnough)):
        post(alice, kind, nusd, "k", **more)
    assert len(alice.entries) == 1
    assert alice.balance.balance_nusd == 25 * USD


def test_nothing_can_be_posted_where_there_is_no_wallet(database: None) -> None:
    nobody = newcomer("nobody", usd=0)
    with pytest.raises(WalletMissing):
        post(nobody, Kind.TOPUP, USD, "k")
    assert not nobody.entries


def test_a_balance_beyond_all_sense_is_refused(alice: Person) -> None:
    with pytest.raises(IntegrityError):
        post(alice, Kind.TOPUP, 2**62, "k")
    assert alice.balance.balance_nusd == 25 * USD
