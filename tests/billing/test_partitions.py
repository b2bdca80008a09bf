"""Months of usage records: there before they are needed, gone when their time is over, never in the way of money."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from django.db import OperationalError, connection
from pytest_django import Settings

from billing import holds, partitions, tasks
from billing.models import UsageRecord
from gateway import callid
from tests.books import a_call, at_once, its_end, outcomes, tamper
from tests.people import Person, books_are_clean

TODAY = datetime.now(UTC).date()
LONG_AGO = date(2021, 3, 15)


def call_at(moment: datetime) -> UUID:
    """The id of a call that began then."""
    return UUID(int=int(moment.timestamp() * 1000) << 80 | callid.new().int & (1 << 80) - 1)


def partition_of(call: UUID) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM billing_usagerecord WHERE id = %s", (call,))
        [(name,)] = cursor.fetchall()
    return str(name)


@pytest.fixture(autouse=True)
def _only_the_months_that_were_there(db: None) -> Iterator[None]:
    before = set(partitions.existing())
    yield
    with connection.cursor() as cursor:
        for month in set(partitions.existing()) - before:
            cursor.execute(f"DROP TABLE billing_usagerecord_{month:%Y_%m}")
        for month in before - set(partitions.existing()):
            cursor.execute("SELECT billing_make_partition(%s)", (month,))


def test_months_add_up_over_the_turn_of_the_year() -> None:
    assert partitions.month_after(date(2026, 11, 21), 3) == date(2027, 2, 1)
    assert partitions.month_after(date(2026, 1, 31), -1) == date(2025, 12, 1)
    assert partitions.month_after(date(2026, 12, 1), 0) == date(2026, 12, 1)


def test_the_first_migration_leaves_this_month_and_three_more(db: None) -> None:
    existing = partitions.existing()
    assert {partitions.month_after(TODAY, ahead) for ahead in range(-1, 4)} <= set(existing)
    assert existing == sorted(existing)


def test_the_next_months_are_made_before_they_come_and_only_once(settings: Settings) -> None:
    settings.USAGE_MONTHS_AHEAD = 2
    start = date(2031, 11, 30)
    assert partitions.make(start) == [date(2031, 11, 1), date(2031, 12, 1), date(2032, 1, 1)]
    assert partitions.make(start) == []
    assert partitions.make(date(2031, 12, 1)) == [date(2032, 2, 1)]


def test_eight_workers_that_make_the_same_month_at_once_make_it_once() -> None:
    answers = at_once([lambda: make_patiently(date(2033, 5, 1))] * 8)
    assert sum(answers) == 1


def make_patiently(month: date) -> int:
    return len([made for made in partitions.make(month) if made == month])


def test_a_record_lies_in_the_month_in_which_its_call_began(alice: Person) -> None:
    call = a_call(alice)
    holds.settle([its_end(call, 5)])
    assert partition_of(call.id) == f"billing_usagerecord_{callid.started_at(call.id):%Y_%m}"
    last = call_at(datetime(TODAY.year, TODAY.month, 1, tzinfo=UTC) - timedelta(milliseconds=1))
    first = call_at(datetime(TODAY.year, TODAY.month, 1, tzinfo=UTC))
    holds.settle([its_end(a_call(alice, id=last), 5), its_end(a_call(alice, id=first), 5)])
    assert partition_of(first) != partition_of(last)
    assert books_are_clean()


def test_a_month_that_nobody_made_costs_no_charge_and_is_sorted_out_later(alice: Person) -> None:
    calls = [call_at(datetime(2021, 3, day, 12, tzinfo=UTC)) for day in (1, 15, 31)]
    calls.append(call_at(datetime(2021, 4, 1, tzinfo=UTC)))
    assert outcomes(holds.settle([its_end(a_call(alice, id=call), 5) for call in calls])) == ["late"] * 4
    assert {partition_of(call) for call in calls} == {"billing_usagerecord_rest"}
    assert partitions.make(LONG_AGO)[0] == date(2021, 3, 1)
    assert [partition_of(call) for call in calls] == ["billing_usagerecord_2021_03"] * 3 + [
        "billing_usagerecord_2021_04"
    ]
    assert outcomes(holds.settle([its_end(a_call(alice, id=call), 5) for call in calls])) == ["duplicate"] * 4
    assert len(alice.usage) == 4
    assert books_are_clean()
    for table in ("billing_usagerecord_rest", "billing_usagerecord_2021_03"):
        with pytest.raises(Exception, match="the books refuse"), connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {table}")


def test_months_are_dropped_when_their_retention_is_over(alice: Person, settings: Settings) -> None:
    settings.USAGE_RETENTION_MONTHS = 2
    partitions.make(LONG_AGO)
    old = call_at(datetime(2021, 3, 15, tzinfo=UTC))
    holds.settle([its_end(a_call(alice, id=old), 5), its_end(a_call(alice), 6)])
    assert partitions.drop() == 4  # March to June 2021
    assert [record.charged_nusd for record in alice.usage] == [6]
    assert len(alice.entries) == 3  # entries stay for ever
    assert partitions.existing()[0] == partitions.month_after(TODAY, -1)
    assert books_are_clean()


def test_without_a_retention_nothing_is_dropped(settings: Settings) -> None:
    settings.USAGE_RETENTION_MONTHS = 0
    partitions.make(LONG_AGO)
    assert partitions.drop() == 0
    assert date(2021, 3, 1) in partitions.existing()


def test_the_daily_task_makes_and_drops(settings: Settings) -> None:
    settings.USAGE_MONTHS_AHEAD, settings.USAGE_RETENTION_MONTHS = 5, 1
    partitions.make(LONG_AGO)
    tasks.make_partitions()
    assert partitions.existing()[0] == partitions.month_after(TODAY, -1)
    assert partitions.existing()[-1] == partitions.month_after(TODAY, 5)


def test_making_a_month_does_not_wait_for_calls_in_flight_nor_they_for_it(alice: Person) -> None:
    def settle_many() -> list[str]:
        return [holds.settle([its_end(a_call(alice), 1)])[0].outcome for _ in range(20)]

    def make_many() -> list[str]:
        return [str(len(partitions.make(date(2035, month, 1)))) for month in range(1, 10, 4)]

    *settled, made = at_once([settle_many, settle_many, settle_many, make_many])
    assert settled == [["late"] * 20] * 3
    assert made == ["4", "4", "4"]
    assert books_are_clean()


def test_a_table_that_stays_locked_is_left_for_the_next_day(db: None) -> None:
    tamper("ALTER FUNCTION billing_make_partition(date) SET lock_timeout = '50ms'")
    try:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("LOCK TABLE billing_usagerecord IN ACCESS EXCLUSIVE MODE")
            [answer] = at_once([refused_to_wait])
            cursor.execute("ROLLBACK")
    finally:
        tamper("ALTER FUNCTION billing_make_partition(date) SET lock_timeout = '5s'")
    assert answer
    assert date(2036, 1, 1) not in partitions.existing()


def refused_to_wait() -> bool:
    try:
        partitions.make(date(2036, 1, 1))
    except OperationalError:
        return True
    return False


def test_no_record_is_ever_left_in_the_rest_in_ordinary_times(alice: Person) -> None:
    holds.settle([its_end(a_call(alice), 5)])
    assert UsageRecord.objects.count() == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM billing_usagerecord_rest")
        assert cursor.fetchone() == (0,)
