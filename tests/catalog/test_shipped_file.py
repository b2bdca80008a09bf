"""The shipped catalogue, looked at as a whole."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from billing import media_pricing
from catalog import shipped
from catalog.cards import Card
from catalog.shipped import ShippedFileInvalid, ShippedModel

CONTENT = shipped.read()
MODELS = {model.slug: model for model in CONTENT.models}

DIALECTS = {
    "openai_chat", "openai_responses", "anthropic_messages", "gemini_generate", "openai_embeddings", "openai_audio",
    "openai_images", "openai_videos", "gemini_veo", "xai", "xai_video", "minimax_video", "kling", "ark_images",
    "ark_video", "bfl", "dashscope_multimodal", "dashscope_video", "dashscope_animate", "runway", "stability",
}  # fmt: skip


def test_it_holds_all_118_models() -> None:
    assert len(MODELS) == 118
    kinds = Counter(model.values["kind"] for model in CONTENT.models)
    assert kinds == {"chat": 59, "image": 24, "video": 28, "embedding": 4, "audio": 3}


def test_every_provider_that_the_gateway_can_speak_to_is_there_and_one_of_them_is_the_simulator() -> None:
    adapters = {provider.values["adapter"] for provider in CONTENT.providers}
    assert adapters >= {
        "openai", "anthropic", "google", "xai", "deepseek", "minimax", "mistral", "qwen", "glm", "openrouter", "kling",
        "ark", "bfl", "dashscope", "runway", "stability", "compatible", "simulator",
    }  # fmt: skip
    assert [provider.slug for provider in CONTENT.providers if provider.values["is_simulator"]] == ["simulator"]


@pytest.mark.parametrize("model", CONTENT.models, ids=lambda model: model.slug)
def test_every_model_can_be_sold_and_somebody_serves_it(model: ShippedModel) -> None:
    assert model.price, "no price"
    assert not model.price.rates().lacks(model.values["kind"])
    assert model.price_note
    assert model.values["description"]
    assert model.endpoints
    for endpoint in model.endpoints:
        assert endpoint.upstream_id
        assert endpoint.values["dialect"] in DIALECTS
        assert bool(endpoint.cost_note) == bool(endpoint.cost), "a cost has a source, an unknown one has none"
    dialect = model.endpoints[0].values["dialect"]
    family = dialect.split("_")[0]
    assert model.values["platform"] == (family if family in ("anthropic", "gemini") else "openai")
    successor = model.values["successor"]
    assert not successor or successor in MODELS


@pytest.mark.parametrize("model", [model for model in CONTENT.models if model.examples], ids=lambda model: model.slug)
def test_every_worked_example_comes_out_to_the_tenth_of_a_cent(model: ShippedModel) -> None:
    rates = model.price.rates()
    for config, usd in model.examples:
        if rates.per_video is not None:
            assert media_pricing.video_price(rates.per_video, config) == Decimal(usd), config
        else:
            assert rates.per_image is not None
            assert media_pricing.image_price(rates.per_image, config) == Decimal(usd), config


def test_every_picture_and_film_has_a_worked_example_of_its_default() -> None:
    for model in CONTENT.models:
        if model.values["kind"] in ("image", "video"):
            assert model.examples[0][0] == {}, model.slug


@pytest.mark.parametrize(
    "model", [model for model in CONTENT.models if model.values["kind"] == "video"], ids=lambda model: model.slug
)
def test_whatever_a_video_model_offers_has_a_price_and_nothing_else_is_sold(model: ShippedModel) -> None:
    rule, options = model.price.rates().per_video, model.values["options"]
    assert rule is not None
    for resolution in options["resolutions"]:
        for duration in options["durations"]:
            for mode in options.get("modes") or [None]:
                asked = {"resolution": resolution, "duration": duration, "mode": mode}
                assert media_pricing.video_price(rule, asked) > 0
    for refused in ({"resolution": "8k"}, {"duration": 61}, {"mode": "director"}, {"task": "t3v"}):
        with pytest.raises(media_pricing.NotSold):
            media_pricing.video_price(rule, refused)


def test_parameter_restrictions_are_for_machines_with_the_reasons_beside() -> None:
    known = {
        "drop", "drop_unless", "rename", "prefill", "thinking", "tokenizer_factor", "tool_choice", "reasoning_effort",
        "echo", "reasons",
    }  # fmt: skip
    restricted = {slug: model.values["restrictions"] for slug, model in MODELS.items() if model.values["restrictions"]}
    assert len(restricted) == 25
    for slug, rules in restricted.items():
        assert set(rules) <= known, slug
        assert rules["reasons"], slug
    assert restricted["claude-opus-4-7"]["drop"] == ["temperature", "top_p", "top_k"]
    assert restricted["o3"]["rename"] == {"max_tokens": "max_completion_tokens"}
    assert "drop_unless" not in restricted["o3"]
    assert restricted["gpt-5.2"]["drop_unless"] == {"reasoning_effort": ["none"]}


def test_only_the_first_party_price_or_a_named_host_counts_as_cost() -> None:
    unknown = {model.slug for model in CONTENT.models if not any(endpoint.cost for endpoint in model.endpoints)}
    assert unknown == {
        "grok-4-image", "gpt-4o-image", "sora-2-video", "sora-2-pro-video", "wan-2-2-fast", "wan-animate",
    }  # fmt: skip


def refuse(tmp_path: Path, content: dict[str, Any] | str) -> str:
    path = tmp_path / "broken.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    with pytest.raises(ShippedFileInvalid) as refused:
        shipped.read(path)
    return str(refused.value)


def file_of(**changes: Any) -> dict[str, Any]:
    """The smallest catalogue, its one model changed."""
    content = json.loads(shipped.FILE.read_text(encoding="utf-8"))
    model = {**next(item for item in content["models"] if item["slug"] == "gpt-4o"), **changes}
    return {"providers": content["providers"], "models": [model]}


def test_a_file_in_another_form_is_refused_whole(tmp_path: Path) -> None:
    with pytest.raises(ShippedFileInvalid, match="cannot be read"):
        shipped.read(tmp_path / "nowhere.json")
    assert "broken.json" in refuse(tmp_path, "{")
    assert "lacks 'providers'" in refuse(tmp_path, {})
    assert "prize" in refuse(tmp_path, file_of(prize={}))
    without = file_of()
    del without["models"][0]["endpoints"]
    assert "gpt-4o lacks 'endpoints'" in refuse(tmp_path, without)


def test_a_price_that_is_not_exact_is_refused(tmp_path: Path) -> None:
    assert "binary fraction" in refuse(tmp_path, file_of(price={"per_1m": {"input": 2.5, "output": "10.00"}}))
    assert "more than 10 decimals" in refuse(tmp_path, file_of(price={"per_1m": {"input": "0.00001", "output": "1"}}))
    assert "lacks output" in refuse(tmp_path, file_of(price={"per_1m": {"input": "2.50"}}))
    assert "not a price" in refuse(tmp_path, file_of(price={"per_1m": {"input": "-1", "output": "10.00"}}))


def test_strangers_and_doubles_are_refused(tmp_path: Path) -> None:
    stranger = {"provider": "acme", "upstream_id": "x", "dialect": "openai_chat"}
    assert "unknown provider acme" in refuse(tmp_path, file_of(endpoints=[stranger]))
    twice = file_of()
    assert "gpt-4o is there twice" in refuse(tmp_path, {**twice, "models": twice["models"] * 2})


def test_a_model_without_a_price_may_be_shipped_but_says_nothing_about_costs(tmp_path: Path) -> None:
    path = tmp_path / "fine.json"
    path.write_text(json.dumps(file_of(price={})), encoding="utf-8")
    assert shipped.read(path).models[0].price == Card()
