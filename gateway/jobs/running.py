"""A worker's side of jobs: claim one, work on it, say that it lives, stop when it is cancelled, write down the end.

Celery brings the job's id, in whatever thread. The work itself is asynchronous, as in a server, and all jobs of one
process share one event loop, and with it the connections to providers, to the till and to Redis.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from uuid import UUID

from django.conf import settings

from gateway import call, callid, changes, waiting
from gateway.errors import GatewayError, InternalError, UpstreamTimeout
from gateway.jobs import chat, lifecycle
from gateway.jobs.kinds import Progress, Worker
from gateway.jobs.lifecycle import Outcome
from gateway.models import Job
from gateway.writing import write

log = logging.getLogger(__name__)

KINDS: dict[str, Worker] = {"chat": chat.answer}
# How often the end of a job is tried to be written down while the database is away. After that the job is done again,
# under the same call.
WRITING_ATTEMPTS = 10
LONGEST_PAUSE = 5.0  # seconds between two of them

Status = Job.Status

_starting = threading.Lock()
_loops: dict[int, asyncio.AbstractEventLoop] = {}  # by process: a fork has none


def run(job_id: str) -> None:
    """Work on a job to its end, in the loop of this process; waits for it. Does nothing for a job that is not to be
    had: over, or somebody else's."""
    asyncio.run_coroutine_threadsafe(drive(UUID(job_id)), _loop()).result()


def _loop() -> asyncio.AbstractEventLoop:
    with _starting:
        loop = _loops.get(os.getpid())
        if loop is None:
            loop = _loops[os.getpid()] = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="jobs", daemon=True).start()
            loop.call_soon_threadsafe(_listen, loop)
        return loop


_listening: set[asyncio.Task[None]] = set()  # a task that nobody refers to may be collected


def _listen(loop: asyncio.AbstractEventLoop) -> None:
    _listening.add(loop.create_task(changes.listen(), name="listen-for-changes"))


async def drive(job_id: UUID) -> None:
    """Claim a job and work on it until it is over."""
    owner = callid.new()
    job = await write(lifecycle.claim, job_id, owner)
    if job is None:
        return
    progress = Progress()
    work = asyncio.ensure_future(KINDS[job.kind](job, progress))
    watch = asyncio.get_running_loop().create_task(_watch(job.pk, owner, work))
    try:
        outcome = await _outcome(job, work, progress)
    finally:
        watch.cancel()
    await call.closed(job.call_id)
    await _write_down(job.pk, owner, outcome)


async def _outcome(job: Job, work: asyncio.Future[bytes], progress: Progress) -> Outcome:
    error: GatewayError
    try:
        async with asyncio.timeout(settings.JOB_SECONDS):
            return Outcome(Status.COMPLETED, await work)
    except GatewayError as failure:
        error = failure
    except TimeoutError:
        error = UpstreamTimeout("The job took too long.", timeout_seconds=settings.JOB_SECONDS)
    except asyncio.CancelledError:
        if not work.cancelled():  # it is we who are to stop, not the work
            raise
        return Outcome(Status.CANCELLED, progress.part())
    except Exception:
        log.exception("job %s broke", job.pk)
        error = InternalError()
    return Outcome(Status.FAILED, progress.part(), error.code, error.message)


async def _watch(job_id: UUID, owner: UUID, work: asyncio.Future[bytes]) -> None:
    """Renew the lease; stop the work when it is no longer wanted, as soon as the database says so."""
    while True:
        with waiting.notices(job_id) as notice:
            try:
                wanted = await write(lifecycle.beat, job_id, owner)
            except InternalError:
                log.warning("the lease of job %s could not be renewed: the database does not answer", job_id)
                wanted = True
            if not wanted:
                work.cancel()
                return
            await waiting.noticed(notice, settings.JOB_LEASE_SECONDS / 3)


async def _write_down(job_id: UUID, owner: UUID, outcome: Outcome) -> None:
    pause = 0.2
    for _ in range(WRITING_ATTEMPTS):
        try:
            if not await write(lifecycle.finish, job_id, owner, outcome):
                log.warning("job %s was taken over while it ended here", job_id)
            return
        except InternalError:
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
    log.error("the end of job %s could not be written down: it will be done again, at no cost", job_id)
