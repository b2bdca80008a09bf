"""Both doors answer alike, and every field of every answer is in the OpenAPI document."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import httpx
import jsonschema_rs
import pytest

from gateway.api.entries import ENTRIES
from gateway.api.native import surface
from tests.fakes.openai_recordings import completion
from tests.native.manners import COMPLETIONS, get, post
from tests.native.test_usage import lived_through
from tests.people import Person, newcomer
from tests.servers import LiveServer
from tests.shop import Shop, chat

READING = [
    "/v1/llm/models", "/v1/llm/models/catalog", "/v1/llm/balance", "/v1/llm/usage/history",
    "/v1/llm/usage/breakdown?by=key", "/v1/llm/usage/breakdown?by=model&period=weekly", "/v1/usage",
]  # fmt: skip
VARYING = re.compile(rb'"(?:from|to|request_id|balance_usd)":(?:"[^"]*"|[0-9.]+)')


def strict(schema: Any) -> Any:
    """The same schema, allowing no field that it does not name."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: strict(value) for name, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        found.setdefault("additionalProperties", False)
    return found


def documented(document: dict[str, Any], method: str, path: str, answer: httpx.Response) -> list[str]:
    """What is wrong with an answer, by the document."""
    operation = document["paths"][path][method.lower()]
    response = operation["responses"][str(answer.status_code)]
    schema = strict(response["content"]["application/json"]["schema"])
    return [
        f"{error.instance_path}: {error}" for error in jsonschema_rs.validator_for(schema).iter_errors(answer.json())
    ]


@pytest.fixture
def document(server: LiveServer) -> dict[str, Any]:
    """The OpenAPI document as clients read it."""
    found: dict[str, Any] = httpx.get(f"{server.url}/openapi.json").json()
    return found


def test_every_answer_has_exactly_the_documented_fields(
    server: LiveServer, shop: Shop, alice: Person, document: dict[str, Any]
) -> None:
    [call] = lived_through(alice, datetime.now(UTC))
    limited = newcomer("limited", total_cap_nusd=10**9, daily_cap_nusd=10**9)
    lived_through(limited, datetime.now(UTC))
    for path in READING:
        wrong = documented(document, "GET", path.partition("?")[0], get(server, alice, path))
        assert not wrong, (path, wrong[:3])
    assert not documented(document, "GET", "/v1/usage", get(server, limited, "/v1/usage"))
    receipt = get(server, alice, f"/v1/llm/usage/req_{call.hex}")
    assert not documented(document, "GET", "/v1/llm/usage/{request_id}", receipt)
    goods = shop.sell()
    goods.tape.play(completion())
    assert not documented(document, "POST", COMPLETIONS, post(server, alice, COMPLETIONS, chat(goods.slug)))
    path = "/v1/llm/generate-commands"
    assert not documented(document, "POST", path, post(server, alice, path, {"prompt": "list files"}))


def test_every_refusal_has_exactly_the_documented_fields(
    server: LiveServer, alice: Person, document: dict[str, Any]
) -> None:
    broke = newcomer("broke", usd=0)
    for path, answer in (
        (COMPLETIONS, post(server, alice, COMPLETIONS, {})),
        (COMPLETIONS, post(server, broke, COMPLETIONS, {"messages": [{"role": "user", "content": "Hi"}]})),
        ("/v1/llm/generate-commands", post(server, alice, "/v1/llm/generate-commands", {})),
    ):
        assert not documented(document, "POST", path, answer)
    for path in ("/v1/llm/usage/history", "/v1/llm/usage/breakdown", "/v1/llm/models/catalog", "/v1/llm/models"):
        assert not documented(document, "GET", path, get(server, alice, path, limit=0))


def test_every_operation_is_described_with_its_parameters(document: dict[str, Any]) -> None:
    for entry in surface.ENTRIES:
        operation = document["paths"][entry.path][entry.method.lower()]
        assert operation["summary"]
        assert entry.takes_body == ("requestBody" in operation)
        named = {parameter["name"] for parameter in operation["parameters"]}
        assert set(re.findall(r"{(\w+)}", entry.path)) <= named
        assert bool(operation["security"]) != entry.public
    assert len({(entry.method, entry.path) for entry in surface.ENTRIES}) == len(surface.ENTRIES)
    assert {(entry.method, entry.path) for entry in surface.ENTRIES} <= set(ENTRIES)


def test_both_doors_answer_alike(own_server: Any, shop: Shop, alice: Person) -> None:
    doors = [own_server(FAST_LANE=lane, DOCS_URL="https://docs.example.com") for lane in ("1", "0")]
    goods = shop.sell()
    [call] = lived_through(alice, datetime.now(UTC))
    for path in [*READING, f"/v1/llm/usage/req_{call.hex}", "/v1/llm/usage/req_0", "/v1/llm/nothing", COMPLETIONS]:
        fast, slow = (get(door, alice, path) for door in doors)
        assert fast.status_code == slow.status_code, path
        assert VARYING.sub(b"", fast.content) == VARYING.sub(b"", slow.content), path
    for body in (chat(goods.slug), chat(goods.slug, max_tokens=5000), {}):
        goods.tape.always(completion())
        fast, slow = (post(door, alice, COMPLETIONS, body) for door in doors)
        assert fast.status_code == slow.status_code
        assert VARYING.sub(b"", fast.content) == VARYING.sub(b"", slow.content)
