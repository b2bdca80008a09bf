"""How a client of the native API reads answers: the envelope on success, the top-level `message` on failure."""

from __future__ import annotations

from typing import Any

import httpx

from tests.people import Person
from tests.servers import LiveServer

COMPLETIONS = "/v1/llm/chat/completions"
HELLO = [{"role": "user", "content": "Hello"}]


def get(server: LiveServer, person: Person, path: str, **parameters: Any) -> httpx.Response:
    """GET with X-API-Key, as clients of this API send it."""
    return httpx.get(server.url + path, headers={"x-api-key": person.secret}, params=parameters, timeout=60)


def post(server: LiveServer, person: Person, path: str, body: object) -> httpx.Response:
    """POST a JSON body with X-API-Key."""
    return httpx.post(server.url + path, headers={"x-api-key": person.secret}, json=body, timeout=60)


def data(response: httpx.Response) -> Any:
    """What a client returns to its caller: `data` of the envelope."""
    assert response.status_code == 200, response.text[:500]
    body = response.json()
    assert set(body) == {"exception", "data", "message"}
    assert body["exception"] == 0
    assert isinstance(body["message"], str)
    return body["data"]


def refused(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The error of a refusal, checked to be whole: clients read `message`, `exception` and the headers."""
    assert response.status_code == status, response.text[:500]
    body = response.json()
    assert set(body) == {"exception", "data", "message", "error", "status_code", "request_id"}
    error: dict[str, Any] = body["error"]
    assert error["code"] == code
    assert body["message"] == error["message"] != ""
    assert body["data"] is None
    assert body["exception"] == body["status_code"] == status
    assert body["request_id"] == response.headers["x-request-id"]
    assert set(error) == {"message", "type", "param", "code", "doc_url", "meta"}
    if status == 429:
        assert int(response.headers["retry-after"]) >= 1
    return error
