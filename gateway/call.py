"""The owner of one call: from the moment money is set aside, exactly this object answers for it.

A call ends in many ways: last byte, provider error, customer gone before, between or during bytes, shutdown. Every one
of them leads to `close()`, which settles the books exactly once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.conf import settings

from accounts.keys import Caller
from billing.holds import ExtendVerdict, Extension, Placement, PlaceVerdict, SettleVerdict
from billing.usage import Usage
from catalog.routing import Model, Price, Route
from gateway import callid, limits, settlement, till
from gateway.canonical import Envelope
from gateway.dialects.base import Dialect
from gateway.tokens import Tally

log = logging.getLogger(__name__)

# Settlements under way. A task that nobody refers to may be collected before it ran; the server waits for these.
_closing: set[asyncio.Task[SettleVerdict | None]] = set()


@dataclass(slots=True)
class Attempt:
    """One try at one endpoint, kept for the operator."""

    route: Route
    error: str | None = None
    milliseconds: int = 0


@dataclass(slots=True)
class Outcome:
    """What is known of the answer so far; settlement reads it when the call closes."""

    usage: Usage | None = None  # as the provider reported it
    produced: bool = False  # anything at all: text, reasoning, a tool call
    finish: str | None = None
    kind: str = "cancelled"  # completed | failed | cancelled | cut
    error_code: str | None = None
    status: int = 200
    tally: Tally = field(default_factory=Tally)  # the output text that passed, counted only when usage stays away


@dataclass(slots=True, eq=False)
class Call:
    """One call of one caller. `id` names the hold and the usage record too."""

    caller: Caller
    model: Model
    price: Price
    dialect: Dialect  # what the customer speaks
    envelope: Envelope
    body: bytes
    surface: str
    operation: str
    forwarded: Mapping[str, str] = field(default_factory=dict)  # headers that belong to the customer's dialect
    id: UUID = field(default_factory=callid.new)
    started: float = field(default_factory=time.monotonic)
    held_nusd: int = 0
    placed: bool = False
    prompt_bound: int = 0
    attempts: list[Attempt] = field(default_factory=list)
    route: Route | None = None  # the endpoint that answers
    rise: Decimal = Decimal(0)  # the share by which this endpoint's price is above the customer's
    dropped: list[str] = field(default_factory=list)  # members of the request that this endpoint was not sent
    outcome: Outcome = field(default_factory=Outcome)
    first_byte_ms: int | None = None
    charged_usage: Usage | None = None  # known once settled
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    _closed: asyncio.Task[SettleVerdict | None] | None = None

    @property
    def request_id(self) -> str:
        """What the customer sees."""
        return callid.request_id(self.id)

    @property
    def begun(self) -> datetime:
        """The moment that the id was made."""
        return callid.started_at(self.id)

    def elapsed_ms(self) -> int:
        """Milliseconds since the call began."""
        return int((time.monotonic() - self.started) * 1000)

    async def hold(self, amount_nusd: int, ttl_seconds: int) -> PlaceVerdict:
        """Set `amount_nusd` aside. The verdict says whether it was placed. Raises TillClosed without a database."""
        caller = self.caller
        # Marked before the statement runs: a wait that is cancelled half-way may still have placed the hold.
        self.placed = True
        verdict = await till.current().placing.put(
            Placement(
                id=self.id,
                wallet_id=caller.organization_id,
                key_id=caller.key_id,
                amount_nusd=amount_nusd,
                ttl_seconds=ttl_seconds,
                price_version_id=self.price.version_id,
                daily_cap_nusd=caller.daily_cap_nusd,
                monthly_cap_nusd=caller.monthly_cap_nusd,
                total_cap_nusd=caller.total_cap_nusd,
            )
        )
        # The id is ours alone, so a duplicate is our own batch sent twice over a lost connection.
        self.placed = verdict.outcome in ("placed", "duplicate")
        if self.placed:
            self.held_nusd = amount_nusd
        return verdict

    async def extend(self, add_nusd: int, ttl_seconds: int) -> ExtendVerdict:
        """Set more aside, or (0) only keep the hold alive. The verdict says whether it was. Raises TillClosed."""
        verdict = await till.current().extending.put(
            Extension(id=self.id, wallet_id=self.caller.organization_id, add_nusd=add_nusd, ttl_seconds=ttl_seconds)
        )
        if verdict.outcome == "extended":
            self.held_nusd += add_nusd
        return verdict

    def run_on_loop(self, action: Callable[[], object]) -> None:
        """Do something on the loop that the call belongs to: now when we are on it, soon when in another thread."""
        try:
            here = asyncio.get_running_loop() is self._loop
        except RuntimeError:
            here = False
        if here:
            action()
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(action)

    def close(self) -> asyncio.Task[SettleVerdict | None]:
        """Settle the books, once, in a task of its own. Awaits nothing and may be called any number of times."""
        if self._closed is None:
            self._closed = self._loop.create_task(self._settle(), name=f"settle-{self.id}")
            _closing.add(self._closed)
            self._closed.add_done_callback(_closing.discard)
        return self._closed

    async def settled(self) -> SettleVerdict | None:
        """Close, and wait until the books are durable or the patience for it is over; a settlement that takes longer
        goes on by itself. A customer who leaves meanwhile does not stop it."""
        try:
            async with asyncio.timeout(settings.SETTLE_PATIENCE_SECONDS):
                return await asyncio.shield(self.close())
        except TimeoutError:
            log.error("%s is answered before its books are durable: the database does not answer", self.request_id)
            return None

    async def _settle(self) -> SettleVerdict | None:
        try:
            await limits.leave(self.caller, self.id)
            if not self.placed:
                return None
            record = await settlement.of(self)
            self.charged_usage = record.usage
            verdict = await till.current().settling.put(record)
            if verdict.outcome == "invalid":
                log.critical("the books find %s impossible; its hold will expire: %s", self.request_id, record)
            return verdict
        except Exception:
            # The hold will expire by itself: the customer pays nothing, and the operator is told.
            log.critical("call %s could not be settled; its hold will expire", self.request_id, exc_info=True)
            return None


async def closed(identity: UUID) -> None:
    """Wait until a call that is ending is in the books."""
    await asyncio.gather(
        *(task for task in _closing if task.get_name() == f"settle-{identity}"), return_exceptions=True
    )


async def drain() -> None:
    """Wait for all settlements under way; called when the server stops."""
    while _closing:
        await asyncio.gather(*list(_closing), return_exceptions=True)
