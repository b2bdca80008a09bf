"""Chats in the admin: who has how many, never what was said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.http import HttpRequest

from chats.models import Chat

if TYPE_CHECKING:  # Django's classes are generic in the eyes of the type checker only
    ChatPages = admin.ModelAdmin[Chat]
else:
    ChatPages = admin.ModelAdmin


@admin.register(Chat)
class ChatAdmin(ChatPages):
    list_display = ("id", "organization", "model", "created_at", "updated_at")
    list_filter = ("model",)
    list_select_related = ("organization",)
    search_fields = ("organization__slug",)
    fields = ("organization", "created_by", "model", "created_at", "updated_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Chat | None = None) -> bool:
        return False
