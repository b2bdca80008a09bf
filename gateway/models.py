"""What the gateway itself must remember: how it opens providers' doors, and answers that are asked for again."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models


class Credential(models.Model):
    """One secret of ours at one provider, encrypted at rest with CREDENTIAL_KEY. Write-only: no page shows it again."""

    provider = models.OneToOneField("catalog.Provider", on_delete=models.CASCADE, related_name="credential")
    sealed = models.BinaryField(help_text="The encrypted secret.")
    last_four = models.CharField(max_length=4, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar[models.Manager[Credential]]

    def __str__(self) -> str:
        return f"credential of {self.provider_id} ending in {self.last_four or '????'}"


class IdempotencyKey(models.Model):
    """What was answered to a request that its client may repeat. Neither the key nor the body is kept, only hashes."""

    class State(models.TextChoices):
        RUNNING = "running"
        DONE = "done"
        TOO_LARGE = "too_large"  # answered, but the answer is larger than what is kept

    digest = models.CharField(max_length=64, primary_key=True, help_text="SHA-256 of organization, path and key.")
    organization = models.ForeignKey("accounts.Organization", on_delete=models.CASCADE, related_name="+")
    request = models.CharField(max_length=64, help_text="SHA-256 of the request's query and body.")
    owner = models.UUIDField(help_text="The request that answers it.")
    call_id = models.UUIDField(help_text="The call that is charged; a request that takes over keeps it.")
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    locked_until = models.DateTimeField(help_text="Without a sign of life until then, the next request takes over.")
    expires_at = models.DateTimeField(db_index=True)
    status = models.SmallIntegerField(null=True)
    headers = models.JSONField(default=list)
    body = models.BinaryField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[models.Manager[IdempotencyKey]]

    def __str__(self) -> str:
        return f"idempotency key {self.digest[:12]}… ({self.state})"


class StoredResponse(models.Model):
    """One answer of the Responses API that its customer may ask for again, or go on from.

    A row holds what its own turn added. The turns before it are the rows in `ancestors`, so that what was deleted is
    gone from every conversation that it was a part of.
    """

    class Status(models.TextChoices):
        QUEUED = "queued"
        IN_PROGRESS = "in_progress"
        COMPLETED = "completed"
        INCOMPLETE = "incomplete"
        FAILED = "failed"
        CANCELLED = "cancelled"

    id = models.CharField(max_length=64, primary_key=True)
    organization = models.ForeignKey("accounts.Organization", on_delete=models.CASCADE, related_name="+")
    key_id = models.BigIntegerField(null=True, help_text="The key that asked.")
    model = models.TextField()
    status = models.CharField(max_length=12, choices=Status)
    background = models.BooleanField(default=False)
    ancestors = ArrayField(
        models.CharField(max_length=64), default=list, help_text="The turns before it, oldest first."
    )
    item_ids = ArrayField(models.TextField(), default=list, help_text="The ids of its items, which requests refer to.")
    input = models.BinaryField(help_text="The items that its request added, as a JSON list.")
    response = models.BinaryField(help_text="The response object as its customer gets it, in JSON.")
    created_at = models.DateTimeField(auto_now_add=True)
    seen_alive_at = models.DateTimeField(help_text="When the server that works on it last said so.")
    expires_at = models.DateTimeField(db_index=True)

    objects: ClassVar[models.Manager[StoredResponse]]

    class Meta:
        indexes = [
            GinIndex(fields=["item_ids"], name="response_items"),
            models.Index(
                fields=["organization"],
                condition=models.Q(status__in=("queued", "in_progress")),
                name="response_running",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} ({self.status})"


class Job(models.Model):
    """Work that outlives its request. Only gateway/jobs/lifecycle.py changes one, always from a state that it names."""

    class Status(models.TextChoices):
        PENDING = "pending"
        RUNNING = "running"
        CANCELLING = "cancelling"  # somebody works on it, and has been told to stop
        COMPLETED = "completed"
        FAILED = "failed"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True)
    organization = models.ForeignKey("accounts.Organization", on_delete=models.CASCADE, related_name="+")
    key_id = models.BigIntegerField(help_text="The key that asked; the work is done with its rights.")
    kind = models.CharField(max_length=20, help_text="Who works on it: see gateway/jobs/running.py.")
    model = models.CharField(max_length=100, help_text="The slug that was asked for.")
    status = models.CharField(max_length=12, choices=Status, default=Status.PENDING)
    request = models.BinaryField(help_text="What was asked for; forgotten when it is over.")
    result = models.BinaryField(null=True, help_text="What came of it, as its kind writes it; a part when it failed.")
    error_code = models.CharField(max_length=40, blank=True)
    error = models.TextField(blank=True)
    call_id = models.UUIDField(help_text="The call that is charged, the same in every attempt.")
    usage = models.JSONField(default=dict, help_text="Tokens by class, once it is over.")
    cost_nusd = models.BigIntegerField(default=0)
    attempts = models.SmallIntegerField(default=0)
    owner = models.UUIDField(null=True, help_text="Who works on it.")
    lease_until = models.DateTimeField(null=True, help_text="Without a sign of life until then, it is nobody's.")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True, help_text="When it is forgotten; never before it is over.")

    objects: ClassVar[models.Manager[Job]]

    class Meta:
        indexes = [
            models.Index(
                fields=["organization"],
                condition=models.Q(status__in=("pending", "running", "cancelling")),
                name="jobs_open",
            ),
            models.Index(fields=["expires_at"], name="jobs_by_expiry"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} job {self.pk} ({self.status})"
