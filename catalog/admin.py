"""The catalogue in the admin. Prices are read-only here once they are in force, as the database demands anyway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from catalog import health
from catalog.models import AIModel, Endpoint, EndpointHealth, PriceRate, PriceVersion, Provider, SupplierCost

if TYPE_CHECKING:  # Django's classes are generic in the eyes of the type checker only
    ProviderPages = admin.ModelAdmin[Provider]
    ModelPages = admin.ModelAdmin[AIModel]
    EndpointPages = admin.ModelAdmin[Endpoint]
    VersionPages = admin.ModelAdmin[Any]
    HealthPages = admin.ModelAdmin[EndpointHealth]
    EndpointRows = admin.TabularInline[Endpoint, AIModel]
    RateRows = admin.TabularInline[PriceRate, PriceVersion]
else:
    ProviderPages = ModelPages = EndpointPages = VersionPages = HealthPages = admin.ModelAdmin
    EndpointRows = RateRows = admin.TabularInline


@admin.register(Provider)
class ProviderAdmin(ProviderPages):
    list_display = ("slug", "name", "adapter", "base_url", "is_enabled", "has_credential", "is_simulator")
    list_filter = ("is_enabled", "has_credential", "adapter")
    search_fields = ("slug", "name")
    readonly_fields = ("has_credential",)


class EndpointInline(EndpointRows):
    model = Endpoint
    extra = 0
    fields = ("provider", "upstream_id", "dialect", "priority", "weight", "is_enabled")


@admin.register(AIModel)
class AIModelAdmin(ModelPages):
    list_display = ("slug", "display_name", "vendor", "kind", "category", "lifecycle_status", "is_enabled", "served_by")
    list_filter = ("is_enabled", "kind", "vendor", "platform", "lifecycle_status")
    search_fields = ("slug", "display_name", "vendor")
    readonly_fields = ("created_at",)
    inlines = (EndpointInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[AIModel]:
        return super().get_queryset(request).prefetch_related("endpoints__provider")

    @admin.display(description="served by")
    def served_by(self, model: AIModel) -> str:
        """Who would answer now, so that made-up answers are never mistaken for real ones."""
        ready = [endpoint for endpoint in model.endpoints.all() if endpoint.is_enabled and endpoint.provider.is_enabled]
        real = [row.provider.slug for row in ready if row.provider.has_credential and not row.provider.is_simulator]
        if real:
            return ", ".join(dict.fromkeys(real))
        return "the simulator" if any(row.provider.is_simulator for row in ready) else "nobody"


@admin.register(Endpoint)
class EndpointAdmin(EndpointPages):
    list_display = ("model", "provider", "upstream_id", "dialect", "priority", "weight", "is_enabled")
    list_filter = ("is_enabled", "provider", "dialect")
    list_select_related = ("model", "provider")
    search_fields = ("model__slug", "provider__slug", "upstream_id")
    autocomplete_fields = ("model", "provider")


class DatedAdmin(VersionPages):
    """Versions: one that is in force or over can be looked at only."""

    readonly_fields = ("created_at",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not _has_begun(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and not _has_begun(obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {}  # deleting in bulk would ask the database for what it refuses


class PriceRateInline(RateRows):
    model = PriceRate
    extra = 0

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not _has_begun(obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_add_permission(request, obj) and not _has_begun(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and not _has_begun(obj)


@admin.register(PriceVersion)
class PriceVersionAdmin(DatedAdmin):
    list_display = ("model", "effective_from", "effective_to", "origin", "note", "created_by_id")
    list_filter = ("origin", "model__kind")
    list_select_related = ("model",)
    search_fields = ("model__slug", "note")
    autocomplete_fields = ("model",)
    inlines = (PriceRateInline,)


@admin.register(SupplierCost)
class SupplierCostAdmin(DatedAdmin):
    list_display = ("endpoint", "effective_from", "effective_to", "origin", "note", "created_by_id")
    list_filter = ("origin", "endpoint__provider")
    list_select_related = ("endpoint__model", "endpoint__provider")
    search_fields = ("endpoint__model__slug", "note")
    autocomplete_fields = ("endpoint",)


def _has_begun(version: Any) -> bool:
    return isinstance(version, PriceVersion | SupplierCost) and version.effective_from <= timezone.now()


@admin.register(EndpointHealth)
class EndpointHealthAdmin(HealthPages):
    """What the workers' breakers say. Deleting a row lets every worker try the endpoint again at once."""

    list_display = ("endpoint", "state", "reason", "since", "retry_at", "breaks")
    list_filter = ("state",)
    list_select_related = ("endpoint__model", "endpoint__provider")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def delete_model(self, request: HttpRequest, obj: EndpointHealth) -> None:
        health.reset(obj.endpoint)
