"""The audit: it finds a single nano that is wrong, tells it once, and corrects nothing."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.db import connection, transaction

from billing import holds, ledger, tasks
from billing.models import Finding, Hold, LedgerEntry, UsageRecord, Wallet
from tests.books import USD, a_call, its_end, tamper
from tests.people import Person


@pytest.fixture
def busy(alice: Person, mallory: Person) -> Person:
    """Alice, with a settled call, a failed one, and one in flight; Mallory has the like."""
    for person in (alice, mallory):
        calls = [a_call(person, USD) for _ in range(3)]
        holds.place(calls)
        holds.settle([its_end(calls[0], 7), its_end(calls[1], 0)])
    return alice


@pytest.mark.parametrize(
    ("statement", "invariants"),
    [
        ("UPDATE billing_wallet SET balance_nusd = balance_nusd + 1 WHERE organization_id = %s", {"I1"}),
        ("UPDATE billing_wallet SET bonus_nusd = 1 WHERE organization_id = %s", {"I1"}),
        ("UPDATE billing_wallet SET held_nusd = held_nusd + 1 WHERE organization_id = %s", {"I2"}),
        ("UPDATE billing_hold SET amount_nusd = amount_nusd - 1 WHERE state = 'open' AND wallet_id = %s", {"I2"}),
        ("DELETE FROM billing_hold WHERE state = 'open' AND wallet_id = %s", {"I2"}),
        ("UPDATE billing_wallet SET version = version + 1 WHERE organization_id = %s", {"I3"}),
        ("UPDATE billing_ledgerentry SET seq = seq + 1 WHERE kind = 'usage' AND wallet_id = %s", {"I3"}),
        ("UPDATE billing_ledgerentry SET balance_after_nusd = balance_after_nusd - 1 WHERE seq = 1 AND wallet_id = %s",
         {"I4"}),
        ("UPDATE billing_wallet SET floor_nusd = 1 WHERE organization_id = %s", {"I5"}),
        ("UPDATE billing_usagerecord SET charged_nusd = 6 WHERE charged_nusd = 7 AND wallet_id = %s", {"I6", "I7"}),
        ("DELETE FROM billing_usagerecord WHERE charged_nusd = 7 AND wallet_id = %s", {"I6", "I7"}),
        ("UPDATE billing_usagerecord SET charged_nusd = 0 WHERE charged_nusd = 7 AND wallet_id = %s", {"I6", "I7"}),
        ("UPDATE billing_ledgerentry SET delta_nusd = delta_nusd - 1 WHERE kind = 'usage' AND wallet_id = %s",
         {"I1", "I4", "I6"}),
        ("DELETE FROM billing_ledgerentry WHERE kind = 'usage' AND wallet_id = %s", {"I1", "I3", "I6"}),
        ("UPDATE billing_hold SET charged_nusd = 8 WHERE state = 'settled' AND wallet_id = %s", {"I7"}),
    ],
)  # fmt: skip
def test_an_error_of_one_nano_is_found_and_named(busy: Person, statement: str, invariants: set[str]) -> None:
    assert ledger.audit() == []
    with connection.cursor() as cursor:  # even what the constraints forbid, as a damaged disk may bring it
        cursor.execute("ALTER TABLE billing_wallet DROP CONSTRAINT wallet_figures_have_their_sign")
    try:
        tamper(statement, (busy.organization.pk,))
        breaks = ledger.audit()
    finally:
        tamper("UPDATE billing_wallet SET floor_nusd = 0")
        with connection.cursor() as cursor:
            cursor.execute(
                "ALTER TABLE billing_wallet ADD CONSTRAINT wallet_figures_have_their_sign"
                " CHECK (bonus_nusd >= 0 AND floor_nusd <= 0 AND held_nusd >= 0 AND version >= 0)"
            )
    assert {one.invariant for one in breaks} == invariants
    assert {one.subject.split()[0] for one in breaks} <= {"wallet", "call", "hold"}
    assert set(Finding.objects.values_list("invariant", flat=True)) == invariants


def test_a_negative_balance_without_a_dispute_is_found(busy: Person) -> None:
    tamper("UPDATE billing_hold SET state = 'released', closed_at = now() WHERE state = 'open'")
    tamper("UPDATE billing_wallet SET held_nusd = 0, floor_nusd = -1, balance_nusd = -1")
    assert {one.invariant for one in ledger.audit()} == {"I1", "I8"}


def test_a_finding_is_told_once_and_closed_when_it_is_gone(busy: Person, caplog: pytest.LogCaptureFixture) -> None:
    tamper("UPDATE billing_wallet SET held_nusd = held_nusd + 1 WHERE organization_id = %s", (busy.organization.pk,))
    with caplog.at_level(logging.CRITICAL):
        assert tasks.audit_books() == 1
        assert tasks.audit_books() == 1
    assert len(caplog.records) == 1
    assert "I2" in caplog.text
    [finding] = Finding.objects.all()
    assert (finding.subject, finding.gone_at) == (f"wallet {busy.organization.pk}", None)
    assert finding.seen_at > finding.found_at
    tamper("UPDATE billing_wallet SET held_nusd = held_nusd - 1 WHERE organization_id = %s", (busy.organization.pk,))
    assert tasks.audit_books() == 0
    finding.refresh_from_db()
    assert finding.gone_at is not None
    tamper("UPDATE billing_wallet SET held_nusd = held_nusd + 1 WHERE organization_id = %s", (busy.organization.pk,))
    assert tasks.audit_books() == 1
    assert Finding.objects.count() == 2


def test_the_audit_corrects_nothing(busy: Person) -> None:
    def everything() -> list[list[dict[str, Any]]]:
        return [list(model.objects.order_by("pk").values()) for model in (Wallet, Hold, LedgerEntry, UsageRecord)]

    tamper("UPDATE billing_wallet SET balance_nusd = balance_nusd + 1")
    before = everything()
    ledger.audit()
    assert everything() == before


def test_the_audit_is_one_snapshot_while_money_moves(busy: Person) -> None:
    with transaction.atomic():
        assert ledger.audit() == []  # also inside somebody's transaction


def test_entries_whose_usage_records_were_dropped_with_their_month_are_not_missed(busy: Person) -> None:
    call = a_call(busy)
    holds.settle([its_end(call, 5)])
    tamper("UPDATE billing_ledgerentry SET id = '01000000-0000-7000-8000-000000000000' WHERE id = %s", (call.id,))
    tamper("UPDATE billing_hold SET id = '01000000-0000-7000-8000-000000000000' WHERE id = %s", (call.id,))
    tamper("DELETE FROM billing_usagerecord WHERE id = %s", (call.id,))
    assert ledger.audit() == []
