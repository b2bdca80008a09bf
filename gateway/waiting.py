"""Waiting for a change of a job without asking the database all the time: its notice wakes whoever waits here."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

_waiting: dict[str, set[asyncio.Event]] = {}


@contextmanager
def notices(job_id: UUID) -> Iterator[asyncio.Event]:
    """An event that is set when the job changes. Look at the job after this, so that no change is missed."""
    event = asyncio.Event()
    waiting = _waiting.setdefault(job_id.hex, set())
    waiting.add(event)
    try:
        yield event
    finally:
        waiting.discard(event)
        if not waiting and _waiting.get(job_id.hex) is waiting:
            del _waiting[job_id.hex]


async def noticed(event: asyncio.Event, seconds: float) -> bool:
    """Wait for the event, at most so long; whether it came."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


def wake(job_id: str) -> None:
    """The job with this id (32 hexadecimal digits) has changed. Called on the loop of those who wait."""
    for event in _waiting.get(job_id, ()):
        event.set()


def wake_all() -> None:
    """Nobody knows what has changed."""
    for events in _waiting.values():
        for event in events:
            event.set()
