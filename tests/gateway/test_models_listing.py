"""GET /v1/models in three shapes: only what the key may call and somebody answers for."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from anthropic.types import ModelInfo
from asgiref.sync import async_to_sync
from django.utils import timezone
from google.genai.models import _ListModelsResponse_from_mldev, _Model_from_mldev
from openai.types import Model as OpenAIModel

from accounts.callers import Caller
from catalog.rates import Rates
from catalog.snapshots import Dated, Model, Price, Route, Snapshot
from gateway import memory
from gateway.api import models
from gateway.api.serve import Incoming
from gateway.errors import InvalidParameter, ModelNotAllowed, ModelNotFound
from tests.gateway.callers import stranger

CREATED = 1_746_000_000  # 2025-04-30T08:00:00Z


def model(slug: str, kind: str = "chat", platform: str = "openai", **changes: Any) -> Model:
    values: dict[str, Any] = {
        "id": len(slug),
        "slug": slug,
        "display_name": slug.title(),
        "vendor": platform,
        "kind": kind,
        "platform": platform,
        "capabilities": frozenset({"reasoning"}),
        "context_window": 200_000,
        "max_input_tokens": None,
        "max_output_tokens": 64_000,
        "restrictions": {},
        "options": {},
        "created": CREATED,
        "owned_by": platform,
        "lifecycle": "active",
    }
    return Model(**(values | changes))


def catalogue(*offers: Model, unpriced: tuple[str, ...] = (), unserved: tuple[str, ...] = ()) -> Snapshot:
    price = Dated(
        timezone.now(),
        None,
        Price(1, Rates.of([("input", 0, Decimal("0.000001")), ("output", 0, Decimal("0.000002"))])),
    )
    route = Route(1, 1, "simulator", "simulator", "http://127.0.0.1", "x", "openai_chat", 1000, 1, None)
    return Snapshot(
        models={offer.slug: offer for offer in offers},
        price_versions={offer.slug: (price,) for offer in offers if offer.slug not in unpriced},
        route_lists={offer.slug: (route,) for offer in offers if offer.slug not in unserved},
    )


SOLD = catalogue(
    model("gpt-5-mini"),
    model("claude-haiku-4-5", platform="anthropic"),
    model("gemini-2.5-pro", platform="gemini"),
    model("flux-2-pro", kind="image", capabilities=frozenset()),
    model("no-price"),
    model("no-route"),
    unpriced=("no-price",),
    unserved=("no-route",),
)
EVERYTHING = ["gpt-5-mini", "claude-haiku-4-5", "gemini-2.5-pro", "flux-2-pro"]


@pytest.fixture(autouse=True)
def shop(monkeypatch: pytest.MonkeyPatch) -> Callable[[Snapshot], None]:
    """What is sold: SOLD, or whatever the test puts there."""

    def put(snapshot: Snapshot) -> None:
        async def catalogue() -> Snapshot:
            return snapshot

        monkeypatch.setattr(memory, "catalogue", catalogue)

    put(SOLD)
    return put


def asked(query: str = "", path: str = "/v1/models", **headers: str) -> Incoming:
    async def nothing() -> bytes:
        return b""

    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Incoming("GET", path, query, named, "192.0.2.1", nothing)


def listed(caller: Caller, incoming: Incoming | None = None) -> Any:
    answer = async_to_sync(models.listing)(caller, incoming or asked())
    assert answer.status == 200
    assert dict(answer.headers)["content-type"] == "application/json"
    assert isinstance(answer.body, bytes)
    return json.loads(answer.body)


def shown(caller: Caller, slug: str, incoming: Incoming | None = None) -> Any:
    answer = async_to_sync(models.single)(caller, incoming or asked(), slug)
    assert isinstance(answer.body, bytes)
    return json.loads(answer.body)


def slugs(caller: Caller) -> list[str]:
    return [item["id"] for item in listed(caller)["data"]]


def test_the_openai_list_is_what_spec_002_shows() -> None:
    body = listed(stranger())
    assert body["object"] == "list"
    assert body["data"][0] == {"id": "gpt-5-mini", "object": "model", "created": CREATED, "owned_by": "openai"}
    for item in body["data"]:
        OpenAIModel.model_validate(item, strict=True)


def test_only_models_with_a_price_and_a_provider_are_listed() -> None:
    assert slugs(stranger()) == EVERYTHING
    for slug in ("no-price", "no-route"):
        with pytest.raises(ModelNotFound):
            shown(stranger(), slug)


@pytest.mark.parametrize(
    ("limits", "visible"),
    [
        ({"models": (frozenset({"gpt-5-mini", "no-price"}),)}, ["gpt-5-mini"]),
        ({"platforms": frozenset({"anthropic", "gemini"})}, ["claude-haiku-4-5", "gemini-2.5-pro"]),
        ({"models": (frozenset({"gpt-5-mini", "flux-2-pro"}), frozenset({"flux-2-pro"}))}, ["flux-2-pro"]),
        ({"key_type": "image"}, ["flux-2-pro"]),
        ({"platforms": frozenset({"anthropic"}), "models": (frozenset({"gpt-5-mini"}),)}, []),
    ],
)
def test_a_key_sees_exactly_what_it_may_call(limits: dict[str, Any], visible: list[str]) -> None:
    caller = stranger(**limits)
    assert slugs(caller) == visible
    for slug in EVERYTHING:
        if slug in visible:
            assert shown(caller, slug)["id"] == slug
        else:
            with pytest.raises(ModelNotAllowed) as refused:
                shown(caller, slug)
            assert refused.value.meta["model"] == slug


def test_an_unknown_model_suggests_only_what_this_key_may_call() -> None:
    with pytest.raises(ModelNotFound) as refused:
        shown(stranger(), "claude-haiku-45")
    assert refused.value.meta == {"model": "claude-haiku-45", "suggestions": ["claude-haiku-4-5"]}
    with pytest.raises(ModelNotFound) as refused:
        shown(stranger(platforms=frozenset({"openai"})), "claude-haiku-45")
    assert refused.value.meta["suggestions"] == []


@pytest.mark.parametrize(
    ("incoming", "face"),
    [
        (asked(authorization="Bearer x"), "openai"),
        (asked(x_api_key="x"), "openai"),
        (asked(x_api_key="x", anthropic_version="2026-10-21"), "anthropic"),
        (asked(x_goog_api_key="x"), "gemini"),
        (asked(path="/v1beta/models", authorization="Bearer x"), "gemini"),
        (asked(path="/api/v1beta/models/gemini-2.5-pro"), "gemini"),
    ],
)
def test_the_asking_client_is_known_by_its_headers(incoming: Incoming, face: str) -> None:
    assert models.face_of(incoming) == face
    body = listed(stranger(), incoming)
    assert ("models" in body, "has_more" in body) == (face == "gemini", face == "anthropic")


def test_anthropic_s_clients_read_the_list_and_turn_its_pages() -> None:
    def page(query: str = "") -> Any:
        return listed(stranger(), asked(query, anthropic_version="2023-06-01"))

    whole = page()
    assert [item["id"] for item in whole["data"]] == EVERYTHING
    assert (whole["has_more"], whole["first_id"], whole["last_id"]) == (False, "gpt-5-mini", "flux-2-pro")
    info = ModelInfo.model_validate(whole["data"][1])
    assert (info.id, info.type, info.lifecycle) == ("claude-haiku-4-5", "model", "active")
    assert whole["data"][1]["created_at"] == "2025-04-30T08:00:00Z"
    assert (info.max_input_tokens, info.max_tokens) == (200_000, 64_000)
    first = page("limit=3")
    assert [item["id"] for item in first["data"]] == EVERYTHING[:3]
    assert first["has_more"]
    second = page(f"limit=3&after_id={first['last_id']}")
    assert [item["id"] for item in second["data"]] == EVERYTHING[3:]
    assert not second["has_more"]
    before = page("limit=2&before_id=flux-2-pro")
    assert [item["id"] for item in before["data"]] == EVERYTHING[1:3]
    assert before["has_more"]
    beyond = page("after_id=flux-2-pro")
    assert (beyond["data"], beyond["first_id"], beyond["has_more"]) == ([], None, False)


def test_google_s_clients_read_the_list_and_turn_its_pages() -> None:
    def page(query: str = "") -> Any:
        return listed(stranger(), asked(query, x_goog_api_key="x"))

    whole = page()
    assert [item["name"] for item in whole["models"]] == [f"models/{slug}" for slug in EVERYTHING]
    assert "nextPageToken" not in whole
    assert whole["models"][2] == {
        "name": "models/gemini-2.5-pro",
        "baseModelId": "gemini-2.5-pro",
        "version": "1",
        "displayName": "Gemini-2.5-Pro",
        "inputTokenLimit": 200_000,
        "outputTokenLimit": 64_000,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
        "thinking": True,
    }
    read = _Model_from_mldev(whole["models"][2])
    assert (read["name"], read["input_token_limit"]) == ("models/gemini-2.5-pro", 200_000)
    first = page("pageSize=3")
    second = page(f"pageSize=3&pageToken={first['nextPageToken']}")
    assert [item["name"] for item in second["models"]] == ["models/flux-2-pro"]
    assert _ListModelsResponse_from_mldev(first)["next_page_token"] == first["nextPageToken"]
    assert len(page("pageSize=0")["models"]) == len(page("pageSize=99999999999999999999")["models"]) == 4


@pytest.mark.parametrize(
    "query", ["limit=x", "limit=-1", "limit=1.5", "limit=%C2%B2", "after_id=nobody", "before_id=nobody"]
)
def test_a_page_that_cannot_be_is_refused(query: str) -> None:
    with pytest.raises(InvalidParameter) as refused:
        listed(stranger(), asked(query, anthropic_version="2023-06-01"))
    assert refused.value.param == query.partition("=")[0]


def test_one_model_is_shown_in_the_asking_client_s_shape() -> None:
    openai = shown(stranger(), "gpt-5-mini")
    assert openai == {"id": "gpt-5-mini", "object": "model", "created": CREATED, "owned_by": "openai"}
    anthropic = shown(stranger(), "gpt-5-mini", asked(anthropic_version="2023-06-01"))
    assert anthropic["type"] == "model"
    google = shown(stranger(), "gpt-5-mini", asked(x_goog_api_key="x"))
    assert google["name"] == "models/gpt-5-mini"


def test_a_deprecated_model_says_so_to_those_who_read_it(shop: Callable[[Snapshot], None]) -> None:
    shop(catalogue(model("old", lifecycle="deprecated"), model("odd", lifecycle="third_party")))
    body = listed(stranger(), asked(anthropic_version="2023-06-01"))
    assert [item["lifecycle"] for item in body["data"]] == ["deprecated", "active"]


def test_a_listing_of_nothing_is_a_list(shop: Callable[[Snapshot], None]) -> None:
    shop(catalogue())
    assert listed(stranger()) == {"object": "list", "data": []}
    assert listed(stranger(), asked(x_goog_api_key="x")) == {"models": []}
