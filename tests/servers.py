"""Real servers for tests from outside: uvicorn and daphne on real sockets, and a database that they and the test share.

A server process cannot see what a test has not committed. So the live servers of one test worker have a database of
their own, with the shipped catalogue in it, where tests commit; nothing is cleaned up between them, everybody is new.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from psycopg import sql

from accounts import keys
from catalog import routing
from gateway import demo, processes
from tests.settings import WORKER

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60  # seconds for a server to answer for the first time


class LiveServer:
    """One ASGI server process tree on a port of its own, talking to `database_url`."""

    def __init__(self, kind: str, database_url: str, log: Path, *, workers: int = 1, **environment: str) -> None:
        self.kind = kind
        self.log = log
        self.workers = workers
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = environment | {
            "DJANGO_SETTINGS_MODULE": "gateway.settings",
            "DATABASE_URL": database_url,
            "REDIS_URL": settings.REDIS_URL,
            "PUBLIC_URL": self.url,
            "LOG_LEVEL": "INFO",
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        if self.kind == "daphne":
            command = ["-m", "gateway.daphne_server", "-v", "0", "--no-server-name", "-p", str(self.port)]
        else:
            command = ["-m", "uvicorn", "--port", str(self.port), "--workers", str(self.workers), "--no-access-log"]
            command += ["--loop", "uvloop", "--http", "httptools", "--log-level", "warning", "--no-server-header"]
            command += ["--no-proxy-headers"]
            command += ["--timeout-graceful-shutdown", "10", "--ws-max-size", str(settings.SOCKET_MESSAGE_BYTES)]
        self.process = launch([*command, "gateway.asgi:application"], self.log, **self.environment)
        wait_until_it_answers(self.port, "/healthz", self.process, self.log)

    def stop(self) -> None:
        """Ask it to end, as a deployment does, and wait."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to all of it, as the kernel does when memory runs out."""
        self._end(signal.SIGKILL)

    def family(self) -> list[int]:
        """The processes of this server: the one we started, and its workers."""
        return processes.session_of(self.process.pid) if self.process else []

    def said(self) -> str:
        """Everything in its log."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def _end(self, word: signal.Signals) -> None:
        if self.process is not None:
            family = self.family()
            processes.end(family if word == signal.SIGKILL else [self.process.pid], word=word, patience=20)
            self.process.wait()
            processes.end(family, word=signal.SIGKILL)
            self.process = None


def launch(arguments: list[str], log: Path, **environment: str) -> subprocess.Popen[bytes]:
    """Start this Python with `arguments`, in a session of its own; it ends when we do."""
    with log.open("ab") as handle:
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=handle,
            start_new_session=True,
            preexec_fn=processes.tied(signal.SIGKILL),
        )


def wait_until_it_answers(port: int, path: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Ask until there is an answer below 500. Fails with the end of the log when there is none."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        door = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with contextlib.closing(door), contextlib.suppress(OSError, http.client.HTTPException):
            door.request("GET", path)
            if door.getresponse().status < 500:
                return
        time.sleep(0.02)
    raise AssertionError(f"no answer on port {port}:\n{log.read_text(errors='replace')[-3000:]}")


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def url_of(database: str) -> str:
    """DATABASE_URL with another database name."""
    return urlsplit(settings.DATABASE_URL)._replace(path=f"/{quote(database)}").geturl()


@contextlib.contextmanager
def looking_at(database: str) -> Iterator[None]:
    """Within it, Django in this process speaks to another database of the same cluster, in every thread."""
    connection = connections["default"]
    before = connection.settings_dict["NAME"]
    try:
        _turn(connection, database)
        yield
    finally:
        _turn(connection, before)


def _turn(connection: Any, database: str) -> None:
    connection.close()
    connection.settings_dict["NAME"] = database
    keys.forget_all()
    routing.forget()


@pytest.fixture(scope="session")
def _live_database(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """The name of the live servers' database, migrated, with the shipped catalogue and a simulator to answer."""
    name = f"live_{connections['default'].settings_dict['NAME']}_{WORKER}"
    log = Path(settings.VAR_DIR) / f"{name}.log"
    port = free_port()
    simulator = launch(["manage.py", "simulator", "--port", str(port), "--pace", "instant"], log)
    with psycopg.connect(url_of("postgres"), autocommit=True) as connection, django_db_blocker.unblock():
        drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        connection.execute(drop)
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        with looking_at(name):
            call_command("migrate", verbosity=0, interactive=False)
            call_command("catalog", "load", verbosity=0)
            demo.introduce_simulator(f"http://127.0.0.1:{port}/v1")
        wait_until_it_answers(port, "/v1/models", simulator, log)
        yield name
        simulator.kill()
        simulator.wait()
        connection.execute(drop)


@pytest.fixture
def live(request: pytest.FixtureRequest, _live_database: str, django_db_blocker: Any) -> Iterator[str]:
    """Within this test, Django speaks to the live servers' database, and commits. The value is its URL."""
    marked = request.node.get_closest_marker("django_db")
    assert not marked, "a live test has no transaction of its own: drop the mark"
    assert not {"db", "transactional_db"} & set(request.fixturenames), "a live test has no transaction of its own"
    with django_db_blocker.unblock(), looking_at(_live_database):
        yield url_of(_live_database)


@pytest.fixture(scope="session")
def _servers(_live_database: str) -> Iterator[dict[str, LiveServer]]:
    started: dict[str, LiveServer] = {}
    yield started
    for server in started.values():
        server.stop()


@pytest.fixture
def server(request: pytest.FixtureRequest, live: str, _servers: dict[str, LiveServer]) -> LiveServer:
    """A live server, shared by the tests of one worker: uvicorn, or what the test's parameter says.

    For both, one after the other: `@pytest.mark.parametrize("server", ["uvicorn", "daphne"], indirect=True)`.
    """
    kind = getattr(request, "param", "uvicorn")
    if kind not in _servers or _servers[kind].process is None:
        log = Path(settings.VAR_DIR) / f"{kind}-{urlsplit(live).path.strip('/')}.log"
        _servers[kind] = LiveServer(kind, live, log)
        _servers[kind].start()
    return _servers[kind]


@pytest.fixture
def own_server(live: str, tmp_path: Path) -> Iterator[Any]:
    """For tests that stop, kill or configure: `own_server("uvicorn", workers=2, SOME_SETTING="1")` starts one."""
    started: list[LiveServer] = []

    def start(kind: str = "uvicorn", *, workers: int = 1, **environment: str) -> LiveServer:
        server = LiveServer(kind, live, tmp_path / f"server-{len(started)}.log", workers=workers, **environment)
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.kill()
