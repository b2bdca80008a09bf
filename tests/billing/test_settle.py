"""Settling: the exact charge, once, out of the own hold and what nobody else holds; one usage record for every call."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from billing import holds, ledger, wallets
from billing.models import Hold, KeySpend, LedgerEntry, UsageRecord
from billing.usage import TOKEN_CLASSES, Usage
from gateway import callid
from tests.books import CENT, USD, a_call, at_once, its_end, outcomes
from tests.people import Person, books_are_clean, newcomer


def test_a_settled_call_costs_its_cost_and_frees_the_rest_of_its_hold(alice: Person) -> None:
    call = a_call(alice, 50 * CENT)
    holds.place([call])
    [verdict] = holds.settle([its_end(call, 7_320)])
    assert (verdict.outcome, verdict.charged_nusd, verdict.balance_nusd) == ("settled", 7_320, 25 * USD - 7_320)
    assert alice.balance == wallets.Balance(25 * USD - 7_320, 0, 25 * USD - 7_320)
    hold = Hold.objects.get(pk=call.id)
    assert (hold.state, hold.charged_nusd, hold.amount_nusd) == ("settled", 7_320, 50 * CENT)
    entry = alice.entries[-1]
    assert (entry.pk, entry.kind, entry.contra, entry.seq) == (call.id, "usage", "revenue:usage", 2)
    assert (entry.delta_nusd, entry.balance_after_nusd, entry.key) == (-7_320, 25 * USD - 7_320, None)
    assert books_are_clean()


def test_the_usage_record_keeps_everything_that_the_settlement_says(alice: Person) -> None:
    call = a_call(alice)
    holds.place([call])
    counts = {name: number for number, name in enumerate(TOKEN_CLASSES, start=11)}
    end = its_end(
        call,
        12_340,
        user_id=alice.user.pk,
        exact_cost=Decimal("0.00001233512345"),
        usage=Usage(**counts, images=3, seconds=Decimal("1.5"), characters=44),
        streamed=True,
        supplier_cost_version_id=9,
        supplier_cost=Decimal("0.00001"),
        rise=Decimal("0.02"),
        usage_source="estimated",
        finish="length",
        outcome="cut",
        error_code="upstream_error",
        status=502,
        attempts=[{"endpoint_id": 1, "provider": "é\N{SNOWMAN}", "error": "timeout", "ms": 3}],
        detail={"resolution": "1080p"},
    )
    holds.settle([end])
    record = UsageRecord.objects.get(pk=call.id)
    for name, count in counts.items():
        assert getattr(record, f"{name}_tokens") == count
    assert (record.images, record.seconds, record.characters) == (3, Decimal("1.5"), 44)
    same = "wallet_id key_id user_id model model_id endpoint_id provider surface operation streamed price_version_id"
    same += " supplier_cost_version_id supplier_cost rise usage_source finish outcome error_code status attempts"
    same += " first_byte_ms duration_ms detail exact_cost cost_nusd"
    for name in same.split():
        assert getattr(record, name) == getattr(end, name), name
    assert (record.charged_nusd, record.is_late) == (12_340, False)
    assert record.started_at == callid.started_at(call.id)
    assert timedelta(0) <= record.finished_at - record.started_at < timedelta(minutes=1)


def test_settling_twice_charges_once(alice: Person) -> None:
    call = a_call(alice)
    holds.place([call])
    assert outcomes(holds.settle([its_end(call, 500)])) == ["settled"]
    [again] = holds.settle([its_end(call, 900)])
    assert (again.outcome, again.charged_nusd, again.balance_nusd) == ("duplicate", 500, 25 * USD - 500)
    assert (len(alice.usage), len(alice.entries)) == (1, 2)
    assert books_are_clean()


def test_ninety_nine_settlements_at_once_charge_once(alice: Person) -> None:
    call = a_call(alice)
    holds.place([call])
    verdicts = at_once([lambda: holds.settle([its_end(call, 1_000)])[0]] * 99)
    assert sorted(outcomes(verdicts)) == ["duplicate"] * 98 + ["settled"]
    assert {verdict.charged_nusd for verdict in verdicts} == {1_000}
    assert alice.balance == wallets.Balance(25 * USD - 1_000, 0, 25 * USD - 1_000)
    assert books_are_clean()


def test_a_call_that_cost_nothing_frees_its_hold_and_leaves_a_record_but_no_entry(alice: Person) -> None:
    call = a_call(alice)
    holds.place([call])
    end = its_end(
        call, 0, usage=Usage(), usage_source="none", outcome="failed", error_code="upstream_error", status=502
    )
    assert outcomes(holds.settle([end])) == ["released"]
    assert alice.balance == wallets.Balance(25 * USD, 0, 25 * USD)
    assert Hold.objects.get(pk=call.id).state == "released"
    [record] = alice.usage
    assert (record.cost_nusd, record.charged_nusd, record.outcome) == (0, 0, "failed")
    assert len(alice.entries) == 1
    assert outcomes(holds.settle([end])) == ["duplicate"]
    assert books_are_clean()


def test_a_call_without_a_hold_is_charged_late_from_what_is_available(alice: Person) -> None:
    call = a_call(alice)
    [verdict] = holds.settle([its_end(call, 3 * USD)])
    assert (verdict.outcome, verdict.charged_nusd, verdict.balance_nusd) == ("late", 3 * USD, 22 * USD)
    [record] = alice.usage
    assert record.is_late
    assert outcomes(holds.settle([its_end(call, 3 * USD)])) == ["duplicate"]
    assert alice.balance == wallets.Balance(22 * USD, 0, 22 * USD)
    assert books_are_clean()


def test_a_placement_that_comes_after_its_own_settlement_locks_nothing(alice: Person) -> None:
    for cost in (USD, 0):
        call = a_call(alice)
        assert outcomes(holds.settle([its_end(call, cost)])) == ["late"]
        assert outcomes(holds.place([call])) == ["duplicate"]
    assert alice.balance == wallets.Balance(24 * USD, 0, 24 * USD)
    assert books_are_clean()


def test_a_call_whose_hold_expired_is_charged_late_and_once(alice: Person) -> None:
    call = a_call(alice, ttl_seconds=1)
    holds.place([call])
    holds.release(call.id, "as if it had expired")
    assert outcomes(holds.settle([its_end(call, 800)])) == ["late"]
    assert outcomes(holds.settle([its_end(call, 800)])) == ["duplicate"]
    assert Hold.objects.get(pk=call.id).state == "released"
    assert alice.balance.balance_nusd == 25 * USD - 800
    assert books_are_clean()


def test_a_cost_beyond_the_hold_is_charged_from_what_nobody_else_holds(alice: Person) -> None:
    call, other = a_call(alice, USD), a_call(alice, 20 * USD)
    holds.place([call, other])
    [verdict] = holds.settle([its_end(call, 9 * USD)])  # its own 1 and the free 4
    assert (verdict.outcome, verdict.charged_nusd, verdict.balance_nusd) == ("shortfall", 5 * USD, 20 * USD)
    [record] = alice.usage
    assert (record.cost_nusd, record.charged_nusd) == (9 * USD, 5 * USD)
    assert alice.balance == wallets.Balance(20 * USD, 20 * USD, 0)
    assert outcomes(holds.settle([its_end(other)])) == ["settled"]
    assert alice.balance == wallets.Balance(0, 0, 0)
    assert books_are_clean()


def test_an_empty_wallet_gives_nothing_and_the_call_is_still_recorded(database: None) -> None:
    bob = newcomer("bob", usd=1)
    holds.settle([its_end(a_call(bob), USD)])
    [verdict] = holds.settle([its_end(a_call(bob), USD)])
    assert (verdict.outcome, verdict.charged_nusd, verdict.balance_nusd) == ("shortfall", 0, 0)
    assert [(record.cost_nusd, record.charged_nusd) for record in bob.usage] == [(USD, USD), (USD, 0)]
    assert len(bob.entries) == 2
    assert books_are_clean()


def test_in_debt_a_call_in_flight_is_charged_from_its_own_hold_only(alice: Person) -> None:
    call = a_call(alice, USD)
    holds.place([call])
    ledger.post(
        alice.organization.pk,
        kind=LedgerEntry.Kind.DISPUTE,
        contra="clearing:stripe",
        delta_nusd=-30 * USD,
        key="stripe:dp:1",
    )
    [verdict] = holds.settle([its_end(call, 2 * USD)])
    assert (verdict.outcome, verdict.charged_nusd, verdict.balance_nusd) == ("shortfall", USD, -6 * USD)
    assert outcomes(holds.settle([its_end(a_call(alice), 1)])) == ["shortfall"]
    assert alice.balance.balance_nusd == -6 * USD
    assert books_are_clean()


def test_gifts_are_spent_before_paid_money(alice: Person) -> None:
    ledger.post(alice.organization.pk, kind=LedgerEntry.Kind.PROMO, contra="promo", delta_nusd=USD, key="promo:spring")
    assert wallets.of(alice.organization).bonus_nusd == USD
    holds.settle([its_end(a_call(alice), 60 * CENT), its_end(a_call(alice), 60 * CENT)])
    assert [entry.bonus_delta_nusd for entry in alice.entries] == [0, USD, -60 * CENT, -40 * CENT]
    assert wallets.of(alice.organization).bonus_nusd == 0
    assert books_are_clean()


def test_ten_thousand_charges_of_the_smallest_amount_add_up_exactly(alice: Person) -> None:
    for _ in range(40):
        assert set(outcomes(holds.settle([its_end(a_call(alice), 10) for _ in range(250)]))) == {"late"}
    assert alice.balance.balance_nusd == 25 * USD - 10 * 10_000
    assert sum(Decimal(entry.delta_nusd).scaleb(-9) for entry in alice.entries[1:]) == Decimal("-0.0001")
    assert books_are_clean()


def test_what_a_key_spends_is_counted_by_day_and_month(alice: Person) -> None:
    holds.settle([its_end(a_call(alice), 100), its_end(a_call(alice), 50), its_end(a_call(alice, key_id=None), 7)])
    holds.settle([its_end(a_call(alice), 1)])
    spend = KeySpend.objects.get()
    today = datetime.now(UTC).date()
    assert (spend.key_id, spend.day, spend.month) == (alice.key.pk, today, today.replace(day=1))
    assert (spend.day_nusd, spend.month_nusd, spend.total_nusd) == (151, 151, 151)


def test_a_settlement_in_the_name_of_another_wallet_is_refused(alice: Person, mallory: Person) -> None:
    call = a_call(alice)
    holds.place([call, a_call(mallory, 2 * call.amount_nusd)])
    before = mallory.balance
    stolen = replace(its_end(call), wallet_id=mallory.organization.pk)
    assert outcomes(holds.settle([stolen])) == ["invalid"]
    assert mallory.balance == before
    assert not mallory.usage
    assert alice.balance.held_nusd == call.amount_nusd
    assert outcomes(holds.settle([its_end(call)])) == ["settled"]


def test_what_providers_write_into_their_answers_never_stands_in_the_way(alice: Person) -> None:
    calls = [a_call(alice) for _ in range(4)]
    holds.place(calls)
    verdicts = holds.settle(
        [
            its_end(calls[0], 10, finish="nul\x00inside", error_code="\\u0000 \\\x00"),
            its_end(calls[1], 20, finish="half \ud83d a smile", detail={"\udc00": ["\ud800", {"deep": "\ud801"}]}),
            its_end(calls[2], 30, finish="x" * 5_000),
            its_end(calls[3], 40, usage=Usage(input=-5, output=10**30, reasoning=7, seconds=Decimal("NaN"))),
        ]
    )
    assert outcomes(verdicts) == ["settled"] * 4
    by_id = {record.pk: record for record in alice.usage}
    records = [by_id[call.id] for call in calls]
    assert [record.charged_nusd for record in records] == [10, 20, 30, 40]
    assert (records[0].finish, records[0].error_code) == ("nul\ufffdinside", "\\u0000 \\\ufffd")
    assert records[1].finish == "half ? a smile"
    assert len(records[2].finish) == 100
    assert (records[3].input_tokens, records[3].output_tokens, records[3].reasoning_tokens) == (0, 0, 7)
    assert books_are_clean()
