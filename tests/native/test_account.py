"""Balance, models and the public price list: the examples of spec 000 and 001, and their figures."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.catalog import spec_tables
from tests.fakes.openai_recordings import completion
from tests.fakes.recordings import Gate
from tests.native.manners import data, get, refused
from tests.people import Person, newcomer
from tests.servers import LiveServer
from tests.shop import Shop, ask, chat


def listed(server: LiveServer, **parameters: Any) -> dict[str, dict[str, Any]]:
    """The public price list, as anybody reads it."""
    answer = httpx.get(f"{server.url}/v1/llm/models/catalog", params=parameters)
    return {item["slug"]: item for item in data(answer)["models"]}


def test_the_balance_example_prints_it(server: LiveServer, alice: Person) -> None:
    answer = httpx.get(f"{server.url}/v1/llm/balance", headers={"Authorization": f"Bearer {alice.secret}"})
    balance = data(answer)
    assert f"Available: ${balance['balance_usd']:.4f} USD" == "Available: $25.0000 USD"
    assert balance == {"balance_usd": 25, "available_usd": 25, "held_usd": 0, "currency": "USD"}


def test_the_balance_of_somebody_without_a_wallet_is_nothing(server: LiveServer, live: str) -> None:
    assert data(get(server, newcomer("poor", usd=0), "/v1/llm/balance"))["balance_usd"] == 0


def test_what_is_set_aside_is_told_beside_the_balance(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods, gate = shop.sell(), Gate()
    goods.tape.play(replace(completion(), before=(gate,)))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(ask, server, alice, chat(goods.slug, max_tokens=100))
        assert gate.wait_until_reached()
        balance = data(get(server, alice, "/v1/llm/balance"))
        gate.open()
        assert running.result().status_code == 200
    assert balance["held_usd"] > 0
    assert Decimal(str(balance["available_usd"])) == 25 - Decimal(str(balance["held_usd"]))


def test_the_models_example_lists_slugs(server: LiveServer, alice: Person) -> None:
    models = data(get(server, alice, "/v1/llm/models"))
    assert models["default_model"] == "claude-haiku-4-5"
    assert {"claude-opus-4-7", "gpt-5.5", "gemini-3-pro", "grok-4", "deepseek-ocr", "MiniMax-M2"} <= set(
        models["models"]
    )
    assert not {"nano-banana", "kling-2-6", "text-embedding-3-small"} & set(models["models"])
    assert data(get(server, alice, "/v1/llm/models", limit=2, offset=1))["models"] == models["models"][1:3]


def test_the_catalog_needs_no_key_and_lists_text_image_and_video(server: LiveServer, live: str) -> None:
    found = listed(server)
    assert {item["type"] for item in found.values()} >= {"text", "image", "video"}
    for kind in ("text", "image", "video"):
        assert {item["type"] for item in listed(server, type=kind).values()} == {kind}
    assert set(listed(server, search="kling 2.6")) == {"kling-2-6", "kling-2-6-motion-control"}
    assert list(listed(server, limit=3, offset=2)) == list(found)[2:5]
    assert found["claude-haiku-4-5"]["is_default"]


def test_text_prices_are_those_of_the_specification(server: LiveServer, live: str) -> None:
    found = listed(server)
    for row in spec_tables.rows(spec_tables.DEEPSEEK) + spec_tables.rows(spec_tables.MINIMAX):
        prices = found[row["Slug"]]["prices"]["per_1m_tokens"]
        assert Decimal(str(prices["input"])) == Decimal(row["Input"]), row
        assert Decimal(str(prices["output"])) == Decimal(row["Output"]), row


def test_image_and_video_prices_are_those_of_the_specification(server: LiveServer, live: str) -> None:
    found = listed(server)
    for table, price, member in (
        (spec_tables.IMAGES, "Price / image", "per_image"),
        (spec_tables.VIDEOS, "Headline / video", "per_video"),
    ):
        for row in spec_tables.rows(table):
            told = found[row["Slug"]]["prices"][member]
            assert Decimal(str(told)) == Decimal(row[price]), row


def test_kling_is_labelled_with_its_discount(server: LiveServer, live: str) -> None:
    found = listed(server, type="video")
    labels = {slug: item["discount_percent_label"] for slug, item in found.items()}
    assert labels["kling-2-6"] == 10
    assert labels["sora-2-video"] is None
    [loud] = [one for one in found["kling-2-6"]["prices"]["variants"] if one["when"] == {"audio": True}]
    assert loud["price"] == 0.63  # doubled


def test_what_is_not_sold_is_not_listed(server: LiveServer, shop: Shop) -> None:
    sold, priceless = shop.sell(), shop.sell(rates=None)
    found = listed(server, search="model")
    assert sold.slug in found
    assert priceless.slug not in found


def test_nothing_of_the_catalog_tells_who_serves_or_what_it_costs_us(server: LiveServer, live: str) -> None:
    text = httpx.get(f"{server.url}/v1/llm/models/catalog").text
    for word in ("upstream", "endpoint", "supplier", "route", "simulator", "http://", "https://", '"notes"'):
        assert word not in text


@pytest.mark.parametrize("path", ["/v1/llm/balance", "/v1/llm/models", "/v1/llm/usage/history", "/v1/llm/nothing"])
def test_a_wrong_key_is_refused_in_the_native_envelope(server: LiveServer, live: str, path: str) -> None:
    answer = httpx.get(server.url + path, headers={"x-api-key": "tollgate_" + "x" * 43})
    if path.endswith("nothing"):
        refused(answer, 404, "endpoint_not_supported")
        refused(httpx.post(f"{server.url}/v1/llm/balance"), 405, "endpoint_not_supported")
    else:
        refused(answer, 401, "invalid_api_key")
        refused(httpx.get(server.url + path), 401, "missing_api_key")
