"""From figures to the table that people read."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psycopg

from bench.meter import median, spread
from bench.runs import CHUNKS, CONNECTIONS, GAP_MS, STREAMS, Figures
from bench.servers import ROOT, World

DOCUMENT = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
STEADY = 1 / 4  # how far the direct figure may vary between rounds
NOISE = (
    "The machine was busy with others while this was measured: CPU and its ratios come out too high, and delays and "
    "requests per second say little."
)
Rounds = Mapping[str, Sequence[Figures]]


@dataclass
class Results:
    """Everything that one run of the bench found out. Rounds are in the order in which they were run."""

    wholes: dict[str, list[Figures]] = field(default_factory=dict)
    streams: dict[str, list[Figures]] = field(default_factory=dict)
    hot: list[Figures] = field(default_factory=list)
    till: tuple[float, float] = (0, 0)
    long: tuple[float, float] = (0, 0)
    loads: list[str] = field(default_factory=list)

    def unsteady(self) -> float:
        """How far the rounds that went straight to the provider lie apart, by what others left us of the machine."""
        return spread(each.rate for each in self.wholes["direct"])


def ratio(above: Sequence[Figures], below: Sequence[Figures], of: Callable[[Figures], float]) -> float:
    """The median of the rounds' own ratios: what slows a whole round down drops out."""
    return median(of(one) / of(other) for one, other in zip(above, below, strict=True))


def text(results: Results, world: World) -> str:
    """All tables, in Markdown."""
    return "\n\n".join([_where(results, world), _wholes(results), _streams(results), _goals(results)]) + "\n"


def publish(results: Results, world: World, *, anyway: bool = False) -> bool:
    """Put the tables into docs/performance.md. False, and nothing written, when the machine was not quiet enough;
    `anyway` writes them all the same, and says that it was not."""
    if results.unsteady() > STEADY and not anyway:
        return False
    page = DOCUMENT.read_text(encoding="utf-8")
    fresh = re.sub(
        f"{BEGIN}.*{END}", lambda _: f"{BEGIN}\n\n{text(results, world)}\n{END}", page, count=1, flags=re.DOTALL
    )
    DOCUMENT.write_text(fresh, encoding="utf-8")
    return True


def _where(results: Results, world: World) -> str:
    models = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    with psycopg.connect(world.postgres.url()) as connection:
        row = connection.execute("SHOW server_version").fetchone()
    packages = ", ".join(f"{name} {version(name)}" for name in ("django", "uvicorn", "daphne", "aiohttp", "psycopg"))
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} cores ({models[0] if models else 'unknown'}), "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, {packages}, PostgreSQL "
        f"{row[0] if row else '?'} with fsync on. {len(results.wholes['direct'])} rounds; load average "
        f"{results.loads[0]} before and {results.loads[-1]} after. The direct figure varied by "
        f"{results.unsteady():.0%} between rounds." + (f"\n\n**{NOISE}**" if results.unsteady() > STEADY else "")
    )


def _wholes(results: Results) -> str:
    head = (
        f"**Whole answers**, {CONNECTIONS} at once, 1 KB requests, 100 wallets, one worker\n\n"
        "| | CPU µs / request | × pass-through | PostgreSQL CPU µs | requests / s | p50 ms | p99 ms |\n"
        "|---|---|---|---|---|---|---|\n"
    )
    rows = []
    for name, rounds in (results.wholes | {"Tollgate, uvicorn, one wallet": results.hot}).items():
        times = ratio(rounds, results.wholes["pass-through"], lambda each: each.cpu)
        rows.append(
            f"| {name} | {_mid(rounds, 'cpu'):.0f} | {times:.2f} | {_mid(rounds, 'postgres'):.0f} "
            f"| {_mid(rounds, 'rate'):.0f} | {_mid(rounds, 'p50'):.1f} | {_mid(rounds, 'p99'):.1f} |"
        )
    return head + "\n".join(rows)


def _streams(results: Results) -> str:
    head = (
        f"**Streams**, {STREAMS} at once, {CHUNKS} chunks each, {GAP_MS} ms apart\n\n"
        "| | CPU µs / chunk | × pass-through | first chunk later than direct, p50 ms | KB / stream |\n"
        "|---|---|---|---|---|\n"
    )
    rows = []
    for name, rounds in results.streams.items():
        times = ratio(rounds, results.streams["pass-through"], lambda each: each.cpu)
        rows.append(
            f"| {name} | {_mid(rounds, 'cpu'):.0f} | {times:.2f} | {_later(results, name):.1f} "
            f"| {rounds[0].memory:.0f} |"
        )
    return head + "\n".join(rows)


def _goals(results: Results) -> str:
    wholes, streams = results.wholes, results.streams
    ours, asgi, plain = wholes["Tollgate, uvicorn"], wholes["Tollgate, daphne"], wholes["pass-through"]
    client, postgres = results.till
    used, grown = results.long
    flow = streams["Tollgate, uvicorn"]
    lines = []
    if "LiteLLM" in wholes:
        theirs = wholes["LiteLLM"]
        less, less_daphne = (ratio(theirs, each, lambda one: one.cpu) for each in (ours, asgi))
        faster = ratio(ours, theirs, lambda one: one.rate)
        lines += [
            ("CPU / request, uvicorn, against LiteLLM without a database", f"{less:.0f} × less", "≥ 60 ×", less >= 60),
            ("the same on daphne", f"{less_daphne:.0f} × less", "≥ 25 ×", less_daphne >= 25),
            (f"requests / s at {CONNECTIONS} against LiteLLM", f"{faster:.0f} ×", "≥ 30 ×", faster >= 30),
        ]
    cpu = ratio(ours, plain, lambda one: one.cpu)
    chunk = ratio(flow, streams["pass-through"], lambda one: one.cpu)
    later = _later(results, "Tollgate, uvicorn")
    hot = ratio(results.hot, ours, lambda one: one.rate)
    lines += [
        ("CPU / request against pass-through", f"{cpu:.2f} ×", "≤ 2.0 ×", cpu <= 2),
        ("CPU / chunk against pass-through", f"{chunk:.2f} ×", "≤ 1.1 ×", chunk <= 1.1),
        (f"first chunk later than direct, p50, {STREAMS} streams", f"{later:.1f} ms", "≤ 10 ms", later <= 10),
        ("memory of an open stream", f"{flow[0].memory:.0f} KB", "≤ 20 KB", flow[0].memory <= 20),
        ("memory growth in long streams", f"{grown:.0f} KB of {used:.0f}", "flat", grown < used / 100),
        ("one hot wallet against 100, requests / s", f"{hot:.2f}", "≥ 0.85", hot >= 0.85),
        ("place and settle, client CPU, batches of 64", f"{client:.0f} µs", "≤ 60 µs", client <= 60),
        ("place and settle, PostgreSQL CPU", f"{postgres:.0f} µs", "≤ 140 µs", postgres <= 140),
        ("ledger after every run", "exact", "exact", True),
    ]
    head = "**Goals**\n\n| | measured | goal | |\n|---|---|---|---|\n"
    return head + "\n".join(
        f"| {what} | {is_} | {goal} | {'met' if met else '**missed**'} |" for what, is_, goal, met in lines
    )


def _mid(rounds: Sequence[Figures], name: str) -> float:
    return median(getattr(each, name) for each in rounds)


def _later(results: Results, name: str) -> float:
    pairs = zip(results.streams[name], results.streams["direct"], strict=True)
    return median(ours.first50 - direct.first50 for ours, direct in pairs)
