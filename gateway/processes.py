"""Child processes that do not outlive us, and those that a killed run left behind. Standard library only."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

PR_SET_PDEATHSIG = 1  # prctl(2)
PROC = Path("/proc")
INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
MARK = "TOLLGATE_SUPERVISED"  # the environment variable by which every descendant of one run is found again

_libc = ctypes.CDLL(None, use_errno=True)


def tied(word: signal.Signals) -> Callable[[], None]:
    """For `Popen(preexec_fn=…)`: the kernel sends `word` to the child when the thread that started it dies.

    Changing the user clears the wish, so it must be made after that; `Popen` does it in this order.
    """
    parent = os.getpid()

    def tie() -> None:
        tie_to_parent(word)
        if os.getppid() != parent:  # it died in between
            os._exit(1)

    return tie


def tie_to_parent(word: signal.Signals) -> None:
    """Ask the kernel to send `word` to this process when its parent dies."""
    if hasattr(_libc, "prctl"):  # Linux
        _libc.prctl(PR_SET_PDEATHSIG, int(word), 0, 0, 0)


def handling(pid: int) -> frozenset[signal.Signals]:
    """The interrupts that process `pid` holds back now: as a rule because it is in the middle of handling one."""
    with contextlib.suppress(OSError, StopIteration, ValueError):
        lines = (PROC / str(pid) / "status").read_text().splitlines()
        mask = int(next(line for line in lines if line.startswith("SigBlk:")).split()[1], 16)
        return frozenset(word for word in INTERRUPTS if mask >> (word - 1) & 1)
    return frozenset()


def alive(pid: int) -> bool:
    """Whether the process still runs; one that only waits to be collected by its parent does not."""
    try:
        stat = (PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")


def at_home_in(directory: Path, program: str) -> list[int]:
    """Every running `program` whose working directory is `directory`.

    PostgreSQL and Redis both live in their data directory and both overwrite their title and environment, so this,
    not a remembered number that may have been given to somebody else since, is how they are recognised.
    """
    home = os.path.realpath(directory)
    found = []
    for pid in _pids():
        with contextlib.suppress(OSError):
            executable = os.readlink(PROC / str(pid) / "exe").removesuffix(" (deleted)")
            if os.path.basename(executable) == program and os.readlink(PROC / str(pid) / "cwd") == home:
                found.append(pid)
    return [pid for pid in found if alive(pid)]


def marked(directory: str, name: str = "") -> list[int]:
    """Every other running process that inherited the mark of `directory`; with `name`, only those of that program."""
    wanted = os.fsencode(f"{MARK}={directory}\n{name}")
    found = []
    for pid in _pids():
        with contextlib.suppress(OSError):
            for entry in (PROC / str(pid) / "environ").read_bytes().split(b"\0"):
                if pid != os.getpid() and (entry == wanted if name else entry.startswith(wanted)):
                    found.append(pid)
    return [pid for pid in found if alive(pid)]


def session_of(pid: int) -> list[int]:
    """Every running process of the session that `pid` leads: itself, its children, their children."""
    found = []
    for each in _pids():
        with contextlib.suppress(OSError):
            if os.getsid(each) == pid:
                found.append(each)
    return [each for each in found if alive(each)]


def end(pids: Iterable[int], *, word: signal.Signals = signal.SIGTERM, patience: float = 10) -> None:
    """Send `word`, wait up to `patience` seconds, then kill what is left and wait for that too."""
    left = list(pids)
    for step, seconds in ((word, patience), (signal.SIGKILL, 10)):
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, step)
        left = left_after(seconds, left)
        if not left:
            return


def left_after(seconds: float, pids: Iterable[int]) -> list[int]:
    """Those of `pids` that still run after so many seconds; none, and sooner, when all have ended."""
    left = [pid for pid in pids if alive(pid)]
    deadline = time.monotonic() + seconds
    while left and time.monotonic() < deadline:
        time.sleep(0.02)
        left = [pid for pid in left if alive(pid)]
    return left


def _pids() -> Iterator[int]:
    with contextlib.suppress(OSError):
        yield from (int(name) for name in os.listdir(PROC) if name.isdigit())
