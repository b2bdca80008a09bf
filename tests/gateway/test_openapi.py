"""The OpenAPI document, and a fuzzer that reads it: whatever it thinks of, nothing is a fault of ours."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import httpx
import pytest

from gateway.api.entries import ENTRIES
from tests.people import books_are_clean, newcomer
from tests.servers import LiveServer


@pytest.fixture
def document(server: LiveServer) -> dict[str, Any]:
    """The OpenAPI document as a client fetches it."""
    answer: dict[str, Any] = httpx.get(f"{server.url}/openapi.json").json()
    return answer


def test_every_entry_is_described_once(document: dict[str, Any]) -> None:
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert described == set(ENTRIES)
    ids = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(ids) == len(set(ids))


def test_every_operation_says_what_it_answers_and_refuses(document: dict[str, Any]) -> None:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            responses = operation["responses"]
            assert "200" in responses or "202" in responses, (method, path)
            assert "summary" in operation, (method, path)


@pytest.mark.deadline(900)
def test_a_fuzzer_finds_no_fault_of_ours(server: LiveServer, live: str) -> None:
    person = newcomer("fuzzer", usd=1000, rpm=10_000_000)
    done = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json",
            "--header", f"Authorization: Bearer {person.secret}",
            "--checks", "not_a_server_error",
            "--phases", "examples,fuzzing",
            "--max-examples", "8",
            "--request-timeout", "100",
            "--seed", "7",
            "--no-color",
        ],
        capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "Traceback" not in server.said()
    assert person.balance.held_nusd == 0
    assert books_are_clean()
