"""Listens to the database for changes of keys, prices and routes, so that every worker knows of them at once.

PostgreSQL's own triggers send the notices, so it does not matter who made the change: the dashboard, the admin, a
command or a person with psql.
"""

from __future__ import annotations

import asyncio
import logging

import psycopg

from accounts import keys
from gateway import memory, waiting
from gateway.till import conninfo

log = logging.getLogger(__name__)

LONGEST_WAIT = 5.0  # seconds between two attempts to reach the database again


async def listen() -> None:
    """Run for as long as the worker lives. While the database is away, memories age out by themselves."""
    pause = 0.1
    while True:
        try:
            connection = await psycopg.AsyncConnection.connect(conninfo(), autocommit=True, connect_timeout=3)
            async with connection:
                await connection.execute("LISTEN tollgate_keys")
                await connection.execute("LISTEN tollgate_catalog")
                await connection.execute("LISTEN tollgate_health")
                await connection.execute("LISTEN tollgate_jobs")
                # What changed while nobody listened is unknown.
                keys.forget_all()
                memory.forget()
                memory.learn_health()
                waiting.wake_all()
                pause = 0.1
                async for notice in connection.notifies():
                    heed(notice.channel, notice.payload)
        except (psycopg.Error, OSError) as error:
            log.warning("lost the database's notices: %s", str(error).strip())
        keys.forget_all()
        memory.forget()
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_WAIT)


def heed(channel: str, payload: str) -> None:
    """Forget what a notice says has changed."""
    if channel == "tollgate_catalog":
        memory.forget()
    elif channel == "tollgate_health":
        memory.learn_health()
    elif channel == "tollgate_jobs":
        waiting.wake(payload)
    elif payload:
        keys.forget(payload)
    else:
        keys.forget_all()
