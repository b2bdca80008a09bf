"""Tell the workers that there is a job. The message is only a hint: the job itself is in the database."""

from __future__ import annotations

import asyncio
import logging
import threading
from uuid import UUID

from kombu.exceptions import OperationalError

from gateway.celery import app
from gateway.writing import write

log = logging.getLogger(__name__)

_announcing: set[asyncio.Task[None]] = set()  # a task that nobody refers to may be collected before it ran
_doubtful = threading.Event()  # the last message was not taken
_probe = threading.Lock()  # then only one at a time is tried, since each costs seconds


def announce(job_id: UUID) -> None:
    """Have a worker look at a job. Waits for nothing."""
    task = asyncio.get_running_loop().create_task(write(enqueue, job_id), name=f"announce-{job_id}")
    _announcing.add(task)
    task.add_done_callback(_announcing.discard)


def enqueue(job_id: UUID) -> None:
    """Have a worker look at a job. Without a broker the clock finds the job later."""
    if not _doubtful.is_set():
        _send(job_id)
    elif _probe.acquire(blocking=False):
        try:
            _send(job_id)
        finally:
            _probe.release()


def _send(job_id: UUID) -> None:
    try:
        app.send_task("gateway.run_job", [job_id.hex], retry=False)
        _doubtful.clear()
    except (OperationalError, OSError):
        _doubtful.set()
        log.warning("job %s could not be announced to the workers; the clock will", job_id)
