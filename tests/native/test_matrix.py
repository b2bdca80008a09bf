"""Key groups and types (spec 004): every way to call a model × every kind of key, as one table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from accounts.models import KeyGroup, Organization
from gateway.api.entries import ENTRIES
from tests.people import Person, newcomer, nothing_happened, with_key
from tests.servers import LiveServer

MODELS = {"openai": "gpt-4o", "anthropic": "claude-haiku-4-5", "gemini": "gemini-2.5-flash"}
MESSAGES = [{"role": "user", "content": "Hello"}]

# Path → what to send for a model there; the ways that reach a text model.
CALLS: dict[str, Callable[[str], dict[str, Any]]] = {
    **{
        path: lambda model: {"model": model, "messages": MESSAGES}
        for _, path in ENTRIES
        if path.endswith("/chat/completions")
    },
    **{
        path: lambda model: {"model": model, "input": "Hello"}
        for method, path in ENTRIES
        if method == "POST" and path.endswith("/responses")
    },
    "/v1/messages": lambda model: {"model": model, "messages": MESSAGES, "max_tokens": 64},
    "/v1/llm/generate-commands": lambda model: {"model": model, "prompt": "list files"},
    "/v1beta/models/{model}:generateContent": lambda model: {"contents": [{"parts": [{"text": "Hello"}]}]},
}
NEEDS = {"/v1beta/models/{model}:generateContent": "gemini"}  # ways that a group without this platform has not at all

# Kind of key → what its group allows, and the platforms whose models it therefore calls.
KEYS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "general, no group": ({}, {"openai", "anthropic", "gemini"}),
    "general, a group for everything": ({"platforms": []}, {"openai", "anthropic", "gemini"}),
    "general, OpenAI": ({"platforms": ["openai"]}, {"openai"}),
    "general, Anthropic": ({"platforms": ["anthropic"]}, {"anthropic"}),
    "general, Gemini": ({"platforms": ["gemini"]}, {"gemini"}),
    "general, two platforms": ({"platforms": ["openai", "gemini"]}, {"openai", "gemini"}),
    "general, one model": ({"models": ["claude-haiku-4-5"]}, {"anthropic"}),
    "general, a model of another platform": ({"platforms": ["openai"], "models": ["claude-haiku-4-5"]}, set()),
    "image": ({"type": "image", "platforms": []}, set()),
}


def holder(kind: str) -> tuple[Person, set[str]]:
    """Somebody with a key of this kind, and the platforms that it may call."""
    fields, allowed = KEYS[kind]
    person = newcomer("holder")
    if not fields:
        return person, allowed
    return with_key(person.user, person.organization, **_grouped(person.organization, fields)), allowed


def _grouped(organization: Organization, fields: dict[str, Any]) -> dict[str, Any]:
    group = KeyGroup.objects.create(slug="theirs", name="Theirs", organization=organization, **fields)
    return {"group": group, "type": group.type}


def code_of(response: httpx.Response) -> str | None:
    """The code of a refusal in any dialect; None for an answer."""
    if response.status_code == 200:
        return None
    error = response.json()["error"]
    details = error.get("details")
    if isinstance(details, list):
        return str(details[0]["reason"]).lower()
    return str(details["error_code"] if details else error["code"])


def called(server: LiveServer, person: Person, path: str, model: str) -> tuple[int, str | None]:
    """What comes of calling a model in one of the ways of the table."""
    address = server.url + path.replace("{model}", model)
    answer = httpx.post(address, headers=person.headers, json=CALLS[path](model), timeout=60)
    return answer.status_code, code_of(answer)


@pytest.mark.parametrize("kind", KEYS)
def test_a_key_calls_what_its_group_allows_and_nothing_else(server: LiveServer, live: str, kind: str) -> None:
    person, allowed = holder(kind)
    before = person.balance
    platforms = KEYS[kind][0].get("platforms") or list(MODELS)
    found: dict[tuple[str, str], tuple[int, str | None]] = {}
    expected: dict[tuple[str, str], tuple[int, str | None]] = {}
    for path in CALLS:
        for platform, model in MODELS.items():
            found[path, platform] = called(server, person, path, model)
            if kind == "image" or (path in NEEDS and NEEDS[path] not in platforms):
                expected[path, platform] = (403, "key_scope_mismatch")
            else:
                expected[path, platform] = (200, None) if platform in allowed else (403, "model_not_allowed")
    assert found == expected
    assert len(person.usage) == [status for status, _ in found.values()].count(200)
    if not allowed:
        assert nothing_happened(person, before=before)


@pytest.mark.parametrize("kind", KEYS)
def test_lists_show_a_key_what_it_may_call(server: LiveServer, live: str, kind: str) -> None:
    person, allowed = holder(kind)
    headers = person.headers
    native = httpx.get(f"{server.url}/v1/llm/models", headers=headers).json()["data"]
    assert {platform for platform, model in MODELS.items() if model in native["models"]} == allowed
    assert native["default_model"] == ("claude-haiku-4-5" if "anthropic" in allowed else None)
    for base in ("/v1", "/v1/openai", "/api/v1"):
        listed = {item["id"] for item in httpx.get(f"{server.url}{base}/models", headers=headers).json()["data"]}
        assert {platform for platform, model in MODELS.items() if model in listed} == allowed


@pytest.mark.parametrize("kind", KEYS)
def test_every_key_reads_its_account(server: LiveServer, live: str, kind: str) -> None:
    person, _ = holder(kind)
    for path in ("/v1/llm/balance", "/v1/llm/usage/history", "/v1/llm/usage/breakdown", "/v1/usage"):
        assert httpx.get(server.url + path, headers=person.headers).status_code == 200, path


def test_a_key_of_an_openai_group_counts_no_tokens(server: LiveServer, live: str) -> None:
    person, _ = holder("general, OpenAI")
    answer = httpx.post(
        f"{server.url}/v1/messages/count_tokens",
        headers=person.headers,
        json={"model": "claude-haiku-4-5", "messages": MESSAGES},
    )
    assert (answer.status_code, code_of(answer)) == (404, "endpoint_not_supported")
    assert answer.json()["error"]["message"] == "Token counting is not supported for this platform."


@pytest.mark.parametrize("slug", ["nano-banana", "kling-2-6"])
def test_models_of_other_kinds_are_refused_as_such(server: LiveServer, alice: Person, slug: str) -> None:
    before = alice.balance
    for path in CALLS:
        assert called(server, alice, path, slug) == (400, "unsupported_capability"), path
    assert nothing_happened(alice, before=before)
