"""Wallets: opened on first use, credited by hand with a reason, frozen and thawed."""

from __future__ import annotations

from decimal import Decimal

import pytest

from billing import ledger, reports, wallets
from billing.models import LedgerEntry, Wallet
from tests.books import USD, at_once
from tests.people import Person, books_are_clean, newcomer


@pytest.fixture
def bob(database: None) -> Person:
    """He never had money."""
    return newcomer("bob", usd=0)


def test_an_organization_without_a_wallet_has_nothing(bob: Person) -> None:
    assert bob.balance == wallets.Balance(0, 0, 0)
    assert not Wallet.objects.exists()


def test_a_wallet_is_opened_once_however_many_ask_for_it(bob: Person) -> None:
    opened = at_once([lambda: wallets.of(bob.organization)] * 12)
    assert {wallet.pk for wallet in opened} == {bob.organization.pk}
    assert Wallet.objects.get().status == "active"
    assert books_are_clean()


@pytest.mark.parametrize("usd", ["25", "0.000000001", "12.345678901", "999999.999999999", "1E-9", "1e3"])
def test_a_credit_is_exact_to_the_last_nano(bob: Person, usd: str) -> None:
    posting = wallets.credit(bob.organization, Decimal(usd), "a gift", "operator")
    assert posting.is_new
    assert bob.balance.balance_nusd == posting.balance_nusd == Decimal(usd) * USD
    [entry] = bob.entries
    assert (entry.kind, entry.contra, entry.reason, entry.actor) == ("adjustment", "manual", "a gift", "operator")
    assert books_are_clean()


@pytest.mark.parametrize(
    "usd", ["0", "-1", "0.0000000001", "1.0000000005", "NaN", "Infinity", "-Infinity", "1000000", "1e30", "sNaN"]
)
def test_an_amount_that_cannot_be_credited_is_refused_and_moves_nothing(bob: Person, usd: str) -> None:
    with pytest.raises(ValueError, match=r"nano|credited"):
        wallets.credit(bob.organization, Decimal(usd), "a gift", "operator")
    assert bob.balance == wallets.Balance(0, 0, 0)
    assert not LedgerEntry.objects.exists()


@pytest.mark.parametrize(("reason", "actor"), [("", "operator"), ("a gift", ""), ("  ", "operator"), ("a gift", "\t")])
def test_a_credit_needs_a_reason_and_somebody_who_answers_for_it(bob: Person, reason: str, actor: str) -> None:
    with pytest.raises(ValueError, match="reason"):
        wallets.credit(bob.organization, Decimal(1), reason, actor)
    assert not LedgerEntry.objects.exists()


def test_the_same_key_credits_once_and_another_amount_under_it_is_a_conflict(bob: Person) -> None:
    first = wallets.credit(bob.organization, Decimal(1), "a gift", "operator", key="ticket 7")
    again = wallets.credit(bob.organization, Decimal(1), "a gift", "operator", key="ticket 7")
    assert (first.is_new, again.is_new, again.entry_id) == (True, False, first.entry_id)
    with pytest.raises(ledger.KeyConflict):
        wallets.credit(bob.organization, Decimal(2), "a gift", "operator", key="ticket 7")
    assert bob.balance.balance_nusd == USD


def test_freezing_says_why_and_thawing_forgets_it(bob: Person) -> None:
    wallets.freeze(bob.organization, "a question about a payment")
    wallet = Wallet.objects.get()
    assert (wallet.status, wallet.frozen_for) == ("frozen", "a question about a payment")
    wallets.thaw(bob.organization)
    wallet.refresh_from_db()
    assert (wallet.status, wallet.frozen_for) == ("active", "")


@pytest.mark.parametrize(
    ("nusd", "text"),
    [
        (0, "0"),
        (1, "0.000000001"),
        (-1, "-0.000000001"),
        (25 * USD, "25"),
        (100 * USD, "100"),
        (12_500_000_000, "12.5"),
    ],
)
def test_operators_read_money_to_the_last_nano(nusd: int, text: str) -> None:
    assert reports.exact_text(nusd) == text
