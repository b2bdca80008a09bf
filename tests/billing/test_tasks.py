"""What the books do by themselves: known to Celery under their names, and harmless when they run twice."""

from __future__ import annotations

import logging

import pytest

from billing import holds, tasks
from gateway.celery import app
from tests.books import a_call, its_end, tamper
from tests.people import Person, books_are_clean

NAMES = {"billing.expire_holds", "billing.audit_books", "billing.make_partitions", "billing.prune_holds"}


def test_the_clock_knows_every_task_of_the_books() -> None:
    app.loader.import_default_modules()
    assert set(app.tasks) >= NAMES
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} >= NAMES


def test_every_task_may_run_twice(alice: Person) -> None:
    calls = [a_call(alice), a_call(alice)]
    holds.place(calls)
    holds.settle([its_end(calls[0], 5)])
    for _ in range(2):
        tasks.expire_holds.apply().get()
        tasks.make_partitions.apply().get()
        tasks.prune_holds.apply().get()
        assert tasks.audit_books.apply().get() == 0
    assert alice.balance.held_nusd == calls[1].amount_nusd
    assert books_are_clean()


def test_expired_holds_are_told_to_the_operator(alice: Person, caplog: pytest.LogCaptureFixture) -> None:
    holds.place([a_call(alice), a_call(alice)])
    tamper("UPDATE billing_hold SET expires_at = now() - interval '1 second'")
    with caplog.at_level(logging.WARNING):
        assert tasks.expire_holds() == 2
        assert tasks.expire_holds() == 0
    assert [record.getMessage() for record in caplog.records] == ["2 holds expired: their calls ended without settling"]
