"""The kill test of the ledger: workers and PostgreSQL die under load; no acknowledged charge is lost or doubled."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from gateway import embedded
from tests.billing.fire import POST, WALLETS, open_wallets, posting, under_fire
from tests.house import tree

# `make bench` runs the long form.
SECONDS = int(os.environ.get("KILL_TEST_SECONDS", "8"))
WORKERS = 6


@pytest.fixture
def books(cluster: embedded.Postgres) -> embedded.Postgres:
    """A PostgreSQL of the test's own, with empty books in it."""
    environment = os.environ | {"DATABASE_URL": cluster.url(), "DJANGO_SETTINGS_MODULE": "gateway.settings"}
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "-v", "0"], cwd=tree.ROOT, env=environment, check=True, timeout=100
    )
    open_wallets(cluster.url())
    return cluster


@pytest.mark.deadline(SECONDS + 120)
def test_no_acknowledged_charge_is_lost_or_doubled_when_everything_is_killed(
    books: embedded.Postgres, tmp_path: Path
) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()

    def crash() -> None:
        books.kill()
        books.start()

    told = under_fire(books.url(), logs, seconds=SECONDS, workers=WORKERS, crash=crash, crashes=max(2, SECONDS // 20))
    assert told.errors == []
    assert told.contradictions == []
    assert told.crashes >= 2
    assert told.kills > SECONDS
    assert len(told.acknowledged) > 100
    assert len(told.acknowledged_posts) > 1

    with psycopg.connect(books.url(), autocommit=True) as connection:

        def asked(statement: str) -> list[tuple[object, ...]]:
            return connection.execute(statement).fetchall()

        assert asked("SELECT * FROM billing_audit(10)") == []
        # Every charge that a worker was told stands in the books, once and as told.
        recorded = dict(asked("SELECT id, charged_nusd FROM billing_usagerecord"))
        assert asked("SELECT id FROM billing_usagerecord GROUP BY id HAVING count(*) > 1") == []
        assert {call: recorded.get(call) for call in told.acknowledged} == told.acknowledged
        # Every payment that was told is there; told again, all of them are there once.
        posted = {str(row[0]) for row in asked("SELECT key FROM billing_ledgerentry WHERE key LIKE 'pay:%'")}
        assert told.acknowledged_posts <= posted <= set(told.tried_posts)
        for key, (wallet, nusd) in told.tried_posts.items():
            connection.execute(POST, (posting(key, wallet, nusd),))
        [(total,)] = asked("SELECT sum(delta_nusd)::bigint FROM billing_ledgerentry WHERE key LIKE 'pay:%'")
        assert total == sum(nusd for _, nusd in told.tried_posts.values())
        # What is left is what came in less what was charged, and no wallet is below nothing.
        [(left, lowest)] = asked("SELECT sum(balance_nusd)::bigint, min(balance_nusd) FROM billing_wallet")
        [(came,)] = asked("SELECT sum(delta_nusd)::bigint FROM billing_ledgerentry WHERE kind = 'topup'")
        assert left == came - sum(int(str(charge)) for charge in recorded.values())
        assert int(str(lowest)) >= 0
        # After the sweep nothing is held any more.
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE billing_hold SET expires_at = now() - interval '1 s' WHERE state = 'open'")
        connection.execute("SET session_replication_role = origin")
        while asked("SELECT billing_expire(500)") != [(0,)]:
            continue
        assert asked("SELECT sum(held_nusd)::bigint, count(*) FROM billing_wallet") == [(0, len(WALLETS))]
        assert asked("SELECT * FROM billing_audit(10)") == []
