"""The simulator over real HTTP, answering without waiting; and its core, asked without HTTP."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
import uvicorn

from gateway.providers.simulator.app import Simulator
from gateway.providers.simulator.pace import Pace


@contextlib.contextmanager
def serving(simulator: Simulator) -> Iterator[str]:
    """The simulator on a port of its own in a thread of its own; gives its base URL with /v1."""
    config = uvicorn.Config(simulator, port=0, http="httptools", log_level="critical", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    ready = threading.Event()
    startup = server.startup

    async def started(*args: Any, **options: Any) -> None:
        await startup(*args, **options)
        ready.set()

    server.startup = started  # type: ignore[method-assign]
    thread.start()
    assert ready.wait(20)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/v1"
    server.should_exit = True
    thread.join(20)


@pytest.fixture(scope="session")
def base_url() -> Iterator[str]:
    with serving(Simulator(pace=Pace(first=0, rate=0))) as url:
        yield url


@pytest.fixture
def wire(base_url: str) -> Iterator[httpx.Client]:
    """Bare HTTP with a key."""
    with httpx.Client(base_url=base_url, headers={"authorization": "Bearer sk-alice"}, timeout=20) as client:
        yield client


@pytest.fixture
def alice(base_url: str) -> Iterator[openai.OpenAI]:
    """The official client."""
    with openai.OpenAI(api_key="sk-alice", base_url=base_url, max_retries=0, timeout=20) as client:
        yield client
