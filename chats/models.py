"""Conversations that are kept, and what was said in them."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from accounts.models import Organization


class Chat(models.Model):
    """One conversation of an organization with models."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="chats")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    title = models.CharField(max_length=200, blank=True, help_text="Empty until somebody says something.")
    model = models.CharField(max_length=100, help_text="The slug of the model that answers.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now_add=True, help_text="When something was last said or changed.")

    objects: ClassVar[models.Manager[Chat]]

    class Meta:
        indexes = [models.Index(fields=["organization", "-updated_at", "-id"], name="chats_of_organization")]

    def __str__(self) -> str:
        return self.title or f"chat {self.pk}"


class Message(models.Model):
    """One thing that was said. What an answer cost is in the usage record of `call_id`, for as long as that is kept."""

    class Role(models.TextChoices):
        USER = "user"
        ASSISTANT = "assistant"

    chat = models.ForeignKey(Chat, on_delete=models.CASCADE, related_name="messages")
    role = models.CharField(max_length=10, choices=Role)
    content = models.TextField(blank=True)
    model = models.CharField(max_length=100, blank=True, help_text="Who answered; empty for what a person said.")
    call_id = models.UUIDField(null=True, help_text="The call that made an answer.")
    tokens = models.IntegerField(null=True, help_text="What the call consumed, prompt and answer.")
    cost_nusd = models.BigIntegerField(null=True, help_text="What the call cost, in nano-USD.")
    finish_reason = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[models.Manager[Message]]

    class Meta:
        indexes = [models.Index(fields=["chat", "id"], name="messages_of_chat")]

    def __str__(self) -> str:
        return f"{self.role} in chat {self.chat_id}"
