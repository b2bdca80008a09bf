"""What the database itself refuses: any write to the books that does not come from their own functions."""

from __future__ import annotations

import os
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, connection, models, transaction
from django.db.models import ProtectedError

from billing import holds, ledger, partitions, wallets
from billing.models import Hold, KeySpend, LedgerEntry, UsageRecord, Wallet
from gateway.till import conninfo
from tests.books import CENT, USD, a_call, its_end, outcomes
from tests.people import Person, books_are_clean, newcomer

MONEY = (Wallet, Hold, LedgerEntry, UsageRecord, KeySpend)
FORGED = (
    "INSERT INTO billing_ledgerentry (id, wallet_id, seq, kind, contra, delta_nusd, bonus_delta_nusd,"
    " balance_after_nusd, key, reference, actor, reason) SELECT gen_random_uuid(), wallet_id, {seq}, 'topup', 'x', 5,"
    " 0, balance_after_nusd + 5, 'k', '', '', '' FROM billing_ledgerentry WHERE seq = 2"
)
TABLES = [model._meta.db_table for model in MONEY]


@pytest.fixture
def busy(alice: Person) -> Person:
    """Alice, with a settled call, a failed one, and one in flight. Somebody else never had a wallet."""
    newcomer("somebody", usd=0)
    calls = [a_call(alice, USD) for _ in range(3)]
    holds.place(calls)
    holds.settle([its_end(calls[0], 7), its_end(calls[1], 0)])
    return alice


def everything() -> list[list[dict[str, Any]]]:
    return [list(model._default_manager.order_by("pk").values()) for model in MONEY]


def refused(statement: str, *, writer: str | None = None) -> bool:
    """Whether the books refuse the statement, from a plain connection, with nothing changed."""
    before = everything()
    with psycopg.connect(conninfo()) as somebody:
        if writer is not None:
            somebody.execute("SELECT set_config('tollgate.writer', %s, false)", (writer,))
        try:
            somebody.execute(statement)
            somebody.commit()
        except psycopg.errors.NotNullViolation:
            raise  # the test forgot a column
        except psycopg.errors.IntegrityError:
            somebody.rollback()
    return everything() == before


@pytest.mark.parametrize("model", MONEY)
def test_django_cannot_delete_from_the_books(busy: Person, model: type[models.Model]) -> None:
    before = everything()
    with pytest.raises((IntegrityError, ProtectedError)):
        model._default_manager.all().delete()
    assert everything() == before


@pytest.mark.parametrize(
    ("model", "column"),
    [
        (Wallet, "balance_nusd"), (Wallet, "held_nusd"), (Wallet, "bonus_nusd"), (Wallet, "epoch"),
        (Hold, "amount_nusd"), (LedgerEntry, "delta_nusd"), (LedgerEntry, "balance_after_nusd"),
        (UsageRecord, "cost_nusd"), (UsageRecord, "input_tokens"), (KeySpend, "total_nusd"),
    ],
)  # fmt: skip
def test_django_cannot_change_the_books(busy: Person, model: type[models.Model], column: str) -> None:
    before = everything()
    with pytest.raises(IntegrityError, match="the books refuse"):
        model._default_manager.update(**{column: models.F(column) + 1})
    assert everything() == before


def test_django_cannot_save_a_richer_wallet_or_copy_entries(busy: Person) -> None:
    before = everything()
    wallet = wallets.of(busy.organization)
    wallet.balance_nusd += 1
    with pytest.raises(IntegrityError):
        wallet.save()
    with pytest.raises(IntegrityError):
        LedgerEntry.objects.bulk_create(LedgerEntry.objects.all())
    assert everything() == before


@pytest.mark.parametrize("table", [*TABLES, "billing_usagerecord_rest", "THIS_MONTH"])
@pytest.mark.parametrize("writer", [None, "on", "prune"])
def test_nobody_truncates_the_books(busy: Person, table: str, writer: str | None) -> None:
    name = f"billing_usagerecord_{busy.usage[0].started_at:%Y_%m}" if table == "THIS_MONTH" else table
    assert refused(f"TRUNCATE {name} CASCADE", writer=writer)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE billing_usagerecord_{month} SET cost_nusd = 0",
        "DELETE FROM billing_usagerecord_{month}",
        "INSERT INTO billing_usagerecord_{month} SELECT (u).* FROM billing_usagerecord u WHERE false",
        "INSERT INTO billing_usagerecord_rest SELECT (u).* FROM billing_usagerecord u WHERE false",
    ],
)
def test_a_month_of_usage_is_guarded_like_the_whole(busy: Person, statement: str) -> None:
    with pytest.raises(IntegrityError), connection.cursor() as cursor:
        cursor.execute(statement.format(month=f"{busy.usage[0].started_at:%Y_%m}"))
    assert len(busy.usage) == 2


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE billing_wallet SET balance_nusd = balance_nusd + 1",
        "UPDATE billing_wallet SET version = version + 1",
        "UPDATE billing_wallet SET version = version - 1, balance_nusd = balance_nusd + 7",  # as the entry before says
        "UPDATE billing_wallet SET held_nusd = -1",
        "UPDATE billing_wallet SET held_nusd = balance_nusd + 1",
        "UPDATE billing_wallet SET floor_nusd = 1",
        "UPDATE billing_wallet SET status = 'rich'",
        "INSERT INTO billing_wallet (organization_id, balance_nusd, held_nusd, bonus_nusd, floor_nusd, version, status,"
        " frozen_for, epoch) SELECT o.id, 5, 0, 0, 0, 0, 'active', '', 0 FROM accounts_organization o"
        " WHERE NOT EXISTS (SELECT FROM billing_wallet w WHERE w.organization_id = o.id)",
        FORGED.format(seq="seq + 1"),  # ahead of the wallet
        FORGED.format(seq="seq + 9"),  # after a gap
        FORGED.format(seq="seq"),  # in the place of another
        # As if nothing had been before it, after a gap:
        "UPDATE billing_wallet SET version = version + 9, balance_nusd = balance_nusd + 5; "
        + FORGED.format(seq="seq + 9").replace("'x', 5,", "'x', balance_after_nusd + 5,"),
        # A nano more than it says:
        "UPDATE billing_wallet SET version = version + 1, balance_nusd = balance_nusd + 6; "
        + FORGED.format(seq="seq + 1").replace("balance_after_nusd + 5", "balance_after_nusd + 6"),
        "UPDATE billing_ledgerentry SET reason = 'better'",
        "DELETE FROM billing_ledgerentry",
        "UPDATE billing_usagerecord SET charged_nusd = 0",
        "DELETE FROM billing_usagerecord",
        "UPDATE billing_hold SET state = 'open', closed_at = NULL, charged_nusd = NULL WHERE state <> 'open'",
        "UPDATE billing_hold SET charged_nusd = 8 WHERE state = 'settled'",
        "UPDATE billing_hold SET amount_nusd = amount_nusd - 1 WHERE state = 'open'",
        "UPDATE billing_hold SET amount_nusd = 0, state = 'released', closed_at = now() WHERE state = 'open'",
        "UPDATE billing_hold SET state = 'settled', closed_at = now() WHERE state = 'open'",  # charged with nothing
        "UPDATE billing_hold SET wallet_id = 0 WHERE state = 'open'",
        "UPDATE billing_hold SET key_id = 0 WHERE state = 'open'",
        "UPDATE billing_hold SET total_cap_nusd = 0 WHERE state = 'open'",
        "DELETE FROM billing_hold",
        "DELETE FROM billing_wallet",
        "DELETE FROM billing_keyspend",
        "UPDATE billing_keyspend SET total_nusd = -1",
    ],
)
def test_even_a_writer_who_turned_the_switch_on_by_hand_cannot(busy: Person, statement: str) -> None:
    assert refused(statement)
    assert refused(statement, writer="on")
    assert books_are_clean()


def test_an_open_hold_is_not_pruned_even_by_the_pruner(busy: Person) -> None:
    assert refused("DELETE FROM billing_hold WHERE state = 'open'", writer="prune")


def test_the_warning_threshold_is_no_money_and_free_to_change(alice: Person) -> None:
    assert Wallet.objects.filter(pk=alice.organization.pk).update(low_balance_nusd=5 * USD) == 1
    assert wallets.of(alice.organization).low_balance_nusd == 5 * USD


def test_an_organization_with_a_wallet_cannot_be_deleted(alice: Person) -> None:
    with pytest.raises(ProtectedError):
        alice.organization.delete()


def test_the_switch_is_off_again_after_every_function(alice: Person) -> None:
    call = a_call(alice)
    with transaction.atomic(), connection.cursor() as cursor:
        holds.place([call])
        holds.extend([holds.Extension(call.id, call.wallet_id, 1, 60)])
        holds.settle([its_end(call)])
        holds.release(call.id, "x")
        holds.expire()
        wallets.freeze(alice.organization, "tested")
        partitions.make()
        cursor.execute("SELECT current_setting('tollgate.writer', true), current_setting('enable_seqscan')")
        assert cursor.fetchone() in ((None, "on"), ("", "on"))


def test_an_application_without_any_right_to_write_can_still_do_business(alice: Person) -> None:
    clerk = f"tollgate_clerk_{os.getpid()}"  # roles are shared by all databases of a server
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {clerk}")
        cursor.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {clerk}")
        try:
            cursor.execute(f"SET ROLE {clerk}")
            call = a_call(alice, 10 * CENT)
            assert outcomes(holds.place([call])) == ["placed"]
            assert outcomes(holds.extend([holds.Extension(call.id, call.wallet_id, 1, 60)])) == ["extended"]
            assert outcomes(holds.settle([its_end(call)])) == ["settled"]
            assert holds.release(call.id, "x") == "closed"
            assert holds.expire() == 0
            posting = ledger.post(
                call.wallet_id, kind=LedgerEntry.Kind.TOPUP, contra="clearing:test", delta_nusd=5, key="k"
            )
            assert posting.is_new
            with pytest.raises(psycopg.errors.InsufficientPrivilege), transaction.atomic():
                cursor.connection.execute("UPDATE billing_wallet SET balance_nusd = 0")
        finally:
            cursor.execute("RESET ROLE")
            cursor.execute(f"DROP OWNED BY {clerk}")
            cursor.execute(f"DROP ROLE {clerk}")
    assert books_are_clean()
