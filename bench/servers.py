"""Everything a measurement needs, of its own and thrown away after it: PostgreSQL, Redis, a provider, and servers."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gateway import embedded, processes

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 90  # seconds for a program to answer for the first time
UVICORN = (
    "--no-access-log",
    "--loop",
    "uvloop",
    "--http",
    "httptools",
    "--log-level",
    "warning",
    "--no-server-header",
    "--no-proxy-headers",
)


@dataclass(frozen=True, slots=True)
class Customer:
    """An organization with money and a key of it."""

    organization: int  # its wallet's id too
    slug: str
    key: str


class Program:
    """One of our programs that listens on a port of its own, with all its children."""

    def __init__(self, name: str, command: Sequence[str], log: Path, environment: dict[str, str], port: int) -> None:
        self.name = name
        self.command = command
        self.log = log
        self.environment = environment
        self.port = port
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its origin, without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Start it; return when it accepts connections. It dies with the thread that started it."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=processes.tied(signal.SIGKILL),
            )
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            door = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            with contextlib.closing(door), contextlib.suppress(OSError, http.client.HTTPException):
                door.request("GET", "/healthz")
                if door.getresponse().status < 500:
                    return self
            time.sleep(1 / 50)
        raise RuntimeError(f"{self.name} does not answer:\n{self.said()[-3000:]}")

    def family(self) -> list[int]:
        """The process that was started and all its descendants."""
        return processes.session_of(self.process.pid) if self.process else []

    def workers(self) -> list[int]:
        """The processes that serve: those that hold the listening socket, the supervisor among them left out."""
        assert self.process is not None
        return [pid for pid in self.family() if pid != self.process.pid and _command_line(pid).count(b"spawn_main")]

    def said(self) -> str:
        """Everything in its log."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def stop(self) -> None:
        """Ask it to end, as a deployment does, and wait."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to all of it at once."""
        self._end(signal.SIGKILL)

    def _end(self, word: signal.Signals) -> None:
        if self.process is not None:
            family = self.family()
            processes.end(family if word == signal.SIGKILL else [self.process.pid], word=word, patience=30)
            self.process.wait()
            processes.end(family, word=signal.SIGKILL)
            self.process = None


class World:
    """A PostgreSQL that syncs to the disk, a Redis, a mock provider, and a catalogue with one model that it serves.

    Use as a context manager. `server()` starts servers in it; all of it is gone afterwards.
    """

    MODEL = "bench-model"
    PRICES = {"input": 10_000, "output": 50_000}  # nano-USD a token

    def __init__(self, directory: Path, *, provider_url: str = "", **settings: str) -> None:
        """With `provider_url` that provider serves the model, and no mock is started."""
        self.directory = directory
        self.postgres = embedded.Postgres(directory / "postgresql")
        self.redis = embedded.Redis(directory / "redis", durable=False)
        self.programs: list[Program] = []
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "gateway.settings",
            "DATABASE_URL": self.postgres.url(),
            "REDIS_URL": self.redis.url(),
            "VAR_DIR": str(directory),
            "PRODUCTION": "0",
            "LOG_LEVEL": "WARNING",
            "PROVIDER_URL": provider_url,
            **settings,
        }

    def __enter__(self) -> Self:
        self.directory.mkdir(parents=True, exist_ok=True)
        try:
            self.postgres.start()
            self.redis.start()
            self.run("manage.py", "migrate", "-v", "0")
            if not self.environment["PROVIDER_URL"]:
                self.environment["PROVIDER_URL"] = self.program("provider", "-m", "bench.provider").url
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for program in self.programs:
            program.kill()
        self.redis.destroy()
        self.postgres.destroy()
        shutil.rmtree(self.directory, ignore_errors=True)

    def run(self, *arguments: str) -> str:
        """Run this Python with `arguments` in this world; what it printed. Raises RuntimeError."""
        done = subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=300
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)} failed:\n{done.stderr[-3000:]}")
        return done.stdout

    def customers(self, *usd: str) -> list[Customer]:
        """New organizations, one for each amount of money, and a key without a rate limit that anybody would reach."""
        return [Customer(**each) for each in json.loads(self.run("-m", "bench.stock", *usd))]

    def program(self, name: str, *arguments: str, python: str = sys.executable, **settings: str) -> Program:
        """Start a program of ours; `PORT` stands for the port on which it must listen."""
        port = free_port()
        command = [python, *(argument.replace("PORT", str(port)) for argument in arguments)]
        environment = self.environment | settings | {"PORT": str(port)}
        program = Program(name, command, self.directory / f"{name}-{port}.log", environment, port)
        self.programs.append(program)
        return program.start()

    def server(self, kind: str = "uvicorn", *, workers: int = 1, grace: int = 10, **settings: str) -> Program:
        """Tollgate itself, on uvicorn or daphne. Asked to stop, uvicorn gives running answers `grace` seconds."""
        if kind == "daphne":
            arguments = ["-m", "gateway.daphne_server", "-v", "0", "--no-server-name", "-p", "PORT"]
        else:
            arguments = ["-m", "uvicorn", "--port", "PORT", "--workers", str(workers), *UVICORN]
            arguments += ["--timeout-graceful-shutdown", str(grace)]
        return self.program(kind, *arguments, "gateway.asgi:application", **settings)

    def audit(self) -> list[Any]:
        """What the operator's own audit finds."""
        done = subprocess.run(
            [sys.executable, "manage.py", "ledger", "audit", "--json"],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        return [] if done.returncode == 0 else [done.stdout or done.stderr[-3000:]]


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _command_line(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


@contextlib.contextmanager
def world(**settings: str) -> Iterator[World]:
    """A world in a temporary directory."""
    import tempfile

    directory = Path(tempfile.mkdtemp(prefix="tollgate-bench-"))
    with World(directory, **settings) as made:
        yield made
