"""`python -m bench.kill [SECONDS]`: the long form of the kill test. Exit status 1 when the books are wrong."""

from __future__ import annotations

import random
import sys
import time
from collections import Counter

from bench.fire import SETTINGS, Fire, reckon, sweep
from bench.servers import world

HARMS = ("worker", "worker", "worker", "database", "database", "server", "both", "redis")


def kill(seconds: int) -> list[str]:
    """Load and harm for so many seconds; what is wrong afterwards."""
    with world(**SETTINGS) as here:
        customers = here.customers(*["25"] * 24, *["0.05"] * 4)
        fire = Fire(here, here.server(workers=2), customers)
        with fire.burning():
            fire.wait_for_charges(20)
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                fire.harm(random.choice(HARMS))
                fire.wait_for_charges(random.randint(1, 40))
        sweep(here.postgres.url())
        wrong = reckon(here, fire.told)
        told = fire.told
        print(f"Kill test, {seconds} s: killed {dict(Counter(fire.harms))}")
        print(f"  charges told: {len(told.wholes)} whole answers, {len(told.streams)} streams")
        print(f"  connections lost: {told.lost}; refused: {told.refusals}")
        print("  the books are right" if not wrong else "  WRONG:\n  " + "\n  ".join(wrong[:20]))
        return wrong


if __name__ == "__main__":
    sys.exit(1 if kill(int(sys.argv[1]) if len(sys.argv) > 1 else 60) else 0)
