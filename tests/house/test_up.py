"""`make up`, as a newcomer meets it: one command, a line that works, and nothing that can be left in the way."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway import embedded, kept_secrets, processes
from tests.house import tree
from tests.servers import free_port

LAST_LINE = "Ctrl-C stops everything."


class Up:
    """One run of `manage.py up`, and everything that it printed."""

    def __init__(self, var: Path, **environment: str) -> None:
        inherited = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
        for name in (*kept_secrets.NAMES, "DJANGO_SETTINGS_MODULE", "TOLLGATE_TEST_DIR"):
            inherited.pop(name, None)
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--tied"],
            cwd=tree.ROOT,
            env=inherited | {"VAR_DIR": str(var), "SIMULATOR_PACE": "instant", "WORKERS": "2"} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=processes.tied(signal.SIGTERM),
        )
        self.said = ""

    def wait_until_up(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            if LAST_LINE in line:
                return
        raise AssertionError(f"it ended with {self.process.wait()}:\n{self.said}")

    def wait_until_it_answers_again(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.HTTPError):
                if self.call_as_printed().status_code == 200:
                    return
            time.sleep(0.2)
        raise AssertionError("what was killed did not come back")

    def end(self, word: signal.Signals) -> int:
        self.process.send_signal(word)
        rest, _ = self.process.communicate(timeout=60)
        self.said += rest
        return self.process.returncode

    def found(self, pattern: str) -> str:
        match = re.search(pattern, self.said)
        assert match, f"{pattern} is not in:\n{self.said}"
        return match[1]

    @property
    def logins(self) -> tuple[str, ...]:
        return tuple(self.found(pattern) for pattern in (r"API key +(\S+)", r"admin@\S+ password (\S+)"))

    def call_as_printed(self) -> httpx.Response:
        """What the printed line does; a bare machine has no curl."""
        words = iter(shlex.split(self.said[self.said.index("\ncurl ") :].split("\n\n")[0].replace("\\\n", " ")))
        assert next(words) == "curl"
        url, headers, data = next(words), {}, ""
        for word in words:
            if word == "-H":
                name, _, value = next(words).partition(": ")
                headers[name] = value
            else:
                assert word == "-d"
                data = next(words)
        return httpx.post(url, headers=headers, content=data, timeout=60)


@pytest.fixture
def var(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "var"
    processes.end(processes.marked(str(tmp_path / "var")))
    for server in (embedded.Postgres(tmp_path / "var/postgresql"), embedded.Redis(tmp_path / "var/redis")):
        server.destroy()


@contextlib.contextmanager
def up(var: Path, **environment: Any) -> Iterator[Up]:
    run = Up(var, **environment)
    try:
        run.wait_until_up()
        yield run
    finally:
        run.process.kill()
        run.process.wait()


@pytest.mark.deadline(400)
def test_up_works_as_printed_and_finds_everything_as_it_was(var: Path) -> None:
    port = str(free_port())
    with up(var, PORT=port) as first:
        answer = first.call_as_printed()
        assert answer.status_code == 200, answer.text
        assert answer.json()["choices"][0]["message"]["content"]
        assert first.found(r"Money +\$(\S+)") == "25"

        fallen = [*processes.marked(str(var), "server"), *processes.at_home_in(var / "postgresql/data", "postgres")]
        for pid in fallen:
            os.kill(pid, signal.SIGKILL)
        first.wait_until_it_answers_again()

        second_copy = Up(var, PORT=str(free_port()))
        out, _ = second_copy.process.communicate(timeout=60)
        assert second_copy.process.returncode == 1
        assert "already runs" in out

        assert first.end(signal.SIGINT) == 0
    assert processes.marked(str(var)) == []
    assert (var / "demo.json").stat().st_mode & 0o777 == 0o600

    with up(var, PORT=port) as second:
        assert second.logins == first.logins
        assert "24.99" in second.found(r"Money +\$(\S+)")
        assert second.call_as_printed().status_code == 200
        second.end(signal.SIGKILL)

    with up(var, PORT=port, SERVER="daphne") as third:
        assert third.logins == first.logins
        assert third.call_as_printed().status_code == 200
        assert third.end(signal.SIGTERM) == 0
    assert processes.marked(str(var)) == []


def test_up_is_not_for_production(var: Path) -> None:
    given = dict.fromkeys(kept_secrets.NAMES, "0123456789abcdef0123456789abcdef")
    run = Up(var, PRODUCTION="1", DATABASE_URL="postgresql://nobody@127.0.0.1:9/x", REDIS_URL="redis://x", **given)
    out, _ = run.process.communicate(timeout=60)
    assert run.process.returncode == 1
    assert "not for PRODUCTION=1" in out
    assert not var.exists()


def test_a_port_that_is_taken_is_said_before_anything_starts(var: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = Up(var, PORT=str(port))
        out, _ = run.process.communicate(timeout=60)
    assert run.process.returncode == 1
    assert f"Port {port} is taken" in out
    assert not list(var.glob("log/*"))
    assert not (var / "demo.json").exists()
