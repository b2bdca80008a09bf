"""`manage.py up`: everything that Tollgate needs, on this machine, in the foreground, until Ctrl-C."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import signal
import socket
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connections

from gateway import demo, embedded, env, places, processes
from gateway.supervisor import (
    AlreadyRunning,
    Asked,
    Program,
    ProgramFailed,
    Service,
    Supervisor,
    heed_signals,
    ignore_signals,
)

PATIENCE = 60  # seconds for the server to answer for the first time
NAP = 0.05


class Command(BaseCommand):
    help = "Run PostgreSQL, Redis, the server, the simulator, a worker and the clock together. `make up` calls it."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tied", action="store_true", help="stop when the parent process dies")

    def handle(self, *args: Any, tied: bool, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("`up` makes a demo organization and serves plain HTTP: it is not for PRODUCTION=1.")
        heed_signals()
        if tied:
            processes.tie_to_parent(signal.SIGTERM)
        self.var: Path = settings.VAR_DIR.resolve()
        self.host = env.text("HOST", "127.0.0.1")
        self.port = env.integer("PORT", 8000, minimum=1)
        self.url = f"http://{self._reachable_host()}:{self.port}"
        supervisor = Supervisor(self.var, self._say)
        try:
            supervisor.claim()
            self._bring_up(supervisor)
            supervisor.watch(parent=os.getppid() if tied else None)
        except AlreadyRunning as error:
            raise CommandError(f"Tollgate already runs from this directory ({error}). Stop it there first.") from error
        except (ProgramFailed, embedded.StartFailed, places.Unusable, OSError) as error:
            raise CommandError(str(error)) from error
        except Asked:
            self._say("\nStopping …")
        finally:
            ignore_signals()
            supervisor.stop()
        self._say("Stopped. `make up` finds everything as it is now.")

    def _bring_up(self, supervisor: Supervisor) -> None:
        began = time.monotonic()
        if not _free(self.host, self.port):
            raise CommandError(f"Port {self.port} is taken. Choose another: make up PORT={self.port + 1000}")
        simulator_port = env.integer("SIMULATOR_PORT", 0) or _next_free((self.port + 10_000) % 65_536 or 1024)
        environment = {
            "PUBLIC_URL": self.url,
            **os.environ,
            "DATABASE_URL": settings.DATABASE_URL,
            "REDIS_URL": settings.REDIS_URL,
            "PYTHONUNBUFFERED": "1",
        }

        def program(name: str, *command: str, patience: float = 10) -> Program:
            return Program(name, [sys.executable, *command], var=self.var, environment=environment, patience=patience)

        manage = str(settings.BASE_DIR / "manage.py")
        supervisor.start(program("simulator", manage, "simulator", "--port", str(simulator_port)))
        if not env.secret("REDIS_URL"):
            supervisor.start(Service("redis", embedded.Redis(self.var / "redis")))
        if not env.secret("DATABASE_URL"):
            postgres = embedded.Postgres(self.var / "postgresql")
            if postgres.moved:
                self._say(f"PostgreSQL's user may not enter {self.var}: its data is in {postgres.home}.")
            supervisor.start(Service("postgresql", postgres))
        self._say("Preparing the database …")
        kept = self._prepare(f"http://127.0.0.1:{simulator_port}")
        supervisor.start(program("server", *self._server(), patience=15))
        self._await_server(supervisor)
        celery = ("-m", "celery", "--app", "gateway.celery")
        quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat")
        worker = ("worker", "--loglevel", "INFO", "--concurrency", "2", *quiet)
        supervisor.start(program("worker", *celery, *worker, patience=20))
        # Jobs mostly wait for models, so many of them share one process.
        jobs = ("worker", "--loglevel", "INFO", "--queues", "jobs", "--pool", "threads", "--concurrency", "32", *quiet)
        supervisor.start(program("jobs", *celery, *jobs, "--hostname", "jobs@%h", patience=20))
        beat = ("beat", "--loglevel", "INFO", "--pidfile=", "--schedule", str(self.var / "schedule"))
        supervisor.start(program("beat", *celery, *beat))
        self._greet(kept, time.monotonic() - began)

    def _prepare(self, simulator: str) -> demo.Kept:
        with contextlib.redirect_stdout(io.StringIO()):
            try:
                call_command("migrate", interactive=False, verbosity=0)
            except OperationalError as error:
                raise CommandError(f"The database cannot be used: {error}") from error
            call_command("catalog", "load", "--json", stdout=io.StringIO())
        demo.introduce_simulator(f"{simulator}/v1")
        kept = demo.prepare(self.var / "demo.json")
        self.facts = demo.facts(kept)
        connections.close_all()
        return kept

    def _server(self) -> list[str]:
        kind = env.choice("SERVER", "uvicorn", ("uvicorn", "daphne"))
        if kind == "daphne":
            where = ["-b", self.host, "-p", str(self.port)]
            return ["-m", "gateway.daphne_server", "-v", "0", "--no-server-name", *where, "gateway.asgi:application"]
        workers = env.integer("WORKERS", len(os.sched_getaffinity(0)), minimum=1)
        where = ["--host", self.host, "--port", str(self.port), "--workers", str(workers)]
        manner = ["--loop", "uvloop", "--http", "httptools", "--log-level", "warning", "--no-access-log"]
        manner += ["--no-server-header", "--no-proxy-headers", "--timeout-graceful-shutdown", "10"]
        manner += ["--ws-max-size", str(settings.SOCKET_MESSAGE_BYTES)]
        return ["-m", "uvicorn", "gateway.asgi:application", *where, *manner]

    def _await_server(self, supervisor: Supervisor) -> None:
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            supervisor.check()
            if time.monotonic() > deadline:
                raise ProgramFailed(
                    f"The server did not answer in {PATIENCE} s; see {self.var / 'log' / 'server.log'}."
                )
            time.sleep(NAP)

    def _answers(self) -> bool:
        door = http.client.HTTPConnection(self._reachable_host(), self.port, timeout=5)
        with contextlib.closing(door), contextlib.suppress(OSError, http.client.HTTPException):
            door.request("GET", "/healthz")
            return door.getresponse().status == 200
        return False

    def _reachable_host(self) -> str:
        return "127.0.0.1" if self.host in ("0.0.0.0", "::", "") else self.host  # noqa: S104 - compared, not bound

    def _greet(self, kept: demo.Kept, seconds: float) -> None:
        body = json.dumps({"model": self.facts.model, "messages": [{"role": "user", "content": "Say hello."}]})
        self._say(
            f"""
Tollgate is up, after {seconds:.0f} s.

  Base URL    {self.url}/v1          for OpenAI clients; also {self.url}/api/v1
              {self.url}/v1/openai   the same; answers above 4096 tokens must stream
  API key     {kept.key}
  Money       ${self.facts.balance} of the organization {kept.organization!r}
  Admin       {self.url}/admin/      {demo.ADMIN}, password {kept.admin_password or "as you set it"}
  Demo user   {demo.DEMO}, password {kept.demo_password or "as you set it"}
  Answers     {self.facts.who_answers}
  Logs        {self.var / "log"}

Try it:

curl {self.url}/v1/chat/completions -H 'Authorization: Bearer {kept.key}' \\
  -H 'Content-Type: application/json' -d '{body}'

Ctrl-C stops everything."""
        )

    def _say(self, text: str) -> None:
        with contextlib.suppress(BrokenPipeError):
            self.stdout.write(text)
            self.stdout.flush()


def _free(host: str, port: int) -> bool:
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            return True
    except OSError:
        return False


def _next_free(port: int) -> int:
    return next(each for each in range(port, 65536) if _free("127.0.0.1", each))
