"""What is written into an answer after its books are closed, because only then its cost is known."""

from __future__ import annotations

from typing import Protocol

from billing import pricing
from billing.holds import SettleVerdict
from billing.pricing import usd_text
from billing.usage import Usage
from gateway.call import Call
from gateway.dialects.openai_chat import costing


class Postscript(Protocol):
    """The last hand on an answer. `verdict` is None when the books take too long: the call is answered before."""

    def whole(self, call: Call, verdict: SettleVerdict | None, body: bytes) -> bytes:
        """The body that the customer gets for the whole answer `body`. Raises GatewayError when it is of no use to
        them; it is charged all the same."""

    def ending(self, call: Call, verdict: SettleVerdict | None, ending: bytes) -> bytes:
        """The last events of a stream. Never raises."""


class NoPostscript:
    """The answer goes out as it is."""

    def whole(self, call: Call, verdict: SettleVerdict | None, body: bytes) -> bytes:
        return body

    def ending(self, call: Call, verdict: SettleVerdict | None, ending: bytes) -> bytes:
        return ending


class CostPostscript:
    """`usage.cost` for chat completions that ask for it."""

    def whole(self, call: Call, verdict: SettleVerdict | None, body: bytes) -> bytes:
        if not call.envelope.wants_cost:
            return body
        return costing.told(body, usd_text(charged(call, verdict)), consumed(call))

    def ending(self, call: Call, verdict: SettleVerdict | None, ending: bytes) -> bytes:
        if not call.envelope.wants_cost:
            return ending
        return costing.told_at_the_end(
            ending,
            usd_text(charged(call, verdict)),
            consumed(call),
            id=f"chatcmpl-{call.id.hex}",
            created=int(call.begun.timestamp()),
            model=call.model.slug,
        )


NOTHING = NoPostscript()


def charged(call: Call, verdict: SettleVerdict | None) -> int:
    """What the call was charged, in nano-USD; while the books are not yet durable, what it is going to be."""
    if verdict is not None:
        return verdict.charged_nusd
    return pricing.charge_nusd(pricing.cost(consumed(call), call.price.rates).exact * (1 + call.rise))


def consumed(call: Call) -> Usage:
    """What the call is charged for."""
    return call.charged_usage or call.outcome.usage or Usage()
