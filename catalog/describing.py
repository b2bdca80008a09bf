"""One model in full, for operators: its data, prices past and to come, and who serves it. JSON values only."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from catalog import listing, prices, routing
from catalog.cards import Card
from catalog.models import AIModel, Endpoint, PriceVersion, SupplierCost


def describe(model: AIModel) -> dict[str, Any]:
    """Everything that is known of a model as of now. Reads the database afresh, not this process's memory."""
    now = prices.clock(AIModel.objects.filter(pk=model.pk))
    routing.forget()
    snapshot = routing.snapshot()
    versions = list(PriceVersion.objects.filter(model=model).order_by("effective_from").prefetch_related("rates"))
    current = next((version for version in versions if _holds(version, now)), None)
    used = {route.endpoint_id for route in snapshot.routes(model.slug)}
    endpoints = Endpoint.objects.filter(model=model).select_related("provider").order_by("priority", "-weight", "id")
    costs = {
        cost.endpoint_id: cost for cost in prices.in_force(SupplierCost.objects.filter(endpoint__model=model), now)
    }
    return {
        "slug": model.slug,
        "display_name": model.display_name,
        "vendor": model.vendor,
        "kind": model.kind,
        "category": model.category,
        "platform": model.platform,
        "capabilities": model.capabilities,
        "input_modalities": model.input_modalities,
        "output_modalities": model.output_modalities,
        "context_window": model.context_window,
        "max_input_tokens": model.max_input_tokens,
        "max_output_tokens": model.max_output_tokens,
        "restrictions": model.restrictions,
        "options": model.options,
        "lifecycle": model.lifecycle_status,
        "retires_on": model.retires_on.isoformat() if model.retires_on else None,
        "successor": model.successor,
        "description": model.description,
        "notes": model.notes,
        "enabled": model.is_enabled,
        "sold": listing.sold(snapshot, model.slug),
        "simulated": snapshot.simulated(model.slug),
        "price": describe_version(current) if current else None,
        "scheduled": [describe_version(version) for version in versions if version.effective_from > now],
        "past": [
            describe_version(version) for version in versions if version.effective_to and version.effective_to <= now
        ],
        "endpoints": [describe_endpoint(endpoint, used, costs.get(endpoint.id)) for endpoint in endpoints],
    }


def describe_version(version: PriceVersion) -> dict[str, Any]:
    """One version: prices as price tables print them (USD per million tokens), since when, until when, who and why."""
    return {
        "version_id": version.id,
        "effective_from": version.effective_from.isoformat(),
        "effective_to": version.effective_to.isoformat() if version.effective_to else None,
        "origin": version.origin,
        "created_by_id": version.created_by_id,
        "note": version.note,
        "figures": _figures(version),
    }


def describe_endpoint(endpoint: Endpoint, used: set[int], cost: SupplierCost | None) -> dict[str, Any]:
    """One endpoint. `in_use` says whether calls go there now; `ready` whether its provider could be called at all."""
    provider = endpoint.provider
    card = prices.card_of_cost(cost) if cost is not None else Card()
    return {
        "endpoint_id": endpoint.id,
        "provider": provider.slug,
        "upstream_id": endpoint.upstream_id,
        "dialect": endpoint.dialect,
        "priority": endpoint.priority,
        "weight": endpoint.weight,
        "enabled": endpoint.is_enabled,
        "ready": provider.is_enabled and (provider.has_credential or provider.is_simulator),
        "in_use": endpoint.id in used,
        "quirks": endpoint.quirks,
        "cost": card.figures() or None,
    }


def _holds(version: PriceVersion, now: datetime) -> bool:
    return version.effective_from <= now and (version.effective_to is None or now < version.effective_to)


def _figures(version: PriceVersion) -> dict[str, Any] | None:
    try:
        return prices.card_of(version).figures()
    except ValueError:  # written by hand into the database: shown as unreadable, not as a traceback
        return None
