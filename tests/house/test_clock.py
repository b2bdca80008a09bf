"""Celery: what is scheduled exists, and the broker is where REDIS_URL says."""

from __future__ import annotations

import pytest

from gateway import celery


def test_every_scheduled_task_exists() -> None:
    celery.app.loader.import_default_modules()
    assert {entry["task"] for entry in celery.app.conf.beat_schedule.values()} <= set(celery.app.tasks)


@pytest.mark.parametrize(
    ("redis", "broker"),
    [
        ("redis://:word@redis:6379/2", "redis://:word@redis:6379/2"),
        ("unix:///srv/var/redis.sock?db=3", "redis+socket:///srv/var/redis.sock?virtual_host=3"),
        ("unix:///srv/a%20b/redis.sock", "redis+socket:///srv/a%20b/redis.sock?virtual_host=0"),
    ],
)
def test_the_broker_is_the_redis_of_the_settings(redis: str, broker: str) -> None:
    assert celery.broker(redis) == broker


def test_a_task_survives_the_worker_that_dies_with_it() -> None:
    assert celery.app.conf.task_acks_late
    assert celery.app.conf.task_reject_on_worker_lost
    assert celery.app.conf.task_ignore_result
