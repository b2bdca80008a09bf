"""The life of a job, step by step: of two who try the same step, one succeeds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from billing import holds
from billing.holds import Placement
from gateway import callid
from gateway.jobs import lifecycle
from gateway.jobs.lifecycle import JobOver, JobUnknown, Outcome, TooManyJobs
from gateway.models import Job
from tests.people import Person

DONE = Outcome("completed", b"{}")


def submitted(person: Person) -> Job:
    """A pending job."""
    return lifecycle.submit(person.organization.pk, person.key.pk, "chat", "a-model", b"{}", callid.new())


def claimed(job: Job, owner: UUID | None = None) -> Job:
    """The job, at work."""
    found = lifecycle.claim(job.pk, owner or callid.new())
    assert found is not None
    return found


def fall_silent(job: Job) -> None:
    """As if its worker had died long ago."""
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def test_a_job_is_claimed_once_and_ended_by_its_owner_alone(alice: Person) -> None:
    job = submitted(alice)
    owner, other = callid.new(), callid.new()
    assert claimed(job, owner).attempts == 1
    assert lifecycle.claim(job.pk, other) is None
    assert lifecycle.beat(job.pk, owner)
    assert not lifecycle.beat(job.pk, other)
    assert not lifecycle.finish(job.pk, other, DONE)
    assert lifecycle.finish(job.pk, owner, DONE)
    assert not lifecycle.finish(job.pk, owner, Outcome("failed"))
    found = lifecycle.find(alice.organization.pk, job.pk)
    assert (found.status, found.result, bytes(found.request)) == ("completed", b"{}", b"")
    assert lifecycle.claim(job.pk, other) is None


def test_the_job_of_a_silent_worker_is_taken_over_under_the_same_call(alice: Person) -> None:
    job = submitted(alice)
    first, second = callid.new(), callid.new()
    call_id = claimed(job, first).call_id
    fall_silent(job)
    assert lifecycle.rescue() == [job.pk]
    assert claimed(job, second).call_id == call_id
    assert not lifecycle.beat(job.pk, first)
    assert not lifecycle.finish(job.pk, first, DONE)
    assert lifecycle.finish(job.pk, second, DONE)


def test_a_job_that_kills_its_workers_is_given_up_and_its_money_is_free(alice: Person) -> None:
    job = submitted(alice)
    before = alice.balance
    for attempt in range(3):
        call_id = claimed(job).call_id
        if not attempt:
            holds.place([Placement(call_id, alice.organization.pk, alice.key.pk, 1_000_000, 900)])
            assert alice.balance.held_nusd == 1_000_000
        fall_silent(job)
    assert lifecycle.rescue() == []
    found = lifecycle.find(alice.organization.pk, job.pk)
    assert (found.status, found.error_code, found.cost_nusd) == ("failed", "internal_error", 0)
    assert alice.balance == before


def test_a_waiting_job_is_cancelled_at_once_and_a_running_one_by_its_worker(alice: Person) -> None:
    waiting, running = submitted(alice), submitted(alice)
    owner = callid.new()
    claimed(running, owner)
    organization = alice.organization.pk
    assert lifecycle.cancel(organization, waiting.pk).status == "cancelled"
    assert lifecycle.cancel(organization, running.pk).status == "cancelling"
    assert lifecycle.cancel(organization, running.pk).status == "cancelling"
    assert not lifecycle.beat(running.pk, owner)
    assert lifecycle.finish(running.pk, owner, Outcome("cancelled"))
    for job in (waiting, running):
        assert lifecycle.claim(job.pk, callid.new()) is None
        with pytest.raises(JobOver) as over:
            lifecycle.cancel(organization, job.pk)
        assert over.value.status == "cancelled"


def test_a_cancelled_job_whose_worker_died_is_cancelled_all_the_same(alice: Person) -> None:
    job = submitted(alice)
    claimed(job)
    lifecycle.cancel(alice.organization.pk, job.pk)
    fall_silent(job)
    assert lifecycle.rescue() == []
    assert lifecycle.find(alice.organization.pk, job.pk).status == "cancelled"


def test_a_job_whose_message_was_lost_is_announced_again_but_not_all_the_time(alice: Person) -> None:
    job = submitted(alice)
    assert lifecycle.rescue() == []
    fall_silent(job)
    assert lifecycle.rescue() == [job.pk]
    assert lifecycle.rescue() == []


@pytest.mark.parametrize("step", [lifecycle.find, lifecycle.cancel], ids=["find", "cancel"])
def test_the_job_of_another_organization_does_not_exist(
    alice: Person, mallory: Person, step: Callable[[int, UUID], Job]
) -> None:
    job = submitted(alice)
    with pytest.raises(JobUnknown):
        step(mallory.organization.pk, job.pk)
    assert lifecycle.find(alice.organization.pk, job.pk).status == "pending"


def test_an_organization_has_so_many_jobs_under_way_and_no_more(alice: Person, mallory: Person, settings: Any) -> None:
    settings.MAX_OPEN_JOBS = 2
    first = submitted(alice)
    submitted(alice)
    with pytest.raises(TooManyJobs):
        submitted(alice)
    submitted(mallory)
    lifecycle.cancel(alice.organization.pk, first.pk)
    submitted(alice)


def test_a_job_is_forgotten_when_its_time_is_over_and_not_before_it_ended(alice: Person) -> None:
    over, waiting = submitted(alice), submitted(alice)
    lifecycle.cancel(alice.organization.pk, over.pk)
    assert lifecycle.clean() == 0
    Job.objects.filter(pk=over.pk).update(expires_at=timezone.now())
    assert lifecycle.clean() == 1
    assert list(Job.objects.values_list("pk", flat=True)) == [waiting.pk]
