"""What the gateway itself must remember: the secrets that open the providers' doors."""

from __future__ import annotations

from typing import ClassVar

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
