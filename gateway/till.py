"""The till: money moves in batches. Whatever queued while one statement ran goes into the next; there is no timer.

It runs the very statements of billing.holds, on its own asynchronous connections: placing and extending without
waiting for the disk (a crash can only lose a hold, and settling still bills without it), settling only when durable.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import psycopg
from django.conf import settings

from billing import holds
from billing.holds import ExtendVerdict, Extension, Placement, PlaceVerdict, Settlement, SettleVerdict

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Verdict = TypeVar("Verdict")

BATCH = 256  # items in one statement at the most
LONGEST_WAIT = 2.0  # seconds between two attempts to reach the database again


class TillClosed(Exception):
    """The database could not be reached within the patience of the caller; nothing is known to have moved."""


class Lane(Generic[Item, Verdict]):
    """One kind of statement on one connection, fed in batches.

    `patience` is how many seconds an item may wait for a lost database before its caller gets TillClosed;
    None waits for ever: a settlement is never given up while the process lives. All statements are idempotent by the
    item's id, so a batch whose answer was lost is simply sent again.
    """

    def __init__(
        self,
        name: str,
        statement: str,
        encode: Callable[[Sequence[Item]], Any],
        decode: Callable[[Sequence[Any], Sequence[Item]], list[Verdict]],
        *,
        patience: float | None,
    ) -> None:
        self.name = name
        self._statement = statement
        self._encode = encode
        self._decode = decode
        self._patience = patience
        self._queue: list[tuple[Item, asyncio.Future[Verdict]]] = []
        self._runner: asyncio.Task[None] | None = None
        self._connection: psycopg.AsyncConnection[Any] | None = None

    async def put(self, item: Item) -> Verdict:
        """Queue one item and wait for its verdict. Raises TillClosed when the database stays away."""
        future: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._queue.append((item, future))
        if self._runner is None or self._runner.done():
            self._runner = asyncio.get_running_loop().create_task(self._run(), name=f"till-{self.name}")
        return await future

    async def close(self) -> None:
        """Work off what is queued, then let the connection go."""
        if self._runner is not None and not self._runner.done():
            await self._runner
        await self._disconnect()

    async def _run(self) -> None:
        while self._queue:
            batch = self._queue[:BATCH]
            del self._queue[:BATCH]
            try:
                await self._flush(batch)
            except Exception:  # the runner must outlive any one batch
                log.exception("till lane %s lost a batch of %d", self.name, len(batch))
                for _, future in batch:
                    if not future.done():
                        future.set_exception(TillClosed(f"the books refused the {self.name}"))

    async def _flush(self, batch: list[tuple[Item, asyncio.Future[Verdict]]]) -> None:
        try:
            verdicts = await self._send([item for item, _ in batch])
        except psycopg.Error as error:
            if len(batch) == 1:
                log.critical("the books refused one %s: %s", self.name, error)
                _fail(batch[0][1], TillClosed(f"the books refused the {self.name}"))
                return
            # One bad item must not take its neighbours along: find it by sending each alone.
            log.error("till lane %s sends a refused batch of %d one by one: %s", self.name, len(batch), error)
            for single in batch:
                await self._flush([single])
            return
        except TillClosed as error:
            for _, future in batch:
                _fail(future, error)
            return
        for (_, future), verdict in zip(batch, verdicts, strict=True):
            if not future.done():
                future.set_result(verdict)

    async def _send(self, items: list[Item]) -> list[Verdict]:
        parameter = self._encode(items)
        loop = asyncio.get_running_loop()
        deadline = None if self._patience is None else loop.time() + self._patience
        pause = 0.05
        while True:
            try:
                connection = await self._connect()
                cursor = await connection.execute(self._statement, parameter)
                return self._decode(await cursor.fetchall(), items)
            except (psycopg.OperationalError, psycopg.InterfaceError, OSError) as error:
                # Server gone, restarting, out of connections, deadlock or time-out: the batch may be sent again.
                await self._disconnect()
                if deadline is not None and loop.time() + pause > deadline:
                    raise TillClosed(f"the database did not answer the {self.name}") from error
                log.warning("till lane %s waits for the database: %s", self.name, str(error).strip())
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_WAIT)

    async def _connect(self) -> psycopg.AsyncConnection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = await psycopg.AsyncConnection.connect(
                conninfo(), autocommit=True, prepare_threshold=0, connect_timeout=3
            )
        return self._connection

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                await connection.close()
            except (psycopg.Error, OSError) as error:
                log.debug("closing a lost connection: %s", error)


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)


def conninfo() -> str:
    """The libpq connection string of the default database (tests give it another name than DATABASE_URL)."""
    database: dict[str, Any] = settings.DATABASES["default"]
    options = {key: value for key, value in database.get("OPTIONS", {}).items() if isinstance(value, str)}
    return psycopg.conninfo.make_conninfo(
        dbname=database["NAME"],
        user=database["USER"] or None,
        password=database["PASSWORD"] or None,
        host=database["HOST"] or None,
        port=database["PORT"] or None,
        **options,
    )


class Till:
    """The three lanes of one event loop."""

    def __init__(self) -> None:
        self.placing: Lane[Placement, PlaceVerdict] = Lane(
            "hold", holds.PLACE_SQL, holds.place_parameters, holds.read_place, patience=settings.PLACE_PATIENCE_SECONDS
        )
        self.extending: Lane[Extension, ExtendVerdict] = Lane(
            "extension",
            holds.EXTEND_SQL,
            holds.extend_parameters,
            holds.read_extend,
            patience=settings.PLACE_PATIENCE_SECONDS,
        )
        self.settling: Lane[Settlement, SettleVerdict] = Lane(
            "settlement", holds.SETTLE_SQL, holds.settle_parameters, holds.read_settle, patience=None
        )

    async def close(self) -> None:
        """Work off all lanes; called when the server stops."""
        for lane in (self.placing, self.extending, self.settling):
            await lane.close()


_tills: dict[asyncio.AbstractEventLoop, Till] = {}


def current() -> Till:
    """The till of the running event loop: one a worker."""
    loop = asyncio.get_running_loop()
    till = _tills.get(loop)
    if till is None:
        for stale in [other for other in _tills if other.is_closed()]:
            del _tills[stale]
        till = _tills[loop] = Till()
    return till
