"""The gateway's rows for operators. A provider's secret goes in here and never comes out again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from gateway import credentials
from gateway.models import Credential, IdempotencyKey, Job, StoredResponse

if TYPE_CHECKING:  # Django's classes are generic in the eyes of the type checker only
    Form = forms.ModelForm[Credential]
    CredentialPages = admin.ModelAdmin[Credential]
    Pages = admin.ModelAdmin[Any]
else:
    Form, CredentialPages, Pages = forms.ModelForm, admin.ModelAdmin, admin.ModelAdmin


class CredentialForm(Form):
    """Takes a secret; shows nothing of the one that is there."""

    secret = forms.CharField(
        widget=forms.PasswordInput(render_value=False),
        required=False,
        strip=True,
        help_text="Encrypted at rest and never shown again. Empty: for servers that need none.",
    )

    class Meta:
        model = Credential
        fields = ("provider",)


@admin.register(Credential)
class CredentialAdmin(CredentialPages):
    form = CredentialForm
    list_display = ("provider", "last_four", "updated_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Credential | None = None) -> tuple[str, ...]:
        return ("provider",) if obj else ()

    def save_model(self, request: HttpRequest, obj: Credential, form: Any, change: bool) -> None:
        credentials.store(obj.provider, form.cleaned_data["secret"])
        obj.pk = Credential.objects.get(provider=obj.provider).pk

    def delete_model(self, request: HttpRequest, obj: Credential) -> None:
        credentials.drop(obj.provider)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for credential in queryset.select_related("provider"):
            credentials.drop(credential.provider)


class ReadOnlyAdmin(Pages):
    """To be looked at: the program alone writes these."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    """What customers asked for and got is theirs, and not shown here."""

    list_display = ("id", "organization", "kind", "model", "status", "attempts", "created_at", "finished_at")
    list_filter = ("status", "kind")
    search_fields = ("id", "call_id")
    exclude = ("request", "result")


@admin.register(StoredResponse)
class StoredResponseAdmin(ReadOnlyAdmin):
    """What customers said is theirs, and not shown here."""

    list_display = ("id", "organization", "model", "status", "background", "created_at", "expires_at")
    list_filter = ("status", "background")
    search_fields = ("id",)
    exclude = ("input", "response", "item_ids")


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(ReadOnlyAdmin):
    """Which answers are kept for a repetition, and for how long."""

    list_display = ("digest", "organization", "state", "status", "created_at", "expires_at")
    list_filter = ("state",)
    exclude = ("headers", "body")
