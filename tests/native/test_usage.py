"""Usage history, breakdown and receipts: what customers read of their calls, and nothing of anybody else's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from billing import holds
from catalog import prices
from catalog.cards import Card
from gateway import callid
from gateway.api.entries import ENTRIES
from tests.books import a_call, its_end
from tests.fakes.openai_recordings import completion, error, stream, usage
from tests.native.manners import COMPLETIONS, data, get, post, refused
from tests.people import Person, colleague
from tests.servers import LiveServer
from tests.shop import Shop, chat

HISTORY, BREAKDOWN = "/v1/llm/usage/history", "/v1/llm/usage/breakdown"


def lived_through(person: Person, *moments: datetime, **changes: Any) -> list[UUID]:
    """Calls of the past, in the books: 24 tokens in, 10 out, a cent each."""
    calls = [a_call(person, 10_000_000, id=at(moment)) for moment in moments]
    holds.place(calls)
    holds.settle([its_end(call, **changes) for call in calls])
    return [call.id for call in calls]


def at(moment: datetime) -> UUID:
    """A call's id of that moment."""
    stamp = int(moment.timestamp() * 1000)
    return UUID(int=stamp << 80 | callid.new().int & ((1 << 80) - 1))


def test_the_history_example_prints_every_call(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell()
    goods.tape.play(completion(report=usage(100, 40, cached=80, reasoning=30)), stream(report=usage(24, 10)))
    post(server, alice, COMPLETIONS, chat(goods.slug))
    post(server, alice, "/v1/openai/chat/completions", chat(goods.slug, stream=True))
    history = data(get(server, alice, HISTORY, limit=50, offset=0))
    lines = [f"{log['model']}: {log['total_tokens']} tokens — ${log['cost_usd']:.6f}" for log in history["logs"]]
    assert lines == [f"{goods.slug}: 34 tokens — $0.000740", f"{goods.slug}: 140 tokens — $0.003000"]
    assert (history["total"], history["limit"], history["offset"]) == (2, 50, 0)
    last = history["logs"][1]
    assert (last["prompt_tokens"], last["completion_tokens"], last["cached_tokens"], last["reasoning_tokens"]) == (
        100, 40, 80, 30,
    )  # fmt: skip
    assert last["id"] == last["request_id"] == f"req_{alice.usage[0].id.hex}"
    assert last["key"]["masked"] == alice.key.masked
    assert (last["surface"], last["streamed"], last["status"]) == ("llm", False, "completed")
    assert "provider" not in last


def test_the_history_pages_and_filters(server: LiveServer, shop: Shop, alice: Person) -> None:
    dora = colleague(alice, "dora")
    now = datetime.now(UTC)
    old, older = lived_through(alice, now - timedelta(days=2), now - timedelta(days=5))
    [hers] = lived_through(dora, now - timedelta(days=1), model="gpt-4o")

    def ids(**parameters: Any) -> list[UUID]:
        return [UUID(log["id"][4:]) for log in data(get(server, alice, HISTORY, **parameters))["logs"]]

    assert ids() == [hers, old, older]
    assert ids(limit=1, offset=1) == [old]
    assert ids(offset=3) == []
    assert ids(model="gpt-4o") == ids(key=dora.key.pk) == [hers]
    assert ids(key=alice.key.pk, limit=1) == [old]
    assert ids(status="completed") == [hers, old, older]
    assert ids(status="cut") == []
    day = (now - timedelta(days=2)).date().isoformat()
    assert ids(**{"from": day, "to": day}) == [old]
    assert ids(**{"from": (now - timedelta(days=2, seconds=1)).isoformat()}) == [hers, old]
    assert ids(to=(now - timedelta(days=4)).isoformat()) == [older]
    assert data(get(server, alice, HISTORY, limit=1))["total"] == 3


def test_a_failed_call_is_in_the_history_and_cost_nothing(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell()
    goods.tape.play(error(503))
    post(server, alice, COMPLETIONS, chat(goods.slug))
    [log] = data(get(server, alice, HISTORY, status="failed"))["logs"]
    assert (log["cost_usd"], log["total_tokens"], log["error_code"]) == (0, 0, "upstream_error")
    receipt = data(get(server, alice, f"/v1/llm/usage/{log['id']}"))
    assert (receipt["lines"], receipt["ledger_entry"], receipt["charged_usd"]) == ([], None, 0)
    assert receipt["hold"]["state"] in ("released", "settled")


def test_the_breakdown_sums_by_day_week_and_month(server: LiveServer, alice: Person) -> None:
    dora = colleague(alice, "dora")
    monday = datetime(2026, 11, 2, 12, tzinfo=UTC)
    lived_through(alice, monday, monday + timedelta(days=1), monday + timedelta(days=7))
    lived_through(dora, monday, model="gpt-4o")
    span = {"from": "2026-10-01", "to": "2026-11-30"}

    def rows(**parameters: Any) -> list[tuple[str, int]]:
        found = data(get(server, alice, BREAKDOWN, **span, **parameters))
        return [(row["date"], row["requests"]) for row in found["breakdown"]]

    assert rows() == [("2026-11-09", 1), ("2026-11-03", 1), ("2026-11-02", 2)]
    assert rows(period="weekly") == [("2026-11-09", 1), ("2026-11-02", 3)]
    assert rows(period="monthly") == [("2026-11-01", 4)]
    assert rows(limit=1, offset=1) == [("2026-11-03", 1)]
    assert rows(model="gpt-4o") == rows(key=dora.key.pk) == [("2026-11-02", 1)]
    found = data(get(server, alice, BREAKDOWN, period="monthly", by="model", **span))
    assert [(row["model"], row["requests"], row["cost_usd"]) for row in found["breakdown"]] == [
        ("deepseek-v4-flash", 3, 0.03),
        ("gpt-4o", 1, 0.01),
    ]
    assert [(row["key"]["id"], row["total_tokens"]) for row in found["by_key"]] == [
        (alice.key.pk, 102),
        (dora.key.pk, 34),
    ]
    assert found["total"] == {
        "requests": 4, "prompt_tokens": 96, "completion_tokens": 40, "cached_tokens": 0, "cache_write_tokens": 0,
        "reasoning_tokens": 0, "total_tokens": 136, "images": 0, "cost_usd": 0.04,
    }  # fmt: skip


def test_days_begin_where_the_customer_lives(server: LiveServer, alice: Person) -> None:
    lived_through(alice, datetime(2026, 11, 2, 23, 30, tzinfo=UTC))
    for zone, day in (("UTC", "2026-11-02"), ("Europe/Oslo", "2026-11-03"), ("America/New_York", "2026-11-02")):
        found = data(get(server, alice, BREAKDOWN, timezone=zone, **{"from": "2026-11-01", "to": "2026-11-05"}))
        assert [row["date"] for row in found["breakdown"]] == [day]
        only = data(get(server, alice, BREAKDOWN, timezone=zone, **{"from": day, "to": day}))
        assert only["total"]["requests"] == 1


def test_without_calls_everything_is_zero(server: LiveServer, alice: Person) -> None:
    found = data(get(server, alice, BREAKDOWN))
    assert (found["breakdown"], found["by_model"], found["by_key"], found["total_rows"]) == ([], [], [], 0)
    assert found["total"]["requests"] == found["total"]["cost_usd"] == 0
    assert data(get(server, alice, HISTORY))["logs"] == []


def test_a_receipt_itemises_what_was_charged(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell(rates={"input": "0.00001", "cached_input": "0.000001", "output": "0.00005"})
    goods.tape.play(completion(report=usage(100, 40, cached=80, reasoning=30)))
    answer = data(post(server, alice, COMPLETIONS, chat(goods.slug)))
    prices.change(goods.model, Card.of([("input", 0, "0.9"), ("output", 0, "0.9")]))  # dearer from now on
    receipt = data(get(server, alice, f"/v1/llm/usage/{answer['request_id']}"))
    lines = [(line["class"], line["count"], line["unit_price_usd"], line["amount_usd"]) for line in receipt["lines"]]
    assert lines == [
        ("input", 20, 0.00001, 0.0002),
        ("cached_input", 80, 0.000001, 0.00008),
        ("output", 10, 0.00005, 0.0005),
        ("reasoning", 30, 0.00005, 0.0015),
    ]
    total = sum(Decimal(str(line["count"])) * Decimal(str(line["unit_price_usd"])) for line in receipt["lines"])
    assert float(total) == receipt["charged_usd"] == receipt["exact_cost_usd"] == answer["cost_usd"] == 0.00228
    assert receipt["other_usd"] == receipt["rise"] == 0
    assert receipt["price_version"]["id"] == alice.usage[0].price_version_id
    assert receipt["price_version"]["effective_to"] is not None
    assert receipt["hold"]["state"] == "settled"
    assert receipt["hold"]["amount_usd"] > receipt["charged_usd"]
    assert receipt["ledger_entry"]["delta_usd"] == -0.00228
    assert receipt["ledger_entry"]["balance_after_usd"] == answer["balance_usd"]
    assert receipt["user"]["email"] == alice.user.email
    assert receipt["key"]["id"] == alice.key.pk


def test_a_receipt_is_found_by_the_bare_id_too(server: LiveServer, alice: Person) -> None:
    [call] = lived_through(alice, datetime.now(UTC))
    for spelling in (f"req_{call.hex}", call.hex, str(call), f"REQ_{call.hex.upper()}"):
        assert data(get(server, alice, f"/v1/llm/usage/{spelling}"))["id"] == f"req_{call.hex}"


@pytest.mark.parametrize("identity", ["req_" + "0" * 32, "nonsense", "req_", "%00", "history%20", "x" * 3000, "-1"])
def test_an_unknown_receipt_is_not_found(server: LiveServer, alice: Person, identity: str) -> None:
    failure = refused(get(server, alice, f"/v1/llm/usage/{identity}"), 404, "resource_not_found")
    assert failure["meta"]["resource"] == "usage"


# Parameter of a path → an id of somebody else's.
FOREIGN = {"request_id": lambda person: f"req_{lived_through(person, datetime.now(UTC))[0].hex}"}
OURS = [(method, path) for method, path in ENTRIES if any(f"{{{name}}}" in path for name in FOREIGN)]


@pytest.mark.parametrize(("method", "path"), OURS)
def test_ids_of_another_organization_are_not_found(
    server: LiveServer, alice: Person, mallory: Person, method: str, path: str
) -> None:
    for name, made in FOREIGN.items():
        path = path.replace(f"{{{name}}}", made(alice))
    assert "{" not in path
    assert method == "GET"
    refused(get(server, mallory, path), 404, "resource_not_found")
    assert data(get(server, alice, path))


def test_nobody_reads_another_organizations_calls(server: LiveServer, alice: Person, mallory: Person) -> None:
    lived_through(alice, datetime.now(UTC) - timedelta(minutes=1))
    for parameters in ({}, {"key": alice.key.pk}, {"model": "deepseek-v4-flash"}):
        assert data(get(server, mallory, HISTORY, **parameters))["logs"] == []
        assert data(get(server, mallory, BREAKDOWN, **parameters))["total"]["requests"] == 0
