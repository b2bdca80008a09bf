"""Background work: the Celery application and the clock of everything that happens by itself."""

from __future__ import annotations

import os
from urllib.parse import parse_qs, urlsplit

from celery import Celery
from celery.schedules import crontab
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway.settings")


def broker(redis_url: str) -> str:
    """Celery's way to write REDIS_URL: it has a scheme of its own for Unix sockets."""
    parts = urlsplit(redis_url)
    if parts.scheme != "unix":
        return redis_url
    database = parse_qs(parts.query).get("db", ["0"])[0]
    return f"redis+socket://{parts.path}?virtual_host={database}"


app = Celery("tollgate")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.broker_url = broker(settings.REDIS_URL)
app.autodiscover_tasks()
app.conf.beat_schedule = {
    "holds that nobody came back for": {"task": "billing.expire_holds", "schedule": 60},
    "the books against themselves": {"task": "billing.audit_books", "schedule": crontab(minute=17)},
    "months ahead, months gone": {"task": "billing.make_partitions", "schedule": crontab(hour=3, minute=41)},
    "jobs that nobody works on": {"task": "gateway.rescue_jobs", "schedule": 15},
    "jobs kept long enough": {"task": "gateway.forget_jobs", "schedule": crontab(minute=29)},
    "answers kept long enough": {"task": "gateway.forget_idempotency_keys", "schedule": crontab(minute=23)},
    "responses kept long enough": {"task": "gateway.forget_responses", "schedule": crontab(minute=37)},
    "holds closed long ago": {"task": "billing.prune_holds", "schedule": crontab(hour=4, minute=11)},
}
