"""The chat, models and usage examples of specs 002, 003 and 004, as their readers type them."""

from __future__ import annotations

from typing import Any

import httpx
import openai
import pytest

from tests.people import Person, newcomer
from tests.servers import LiveServer

HELLO = [{"role": "user", "content": "Hello"}]


def posted(server: LiveServer, person: Person, path: str, text: str) -> Any:
    """What `curl -d` gets for this body."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {person.secret}"}
    answer = httpx.post(server.url + path, headers=headers, content=text)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_spec_002_quick_start(server: LiveServer, alice: Person) -> None:
    body = '{"model": "gpt-4o", "messages": [{ "role": "user", "content": "Hello!" }]}'
    answer = posted(server, alice, "/api/v1/chat/completions", body)
    assert (answer["object"], answer["model"]) == ("chat.completion", "gpt-4o")
    assert answer["choices"][0]["message"]["content"]


def test_spec_002_curl_with_every_parameter(server: LiveServer, alice: Person) -> None:
    answer = posted(
        server,
        alice,
        "/api/v1/chat/completions",
        """{
    "model": "gpt-4o",
    "messages": [
      { "role": "system", "content": "You are a helpful assistant." },
      { "role": "user", "content": "What is the capital of France?" }
    ],
    "temperature": 0.7,
    "max_tokens": 512,
    "stream": false
  }""",
    )
    assert set(answer) >= {"id", "object", "created", "model", "choices", "usage"}
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["usage"]["total_tokens"] == answer["usage"]["prompt_tokens"] + answer["usage"]["completion_tokens"]


@pytest.mark.parametrize("base", ["/api/v1", "/v1/openai"])
def test_specs_000_002_and_003_with_the_openai_sdk(server: LiveServer, alice: Person, base: str) -> None:
    client = openai.OpenAI(api_key=alice.secret, base_url=server.url + base)
    for model in ("deepseek-chat", "claude-sonnet-4-20250514", "gemini-2.5-pro", "qwen-max", "glm-4-plus"):
        response = client.chat.completions.create(
            model=model,
            messages=[
                {"role": "system", "content": "You are a helpful assistant."},
                {"role": "user", "content": "What is the capital of France?"},
            ],
            temperature=0.7,
            max_tokens=512,
        )
        assert response.choices[0].message.content
        assert response.model == model


def test_spec_002_list_of_models(server: LiveServer, alice: Person) -> None:
    answer = httpx.get(f"{server.url}/api/v1/models", headers=alice.headers).json()
    assert answer["object"] == "list"
    listed = {item["id"]: item for item in answer["data"]}
    assert {"gpt-4o", "gpt-4o-mini", "gemini-2.5-pro", "gemini-2.5-flash", "dall-e-3", "dall-e-2"} <= set(listed)
    assert {"id": "gpt-4o", "object": "model", "owned_by": "openai"}.items() <= listed["gpt-4o"].items()


def test_spec_002_example_error(server: LiveServer, live: str) -> None:
    answer = httpx.post(f"{server.url}/api/v1/chat/completions", headers={"Authorization": "Bearer YOUR_API_KEY"})
    assert answer.status_code == 401
    assert {"type": "authentication_error", "code": "invalid_api_key"}.items() <= answer.json()["error"].items()


def test_spec_002_rate_limit_headers(server: LiveServer, live: str) -> None:
    for plan, limit in (("free", "10"), ("standard", "60"), ("pro", "300")):
        answer = httpx.get(f"{server.url}/api/v1/models", headers=newcomer("planned", plan=plan).headers)
        assert answer.headers["X-RateLimit-Limit-Requests"] == limit
        assert int(answer.headers["X-RateLimit-Remaining-Requests"]) == int(limit) - 1
        assert int(answer.headers["X-RateLimit-Reset-Requests"]) > 1_700_000_000


def test_spec_003_example_request(server: LiveServer, alice: Person) -> None:
    answer = posted(
        server,
        alice,
        "/api/v1/chat/completions",
        """{
    "model": "deepseek-chat",
    "messages": [
      {"role": "system", "content": "You are a helpful assistant."},
      {"role": "user", "content": "Hello!"}
    ],
    "temperature": 0.7
  }""",
    )
    assert answer["choices"][0]["message"]["role"] == "assistant"


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/chat/completions"])
def test_spec_004_chat_completions(server: LiveServer, alice: Person, path: str) -> None:
    answer = posted(server, alice, path, '{"model": "gpt-5.1", "messages": [{ "role": "user", "content": "Hello" }]}')
    assert answer["model"] == "gpt-5.1"


def test_spec_004_messages(server: LiveServer, alice: Person) -> None:
    body = '{"model": "claude-sonnet-4-5", "max_tokens": 512, "messages": [{ "role": "user", "content": "Hello" }]}'
    answer = posted(server, alice, "/v1/messages", body)
    assert (answer["type"], answer["role"]) == ("message", "assistant")


@pytest.mark.parametrize("header", ["Authorization", "x-api-key", "x-goog-api-key"])
def test_spec_004_authentication_example(server: LiveServer, alice: Person, header: str) -> None:
    value = f"Bearer {alice.secret}" if header == "Authorization" else alice.secret
    for path in ("/v1/models", "/v1/usage"):
        assert httpx.get(server.url + path, headers={header: value}).status_code == 200


def test_spec_000_streaming_and_live_catalog(server: LiveServer, alice: Person) -> None:
    client = openai.OpenAI(api_key=alice.secret, base_url=f"{server.url}/v1/openai")
    stream = client.chat.completions.create(
        model="gpt-5.2", messages=[{"role": "user", "content": "Explain MoE in one paragraph."}], stream=True
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
    assert httpx.get(f"{server.url}/v1/llm/models/catalog").status_code == 200
    listed = httpx.get(f"{server.url}/v1/openai/models", headers={"Authorization": f"Bearer {alice.secret}"})
    assert listed.json()["object"] == "list"
