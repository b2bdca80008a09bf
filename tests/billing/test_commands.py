"""The operator's command line of the books: one JSON object on stdout, plain words otherwise, exit 1 when wrong."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Organization
from billing import holds
from billing.models import LedgerEntry
from tests.books import USD, a_call, its_end, tamper
from tests.people import Person


def said(*words: str) -> str:
    out = io.StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def told(*words: str) -> Any:
    return json.loads(said(*words, "--json"))


def test_an_organization_is_created_with_a_slug_and_an_empty_wallet(db: None) -> None:
    answer = told("organization", "create", "Acme Rockets")
    assert (answer["slug"], answer["name"], answer["plan"]) == ("acme-rockets", "Acme Rockets", "popular")
    assert (answer["balance_usd"], answer["held_usd"], answer["available_usd"]) == ("0", "0", "0")
    assert told("organization", "create", "Acme Rockets", "--plan", "pro")["plan"] == "pro"
    assert Organization.objects.count() == 2


def test_an_unknown_plan_or_an_empty_name_creates_nothing(db: None) -> None:
    for words in (["Acme", "--plan", "platinum"], ["  "]):
        with pytest.raises(CommandError):
            said("organization", "create", *words)
    assert not Organization.objects.exists()


def test_a_credit_is_shown_and_stands_in_the_ledger(alice: Person) -> None:
    slug = alice.organization.slug
    answer = told("organization", "credit", slug, "0.123456789", "--reason", "an apology")
    assert (answer["credited_usd"], answer["balance_usd"], answer["is_new"]) == ("0.123456789", "25.123456789", True)
    assert told("organization", "show", slug)["balance_usd"] == "25.123456789"
    [entry, _] = told("ledger", "show", slug)["entries"]
    assert (entry["delta_usd"], entry["reason"], entry["kind"]) == ("0.123456789", "an apology", "adjustment")
    assert entry["actor"].startswith("operator ")


def test_a_credit_with_a_key_is_given_once(alice: Person) -> None:
    words = ["organization", "credit", alice.organization.slug, "5", "--reason", "x", "--key", "ticket 9"]
    assert told(*words)["is_new"]
    again = told(*words)
    assert (again["is_new"], again["credited_usd"], again["balance_usd"]) == (False, "0", "30")
    words[3] = "6"
    with pytest.raises(CommandError, match="posted before"):
        said(*words)
    assert alice.balance.balance_nusd == 30 * USD


@pytest.mark.parametrize("amount", ["0.0000000001", "0", "ten", "", "1,5", "NaN", "1e99"])
def test_an_amount_that_makes_no_sense_is_refused_and_moves_nothing(alice: Person, amount: str) -> None:
    with pytest.raises(CommandError):
        said("organization", "credit", alice.organization.slug, amount, "--reason", "x")
    assert alice.balance.balance_nusd == 25 * USD


def test_a_credit_without_a_reason_or_for_nobody_is_refused(alice: Person) -> None:
    for words in (["credit", alice.organization.slug, "5"], ["credit", "nobody", "5", "--reason", "x"], ["show", "no"]):
        with pytest.raises(CommandError):
            said("organization", *words)
    assert LedgerEntry.objects.count() == 1


def test_usage_shows_sums_and_the_latest_calls(alice: Person) -> None:
    calls = [a_call(alice) for _ in range(3)]
    holds.place(calls)
    for call, cost in zip(calls, (10, 7_320, 0), strict=True):
        holds.settle([its_end(call, cost, outcome="completed" if cost else "failed")])
    answer = told("usage", "show", alice.organization.slug, "--limit", "2")
    assert (answer["calls"], answer["not_completed"], answer["charged_usd"]) == (3, 1, "0.00000733")
    assert len(answer["records"]) == 2
    by_id = {record["id"]: record for record in told("usage", "show", alice.organization.slug)["records"]}
    record = by_id[f"req_{calls[1].id.hex}"]
    assert (record["charged_usd"], record["exact_cost_usd"]) == ("0.00000732", "0.00000732")
    assert record["usage"] == {"input_tokens": 24, "output_tokens": 10}
    assert told("usage", "show", alice.organization.slug, "--since", "2999-01-01")["calls"] == 0
    with pytest.raises(CommandError, match="ISO 8601"):
        said("usage", "show", alice.organization.slug, "--since", "yesterday")


def test_the_audit_says_that_all_is_well_or_exits_with_1(alice: Person) -> None:
    assert told("ledger", "audit") == {"ok": True, "findings": []}
    assert "All 8 invariants hold." in said("ledger", "audit")
    tamper("UPDATE billing_wallet SET balance_nusd = balance_nusd + 1")
    out = io.StringIO()
    with pytest.raises(CommandError) as failure:
        call_command("ledger", "audit", "--json", stdout=out)
    assert failure.value.returncode == 1
    answer = json.loads(out.getvalue())
    assert (answer["ok"], [finding["invariant"] for finding in answer["findings"]]) == (False, ["I1"])


def test_without_json_people_can_read_it(alice: Person) -> None:
    call = a_call(alice)
    holds.settle([its_end(call, 7_320)])
    slug = alice.organization.slug
    assert "balance usd: 24.99999268" in said("organization", "show", slug)
    assert "-0.00000732" in said("ledger", "show", slug)
    assert f"req_{call.id.hex}" in said("usage", "show", slug)
