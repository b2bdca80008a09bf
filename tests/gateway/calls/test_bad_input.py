"""Bad input: the right code in the OpenAI envelope, nothing charged, nothing leaked, never a 500."""

from __future__ import annotations

import json
import socket
from typing import Any

import httpx
import pytest

from tests.people import Person, newcomer, nothing_happened
from tests.servers import LiveServer
from tests.shop import Goods, Shop, ask, chat

PATH = "/v1/chat/completions"


@pytest.fixture
def goods(shop: Shop) -> Goods:
    """Something to ask for."""
    return shop.sell()


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The error of a refusal, checked to be whole."""
    assert answer.status_code == status, answer.text[:300]
    body = answer.json()
    failure: dict[str, Any] = body["error"]
    assert failure["code"] == code
    assert set(failure) == {"message", "type", "param", "code", "doc_url", "meta"}
    assert body["status_code"] == status
    assert body["request_id"] == answer.headers["x-request-id"]
    assert failure["doc_url"].endswith(("/llm/errors#" + code, "/llm/long-generations"))
    return failure


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"not json",
        b"[]",
        b'"text"',
        b"null",
        b"12",
        b'{"model": "gpt-4o", "messages": [}',
        b'{"model": "\xff\xfe", "messages": []}',
        b'{"model": "gpt-4o", "temperature": NaN, "messages": []}',
        b"[" * 100_000,
        b'{"a":' * 5_000,
        b"\x00\x01\x02",
        b"\xef\xbb\xbf{}x",
    ],
)
def test_what_is_no_json_object_is_called_that(server: LiveServer, goods: Goods, alice: Person, raw: bytes) -> None:
    before = alice.balance
    answer = httpx.post(server.url + PATH, headers=alice.headers, content=raw)
    refused(answer, 400, "invalid_json")
    assert nothing_happened(alice, before=before)


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"messages": None}, "missing_parameter", "messages"),
        ({"messages": []}, "invalid_parameter", "messages"),
        ({"messages": "Hello"}, "invalid_parameter", "messages"),
        ({"messages": {"role": "user"}}, "invalid_parameter", "messages"),
        ({"messages": ["Hello"]}, "invalid_parameter", None),
        ({"messages": [{"role": "system", "content": [{"type": {}}]}]}, "invalid_parameter", None),
        ({"messages": [{"role": "user", "content": [{"type": []}]}], "tools": [None]}, "invalid_parameter", None),
        ({"stream": "yes"}, "invalid_parameter", "stream"),
        ({"max_tokens": "many"}, "invalid_parameter", "max_tokens"),
        ({"max_tokens": -1}, "invalid_parameter", "max_tokens"),
        ({"max_tokens": 0}, "invalid_parameter", "max_tokens"),
        ({"n": 0}, "invalid_parameter", "n"),
        ({"n": 10**9}, "invalid_parameter", "n"),
        ({"stream_options": "usage", "stream": True}, "invalid_parameter", "stream_options"),
    ],
)
def test_a_wrong_field_is_named(
    server: LiveServer, goods: Goods, alice: Person, change: dict[str, Any], code: str, param: str | None
) -> None:
    before = alice.balance
    body = {name: value for name, value in {**chat(goods.slug), **change}.items() if value is not None}
    failure = refused(ask(server, alice, body), 400, code)
    if param is not None:
        assert failure["param"] == param
    assert nothing_happened(alice, before=before)
    assert goods.tape.requests == []


@pytest.mark.parametrize("model", [None, 12, "", [], {"id": "gpt-4o"}])
def test_a_model_that_is_no_name_is_refused(server: LiveServer, alice: Person, model: object) -> None:
    body = {"messages": [{"role": "user", "content": "Hi"}], **({} if model is None else {"model": model})}
    answer = ask(server, alice, body)
    assert answer.json()["error"]["code"] in ("missing_parameter", "invalid_parameter", "model_not_found")
    assert answer.status_code in (400, 404)


@pytest.mark.parametrize("slug", ["gpt-4oo", "../../etc/passwd", "x" * 5000, "модель", "gpt-4o\x00", "' OR 1=1 --"])
def test_an_unknown_model_is_not_found(server: LiveServer, alice: Person, slug: str) -> None:
    failure = refused(ask(server, alice, chat(slug)), 404, "model_not_found")
    assert len(json.dumps(failure)) < 3000


def test_models_of_other_kinds_are_refused_for_chat(server: LiveServer, alice: Person) -> None:
    failure = refused(ask(server, alice, chat("nano-banana")), 400, "unsupported_capability")
    assert failure["meta"]["capability"] == "chat"


def test_forty_megabytes_are_too_large_and_the_client_gets_to_read_it(server: LiveServer, alice: Person) -> None:
    before = alice.balance
    body = b'{"model": "gpt-4o", "messages": [{"role": "user", "content": "' + b"x" * 40_000_000 + b'"}]}'
    answer = httpx.post(server.url + PATH, headers=alice.headers, content=body, timeout=60)
    failure = refused(answer, 413, "request_too_large")
    assert failure["meta"]["limit_bytes"] == 32 * 1024 * 1024
    assert nothing_happened(alice, before=before)

    def drip() -> Any:
        for _ in range(40):
            yield b"x" * 1_000_000

    answer = httpx.post(server.url + PATH, headers=alice.headers, content=drip(), timeout=60)
    refused(answer, 413, "request_too_large")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "missing_api_key"),
        ({"authorization": "Bearer"}, "missing_api_key"),
        ({"authorization": "Basic dXNlcjpwYXNz"}, "invalid_api_key"),
        ({"authorization": "Bearer nonsense"}, "invalid_api_key"),
        ({"x-api-key": "tollgate_" + "a" * 43}, "invalid_api_key"),
        ({"x-goog-api-key": "tollgate_" + "a" * 43}, "invalid_api_key"),
        ({"authorization": "Bearer " + "a" * 5000}, "invalid_api_key"),
    ],
)
def test_a_bad_key_is_told_before_anything_else_is_read(server: LiveServer, headers: dict[str, str], code: str) -> None:
    answer = httpx.post(server.url + PATH, headers=headers, content=b"not json")
    failure = refused(answer, 401, code)
    assert "aaaa" not in json.dumps(failure)


@pytest.mark.parametrize("header", ["authorization", "x-api-key", "X-API-Key", "x-goog-api-key"])
def test_the_key_is_found_in_every_header_that_clients_use(
    server: LiveServer, goods: Goods, alice: Person, header: str
) -> None:
    value = f"Bearer {alice.secret}" if header == "authorization" else alice.secret
    answer = httpx.get(server.url + "/v1/models/" + goods.slug, headers={header: value})
    assert answer.status_code == 200


def test_another_content_type_is_refused_and_none_is_forgiven(server: LiveServer, goods: Goods, alice: Person) -> None:
    body = json.dumps(chat("no-such-model")).encode()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        answer = httpx.post(server.url + PATH, headers={**alice.headers, "content-type": kind}, content=body)
        refused(answer, 400, "invalid_json")
    answer = httpx.post(server.url + PATH, headers=alice.headers, content=body)
    refused(answer, 404, "model_not_found")
    kind = "application/json; charset=utf-8"
    answer = httpx.post(server.url + PATH, headers={**alice.headers, "content-type": kind}, content=body)
    refused(answer, 404, "model_not_found")


def test_oversized_headers_do_not_break_the_server(server: LiveServer, alice: Person) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(f"POST {PATH} HTTP/1.1\r\nhost: x\r\nx-big: {'y' * 300_000}\r\n\r\n".encode())
        status = connection.recv(200)
    assert status == b"" or b" 4" in status.split(b"\r\n")[0]
    assert httpx.get(server.url + "/v1/models", headers=alice.headers).status_code == 200


def test_an_image_key_may_not_chat(server: LiveServer, goods: Goods, live: str) -> None:
    painter = newcomer("painter", type="image")
    failure = refused(ask(server, painter, chat(goods.slug)), 403, "key_scope_mismatch")
    assert failure["meta"]["required_key_type"] == "general"


def test_a_revoked_key_stops_working_on_every_worker_at_once(own_server: Any, goods: Goods, alice: Person) -> None:
    from accounts import keys

    server = own_server(workers=2)
    assert {httpx.get(server.url + "/v1/models", headers=alice.headers).status_code for _ in range(20)} == {200}
    keys.revoke(alice.key)
    # The database's notice needs no more than the time of one round trip; what is remembered would live for seconds.
    codes = [httpx.get(server.url + "/v1/models", headers=alice.headers).status_code for _ in range(40)]
    assert set(codes[5:]) == {401}


def test_precedence_of_several_faults_is_fixed(server: LiveServer, goods: Goods, live: str) -> None:
    broke = newcomer("broke", usd=0, models=[goods.slug])
    refused(ask(server, broke, {"model": "gpt-4o", "messages": []}), 403, "model_not_allowed")
    refused(ask(server, broke, {"model": "no-such", "messages": []}), 404, "model_not_found")
    refused(ask(server, broke, {"model": goods.slug, "messages": []}), 400, "invalid_parameter")
    long = chat(goods.slug, max_tokens=5000)
    refused(ask(server, broke, long, path="/v1/openai/chat/completions"), 400, "streaming_required")
    refused(ask(server, broke, long), 402, "insufficient_balance")


def test_a_provider_that_answers_nonsense_is_an_upstream_error(server: LiveServer, goods: Goods, alice: Person) -> None:
    from tests.fakes.openai_recordings import error
    from tests.fakes.recordings import Recording

    before = alice.balance
    html = Recording(status=200, headers={"content-type": "text/html"}, body=(b"<html>down</html>",))
    for recording in (html, Recording.garbage(), Recording.json([]), Recording.json(b"{"), error(503)):
        goods.tape.play(recording)
        answer = ask(server, alice, chat(goods.slug))
        assert answer.json()["error"]["code"] in ("upstream_error", "upstream_unavailable")
        assert "html" not in answer.text
        goods.tape.play(recording)
        answer = ask(server, alice, chat(goods.slug, stream=True))
        assert answer.json()["error"]["code"] in ("upstream_error", "upstream_unavailable")
    assert alice.balance == before
    assert {record.charged_nusd for record in alice.usage} == {0}
    assert len(alice.usage) == 10


def test_what_a_provider_says_of_a_bad_request_reaches_the_customer_scrubbed(
    server: LiveServer, goods: Goods, alice: Person
) -> None:
    from tests.fakes.openai_recordings import error

    message = "Invalid value for 'temperature': 9 (see https://provider.example/docs, request id: req_abcdef123456)"
    goods.tape.play(error(400, message, type="invalid_request_error", param="temperature"))
    failure = refused(ask(server, alice, chat(goods.slug, temperature=9)), 400, "invalid_parameter")
    assert "temperature" in failure["message"]
    assert failure["param"] == "temperature"
    assert "provider.example" not in failure["message"]
    assert "req_abcdef" not in failure["message"]
    goods.tape.play(error(404, "The model `gpt-4o-2024-08-06` does not exist", code="model_not_found"))
    answer = ask(server, alice, chat(goods.slug))
    refused(answer, 503, "upstream_unavailable")
    assert "2024-08-06" not in answer.text
    assert 1 <= int(answer.headers["retry-after"]) <= 120
