"""The books in tests: calls to place and settle, many hands at once, and cleaning up what refuses to be deleted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection, connections
from django.db.backends.base.operations import BaseDatabaseOperations

from billing.holds import Placement, Settlement
from billing.usage import Usage
from gateway import callid
from tests.people import Person

Answer = TypeVar("Answer")

USD = 1_000_000_000  # in nano-USD
CENT = USD // 100
TABLES = ("wallet", "hold", "ledgerentry", "usagerecord", "keyspend", "finding")


def a_call(person: Person, nusd: int = 10 * CENT, **changes: Any) -> Placement:
    """The placement of a new call of `person`."""
    placement = Placement(
        id=callid.new(), wallet_id=person.organization.pk, key_id=person.key.pk, amount_nusd=nusd, ttl_seconds=600
    )
    return replace(placement, **changes)


def its_end(call: Placement, nusd: int | None = None, **changes: Any) -> Settlement:
    """How that call ends: costing `nusd`, everything that it had set aside by default."""
    cost = call.amount_nusd if nusd is None else nusd
    settlement = Settlement(
        id=call.id,
        wallet_id=call.wallet_id,
        key_id=call.key_id,
        user_id=None,
        cost_nusd=cost,
        exact_cost=Decimal(cost).scaleb(-9),
        usage=Usage(input=24, output=10),
        model="deepseek-v4-flash",
        model_id=1,
        endpoint_id=2,
        provider="simulator",
        surface="openai",
        operation="chat.completions",
        streamed=False,
        price_version_id=3,
        supplier_cost_version_id=None,
        supplier_cost=None,
        rise=Decimal(0),
        usage_source="reported",
        finish="stop",
        outcome="completed",
        error_code=None,
        status=200,
        attempts=[{"endpoint_id": 2, "provider": "simulator", "error": None, "ms": 40}],
        first_byte_ms=12,
        duration_ms=48,
        detail=None,
    )
    return replace(settlement, **changes)


def outcomes(verdicts: Sequence[Any]) -> list[str]:
    """The outcome of each verdict."""
    return [verdict.outcome for verdict in verdicts]


def at_once(actions: Sequence[Callable[[], Answer]]) -> list[Answer]:
    """Run each action in a thread with a connection of its own, all starting together. Raises what they raise."""
    answers: dict[int, Answer] = {}
    errors: list[BaseException] = []
    start = threading.Barrier(len(actions))

    def run(number: int, action: Callable[[], Answer]) -> None:
        try:
            connection.ensure_connection()
            start.wait(60)
            answers[number] = action()
        except BaseException as error:
            start.abort()
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=pair, daemon=True) for pair in enumerate(actions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return [answers[number] for number in range(len(actions))]


def tamper(statement: str, parameters: Sequence[Any] = ()) -> None:
    """Do to the books what nobody can: as a replica, for which no trigger fires."""
    assert connection.settings_dict["NAME"].startswith("test_"), "tests tamper with the tests' own books only"
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        try:
            cursor.execute(statement, parameters)
        finally:
            cursor.execute("SET session_replication_role = origin")


def burn() -> None:
    """Remove every wallet, and all that hangs on it, for the next test."""
    tamper("TRUNCATE " + ", ".join(f"billing_{table}" for table in TABLES))


def let_tests_flush() -> None:
    """Let Django empty the database after a transactional test although the books refuse to be truncated."""
    execute = BaseDatabaseOperations.execute_sql_flush
    if getattr(execute, "as_replica", False):
        return

    def flush(self: BaseDatabaseOperations, sql_list: list[str]) -> None:
        execute(self, ["SET LOCAL session_replication_role = replica", *sql_list])

    flush.as_replica = True  # type: ignore[attr-defined]
    BaseDatabaseOperations.execute_sql_flush = flush  # type: ignore[method-assign]


def ids(calls: Sequence[Placement | Settlement]) -> list[UUID]:
    """The ids of calls."""
    return [call.id for call in calls]
