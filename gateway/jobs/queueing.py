"""Tell the workers that there is a job. The message is only a hint: the job itself is in the database."""

from __future__ import annotations

import logging
from uuid import UUID

from kombu.exceptions import OperationalError

from gateway.celery import app

log = logging.getLogger(__name__)


def enqueue(job_id: UUID) -> None:
    """Have a worker look at a job. Without a broker the clock finds the job later."""
    try:
        app.send_task("gateway.run_job", [job_id.hex], retry=False)
    except (OperationalError, OSError):
        log.warning("job %s could not be announced to the workers; the clock will", job_id)
