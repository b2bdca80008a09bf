"""Celery workers for tests from outside: processes of their own, on the live servers' database, that may be killed."""

from __future__ import annotations

import secrets
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from gateway import celery, processes
from tests.servers import launch
from tests.shop import eventually


class JobWorker:
    """One worker for jobs, on a queue of this test's own: nobody else's worker takes its messages."""

    def __init__(self, database_url: str, log: Path, **environment: str) -> None:
        self.log = log
        self.environment = environment | {
            "DJANGO_SETTINGS_MODULE": "gateway.settings",
            "DATABASE_URL": database_url,
            "REDIS_URL": settings.REDIS_URL,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it takes jobs."""
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        said = len(self.said())
        self.process = launch(
            ["-m", "celery", "--app", "gateway.celery", "worker", "-Q", "jobs", "--pool", "threads",
             "--concurrency", "16", "--loglevel", "INFO", "-n", f"{secrets.token_hex(4)}@test", *quiet],
            self.log, **self.environment,
        )  # fmt: skip
        eventually(lambda: "ready." in self.said()[said:], 60)

    def kill(self) -> None:
        """SIGKILL, as the kernel does when memory runs out."""
        if self.process is not None:
            processes.end(processes.session_of(self.process.pid), word=signal.SIGKILL)
            self.process.wait()
            self.process = None

    def said(self) -> str:
        """Everything in its log."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""


@pytest.fixture
def own_worker(live: str, tmp_path: Path) -> Iterator[Any]:
    """`own_worker(JOB_LEASE_SECONDS="2")` starts a worker for jobs."""
    celery.app.control.purge()
    with celery.app.connection_for_write() as connection:
        connection.default_channel.queue_purge("jobs")
    started: list[JobWorker] = []

    def start(**environment: str) -> JobWorker:
        worker = JobWorker(live, tmp_path / f"worker-{len(started)}.log", **environment)
        started.append(worker)
        worker.start()
        return worker

    yield start
    for worker in started:
        worker.kill()
