"""Keeps a handful of programs running together: one start, one end, nothing left behind. Standard library only.

One supervisor per directory, told apart by a lock that the kernel drops when its holder dies. Every program carries
a mark in its environment, its children inherit it, and the next supervisor ends whatever of a killed one still runs.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TextIO

from gateway import embedded, processes

RESTARTS = 5  # so many within RESTART_WINDOW seconds, then we give up on a program
RESTART_WINDOW = 60
STOPPING = "stopping"


class AlreadyRunning(Exception):
    """Another supervisor holds this directory."""


class ProgramFailed(Exception):
    """A program ended that should not have; the message has the last lines of its log."""


class Asked(BaseException):
    """Somebody pressed Ctrl-C or sent a signal: stop everything."""


class Watched(Protocol):
    """Something that is started, watched, and stopped."""

    name: str

    def start(self) -> None: ...
    def running(self) -> bool: ...
    def stop(self) -> None: ...
    def last_words(self) -> str: ...


class Program:
    """One command, its log file, and all the processes it starts."""

    def __init__(
        self, name: str, command: Sequence[str], *, var: Path, environment: Mapping[str, str], patience: float = 10
    ) -> None:
        self.name = name
        self.command = list(command)
        self.patience = patience
        self.log = var / "log" / f"{name}.log"
        self.directory = os.path.realpath(var)
        self.environment = {**environment, processes.MARK: f"{self.directory}\n{name}"}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        # The children of one that was killed may still hold its port.
        processes.end(processes.marked(self.directory, self.name), patience=2)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own programs
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                start_new_session=True,  # Ctrl-C is for the supervisor; it stops the others in order
                preexec_fn=processes.tied(signal.SIGTERM),
            )

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self) -> None:
        if self.process is not None:
            processes.end([self.process.pid], patience=self.patience)
            self.process.wait()
            processes.end(processes.marked(self.directory, self.name), patience=2)

    def last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])


class Service:
    """An embedded server under supervision."""

    def __init__(self, name: str, server: embedded.Server) -> None:
        self.name = name
        self.server = server

    def start(self) -> None:
        self.server.start()

    def running(self) -> bool:
        return self.server.process is not None and self.server.process.poll() is None

    def stop(self) -> None:
        self.server.stop()

    def last_words(self) -> str:
        return self.server.last_words()


class Supervisor:
    """Starts in the order of `start`, watches, stops in reverse order."""

    def __init__(self, var: Path, say: Callable[[str], None]) -> None:
        self.var = var
        self.say = say
        self._lock: TextIO | None = None
        self._running: list[Watched] = []
        self._deaths: dict[str, list[float]] = {}

    def claim(self) -> None:
        """Take the directory, waiting for one that is just stopping; end what a killed one left behind.

        Raises AlreadyRunning with the number of the process that has it.
        """
        self.var.mkdir(mode=0o755, parents=True, exist_ok=True)
        (self.var / "log").mkdir(mode=0o700, exist_ok=True)
        lock = (self.var / "up.lock").open("a+", encoding="utf-8")
        began = time.monotonic()
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                lock.seek(0)
                holder = lock.read().strip()
                if time.monotonic() - began > (60 if holder.endswith(STOPPING) else 3):
                    raise AlreadyRunning(holder) from None
                time.sleep(0.1)
        self._lock = lock
        self._note(f"process {os.getpid()}")
        processes.end(processes.marked(os.path.realpath(self.var)), patience=5)
        for log in (self.var / "log").glob("*.log"):
            log.replace(log.with_suffix(".log.1"))

    def start(self, watched: Watched) -> None:
        """Start one more; it is watched and stopped from now on."""
        self._running.append(watched)
        watched.start()

    def watch(self, *, parent: int | None = None) -> None:
        """Restart what dies, until Asked. Raises ProgramFailed when one dies again and again.

        `parent` is a make that may be interrupted alone, without us: it then waits for our end and never says so.
        """
        before = processes.handling(parent) if parent else frozenset()
        while parent is None or processes.handling(parent) <= before:
            for watched in self._running:
                if not watched.running():
                    self._revive(watched)
            time.sleep(0.25)
        raise Asked

    def check(self) -> None:
        """Raises ProgramFailed when one of them is not running."""
        for watched in self._running:
            if not watched.running():
                raise ProgramFailed(f"{watched.name} ended. Its last words:\n{watched.last_words()}")

    def stop(self) -> None:
        """Stop all, last started first, and let the directory go."""
        self._note(f"process {os.getpid()}, {STOPPING}")
        while self._running:
            self._running.pop().stop()
        if self._lock:
            self._lock.close()
            self._lock = None

    def _note(self, text: str) -> None:
        if self._lock:
            self._lock.truncate(0)
            self._lock.write(text)
            self._lock.flush()

    def _revive(self, watched: Watched) -> None:
        now = time.monotonic()
        recent = [moment for moment in self._deaths.get(watched.name, []) if now - moment < RESTART_WINDOW]
        self._deaths[watched.name] = [*recent, now]
        if len(recent) >= RESTARTS:
            raise ProgramFailed(f"{watched.name} ends again and again. Its last words:\n{watched.last_words()}")
        self.say(f"{watched.name} ended by itself and is started again; see its log.")
        watched.start()


def ignore_signals() -> None:
    """From now on nothing interrupts us: we are stopping."""
    for each in processes.INTERRUPTS:
        signal.signal(each, signal.SIG_IGN)


def heed_signals() -> None:
    """From now on the first SIGINT, SIGTERM or SIGHUP raises Asked in the main thread; the next ones do nothing."""

    def asked(number: int, frame: object) -> None:
        ignore_signals()
        raise Asked

    for each in processes.INTERRUPTS:
        signal.signal(each, asked)
