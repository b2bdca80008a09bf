"""What every test may rely on: a throw-away PostgreSQL and Redis, a deadline, and the people of tests/people.py."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from accounts import keys
from catalog import routing
from gateway import embedded, processes
from tests import settings

# The machine that runs the tests is busy with the others: how long one example takes says nothing about the code.
hypothesis.settings.register_profile("tollgate", deadline=None)
hypothesis.settings.load_profile("tollgate")

pytest_plugins = ["tests.people", "tests.servers", "tests.shop", "tests.workers"]

DEADLINE_SECONDS = 120  # of one test, its fixtures not counted; `@pytest.mark.deadline(seconds)` sets another


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers once, before the parallel workers are born; they find them through the environment."""
    config.addinivalue_line("markers", "deadline(seconds): how long this test may take")
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    directory = Path(settings.VAR_DIR)
    _sweep(directory)
    directory.mkdir(mode=0o755)
    servers: list[embedded.Server] = []
    if not os.environ.get("DATABASE_URL"):
        servers.append(embedded.Postgres(directory / "postgresql", durable=False))
    if not os.environ.get("REDIS_URL"):
        servers.append(embedded.Redis(directory / "redis", durable=False, databases=256))

    def clear() -> None:
        for server in servers:
            server.destroy()
        shutil.rmtree(directory, ignore_errors=True)

    config.add_cleanup(clear)
    for server in servers:
        server.start()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """A test that hangs fails, with the place where it hangs, instead of stopping the whole run."""
    mark = item.get_closest_marker("deadline")
    seconds = mark.args[0] if mark else DEADLINE_SECONDS

    def late(*_: object) -> None:
        raise TimeoutError(f"The test took longer than {seconds} s.")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        return (yield)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    """What the process remembers of keys and catalogue belongs to the database of an earlier test."""
    keys.forget_all()
    routing.forget()


@pytest.fixture
def cluster() -> Iterator[embedded.Postgres]:
    """A PostgreSQL of the test's own, durable, which it may stop, kill and start again."""
    postgres = embedded.Postgres(Path(settings.VAR_DIR) / f"cluster-{secrets.token_hex(4)}")
    postgres.start()
    yield postgres
    postgres.destroy()


def _sweep(directory: Path) -> None:
    """Remove what earlier runs left behind that were killed."""
    for old in directory.parent.glob("tollgate-tests-*-*"):
        pid = old.name.split("-")[2]
        if pid.isdigit() and not processes.alive(int(pid)):
            for server in (embedded.Postgres(old / "postgresql"), embedded.Redis(old / "redis")):
                server.destroy()
            shutil.rmtree(old, ignore_errors=True)
