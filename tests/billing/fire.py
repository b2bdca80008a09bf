"""The books under fire: workers are killed at any moment, PostgreSQL is killed under them; then comes the reckoning.

Workers place and settle in batches, send things twice, and post; what PostgreSQL acknowledged they write into a log
before they go on. Afterwards every acknowledged charge must stand in the books exactly once, and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from billing import holds
from billing.holds import Placement
from gateway import callid
from tests.books import CENT, USD, its_end

POST = "SELECT v.outcome FROM billing_post(%s::json) v"
WALLETS = range(1, 13)
HOT = 1  # the wallet that gets half of all calls


@dataclass
class Reckoning:
    """What happened, and what must be empty or zero."""

    acknowledged: dict[UUID, int] = field(default_factory=dict)  # call → charge
    tried_posts: dict[str, tuple[int, int]] = field(default_factory=dict)  # key → wallet, amount
    acknowledged_posts: set[str] = field(default_factory=set)
    kills: int = 0
    crashes: int = 0
    errors: list[str] = field(default_factory=list)  # anything but a lost connection
    contradictions: list[str] = field(default_factory=list)  # a duplicate that names another charge


def open_wallets(url: str) -> None:
    """Make the organizations and give each wallet some money: little, so that shortfalls happen."""
    with psycopg.connect(url, autocommit=True) as connection:
        for number in WALLETS:
            connection.execute(
                "INSERT INTO accounts_organization"
                " (id, slug, name, plan_id, is_personal, status, status_reason, created_at)"
                " SELECT %s, %s, 'fire', min(id), false, 'active', '', now() FROM accounts_plan",
                (number, f"fire-{number}"),
            )
            connection.execute("SELECT billing_open(%s)", (number,))
            connection.execute(POST, (posting(f"start:{number}", number, 50 * USD if number == HOT else 5 * USD),))


def posting(key: str, wallet: int, nusd: int) -> str:
    item = {"wallet_id": wallet, "kind": "topup", "contra": "clearing:fire", "delta_nusd": nusd, "key": key}
    return json.dumps([item])


def under_fire(
    url: str, logs: Path, *, seconds: int, workers: int, crash: Callable[[], None], crashes: int
) -> Reckoning:
    """Run `workers` workers and a sweeper for `seconds`, kill one of them ten times a second, `crash` at intervals."""
    reckoning = Reckoning()
    jobs: list[Callable[[], None]] = [lambda log=logs / f"{n}.log": work(url, log) for n in range(workers)]
    jobs.append(lambda: sweep(url))
    running = {number: fork(job) for number, job in enumerate(jobs)}
    start = time.monotonic()
    try:
        while (passed := time.monotonic() - start) < seconds:
            victim = random.choice(list(running))
            end(running.pop(victim))
            reckoning.kills += 1
            if passed > seconds * (reckoning.crashes + 1) / (crashes + 1):
                crash()
                reckoning.crashes += 1
            running[victim] = fork(jobs[victim])
            time.sleep(random.random() / 5)  # the dice of the test, nothing waits for it
    finally:
        for pid in running.values():
            end(pid)
    for log in logs.glob("*.log"):
        read_log(log, reckoning)
    return reckoning


def fork(job: Callable[[], None]) -> int:
    """A child that does the job and nothing of ours: it leaves no way but to be killed."""
    pid = os.fork()
    if pid:
        return pid
    try:
        signal.alarm(0)
        job()
    finally:
        os._exit(1)


def end(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def connected(url: str) -> psycopg.Connection[Any]:
    while True:
        try:
            return psycopg.connect(url, autocommit=True, prepare_threshold=0, connect_timeout=3)
        except psycopg.OperationalError:
            time.sleep(1 / 20)


class Hands:
    """A connection that sends again what was not answered, as the till does."""

    def __init__(self, url: str, log: int) -> None:
        self.url, self.log = url, log
        self.connection = connected(url)

    def ask(self, statement: str, parameters: tuple[Any, ...]) -> list[Any]:
        while True:
            try:
                return self.connection.execute(statement, parameters).fetchall()
            except psycopg.errors.DeadlockDetected as error:
                self.note(error=f"deadlock: {error}")
            except (psycopg.OperationalError, psycopg.InterfaceError):
                with contextlib.suppress(psycopg.Error):
                    self.connection.close()
                self.connection = connected(self.url)

    def note(self, **fact: Any) -> None:
        os.write(self.log, (json.dumps(fact) + "\n").encode())


def work(url: str, log: Path) -> None:
    """What a worker does until it is killed."""
    dice = random.Random(time.time_ns() ^ os.getpid())
    hands = Hands(url, os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT))
    try:
        for _ in endlessly():
            pairs(hands, dice)
            if dice.random() < 1 / 10:
                key, wallet, nusd = f"pay:{callid.new()}", dice.choice(WALLETS), dice.randint(1, USD)
                hands.note(post=key, wallet=wallet, nusd=nusd)
                for _ in range(dice.randint(1, 3)):
                    hands.ask(POST, (posting(key, wallet, nusd),))
                hands.note(posted=key)
    except Exception as error:
        hands.note(error=f"{type(error).__name__}: {error}")


def pairs(hands: Hands, dice: random.Random) -> None:
    """A batch of calls, from their placement to their settlement; some are sent twice, some never end."""
    calls = [
        Placement(
            id=callid.new(),
            wallet_id=HOT if dice.random() < 1 / 2 else dice.choice(WALLETS),
            key_id=dice.randint(1, 30),
            amount_nusd=dice.randint(1, 5 * CENT),
            ttl_seconds=dice.choice((1, 60)),
        )
        for _ in range(dice.randint(1, 12))
    ]
    verdicts = holds.read_place(hands.ask(holds.PLACE_SQL, holds.place_parameters(calls)), calls)
    admitted = [
        call for call, verdict in zip(calls, verdicts, strict=True) if verdict.outcome in ("placed", "duplicate")
    ]
    ends = [its_end(call, dice.randint(0, call.amount_nusd * 2)) for call in admitted if dice.random() < 19 / 20]
    for _ in range(dice.choice((1, 1, 2))):
        settled = holds.read_settle(hands.ask(holds.SETTLE_SQL, holds.settle_parameters(ends)), ends)
        hands.note(settled={str(verdict.id): [verdict.outcome, verdict.charged_nusd] for verdict in settled})


def sweep(url: str) -> None:
    """The task that expires holds."""
    connection = connected(url)
    for _ in endlessly():
        try:
            connection.execute(holds.EXPIRE_SQL, (50,))
            time.sleep(1 / 10)
        except psycopg.Error:
            connection = connected(url)


def endlessly() -> Iterator[None]:
    while True:
        yield


def read_log(log: Path, reckoning: Reckoning) -> None:
    """What a worker heard, over all its lives. The last line of a life may be torn."""
    for line in log.read_text().splitlines():
        try:
            fact = json.loads(line)
        except ValueError:
            continue
        if "error" in fact:
            reckoning.errors.append(fact["error"])
        if "post" in fact:
            reckoning.tried_posts[fact["post"]] = (fact["wallet"], fact["nusd"])
        if "posted" in fact:
            reckoning.acknowledged_posts.add(fact["posted"])
        for call, (outcome, charge) in fact.get("settled", {}).items():
            if outcome == "invalid" or reckoning.acknowledged.setdefault(UUID(call), charge) != charge:
                reckoning.contradictions.append(f"{call}: {outcome} {charge}")
