"""Redis away, hanging, full or restarted: requests pass at once, the alarm counts them, and limits come back."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from accounts.callers import Caller
from gateway import embedded, limits, redis_pipe
from gateway.limits import Window, admit
from gateway.redis_pipe import PATIENCE
from tests.gateway.callers import stranger


@pytest.fixture
def alice() -> Caller:
    """A caller with 5 chat requests a minute."""
    return stranger()


@pytest.fixture
def own_redis(tmp_path: Path, settings: Any) -> Iterator[embedded.Redis]:
    """A Redis of the test's own, which it may stop, kill and start again."""
    server = embedded.Redis(tmp_path / "redis", durable=False)
    server.start()
    settings.REDIS_URL = server.url()
    yield server
    server.destroy()


def told(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a story on an event loop of its own, with its own connection to Redis."""

    async def whole() -> None:
        try:
            await story()
        finally:
            await redis_pipe.close()

    asyncio.run(whole())


async def until_counted(caller: Caller) -> Window:
    """Ask until Redis has a say in it."""
    deadline = time.monotonic() + 15
    while (window := await admit(caller, "chat")).limit is None:
        assert time.monotonic() < deadline, "the limits stayed off"
        await asyncio.sleep(0.02)
    return window


async def several(caller: Caller, count: int) -> list[Window]:
    return list(await asyncio.gather(*(admit(caller, "chat") for _ in range(count))))


def test_without_redis_requests_pass_at_once_without_figures_and_the_alarm_counts_them(
    alice: Caller, own_redis: embedded.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    own_redis.kill()
    before = limits.failures

    async def story() -> None:
        begun = time.monotonic()
        windows = await several(alice, 300)
        for _ in range(300):
            windows.append(await admit(alice, "chat", uuid4()))
        assert time.monotonic() - begun < 4 * PATIENCE
        assert all(window.allowed and limits.headers(window) == [] for window in windows)

    with caplog.at_level(logging.ERROR, "gateway.limits"):
        limits._told = 0.0
        told(story)
    assert limits.failures == before + 600
    alarms = [record for record in caplog.records if record.name == "gateway.limits"]
    assert len(alarms) == 1, "an alarm, not a flood"


def test_a_redis_that_hangs_slows_a_request_by_a_quarter_second_once(alice: Caller, own_redis: embedded.Redis) -> None:
    assert own_redis.process is not None
    process = own_redis.process

    async def story() -> None:
        assert (await until_counted(alice)).limit == 5
        os.kill(process.pid, signal.SIGSTOP)
        begun = time.monotonic()
        assert (await admit(alice, "chat")).allowed
        for _ in range(100):
            assert (await admit(alice, "chat")).allowed
        assert time.monotonic() - begun < 4 * PATIENCE

    try:
        told(story)
    finally:
        os.kill(process.pid, signal.SIGCONT)


def test_limits_are_back_as_soon_as_redis_is(
    alice: Caller, own_redis: embedded.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        assert (await until_counted(alice)).remaining == 4
        own_redis.kill()
        assert (await admit(alice, "chat")).allowed
        own_redis.start()
        assert (await until_counted(alice)).remaining == 4, "it has forgotten everything"
        monkeypatch.setattr(redis_pipe, "PATIENCE", 20.0)
        windows = await several(alice, 6)
        assert [window.allowed for window in windows] == [True] * 4 + [False] * 2

    told(story)


def test_a_redis_that_refuses_to_write_lets_requests_pass(alice: Caller, own_redis: embedded.Redis) -> None:
    async def story() -> None:
        await until_counted(alice)
        await redis_pipe.current().call("CONFIG", "SET", "maxmemory", "1")
        window = await admit(alice, "chat")
        assert window.allowed
        assert window.limit is None

    told(story)
