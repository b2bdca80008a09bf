"""What every worker keeps in mind so that a call reads nothing from the database: the catalogue and the credentials.

This is one of the few borders where asynchronous code asks synchronous Django: once per change, not once per call.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Generic, TypeVar

from asgiref.sync import sync_to_async
from django.db import DatabaseError

from catalog import health, routing
from catalog.health import Change
from catalog.routing import Snapshot
from gateway import credentials

log = logging.getLogger(__name__)

Value = TypeVar("Value")


class _OneFlight(Generic[Value]):
    """Many callers, one load: whoever comes while a load runs waits for that load."""

    def __init__(self, load: Callable[[], Awaitable[Value]]) -> None:
        self._load = load
        self._flight: asyncio.Task[Value] | None = None

    def start(self) -> asyncio.Task[Value]:
        loop = asyncio.get_running_loop()
        if self._flight is None or self._flight.done() or self._flight.get_loop() is not loop:
            self._flight = loop.create_task(self._run())
        return self._flight

    async def _run(self) -> Value:
        return await self._load()


_catalogue: _OneFlight[Snapshot] = _OneFlight(sync_to_async(routing.snapshot))
_credentials: _OneFlight[Mapping[int, str]] = _OneFlight(sync_to_async(credentials.open_all))
_secrets: Mapping[int, str] | None = None


async def catalogue() -> Snapshot:
    """The catalogue as it stands; after a change the first call waits for the new one, so no call sees an old price."""
    snapshot = routing.recall()
    if snapshot is None:
        return await asyncio.shield(_catalogue.start())
    if routing.stale():
        _catalogue.start()
    return snapshot


async def credential(provider_id: int) -> str:
    """The secret that opens a provider's door; empty when it has none (a model server of one's own may need none)."""
    global _secrets
    if _secrets is None:
        _secrets = await asyncio.shield(_credentials.start())
    return _secrets.get(provider_id, "")


_noting: set[asyncio.Task[None]] = set()  # a task that nobody refers to may be collected before it ran


def write_down(change: Change) -> None:
    """Tell the operator and the other workers that an endpoint broke or came back. Waits for nothing."""
    _note(sync_to_async(health.write_down)(change))


def learn_health() -> None:
    """Ask the database what other workers found. Waits for nothing."""
    _note(_adopt())


async def _adopt() -> None:
    health.adopt(await sync_to_async(health.known)())


def _note(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.get_running_loop().create_task(_quietly(work))
    _noting.add(task)
    task.add_done_callback(_noting.discard)


async def _quietly(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except DatabaseError:
        log.warning("the health of an endpoint could not be exchanged with the database", exc_info=True)


def forget() -> None:
    """Something in the catalogue changed: ask again at the next call."""
    global _secrets
    _secrets = None
    routing.forget()
