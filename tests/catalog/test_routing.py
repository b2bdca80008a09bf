"""The snapshot that every call reads: prices by time, routes by readiness, and a memory that hears of changes."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog import endpoints, loading, prices, routing
from catalog.cards import Card
from catalog.models import AIModel, Endpoint, PriceRate, PriceVersion, Provider, SupplierCost

CHEAP = Card.of_figures({"per_1m": {"input": "1.00", "output": "2.00"}})
DEAR = Card.of_figures({"per_1m": {"input": "3.00", "output": "4.00"}})


def input_price(slug: str, at: datetime | None = None) -> Decimal | None:
    """USD per million input tokens, as a call would be billed."""
    price = routing.snapshot().price(slug, at)
    return None if price is None else price.rates.tiers[0].prices["input"] * 1_000_000


def tell(*slugs: str) -> None:
    """These providers have a credential now."""
    Provider.objects.filter(slug__in=slugs).update(has_credential=True)
    routing.forget()


def test_the_whole_catalogue_takes_five_queries(catalogue: loading.Report) -> None:
    with CaptureQueriesContext(connection) as queries:
        snapshot = routing.snapshot()
    assert len(queries) == 5
    assert len(snapshot.models) == 118
    with CaptureQueriesContext(connection) as none:
        for slug in snapshot.models:
            assert snapshot.find(slug)
            assert snapshot.price(slug)
            assert snapshot.routes(slug)
    assert not none, "a call reads memory only"


def test_a_model_is_found_by_exactly_its_slug(catalogue: loading.Report) -> None:
    snapshot = routing.snapshot()
    model = snapshot.find("claude-opus-4-7")
    assert model is not None
    assert (model.platform, model.owned_by, model.context_window) == ("anthropic", "anthropic", 1_000_000)
    assert {"vision", "tools"} <= model.capabilities
    assert abs(model.created - time.time()) < 300
    assert snapshot.find("Claude-Opus-4-7") is None
    assert snapshot.find("minimax-m2.1") is None
    AIModel.objects.filter(slug="gpt-4o").update(is_enabled=False)
    routing.forget()
    switched_off = routing.snapshot()
    assert switched_off.find("gpt-4o") is None
    assert not switched_off.routes("gpt-4o")
    assert switched_off.price("gpt-4o") is None


def test_without_a_price_there_is_no_price_and_never_a_free_one(parrot: AIModel) -> None:
    assert input_price(parrot.slug) is None
    assert routing.snapshot().price("nobody-knows-this") is None
    empty = PriceVersion.objects.create(model=parrot, effective_from=datetime.now(UTC) - timedelta(hours=1))
    routing.forget()
    assert input_price(parrot.slug) is None, "a version that says nothing"
    PriceRate.objects.create(version=empty, component="input", price=Decimal("0.000001"))
    routing.forget()
    assert input_price(parrot.slug) is None, "output would be free"
    PriceRate.objects.create(version=empty, component="output", price=Decimal("0.000002"))
    routing.forget()
    assert input_price(parrot.slug) == 1


def test_a_price_that_cannot_be_read_stops_its_own_model_only(
    catalogue: loading.Report, parrot: AIModel, caplog: pytest.LogCaptureFixture
) -> None:
    PriceVersion.objects.create(
        model=parrot, effective_from=datetime.now(UTC) - timedelta(hours=1), image_rule={"prize": "0.1"}
    )
    routing.forget()
    snapshot = routing.snapshot()
    assert snapshot.price(parrot.slug) is None
    assert snapshot.price("gpt-4o") is not None
    assert "cannot be read" in caplog.text


def test_a_scheduled_price_takes_effect_when_its_time_comes(parrot: AIModel) -> None:
    prices.change(parrot, CHEAP)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    prices.change(parrot, DEAR, at=tomorrow)
    snapshot = routing.snapshot()
    assert input_price(parrot.slug) == 1
    assert input_price(parrot.slug, tomorrow - timedelta(microseconds=1)) == 1
    assert input_price(parrot.slug, tomorrow) == 3
    assert routing.snapshot() is snapshot, "one snapshot answers for now and then"
    assert input_price(parrot.slug, datetime.now(UTC) - timedelta(days=1)) is None, "it was not sold yet"


def test_a_running_call_keeps_its_price_when_another_comes(parrot: AIModel) -> None:
    prices.change(parrot, CHEAP)
    running = routing.snapshot()
    held = running.price(parrot.slug)
    new = prices.change(parrot, DEAR)
    routing.forget()
    assert held is not None
    assert held.rates.tiers[0].prices["input"] * 1_000_000 == 1
    now = routing.snapshot().price(parrot.slug)
    assert now is not None
    assert (now.version_id, now.version_id != held.version_id) == (new.pk, True)


def test_tiers_arrive_in_ascending_order(catalogue: loading.Report) -> None:
    price = routing.snapshot().price("gemini-2.5-pro")
    assert price is not None
    assert [tier.over for tier in price.rates.tiers] == [0, 200_000]
    assert price.rates.tiers[1].prices["output"] == Decimal("0.000012")


def test_the_simulator_answers_until_a_real_provider_has_a_credential(catalogue: loading.Report) -> None:
    snapshot = routing.snapshot()
    (route,) = snapshot.routes("gpt-4o")
    assert (route.provider, route.upstream_id, route.dialect, route.priority) == (
        "simulator", "gpt-4o", "openai_chat", 1000,
    )  # fmt: skip
    assert snapshot.simulated("gpt-4o")
    assert snapshot.simulated("claude-opus-4-7")
    tell("openai")
    snapshot = routing.snapshot()
    assert [route.provider for route in snapshot.routes("gpt-4o")] == ["openai"]
    assert not snapshot.simulated("gpt-4o")
    assert [route.provider for route in snapshot.routes("claude-opus-4-7")] == ["simulator"]


def test_a_provider_that_is_switched_off_is_no_route(catalogue: loading.Report) -> None:
    tell("openai")
    Provider.objects.filter(slug="openai").update(is_enabled=False)
    routing.forget()
    assert [route.provider for route in routing.snapshot().routes("gpt-4o")] == ["simulator"]
    Provider.objects.filter(slug="simulator").update(is_enabled=False)
    routing.forget()
    assert routing.snapshot().routes("gpt-4o") == ()


def test_routes_come_by_priority_then_weight_and_only_enabled_ones(catalogue: loading.Report) -> None:
    gpt = AIModel.objects.get(slug="gpt-4o")
    tell("openai", "openrouter", "deepinfra", "novita")
    by_name = {provider.slug: provider for provider in Provider.objects.all()}
    endpoints.route(gpt, by_name["openrouter"], upstream_id="openai/gpt-4o", priority=50)
    endpoints.route(gpt, by_name["deepinfra"], weight=9)
    off = endpoints.route(gpt, by_name["novita"], priority=1).endpoint
    Endpoint.objects.filter(pk=off.pk).update(is_enabled=False)
    routing.forget()
    routes = routing.snapshot().routes("gpt-4o")
    assert [route.provider for route in routes] == ["openrouter", "deepinfra", "openai"]
    assert routes[0].upstream_id == "openai/gpt-4o"
    assert routes[0].base_url == "https://openrouter.ai/api/v1"


def test_a_route_knows_what_it_costs_us_or_that_nobody_knows(catalogue: loading.Report) -> None:
    tell("openai")
    endpoint = Endpoint.objects.get(model__slug="gpt-4o", provider__slug="openai")
    (route,) = routing.snapshot().routes("gpt-4o")
    assert route.supplier is not None
    assert route.supplier.version_id == SupplierCost.objects.get(endpoint=endpoint).pk
    assert route.supplier.rates.tiers[0].prices["input"] == Decimal("0.0000025")
    prices.change_cost(endpoint, Card())
    routing.forget()
    (route,) = routing.snapshot().routes("gpt-4o")
    assert route.supplier is None


def test_what_an_adapter_must_know_travels_with_the_route(catalogue: loading.Report) -> None:
    tell("kling")
    (route,) = routing.snapshot().routes("kling-2-1")
    assert route.quirks == {"upstream_by_mode": {"master": "kling-v2-1-master"}}


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ("gpt4o", "gpt-4o"), ("minimax-m2.1", "MiniMax-M2.1"), ("claude-opus-4.7", "claude-opus-4-7"),
        ("deepseek-v3.2-thinkin", "deepseek-v3.2-thinking"), ("nano_banana", "nano-banana"),
    ],
)  # fmt: skip
def test_the_closest_slugs_are_suggested(catalogue: loading.Report, asked: str, first: str) -> None:
    near = routing.snapshot().suggestions(asked)
    assert near[0] == first
    assert len(near) <= 3


def test_nothing_is_suggested_for_nonsense_however_long_it_is(catalogue: loading.Report) -> None:
    assert routing.snapshot().suggestions("§§§") == []
    assert routing.snapshot().suggestions("x" * 10_000_000) == []


def test_memory_is_read_without_io_and_reloaded_only_when_stale_or_told(
    catalogue: loading.Report, clock: list[float]
) -> None:
    assert routing.recall() is None
    assert routing.stale()
    first = routing.snapshot()
    clock[0] += 4.9
    with CaptureQueriesContext(connection) as none:
        assert routing.snapshot() is first
    assert not none
    clock[0] += 0.2
    assert routing.stale()
    assert routing.recall() is first, "an old one serves while the new one is fetched"
    second = routing.snapshot()
    assert second is not first
    assert not routing.stale()
    routing.forget()
    assert routing.recall() is None, "after a change nobody sees the old one"


def test_a_change_during_a_load_is_not_missed(catalogue: loading.Report, monkeypatch: pytest.MonkeyPatch) -> None:
    read, loads = routing._load, []

    def load_while_somebody_changes(now: datetime) -> routing.Snapshot:
        loaded = read(now)
        loads.append(loaded)
        if len(loads) == 1:
            AIModel.objects.filter(slug="gpt-4o").update(is_enabled=False)
            routing.forget()
        return loaded

    monkeypatch.setattr(routing, "_load", load_while_somebody_changes)
    assert routing.snapshot().find("gpt-4o") is None
    assert len(loads) == 2
    assert routing.recall() is loads[1]


def test_changes_that_never_stop_do_not_stop_the_call(
    catalogue: loading.Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = routing._load

    def always_too_late(now: datetime) -> routing.Snapshot:
        routing.forget()
        return read(now)

    monkeypatch.setattr(routing, "_load", always_too_late)
    assert routing.snapshot().find("gpt-4o") is not None
    assert routing.recall() is None, "what may be old is not kept"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that stands still until it is moved."""
    hands = [1000.0]
    monkeypatch.setattr(routing, "time", SimpleNamespace(monotonic=lambda: hands[0]))
    return hands
