"""The life of a job: pending → running → completed, failed or cancelled.

Every step is made under the lock of the job's row and from the states that it names, so that of two who try it only one
succeeds. Whoever works on a job owns it for as long as the lease is renewed; a job whose owner fell silent is taken
over under the same call, and a call is charged once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import Organization
from billing import holds
from billing.models import UsageRecord
from gateway import callid
from gateway.models import Job

Status = Job.Status
OPEN = (Status.PENDING, Status.RUNNING, Status.CANCELLING)
ANNOUNCE_AGAIN = timedelta(minutes=2)  # a job that still nobody took: its message may be lost
LONGEST_PENDING = timedelta(hours=20)  # the id of its call is no longer good a day after it was made
TOKENS = (
    "input", "cached_input", "cache_write_5m", "cache_write_1h", "output", "reasoning", "audio_input", "audio_output",
    "image_input", "image_output",
)  # fmt: skip


class JobUnknown(Exception):
    """The organization has no job with this id."""


class JobOver(Exception):
    """The job cannot be changed any more. `status` says how it ended."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


class TooManyJobs(Exception):
    """The organization has as many jobs under way as it may have."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How work on a job ended. `result` is a part of it, or None, unless the status is completed."""

    status: str
    result: bytes | None = None
    error_code: str = ""
    error: str = ""


def submit(organization_id: int, key_id: int, kind: str, model: str, request: bytes, identity: UUID) -> Job:
    """A new job, pending. Raises TooManyJobs."""
    with transaction.atomic():
        Organization.objects.select_for_update(no_key=True).filter(pk=organization_id).first()
        if Job.objects.filter(organization_id=organization_id, status__in=OPEN).count() >= settings.MAX_OPEN_JOBS:
            raise TooManyJobs
        return Job.objects.create(
            id=identity,
            organization_id=organization_id,
            key_id=key_id,
            kind=kind,
            model=model,
            request=request,
            call_id=callid.new(),
            lease_until=timezone.now() + ANNOUNCE_AGAIN,
        )


def find(organization_id: int, job_id: UUID) -> Job:
    """One job, without its request. Raises JobUnknown."""
    job = Job.objects.filter(organization_id=organization_id, pk=job_id).defer("request").first()
    if job is None:
        raise JobUnknown
    return job


def claim(job_id: UUID, owner: UUID) -> Job | None:
    """Make the job `owner`'s. None when somebody else works on it, or it is over."""
    with transaction.atomic():
        job = Job.objects.select_for_update().filter(pk=job_id).first()
        now = timezone.now()
        if job is None or not (job.status == Status.PENDING or (job.status == Status.RUNNING and _silent(job))):
            return None
        if job.attempts >= settings.JOB_ATTEMPTS:
            _give_up(job)
            return None
        if job.attempts and not _may_go_on(job.call_id):
            job.call_id = callid.new()
        job.status, job.owner, job.attempts = Status.RUNNING, owner, job.attempts + 1
        job.started_at = job.started_at or now
        job.lease_until = now + timedelta(seconds=settings.JOB_LEASE_SECONDS)
        job.save()
        return job


def beat(job_id: UUID, owner: UUID) -> bool:
    """Renew the lease; False when the work is no longer wanted: cancelled, or somebody else's."""
    until = timezone.now() + timedelta(seconds=settings.JOB_LEASE_SECONDS)
    mine = Job.objects.filter(pk=job_id, owner=owner)
    if mine.filter(status=Status.CANCELLING).update(lease_until=until):
        return False
    return bool(mine.filter(status=Status.RUNNING).update(lease_until=until))


def finish(job_id: UUID, owner: UUID, outcome: Outcome) -> bool:
    """Write down how it ended, with what its call cost. False when the job is no longer `owner`'s."""
    with transaction.atomic():
        job = Job.objects.select_for_update().filter(pk=job_id, owner=owner).first()
        if job is None or job.status not in (Status.RUNNING, Status.CANCELLING):
            return False
        _end(job, outcome)
        return True


def cancel(organization_id: int, job_id: UUID) -> Job:
    """Cancel a job that waits, or tell whoever works on it to stop. Raises JobUnknown or JobOver."""
    with transaction.atomic():
        job = Job.objects.select_for_update().filter(organization_id=organization_id, pk=job_id).first()
        if job is None:
            raise JobUnknown
        if job.status == Status.RUNNING:
            job.status = Status.CANCELLING
            job.save(update_fields=["status"])
        elif job.status == Status.PENDING:
            _end(job, Outcome(Status.CANCELLED))
        elif job.status != Status.CANCELLING:
            raise JobOver(job.status)
        return job


def rescue() -> list[UUID]:
    """The jobs that a worker should look at: those whose owner fell silent, and those whose message may be lost."""
    now = timezone.now()
    found: list[UUID] = []
    for job_id in list(Job.objects.filter(status__in=OPEN, lease_until__lt=now).values_list("pk", flat=True)):
        with transaction.atomic():
            job = Job.objects.select_for_update(skip_locked=True).filter(pk=job_id, lease_until__lt=now).first()
            if job is None or job.status not in OPEN:
                continue
            if job.status == Status.CANCELLING:
                _end(job, Outcome(Status.CANCELLED))
            elif job.attempts >= settings.JOB_ATTEMPTS or job.created_at < now - LONGEST_PENDING:
                _give_up(job)
            else:
                job.status, job.owner, job.lease_until = Status.PENDING, None, now + ANNOUNCE_AGAIN
                job.save(update_fields=["status", "owner", "lease_until"])
                found.append(job.pk)
    return found


def clean() -> int:
    """Forget the jobs whose time is over. Returns how many."""
    return Job.objects.filter(expires_at__lte=timezone.now()).delete()[0]


def _silent(job: Job) -> bool:
    return job.lease_until is None or job.lease_until < timezone.now()


def _may_go_on(call_id: UUID) -> bool:
    """Whether another attempt may be made under the id of this call: one that was closed without a charge would be
    free of charge for ever."""
    record = _record(call_id)
    return record is None or record.charged_nusd > 0


def _give_up(job: Job) -> None:
    _end(job, Outcome(Status.FAILED, error_code="internal_error", error="The job could not be finished."))


def _end(job: Job, outcome: Outcome) -> None:
    """Close a job that is locked; what is still set aside for it is free again."""
    now = timezone.now()
    if job.attempts:
        holds.release(job.call_id, f"job {outcome.status}")
    record = _record(job.call_id)
    if record is not None:
        job.cost_nusd = record.charged_nusd
        job.usage = usage_of(record)
    job.status, job.result = outcome.status, outcome.result
    job.error_code, job.error = outcome.error_code, outcome.error
    job.request, job.owner, job.lease_until = b"", None, None
    job.finished_at, job.expires_at = now, now + timedelta(hours=settings.JOB_RETENTION_HOURS)
    job.save()


def _record(call_id: UUID) -> UsageRecord | None:
    return UsageRecord.objects.filter(id=call_id, started_at=callid.started_at(call_id)).first()


def usage_of(record: UsageRecord) -> dict[str, Any]:
    """The tokens that a call was charged for, by class."""
    return {name: count for name in TOKENS if (count := getattr(record, f"{name}_tokens"))}
