"""Loading the shipped catalogue: again and again, and never over an operator's hand."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog import endpoints, loading, prices
from catalog.cards import Card
from catalog.models import AIModel, Endpoint, Origin, PriceRate, PriceVersion, Provider, SupplierCost
from catalog.shipped import ShippedFileInvalid
from tests.catalog.conftest import shipped_model

EditedFile = Callable[[Callable[[dict[str, Any]], None]], Path]
HALF_PRICE = Card.of_figures({"per_1m": {"input": "1.00", "output": "5.00"}})


def everything() -> list[Any]:
    """Every row of the catalogue."""
    tables = (Provider, AIModel, Endpoint, PriceVersion, PriceRate, SupplierCost)
    return [list(table.objects.order_by("id").values()) for table in tables]


def test_the_first_load_brings_everything(catalogue: loading.Report) -> None:
    assert catalogue.changed
    assert AIModel.objects.count() == 118
    assert PriceVersion.objects.filter(effective_to=None, origin=Origin.SHIPPED).count() == 118
    assert Provider.objects.filter(has_credential=True).count() == 0, "nobody can be called before a secret is set"


def test_a_second_load_changes_nothing_and_says_so(catalogue: loading.Report) -> None:
    before = everything()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        report = loading.load()
    assert everything() == before
    assert not report.changed
    assert report.as_json()["models"] == {"created": 0, "updated": 0, "unchanged": 118, "edited": []}
    assert not [query for query in queries if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]


def test_loading_takes_few_queries(db: None) -> None:
    with CaptureQueriesContext(connection) as queries:
        loading.load()
    assert len(queries) < 40, "one statement a table, not one a model"


def test_the_simulator_serves_every_model_also_those_an_operator_added(parrot: AIModel) -> None:
    loading.load()
    simulated = Endpoint.objects.filter(provider__is_simulator=True)
    assert simulated.count() == 119
    assert set(simulated.values_list("priority", flat=True)) == {1000}
    assert simulated.get(model=parrot).upstream_id == "parrot-1"


def test_an_operators_edit_survives_and_the_other_fields_follow_the_file(
    catalogue: loading.Report, edited_file: EditedFile
) -> None:
    AIModel.objects.filter(slug="gpt-4o").update(display_name="Our favourite", is_enabled=False)
    Provider.objects.filter(slug="openai").update(base_url="https://proxy.example/v1")
    Endpoint.objects.filter(model__slug="gpt-4o", provider__slug="openai").update(priority=7)

    def next_release(content: dict[str, Any]) -> None:
        model = shipped_model(content, "gpt-4o")
        model |= {"display_name": "GPT-4o (new)", "context_window": 256000, "retires_on": "2027-03-01"}
        model["endpoints"][0] |= {"priority": 50, "weight": 3}
        content["providers"][0] |= {"base_url": "https://api.openai.com/v2", "name": "OpenAI, Inc."}

    report = loading.load(edited_file(next_release))
    model = AIModel.objects.get(slug="gpt-4o")
    assert (model.display_name, model.is_enabled) == ("Our favourite", False)
    assert (model.context_window, str(model.retires_on)) == (256000, "2027-03-01")
    endpoint = Endpoint.objects.get(model=model, provider__slug="openai")
    assert (endpoint.priority, endpoint.weight) == (7, 3)
    provider = Provider.objects.get(slug="openai")
    assert (provider.base_url, provider.name) == ("https://proxy.example/v1", "OpenAI, Inc.")
    assert report.models.edited == ["gpt-4o: display_name"]
    assert report.endpoints.edited == ["gpt-4o at openai/gpt-4o: priority"]
    assert report.providers.edited == ["openai: base_url"]
    assert not loading.load(edited_file(next_release)).changed


def test_taking_an_edit_back_lets_the_file_lead_again(catalogue: loading.Report, edited_file: EditedFile) -> None:
    AIModel.objects.filter(slug="gpt-4o").update(display_name="Our favourite")
    loading.load()
    AIModel.objects.filter(slug="gpt-4o").update(display_name="GPT-4o")
    loading.load(edited_file(lambda content: shipped_model(content, "gpt-4o").update(display_name="GPT-4o (new)")))
    assert AIModel.objects.get(slug="gpt-4o").display_name == "GPT-4o (new)"


def test_a_field_that_a_later_release_ships_for_the_first_time_is_filled_in(catalogue: loading.Report) -> None:
    model = AIModel.objects.get(slug="gpt-4o")
    del model.shipped["category"], model.shipped["vendor"]
    model.category, model.vendor = "", "Alice's own"
    model.save()
    report = loading.load()
    model.refresh_from_db()
    assert model.category == "balanced"
    assert model.vendor == "Alice's own"
    assert report.models.edited == ["gpt-4o: vendor"]


def test_an_endpoint_that_an_operator_removed_or_switched_off_stays_so(catalogue: loading.Report) -> None:
    Endpoint.objects.get(model__slug="gpt-4o", provider__slug="simulator").delete()
    Endpoint.objects.filter(model__slug="gpt-4o", provider__slug="openai").update(is_enabled=False)
    report = loading.load()
    assert not report.changed
    assert not Endpoint.objects.filter(model__slug="gpt-4o", provider__slug="simulator").exists()
    assert not Endpoint.objects.get(model__slug="gpt-4o", provider__slug="openai").is_enabled


def test_an_endpoint_that_a_later_release_replaces_is_switched_off(
    catalogue: loading.Report, edited_file: EditedFile
) -> None:
    Endpoint.objects.filter(model__slug="gpt-5", provider__slug="openai").update(priority=5)

    def next_release(content: dict[str, Any]) -> None:
        for slug in ("gpt-4o", "gpt-5"):
            shipped_model(content, slug)["endpoints"][0]["upstream_id"] = f"{slug}-next"

    loading.load(edited_file(next_release))
    enabled = Endpoint.objects.filter(provider__slug="openai", is_enabled=True)
    assert list(enabled.filter(model__slug="gpt-4o").values_list("upstream_id", flat=True)) == ["gpt-4o-next"]
    assert enabled.filter(model__slug="gpt-5").count() == 2, "an edited one is the operator's"
    assert not loading.load(edited_file(next_release)).changed


def test_a_model_that_an_operator_made_first_is_his(db: None) -> None:
    AIModel.objects.create(slug="gpt-4o", display_name="Mine", vendor="me", kind="chat", platform="openai")
    loading.load()
    model = AIModel.objects.get(slug="gpt-4o")
    assert (model.display_name, model.vendor, model.context_window) == ("Mine", "me", None)


def test_a_changed_price_in_the_file_opens_a_new_version(catalogue: loading.Report, edited_file: EditedFile) -> None:
    cheaper = edited_file(lambda content: shipped_model(content, "gpt-4o")["price"]["per_1m"].update(input="1.50"))
    report = loading.load(cheaper)
    old, new = PriceVersion.objects.filter(model__slug="gpt-4o").order_by("effective_from")
    assert old.effective_to == new.effective_from
    assert (new.effective_to, new.origin) == (None, Origin.SHIPPED)
    assert dict(prices.card_of(new).figures()["per_1m"])["input"] == "1.50"
    assert dict(prices.card_of(old).figures()["per_1m"])["input"] == "2.00"
    assert (report.prices.updated, report.prices.unchanged) == (1, 117)
    assert not loading.load(cheaper).changed


def test_a_price_set_by_hand_is_never_overwritten(catalogue: loading.Report, edited_file: EditedFile) -> None:
    gpt = AIModel.objects.get(slug="gpt-4o")
    by_hand = prices.change(gpt, HALF_PRICE, note="a promise to Alice", created_by_id=7)
    report = loading.load(
        edited_file(lambda content: shipped_model(content, "gpt-4o")["price"]["per_1m"].update(input="1.50"))
    )
    assert not report.changed
    assert report.prices.edited == ["gpt-4o"]
    assert PriceVersion.objects.get(model=gpt, effective_to=None) == by_hand


def test_a_model_that_an_operator_stopped_selling_is_not_sold_again(catalogue: loading.Report) -> None:
    version = PriceVersion.objects.get(model__slug="gpt-4o")
    version.effective_to = prices.clock(Provider.objects.all())
    version.save()
    report = loading.load()
    assert report.prices.edited == ["gpt-4o"]
    assert PriceVersion.objects.filter(model__slug="gpt-4o").count() == 1


def test_supplier_costs_follow_the_file_unless_set_by_hand(catalogue: loading.Report, edited_file: EditedFile) -> None:
    mine = Endpoint.objects.get(model__slug="gpt-5", provider__slug="openai")
    prices.change_cost(mine, Card(), note="we negotiate")

    def next_release(content: dict[str, Any]) -> None:
        for slug in ("gpt-4o", "gpt-5"):
            shipped_model(content, slug)["endpoints"][0]["cost"]["per_1m"]["input"] = "9.99"

    report = loading.load(edited_file(next_release))
    assert (report.costs.updated, report.costs.edited) == (1, ["gpt-5 at openai/gpt-5"])
    now = SupplierCost.objects.get(endpoint__model__slug="gpt-4o", effective_to=None)
    assert prices.card_of_cost(now).figures()["per_1m"]["input"] == "9.99"
    assert SupplierCost.objects.get(endpoint=mine, effective_to=None).rates is None
    assert not loading.load(edited_file(next_release)).changed


def test_the_cost_of_an_endpoint_is_the_vendors_list_price(catalogue: loading.Report) -> None:
    costs = {
        cost.endpoint.model.slug: prices.card_of_cost(cost).figures()
        for cost in SupplierCost.objects.select_related("endpoint__model").filter(endpoint__priority=100)
    }
    assert costs["gpt-4o"]["per_1m"] == {"input": "2.50", "cached_input": "1.25", "output": "10.00"}
    assert costs["nano-banana"]["image"]["price"] == "0.039"
    assert Decimal(costs["kling-2-6"]["video"]["price"]) == Decimal("0.07")
    assert "grok-4-image" not in costs, "unknown"


def test_routing_a_model_elsewhere_survives_the_next_load(catalogue: loading.Report) -> None:
    gpt, openrouter = AIModel.objects.get(slug="gpt-4o"), Provider.objects.get(slug="openrouter")
    endpoints.route(gpt, openrouter, upstream_id="openai/gpt-4o", only=True)
    before = everything()
    assert not loading.load().changed
    assert everything() == before


def test_a_broken_file_changes_nothing(catalogue: loading.Report, edited_file: EditedFile) -> None:
    def broken(content: dict[str, Any]) -> None:
        shipped_model(content, "gpt-4o")["display_name"] = "half done"
        shipped_model(content, "tts-1")["price"] = {"per_1m_characters": "free"}

    before = everything()
    with pytest.raises(ShippedFileInvalid, match="tts-1"):
        loading.load(edited_file(broken))
    assert everything() == before
