"""`python -m bench.till BATCHES`: what placing and settling cost, in batches of 64, through the till itself.

Prints JSON: CPU microseconds of this process for one call (placed and settled); PostgreSQL's are the caller's to count.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from decimal import Decimal

import django
import uvloop

django.setup()

from billing.holds import Placement, Settlement  # noqa: E402  (models load only after setup)
from billing.usage import Usage  # noqa: E402
from gateway import callid, till  # noqa: E402

BATCH = 64


def placement(wallet: int) -> Placement:
    """A call about to run."""
    return Placement(id=callid.new(), wallet_id=wallet, key_id=wallet, amount_nusd=5_000_000, ttl_seconds=900)


def settlement(call: Placement) -> Settlement:
    """How it ended."""
    return Settlement(
        id=call.id,
        wallet_id=call.wallet_id,
        key_id=call.key_id,
        user_id=None,
        cost_nusd=350_000,
        exact_cost=Decimal("0.00035"),
        usage=Usage(input=10, output=5),
        model="bench-model",
        model_id=1,
        endpoint_id=1,
        provider="bench",
        surface="v1",
        operation="chat.completions",
        streamed=False,
        price_version_id=1,
        supplier_cost_version_id=None,
        supplier_cost=None,
        rise=Decimal(0),
        usage_source="reported",
        finish="stop",
        outcome="completed",
        error_code=None,
        status=200,
        attempts=[{"endpoint_id": 1, "provider": "bench", "error": None, "ms": 12}],
        first_byte_ms=12,
        duration_ms=15,
        detail=None,
    )


async def main(batches: int, wallets: list[int]) -> None:
    """Place and settle so many batches, after a few to get warm."""
    desk = till.current()
    cpu = 0.0
    for number in range(batches + 5):
        if number == 5:
            cpu = time.process_time()
        calls = [placement(wallets[(number * BATCH + place) % len(wallets)]) for place in range(BATCH)]
        placed = await asyncio.gather(*(desk.placing.put(call) for call in calls))
        settled = await asyncio.gather(*(desk.settling.put(settlement(call)) for call in calls))
        assert {verdict.outcome for verdict in placed} == {"placed"}
        assert {verdict.outcome for verdict in settled} == {"settled"}
    used = time.process_time() - cpu
    await desk.close()
    print(json.dumps({"client_us": used / (batches * BATCH) * 1e6, "calls": (batches + 5) * BATCH}))


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), [int(wallet) for wallet in sys.argv[2:]]))
