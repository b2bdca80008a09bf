"""What the gateway does by itself. Every task may run twice or late without harm."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings

from gateway import idempotency, responses_store
from gateway.jobs import lifecycle, queueing, running


@shared_task(name="gateway.forget_idempotency_keys")
def forget_idempotency_keys() -> int:
    """Forget the keys whose time is over. Returns how many."""
    return idempotency.clean()


@shared_task(name="gateway.run_job", time_limit=settings.JOB_SECONDS + 120)
def run_job(job_id: str) -> None:
    """Work on one job to its end; does nothing when somebody else does, or when it is over."""
    running.run(job_id)


@shared_task(name="gateway.rescue_jobs")
def rescue_jobs() -> int:
    """Give the jobs whose worker or whose message was lost to another worker. Returns how many."""
    lost = lifecycle.rescue()
    for job_id in lost:
        queueing.enqueue(job_id)
    return len(lost)


@shared_task(name="gateway.forget_jobs")
def forget_jobs() -> int:
    """Forget the jobs whose time is over. Returns how many."""
    return lifecycle.clean()


@shared_task(name="gateway.forget_responses")
def forget_responses() -> int:
    """Forget the stored responses whose time is over. Returns how many."""
    return responses_store.prune()
