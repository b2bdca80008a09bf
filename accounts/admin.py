"""The admin's pages for people, organizations and keys. Nothing here shows a secret or its digest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import keys, members, signup
from accounts.models import APIKey, KeyGroup, Membership, Organization, Plan, Role, User

if TYPE_CHECKING:  # Django's classes are generic in the eyes of the type checker only
    CreationForm = AdminUserCreationForm[User]
    MembershipModelForm = forms.ModelForm[Membership]
    UserPages = DjangoUserAdmin[User]
    PlanPages = admin.ModelAdmin[Plan]
    OrganizationPages = admin.ModelAdmin[Organization]
    MembershipPages = admin.ModelAdmin[Membership]
    KeyGroupPages = admin.ModelAdmin[KeyGroup]
    APIKeyPages = admin.ModelAdmin[APIKey]
else:
    CreationForm, MembershipModelForm, UserPages = AdminUserCreationForm, forms.ModelForm, DjangoUserAdmin
    PlanPages = OrganizationPages = MembershipPages = KeyGroupPages = APIKeyPages = admin.ModelAdmin


class UserCreationForm(CreationForm):
    class Meta:
        model = User
        fields = ["email", "name"]


@admin.register(User)
class UserAdmin(UserPages):
    add_form = UserCreationForm
    fieldsets = [
        (None, {"fields": ["email", "name", "password"]}),
        ("Permissions", {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]}),
        ("Dates", {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [(None, {"fields": ["email", "name", "usable_password", "password1", "password2"]})]
    readonly_fields = ["last_login", "date_joined"]
    list_display = ["email", "name", "is_active", "is_staff", "date_joined"]
    search_fields = ["email", "name"]
    ordering = ["email"]

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            if not change:
                signup.open_personal(obj)


@admin.register(Plan)
class PlanAdmin(PlanPages):
    list_display = ["name", "slug", "chat_rpm", "image_rpm", "position"]


@admin.register(Organization)
class OrganizationAdmin(OrganizationPages):
    list_display = ["slug", "name", "plan", "status", "is_personal", "created_at"]
    list_filter = ["status", "plan", "is_personal"]
    search_fields = ["slug", "name", "members__email"]
    readonly_fields = ["created_at"]

    def has_delete_permission(self, request: HttpRequest, obj: Organization | None = None) -> bool:
        return False  # close it instead


class MembershipForm(MembershipModelForm):
    def clean(self) -> dict[str, Any] | None:
        membership = self.instance
        role = self.cleaned_data.get("role")
        if membership.pk and role is not None and role != Role.OWNER and members.is_last_owner(membership):
            raise ValidationError({"role": "An organization cannot be without an owner; make somebody else one first."})
        return super().clean()


@admin.register(Membership)
class MembershipAdmin(MembershipPages):
    form = MembershipForm
    list_display = ["user", "organization", "role", "created_at"]
    list_filter = ["role"]
    search_fields = ["user__email", "organization__slug"]
    autocomplete_fields = ["user", "organization"]

    def get_readonly_fields(self, request: HttpRequest, obj: Membership | None = None) -> list[str]:
        return ["user", "organization", "created_at"] if obj else ["created_at"]

    def has_delete_permission(self, request: HttpRequest, obj: Membership | None = None) -> bool:
        permitted = super().has_delete_permission(request, obj)
        return permitted and (obj is None or not members.is_last_owner(obj))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)  # could take all owners of one organization at once
        return actions


@admin.register(KeyGroup)
class KeyGroupAdmin(KeyGroupPages):
    list_display = ["slug", "name", "type", "platforms", "organization", "is_active"]
    list_filter = ["type", "is_active"]
    search_fields = ["slug", "name"]
    autocomplete_fields = ["organization"]

    def get_readonly_fields(self, request: HttpRequest, obj: KeyGroup | None = None) -> list[str]:
        return ["type", "organization"] if obj else []  # its keys have the same


@admin.register(APIKey)
class APIKeyAdmin(APIKeyPages):
    """Keys are made by their organization or by `manage.py key create`: the secret is never in a page of the admin."""

    list_display = ["masked", "name", "organization", "type", "group", "status", "created_at", "expires_at"]
    list_filter = ["type"]
    list_select_related = ["organization", "group"]
    search_fields = ["name", "organization__slug", "last_four"]
    actions = ["revoke_selected"]
    fields = [
        ("masked", "status"),
        ("organization", "created_by"),
        "name",
        ("type", "group"),
        "models",
        "networks",
        "rpm",
        ("daily_cap_nusd", "monthly_cap_nusd", "total_cap_nusd"),
        "log_bodies",
        "expires_at",
        ("created_at", "revoked_at", "replaced_by"),
    ]
    readonly_fields = [
        "masked",
        "status",
        "organization",
        "created_by",
        "type",
        "created_at",
        "revoked_at",
        "replaced_by",
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: APIKey | None = None) -> bool:
        return False  # revoke it instead: usage refers to it

    @admin.action(description="Revoke selected API keys", permissions=["change"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[APIKey]) -> None:
        for key in queryset:
            keys.revoke(key)
        self.message_user(request, f"Revoked: {', '.join(key.masked for key in queryset)}.", messages.SUCCESS)
