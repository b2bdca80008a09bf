"""How much money a call sets aside, what happens when the wallet holds less, and how a long stream gets more.

A hold is an estimate, never the model's whole maximum: a customer with one dollar can call a model that could write a
novel. A stream sets more aside in steps as it grows; a whole answer that the wallet could not pay to its end is
limited at the provider, and the answer says so in a header.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings

from billing import pricing
from billing.holds import PlaceVerdict
from gateway import tokens
from gateway.call import Call
from gateway.errors import AccountDisabled, InsufficientBalance, InternalError, SpendLimitExceeded
from gateway.till import TillClosed

log = logging.getLogger(__name__)

SMALL_BODY = 4096  # bytes up to which "one token a byte" is bound enough and costs nothing to compute
LOOK = 64  # bytes of output that pass before a stream's tokens are counted anew
UNASKED_STEPS = 4  # a whole answer without a limit of the customer's may have this many times HOLD_OUTPUT_TOKENS
LEAST_OUTPUT = 16  # an answer shorter than this is not worth starting on the last cents


@dataclass(frozen=True, slots=True)
class Funds:
    """What was secured: output tokens (all choices) that the hold covers, and a limit to send upstream, if any."""

    covered: int
    output_limit: int | None = None  # tokens a choice
    complete: bool = False  # it covers all that was asked for


async def secure(call: Call) -> Funds:
    """Place the hold of a call.

    Raises InsufficientBalance, SpendLimitExceeded, AccountDisabled, or InternalError when the books cannot be reached.
    Nothing is held when it raises.
    """
    envelope, rates = call.envelope, call.price.rates
    ceiling = _ceiling(call)
    first = ceiling
    if envelope.stream:
        first = min(ceiling, settings.HOLD_OUTPUT_TOKENS)
    elif envelope.max_output is None:
        first = min(ceiling, settings.HOLD_OUTPUT_TOKENS * UNASKED_STEPS)
    call.prompt_bound = bound = await _prompt_bound(call, tight=False)
    choices = envelope.choices
    verdict = await place(call, pricing.ceiling_nusd(bound, first * choices, rates))
    if verdict.outcome == "insufficient":
        # The quick bound may be several times the truth. Count properly, and take what there is.
        call.prompt_bound = bound = await _prompt_bound(call, tight=True)
        available = max(0, verdict.balance_nusd - verdict.held_nusd)
        affordable = pricing.output_affordable(available, bound, rates) // choices
        if affordable < min(LEAST_OUTPUT, first):
            raise insufficient(verdict, pricing.ceiling_nusd(bound, min(LEAST_OUTPUT, first) * choices, rates))
        first = min(first, affordable)
        verdict = await place(call, pricing.ceiling_nusd(bound, first * choices, rates))
        if verdict.outcome == "insufficient":
            raise insufficient(verdict, pricing.ceiling_nusd(bound, first * choices, rates))
    if envelope.stream:
        return Funds(covered=first * choices, complete=first == ceiling)
    # Nobody watches a whole answer grow, so the provider may not write more than what is set aside for it pays.
    return Funds(covered=first * choices, output_limit=first if first < ceiling else None)


def _ceiling(call: Call) -> int:
    """The most output tokens that one choice can have: what was asked for, within what the model can."""
    most = call.model.max_output_tokens or settings.HOLD_OUTPUT_TOKENS
    asked = call.envelope.max_output
    return most if asked is None else max(1, min(asked, most))


async def _prompt_bound(call: Call, *, tight: bool) -> int:
    """A number of tokens that the prompt cannot exceed."""
    envelope = call.envelope
    if not tight and not envelope.has_media and envelope.size <= SMALL_BODY:
        return envelope.size
    request, body = call.dialect.request, call.body
    if envelope.size <= SMALL_BODY:
        return tokens.bound(request.measure(body), list(request.text_of(body)))
    return await asyncio.to_thread(lambda: tokens.bound(request.measure(body), list(request.text_of(body))))


async def place(call: Call, amount_nusd: int) -> PlaceVerdict:
    """Set an amount aside for a call. Raises AccountDisabled, SpendLimitExceeded or InternalError; whether the wallet
    holds as much is told by the verdict."""
    try:
        verdict = await call.hold(max(1, amount_nusd), settings.HOLD_SECONDS)
    except TillClosed as error:
        raise InternalError("The books cannot be reached right now; nothing was charged.") from error
    if verdict.outcome == "frozen":
        raise AccountDisabled("This account is frozen.", reason="frozen")
    if verdict.outcome == "capped":
        limit, spent = verdict.cap_limit_nusd or 0, verdict.cap_spent_nusd or 0
        raise SpendLimitExceeded(
            f"This key has reached its {verdict.cap_period} spend limit of ${pricing.usd_text(limit)}.",
            limit_usd=pricing.usd_text(limit),
            spent_usd=pricing.usd_text(spent),
            period=verdict.cap_period,
            resets_at=_next(verdict.cap_period),
        )
    if verdict.outcome == "invalid":  # no call may run without its hold, whatever is wrong with it
        log.critical("the books call the hold of %s invalid: %d nano-USD", call.request_id, amount_nusd)
        raise InternalError("This call could not be booked; nothing was charged.")
    return verdict


def _next(period: str | None) -> datetime | None:
    """When a cap begins anew: caps go by days and months of UTC; a total one never does."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "daily":
        return today + timedelta(days=1)
    if period == "monthly":
        return (today.replace(day=1) + timedelta(days=32)).replace(day=1)
    return None


def insufficient(verdict: PlaceVerdict, required_nusd: int) -> InsufficientBalance:
    """The refusal of a call that may cost `required_nusd`."""
    available = verdict.balance_nusd - verdict.held_nusd
    return InsufficientBalance(
        f"This call may cost up to ${pricing.usd_text(required_nusd)}; ${pricing.usd_text(max(0, available))} is "
        "available. Top up to continue.",
        balance_usd=pricing.usd_text(verdict.balance_nusd),
        required_usd=pricing.usd_text(required_nusd),
        held_usd=pricing.usd_text(verdict.held_nusd),
    )


class Cover:
    """How far the hold of a running stream still reaches, and the steps in which it grows."""

    def __init__(self, call: Call, funds: Funds) -> None:
        self._call = call
        self._covered = funds.covered
        self._counted = 0  # output tokens, counted exactly at the last look
        self._since = 0  # bytes that passed since then: at most one token each
        # Time to set more aside. Where all that was asked for is covered, only a provider that overdoes it needs more.
        self._mark = funds.covered if funds.complete else funds.covered * 3 // 4
        self._extending: asyncio.Task[None] | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._exhausted = False
        self._renewed = time.monotonic()
        self._renewal = settings.HOLD_SECONDS / 3

    def spent(self, text: str) -> bool:
        """Take note of output text that passed; True when the money for it has run out and the stream must end."""
        self._since += len(text) if text.isascii() else len(text.encode())
        if self._counted + self._since < self._mark or self._since < LOOK:
            return False
        self._counted, self._since = self._call.outcome.tally.tokens, 0
        if self._counted < self._mark:
            return False
        if self._exhausted:
            return self._counted >= self._covered
        if self._extending is None or self._extending.done():
            self._extending = asyncio.get_running_loop().create_task(self._extend())
        return False

    async def catch_up(self) -> bool:
        """Nothing more may pass than is set aside: wait for an extension under way when all of the hold is spent. True
        when the money has run out, or the books do not say that there is more."""
        if self._counted < self._covered:
            return False
        if self._extending is not None:
            await asyncio.wait({self._extending})
        return self._counted >= self._covered

    def heartbeat(self) -> None:
        """Keep the hold of a silent stream alive."""
        if time.monotonic() - self._renewed > self._renewal:
            self._renewed = time.monotonic()
            self._keeping = asyncio.get_running_loop().create_task(self._keep())

    async def _extend(self) -> None:
        call, rates = self._call, self._call.price.rates
        goal = self._covered + settings.HOLD_OUTPUT_TOKENS
        try:
            verdict = await call.extend(self._lacking(goal), settings.HOLD_SECONDS)
            if verdict.outcome == "insufficient":
                # Not enough for a whole step: take what there is, and end where that ends.
                self._exhausted = True
                reach = call.held_nusd + max(0, verdict.balance_nusd - verdict.held_nusd)
                goal = pricing.output_affordable(reach, call.prompt_bound, rates)
                if goal <= self._covered:
                    return
                verdict = await call.extend(self._lacking(goal), settings.HOLD_SECONDS)
        except TillClosed:
            # Without the books nobody can say yes; what is held is still good, so the stream runs to its cover, and
            # ends there unless a later attempt succeeds.
            log.warning("%s could not extend its hold: the books do not answer", call.request_id)
            return
        if verdict.outcome == "extended":
            self._covered = goal
            self._mark = goal * 3 // 4
            self._renewed = time.monotonic()
        else:
            self._exhausted = True

    def _lacking(self, goal: int) -> int:
        need = pricing.ceiling_nusd(self._call.prompt_bound, goal, self._call.price.rates)
        return max(0, need - self._call.held_nusd)

    async def _keep(self) -> None:
        try:
            await self._call.extend(0, settings.HOLD_SECONDS)
        except TillClosed:
            log.warning("%s could not keep its hold alive: the books do not answer", self._call.request_id)
