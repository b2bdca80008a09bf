"""What the books do by themselves. Every task may run twice or late without harm."""

from __future__ import annotations

import logging
from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from billing import holds, ledger, partitions
from billing.sql import functions

log = logging.getLogger(__name__)

BATCH = 500  # holds closed in one transaction
PRUNED_AT_ONCE = 5_000


@shared_task(name="billing.expire_holds")
def expire_holds() -> int:
    """Free the holds that nobody came back for. Each is a call that somebody served and nobody paid: worth a look."""
    expired = 0
    while count := holds.expire(BATCH):
        expired += count
    if expired:
        log.warning("%d holds expired: their calls ended without settling", expired)
    return expired


@shared_task(name="billing.audit_books")
def audit_books() -> int:
    """Check the invariants; what is wrong is logged and kept as findings. Returns how much."""
    return len(ledger.audit())


@shared_task(name="billing.make_partitions")
def make_partitions() -> None:
    """Make the months ahead and drop those whose retention is over."""
    partitions.make()
    partitions.drop()


@shared_task(name="billing.prune_holds")
def prune_holds() -> int:
    """Forget the closed holds of calls that began more than HOLD_RETENTION_DAYS ago. Returns how many."""
    before = timezone.now() - timedelta(days=settings.HOLD_RETENTION_DAYS)
    pruned = 0
    while count := int(functions.value("SELECT billing_prune_holds(%s, %s)", (before, PRUNED_AT_ONCE))):
        pruned += count
    return pruned
