"""`manage.py catalog` in an operator's hands and in a script's."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from catalog import loading, routing
from catalog.models import AIModel, Endpoint, PriceVersion, Provider


def run(*words: str) -> dict[str, Any]:
    """The one JSON object that a command prints, and nothing beside it."""
    out, err = StringIO(), StringIO()
    call_command("catalog", *words, "--json", stdout=out, stderr=err)
    assert err.getvalue() == ""
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


def say(*words: str) -> str:
    """What a command tells a person."""
    out = StringIO()
    call_command("catalog", *words, stdout=out)
    return out.getvalue()


def refused(*words: str) -> str:
    """Why a command was refused, after a look that it changed nothing."""
    before = [list(table.objects.order_by("id").values()) for table in (PriceVersion, Endpoint)]
    with pytest.raises(CommandError) as refusal:
        call_command("catalog", *words, stdout=StringIO())
    assert before == [list(table.objects.order_by("id").values()) for table in (PriceVersion, Endpoint)]
    return str(refusal.value)


def test_load_reports_what_it_did_and_that_a_second_one_does_nothing(db: None) -> None:
    first = run("load")
    assert first["changed"] is True
    assert first["models"]["created"] == first["prices"]["created"] == 118
    second = run("load")
    assert second["changed"] is False
    assert second["models"] == {"created": 0, "updated": 0, "unchanged": 118, "edited": []}
    assert say("load").startswith("Nothing to change")


def test_show_tells_all_there_is_to_know(catalogue: loading.Report) -> None:
    shown = run("show", "gemini-2.5-pro")
    assert shown["price"]["figures"] == {
        "per_1m": {"input": "1.00", "cached_input": "0.10", "output": "8.00"},
        "tiers": [{"over": 200000, "per_1m": {"input": "2.00", "cached_input": "0.20", "output": "12.00"}}],
    }
    assert (shown["sold"], shown["simulated"], shown["platform"]) == (True, True, "gemini")
    google, simulator = shown["endpoints"]
    assert (google["provider"], google["ready"], google["in_use"]) == ("google", False, False)
    assert google["cost"]["per_1m"]["output"] == "10.00"
    assert (simulator["provider"], simulator["in_use"], simulator["cost"]) == ("simulator", True, None)


def test_an_unknown_model_is_refused_with_a_hint(catalogue: loading.Report) -> None:
    assert "Did you mean gpt-4o" in refused("show", "gpt4o")
    assert refused("price", "§", "--input", "1", "--output", "1") == "There is no model '§'."


def test_price_closes_the_version_in_force_and_opens_another_now(catalogue: loading.Report) -> None:
    words = ["--input", "3", "--output", "9.5", "--cached-input", "0.75", "--why", "dearer upstream", "--by", "7"]
    answer = run("price", "gpt-4o", *words)
    new, old = answer["price"], answer["closed"]
    assert new["figures"] == {"per_1m": {"input": "3.00", "cached_input": "0.75", "output": "9.50"}}
    assert (new["note"], new["created_by_id"], new["origin"]) == ("dearer upstream", 7, "operator")
    assert old["effective_to"] == new["effective_from"]
    assert old["figures"]["per_1m"]["input"] == "2.00"
    price = routing.snapshot().price("gpt-4o")
    assert price is not None
    assert price.version_id == new["version_id"], "the next call pays it"
    assert [version["version_id"] for version in run("show", "gpt-4o")["past"]] == [old["version_id"]]


def test_price_knows_tiers_images_videos_sound_and_a_time_to_begin(catalogue: loading.Report) -> None:
    tiered = run("price", "gpt-4o", "--input", "1", "--output", "2", "--tier", "200000:input=2,output=3")
    assert tiered["price"]["figures"]["tiers"] == [{"over": 200000, "per_1m": {"input": "2.00", "output": "3.00"}}]
    image = run("price", "nano-banana", "--per-image", "0.05")
    assert image["price"]["figures"]["image"]["price"] == "0.05"
    rule = '{"price": 0.10, "multipliers": {"resolution": {"720p": "1"}}, "defaults": {"duration": 5}}'
    video = run("price", "veo-3-1-lite", "--video-rule", rule)
    assert video["price"]["figures"]["video"]["price"] == "0.10"
    assert run("price", "whisper-1", "--per-minute", "0.01")["price"]["figures"] == {"per_minute": "0.01"}
    assert run("price", "tts-1", "--per-1m-characters", "9")["price"]["figures"] == {"per_1m_characters": "9.00"}
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    later = run("price", "gpt-4o", "--input", "5", "--output", "5", "--at", tomorrow.isoformat())
    assert later["price"]["effective_from"] == tomorrow.isoformat()
    shown = run("show", "gpt-4o")
    assert shown["price"]["version_id"] == tiered["price"]["version_id"]
    assert [version["version_id"] for version in shown["scheduled"]] == [later["price"]["version_id"]]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--input", "-1", "--output", "1"), "not a price"),
        (("--input", "NaN", "--output", "1"), "not a price"),
        (("--input", "Infinity", "--output", "1"), "not a price"),
        (("--input", "1,5", "--output", "1"), "not a price"),
        (("--input", "0.00001", "--output", "1"), "more than 10 decimals"),
        (("--input", "1"), "needs a price for output"),
        ((), "needs a price for input, output"),
        (("--per-image", "1"), "needs a price for input, output"),
        (("--input", "1", "--output", "1", "--tier", "many:input=1"), "--tier"),
        (("--input", "1", "--output", "1", "--tier", "9:input=1,output"), "--tier"),
        (("--input", "1", "--output", "1", "--tier", "9:inptu=1"), "unknown component"),
        (("--input", "1", "--output", "1", "--image-rule", "{"), ""),
        (("--input", "1", "--output", "1", "--image-rule", "[]"), "JSON object"),
        (("--input", "1", "--output", "1", "--per-image", "1", "--image-rule", '{"price": "1"}'), "not both"),
        (("--input", "1", "--output", "1", "--at", "soon"), "not a time"),
        (("--input", "1", "--output", "1", "--at", "2020-01-01T00:00:00Z"), "past"),
    ],
)
def test_a_price_that_makes_no_sense_is_refused(catalogue: loading.Report, words: tuple[str, ...], reason: str) -> None:
    assert reason in refused("price", "gpt-4o", *words)


def test_route_points_a_model_at_a_provider_and_only_at_it(catalogue: loading.Report) -> None:
    Provider.objects.filter(slug="openrouter").update(has_credential=True)
    answer = run("route", "gpt-4o", "--provider", "openrouter", "--upstream-id", "openai/gpt-4o", "--only")
    assert (answer["created"], answer["switched_off"]) == (True, 2)
    endpoint = answer["endpoint"]
    assert (endpoint["dialect"], endpoint["priority"], endpoint["in_use"]) == ("openai_chat", 100, True)
    assert [row["provider"] for row in answer["endpoints"] if row["enabled"]] == ["openrouter"]
    again = run("route", "gpt-4o", "--provider", "openrouter", "--priority", "5", "--weight", "2")
    assert (again["created"], again["endpoint"]["priority"], again["endpoint"]["weight"]) == (False, 5, 2)
    assert again["endpoint"]["upstream_id"] == "openai/gpt-4o"
    assert again["switched_off"] == 0
    assert "calls go there now" in say("route", "gpt-4o", "--provider", "openrouter")


def test_route_switches_an_endpoint_on_again_and_speaks_as_the_provider_usually_does(catalogue: loading.Report) -> None:
    Endpoint.objects.filter(model__slug="gpt-4o", provider__slug="openai").update(is_enabled=False)
    assert run("route", "gpt-4o", "--provider", "openai")["endpoint"]["enabled"] is True
    assert run("route", "gpt-4o", "--provider", "anthropic")["endpoint"]["dialect"] == "anthropic_messages"
    assert run("route", "gpt-4o", "--provider", "google")["endpoint"]["dialect"] == "gemini_generate"
    chosen = run("route", "gpt-4o", "--provider", "mistral", "--dialect", "openai_responses")
    assert chosen["endpoint"]["dialect"] == "openai_responses"
    assert "do not go there yet" in say("route", "gpt-4o", "--provider", "mistral")


def test_route_refuses_what_it_does_not_know(catalogue: loading.Report) -> None:
    assert "no provider 'acme'" in refused("route", "gpt-4o", "--provider", "acme")
    assert "Did you mean" in refused("route", "gpt-4", "--provider", "openai")
    assert refused("route", "gpt-4o", "--provider", "openai", "--priority", "-1")
    google = Provider.objects.get(slug="google")
    assert Endpoint.objects.filter(model__slug="gemini-3-pro", provider=google).count() == 2
    assert "several ids" in refused("route", "gemini-3-pro", "--provider", "google")


def test_an_operators_own_model_can_be_priced_routed_and_sold(catalogue: loading.Report, parrot: AIModel) -> None:
    Provider.objects.create(slug="ollama", name="Ollama", adapter="compatible", has_credential=True)
    run("route", "parrot-1", "--provider", "ollama")
    assert run("show", "parrot-1")["sold"] is False
    run("price", "parrot-1", "--input", "0", "--output", "0")
    shown = run("show", "parrot-1")
    assert (shown["sold"], shown["simulated"]) == (True, False)
    assert shown["endpoints"][0]["upstream_id"] == "parrot-1"
