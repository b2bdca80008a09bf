"""Which models a customer sees."""

from __future__ import annotations

from catalog import endpoints, listing, loading, prices, routing
from catalog.cards import Card
from catalog.models import AIModel, Provider


def slugs(**filters: object) -> list[str]:
    return [model.slug for model in listing.offered(routing.snapshot(), **filters)]  # type: ignore[arg-type]


def test_all_models_are_offered_in_catalogue_order(catalogue: loading.Report) -> None:
    offered = slugs()
    assert len(offered) == 118
    assert offered[:2] == ["claude-opus-4-7", "claude-opus-4-6"]


def test_a_model_without_a_price_or_without_anybody_to_serve_it_is_not_offered(
    catalogue: loading.Report, parrot: AIModel
) -> None:
    simulator = Provider.objects.get(slug="simulator")
    endpoints.route(parrot, simulator)
    routing.forget()
    assert "parrot-1" not in slugs(), "no price"
    prices.change(parrot, Card.of_figures({"per_1m": {"input": "1", "output": "1"}}))
    routing.forget()
    assert "parrot-1" in slugs()
    parrot.endpoints.update(is_enabled=False)
    routing.forget()
    assert "parrot-1" not in slugs(), "nobody to serve it"


def test_filters_narrow_the_list(catalogue: loading.Report) -> None:
    assert len(slugs(kinds=["image"])) == 24
    assert len(slugs(kinds=["image", "video"])) == 52
    assert slugs(vendor="zhipu") == ["glm-4-plus"]
    assert set(slugs(platform="anthropic")) == set(slugs(vendor="anthropic"))
    assert slugs(capabilities=["vision", "logprobs"]) == ["gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini"]
    assert slugs(search="MINIMAX m2.1") == ["MiniMax-M2.1"]
    assert slugs(search="nothing like it") == []


def test_a_key_lists_what_it_may_call(catalogue: loading.Report) -> None:
    assert slugs(may_call=lambda slug, platform: platform == "gemini" and "nano" in slug) == [
        "nano-banana", "nano-banana-2", "nano-banana-pro", "nano-banana-pro-4k",
    ]  # fmt: skip


def test_vendors_are_those_with_something_on_sale(catalogue: loading.Report) -> None:
    assert "zhipu" in listing.vendors(routing.snapshot())
    AIModel.objects.filter(vendor="zhipu").update(is_enabled=False)
    routing.forget()
    assert "zhipu" not in listing.vendors(routing.snapshot())
