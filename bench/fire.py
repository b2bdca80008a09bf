"""Tollgate under fire: customers keep calling while servers and PostgreSQL are killed; then comes the reckoning.

Customers write down what they were told: a charge in the headers of a whole answer, the usage at the end of a stream.
Afterwards each of these charges must stand in the books, once and as told, and the books must be in order.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg

from bench.servers import Customer, Program, World

CALLERS = 8
PATIENCE = 120  # seconds for calls to succeed again after a harm
HONEST = {402: "insufficient_balance", 500: "internal_error", 502: "upstream_error", 503: "upstream_unavailable"}
# Holds so short that some expire before their calls settle. Nobody is told of an end that is not in the books.
SETTINGS = {"HOLD_SECONDS": "5", "SETTLE_PATIENCE_SECONDS": "600"}


@dataclass
class Told:
    """What the customers heard."""

    wholes: dict[UUID, int] = field(default_factory=dict)  # call → nano-USD
    streams: dict[UUID, int] = field(default_factory=dict)
    refusals: dict[str, int] = field(default_factory=dict)  # error code → how often
    lost: int = 0  # connections that broke
    lies: list[str] = field(default_factory=list)  # answers that no customer should ever get

    @property
    def charges(self) -> dict[UUID, int]:
        """Every acknowledged charge."""
        return self.wholes | self.streams


class Fire:
    """Customers that call without a pause. Half of all calls are on the first one's wallet."""

    def __init__(self, world: World, server: Program, customers: Sequence[Customer]) -> None:
        self.world = world
        self.server = server
        self.customers = customers
        self.told = Told()
        self.harms: list[str] = []
        self._news = threading.Condition()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._call_on, daemon=True) for _ in range(CALLERS)]

    @contextlib.contextmanager
    def burning(self) -> Iterator[None]:
        """Calls are made as long as this lasts; at the end the server is asked to stop and settles what runs."""
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in self._threads:
                thread.join(PATIENCE)
            self.server.stop()

    def wait_for_charges(self, more: int) -> None:
        """Until so many more charges of either kind were acknowledged: whatever was harmed has recovered."""
        with self._news:
            goals = len(self.told.wholes) + more, len(self.told.streams) + more
            done = self._news.wait_for(
                lambda: len(self.told.wholes) >= goals[0] and len(self.told.streams) >= goals[1], PATIENCE
            )
        if not done:
            raise AssertionError(f"no calls succeed any more after {self.harms}:\n{self.server.said()[-3000:]}")

    # --- Harm ------------------------------------------------------------------------------------------

    def harm(self, kind: str) -> None:
        """Kill a "worker", the whole "server", the "database", "redis", or "both": first the database, and then the
        server with all that it could not write down. Start again what does not start by itself."""
        self.harms.append(kind)
        match kind:
            case "worker":
                victims = self.server.workers()
                if victims:
                    os.kill(random.choice(victims), signal.SIGKILL)
            case "server":
                self.server.kill()
                self.server.start()
            case "database":
                self.world.postgres.kill()
                self.world.postgres.start()
            case "both":
                self.world.postgres.kill()
                self._over.wait(1 / 2)  # calls come to their ends meanwhile, but nobody may be told of it
                self.server.kill()
                self.world.postgres.start()
                self.server.start()
            case "redis":
                self.world.redis.kill()
                self.world.redis.start()

    # --- Customers -------------------------------------------------------------------------------------

    def _call_on(self) -> None:
        dice = random.Random()
        while not self._over.is_set():
            customer = self.customers[0] if dice.random() < 1 / 2 else dice.choice(self.customers)
            streamed = dice.random() < 1 / 2
            try:
                self._call(customer, dice.randint(1, 40), streamed, leave=streamed and dice.random() < 1 / 20)
            except (OSError, http.client.HTTPException):
                self.told.lost += 1
                self._over.wait(1 / 10)  # the server may be away

    def _call(self, customer: Customer, output: int, streamed: bool, *, leave: bool) -> None:
        body: dict[str, Any] = {
            "model": World.MODEL,
            "messages": [{"role": "user", "content": "Hi"}],
            "max_tokens": output,
        }
        if streamed:
            body |= {"stream": True, "stream_options": {"include_usage": True}, "user": "gap-2"}
        door = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE)
        with contextlib.closing(door):
            headers = {"authorization": f"Bearer {customer.key}", "content-type": "application/json"}
            door.request("POST", "/v1/chat/completions", json.dumps(body), headers)
            answer = door.getresponse()
            if leave:
                answer.read(10)
                return
            text = answer.read()
        self._listen(answer, text, streamed)

    def _listen(self, answer: http.client.HTTPResponse, text: bytes, streamed: bool) -> None:
        if answer.status != 200:
            with self._news:
                code = _code(text)
                self.told.refusals[code] = self.told.refusals.get(code, 0) + 1
                if HONEST.get(answer.status) != code:
                    self.told.lies.append(f"{answer.status} {text[:300]!r}")
            return
        call = UUID(answer.headers["x-request-id"].removeprefix("req_"))
        if not streamed:
            self._remember(self.told.wholes, call, json.loads(text)["usage"], answer.headers["x-tollgate-cost-usd"])
        elif text.endswith(b"data: [DONE]\n\n"):
            events = [line[6:] for line in text.split(b"\n\n") if line.startswith(b"data: {")]
            self._remember(self.told.streams, call, json.loads(events[-1])["usage"], None)
        elif b'"error"' not in text:
            self.told.lies.append(f"a stream without an end: {text[-300:]!r}")

    def _remember(self, where: dict[UUID, int], call: UUID, usage: dict[str, int], said: str | None) -> None:
        cost = _cost(usage["prompt_tokens"], usage["completion_tokens"])
        with self._news:
            if call in where or (said is not None and Decimal(said).scaleb(9) != cost):
                self.told.lies.append(f"{call} was said to cost {said} for {usage}")
            where[call] = cost
            self._news.notify_all()


def _cost(prompt: int, output: int) -> int:
    return prompt * World.PRICES["input"] + output * World.PRICES["output"]


def _code(text: bytes) -> str:
    try:
        return str(json.loads(text)["error"]["code"])
    except (ValueError, KeyError, TypeError):
        return "no envelope"


def sweep(url: str) -> None:
    """Wait until no hold can still be renewed, then expire them, as the task does every minute."""
    with psycopg.connect(url, autocommit=True) as connection:

        def number(statement: str) -> int:
            row = connection.execute(statement).fetchone()
            return int(row[0]) if row else 0

        while number("SELECT count(*) FROM billing_hold WHERE state = 'open' AND expires_at > clock_timestamp()"):
            time.sleep(1 / 10)
        while number("SELECT billing_expire(500)"):
            continue


def reckon(world: World, told: Told) -> list[str]:
    """Everything that is wrong with the books after a fire and a sweep; empty when all is well."""
    wrong = list(told.lies)
    with psycopg.connect(world.postgres.url(), autocommit=True) as connection:
        ask: Callable[[str], list[Any]] = lambda statement: connection.execute(statement).fetchall()  # noqa: E731
        rows = ask("SELECT id, charged_nusd, cost_nusd FROM billing_usagerecord")
        recorded = {call: (charged, cost) for call, charged, cost in rows}
        if len(recorded) < len(rows):
            wrong.append("a call is recorded twice")
        for call, charge in told.charges.items():
            charged, cost = recorded.get(call, (None, None))
            # A wallet that lost its hold in a crash may not have the whole price any more; that is ours to bear.
            if charged is None or charged > charge or cost != charge or (call in told.wholes and charged != charge):
                wrong.append(f"{call} was told to cost {charge}; the books say {charged} of {cost}")
        entries = ask("SELECT id FROM billing_ledgerentry WHERE kind = 'usage' GROUP BY id HAVING count(*) > 1")
        wrong += [f"{call} was charged twice" for (call,) in entries]
        for wallet, balance, held in ask(
            "SELECT organization_id, balance_nusd, held_nusd FROM billing_wallet"
            " WHERE balance_nusd < 0 OR held_nusd <> 0"
        ):
            wrong.append(f"wallet {wallet} has {balance} and holds {held}")
        wrong += [f"hold {call} is open" for (call,) in ask("SELECT id FROM billing_hold WHERE state = 'open'")]
    return wrong + [f"audit: {finding}" for finding in world.audit()]
