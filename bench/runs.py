"""The measurements themselves: one target, one run, what it cost; and whether the books agree afterwards."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.meter import cpu_seconds, resident_bytes
from bench.servers import ROOT, Customer, Program, World
from gateway import processes

CONNECTIONS = 64
STREAMS, CHUNKS, GAP_MS = 200, 50, 20
LONG_STREAMS, LONG_CHUNKS = 4, 40_000
QUESTION = "What does a call cost? " * 36  # the whole request has about one kilobyte


@dataclass(frozen=True, slots=True)
class Target:
    """Something that answers model calls, and whose keys it takes."""

    name: str
    program: Program
    keys: Sequence[str]
    bills: bool = False  # whether every answer must be found in the books


@dataclass(frozen=True, slots=True)
class Figures:
    """One run on one target. CPU in microseconds a request (or chunk), delays in milliseconds."""

    rate: float  # requests (or streams) a second
    cpu: float  # of the target's own processes
    postgres: float
    p50: float
    p99: float
    first50: float
    memory: float  # KB a stream: how much more was in use at the highest moment than before


class Books:
    """Counts what was answered, so that the ledger can be checked after every run."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.calls = self.number("SELECT count(*) FROM billing_usagerecord")

    def number(self, statement: str) -> int:
        with psycopg.connect(self.world.postgres.url(), autocommit=True) as connection:
            row = connection.execute(statement).fetchone()
            return int(row[0]) if row and row[0] is not None else 0

    def check(self, more: int) -> None:
        """Raises AssertionError unless exactly so many more calls are in the books, each with an entry, none open."""
        self.calls += more
        open_holds = "SELECT count(*) FROM billing_hold WHERE state = 'open'"
        deadline = time.monotonic() + 30
        while self.number(open_holds) and time.monotonic() < deadline:
            time.sleep(1 / 20)
        entries = self.number("SELECT count(*) FROM billing_ledgerentry WHERE kind = 'usage'")
        charged = self.number("SELECT sum(charged_nusd) FROM billing_usagerecord")
        spent = self.number("SELECT -sum(delta_nusd) FROM billing_ledgerentry WHERE kind = 'usage'")
        left = self.number("SELECT sum(balance_nusd) FROM billing_wallet")
        came = self.number("SELECT sum(delta_nusd) FROM billing_ledgerentry WHERE delta_nusd > 0")
        assert self.number("SELECT count(*) FROM billing_usagerecord") == entries == self.calls, "calls and entries"
        assert charged == spent == came - left, "the sum of charges is not what is missing from the wallets"
        assert self.number(open_holds) == 0, "holds are open"


class Bench:
    """One world to measure in."""

    def __init__(self, world: World, customers: Sequence[Customer]) -> None:
        self.world = world
        self.customers = customers
        self.books = Books(world)

    def whole(self, target: Target, seconds: float, connections: int = CONNECTIONS) -> Figures:
        """Whole answers, as fast as they come."""
        return self._run(target, {"connections": connections, "seconds": seconds, "body": body()})

    def streams(self, target: Target, each: int = 2) -> Figures:
        """Many streams at once, at the pace of a model."""
        job = {"connections": STREAMS, "streams": each, "body": body(stream=True, chunks=CHUNKS, gap=GAP_MS)}
        return self._run(target, job)

    def long_streams(self, target: Target) -> tuple[float, float]:
        """(KB in use, KB more in the second half than in the first) while few very long streams pass at full speed."""
        job = {"connections": LONG_STREAMS, "streams": 1, "body": body(stream=True, chunks=LONG_CHUNKS)}
        seen: list[int] = []
        self._run(target, job, seen)
        half = len(seen) // 2
        return max(seen) / 1024, max(0, max(seen[half:]) - max(seen[:half])) / 1024

    def till(self, batches: int) -> tuple[float, float]:
        """(client, PostgreSQL) CPU microseconds to place and settle one call, in batches of 64, on 100 wallets."""
        before = cpu_seconds(self._postgres())
        wallets = [str(customer.organization) for customer in self.customers]
        told = json.loads(self.world.run("-m", "bench.till", str(batches), *wallets))
        used = cpu_seconds(self._postgres()) - before
        self.books.check(told["calls"])
        return told["client_us"], used / told["calls"] * 1e6

    def _postgres(self) -> list[int]:
        return processes.at_home_in(self.world.postgres.data, "postgres")

    def _run(self, target: Target, job: dict[str, object], seen: list[int] | None = None) -> Figures:
        job |= {"port": target.program.port, "path": "/v1/chat/completions", "keys": list(target.keys)}
        family, postgres = target.program.family(), self._postgres()
        memory = resident_bytes(family)
        cpu, database = cpu_seconds(family), cpu_seconds(postgres)
        samples = [memory]
        told = json.loads(self._load(job, family, samples))
        cpu, database = cpu_seconds(family) - cpu, cpu_seconds(postgres) - database
        if told["failures"]:
            raise AssertionError(f"{target.name}: {told['failures']}\n{target.program.said()[-2000:]}")
        if target.bills:
            self.books.check(told["done"])
        if seen is not None:
            seen += samples
        units = told["chunks"] or told["done"]
        return Figures(
            rate=told["done"] / told["seconds"],
            cpu=cpu / units * 1e6,
            postgres=database / units * 1e6,
            p50=told["p50"],
            p99=told["p99"],
            first50=told["first50"],
            memory=(max(samples) - memory) / 1024 / STREAMS,
        )

    def _load(self, job: dict[str, object], family: list[int], samples: list[int]) -> str:
        """Run the load generator and watch the target's memory meanwhile."""
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.load"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(job))
        process.stdin.close()
        while process.poll() is None:
            samples.append(resident_bytes(family))
            time.sleep(1 / 10)
        if process.returncode:
            raise RuntimeError("the load generator failed")
        return process.stdout.read()


def body(*, stream: bool = False, chunks: int = 16, gap: int = 0) -> str:
    """A chat request of about a kilobyte."""
    request: dict[str, object] = {
        "model": World.MODEL,
        "messages": [{"role": "user", "content": QUESTION}],
        "max_tokens": chunks,
        "temperature": 0.7,
    }
    if stream:
        request["stream"] = True
    if gap:
        request["user"] = f"gap-{gap}"
    return json.dumps(request)


def litellm(world: World, python: str) -> Target:
    """LiteLLM's proxy in an environment of its own, without a database, before the same provider."""
    key = f"sk-{secrets.token_hex(32)}"  # its only one: it does not start without
    config = world.directory / "litellm.json"  # JSON is YAML
    parameters = {
        "model": "openai/mock-1",
        "api_base": f"{world.environment['PROVIDER_URL']}/v1",
        "api_key": "sk-bench",
    }
    config.write_text(json.dumps({"model_list": [{"model_name": World.MODEL, "litellm_params": parameters}]}))
    command = str(Path(python).parent / "litellm")
    world.environment.pop("DATABASE_URL", None)  # it would think that this is for it
    try:
        program = world.program(
            "litellm", command, "--config", str(config), "--host", "127.0.0.1", "--port", "PORT", "--num_workers", "1",
            python=python, LITELLM_LOCAL_MODEL_COST_MAP="True", LITELLM_LOG="ERROR", LITELLM_MASTER_KEY=key,
        )  # fmt: skip
        return Target("LiteLLM", program, [key])
    finally:
        world.environment["DATABASE_URL"] = world.postgres.url()


def in_turns(count: int, targets: Sequence[Target]) -> Iterator[Sequence[Target]]:
    """The targets once a round, backwards in every second one: whatever drifts, drifts for all."""
    for number in range(count):
        yield targets if number % 2 == 0 else targets[::-1]


def load_average() -> str:
    """How busy the machine is, with us and others."""
    return " ".join(f"{value:.1f}" for value in os.getloadavg())
