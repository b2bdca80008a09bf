"""`make bench`: what a call costs, measured; and the long form of the kill test."""

from __future__ import annotations

import argparse
import os
import sys

from bench import kill, report
from bench.report import Results
from bench.runs import Bench, Target, in_turns, litellm, load_average
from bench.servers import UVICORN, World, world

WARM_UP = 2  # seconds of calls before anything counts
WALLETS = 100


def measure(here: World, rounds: int, seconds: float) -> Results:
    """Every figure, in interleaved rounds."""
    customers = here.customers(*["900000"] * WALLETS)
    keys = [customer.key for customer in customers]
    bench, results = Bench(here, customers), Results()
    plain = ["-m", "uvicorn", "--port", "PORT", "--workers", "1", *UVICORN, "bench.passthrough:application"]
    ours = here.server()
    targets = [
        Target("direct", here.programs[0], ["none"]),
        Target("pass-through", here.program("passthrough", *plain), ["none"]),
        Target("Tollgate, uvicorn", ours, keys, bills=True),
        Target("Tollgate, daphne", here.server("daphne"), keys, bills=True),
    ]
    hot = Target("hot", ours, keys[:1], bills=True)
    if os.environ.get("BENCH_LITELLM_PYTHON"):
        targets.append(litellm(here, os.environ["BENCH_LITELLM_PYTHON"]))
    for target in targets:
        bench.whole(target, WARM_UP)
    results.loads.append(load_average())
    for number, order in enumerate(in_turns(rounds, targets)):
        print(f"round {number + 1} of {rounds}, load {load_average()}", file=sys.stderr)
        for target in order:
            results.streams.setdefault(target.name, []).append(bench.streams(target))
        for target in order:
            results.wholes.setdefault(target.name, []).append(bench.whole(target, seconds))
            if target.program is ours:
                results.hot.append(bench.whole(hot, seconds))
    results.wholes = {target.name: results.wholes[target.name] for target in targets}
    results.streams = {target.name: results.streams[target.name] for target in targets}
    results.till = bench.till(batches=200)
    results.long = bench.long_streams(targets[2])
    results.loads.append(load_average())
    return results


def main() -> int:
    """Exit status 1 when the books are wrong, or when what was to be published is not fit for it."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (5)")
    parser.add_argument("--seconds", type=float, default=4, help="of load on each target in each round (4)")
    parser.add_argument("--kill", type=int, default=60, help="seconds of the kill test, 0 for none (60)")
    parser.add_argument("--publish", choices=("1", "anyway"), help="write docs/performance.md, even if too noisy")
    options = parser.parse_args()
    with world(MAX_OPEN_CALLS_PER_KEY="100000") as here:
        results = measure(here, options.rounds, options.seconds)
        print(report.text(results, here))
        published = not options.publish or report.publish(results, here, anyway=options.publish == "anyway")
    if not published:
        print(f"Not published: the direct figure varied by {results.unsteady():.0%}; measure on a quieter machine.")
    wrong = kill.kill(options.kill) if options.kill else []
    return 1 if wrong or not published else 0


if __name__ == "__main__":
    sys.exit(main())
