"""What processes cost: CPU seconds and memory, as the kernel counts them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time of these processes so far, and of the children that they have buried."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += sum(int(ticks) for ticks in fields[11:15])
    return total / TICKS


def resident_bytes(pids: Iterable[int]) -> int:
    """Memory in use by these processes; what they share counts for each."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    return total


def median(values: Iterable[float]) -> float:
    """The middle one; the mean of the two in the middle."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def spread(values: Iterable[float]) -> float:
    """How far the figures lie apart, as a part of their median."""
    kept = list(values)
    return (max(kept) - min(kept)) / median(kept)
