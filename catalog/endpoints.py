"""Pointing a model at a provider: the operator's decision who serves what, and under which name."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count

from catalog.models import AIModel, Endpoint, Provider
from catalog.shipped import SIMULATED_DIALECTS


@dataclass(frozen=True, slots=True)
class Routed:
    """What `route` did. `switched_off` is how many other endpoints of the model it disabled."""

    endpoint: Endpoint
    created: bool
    switched_off: int


def route(
    model: AIModel,
    provider: Provider,
    *,
    upstream_id: str | None = None,
    dialect: str | None = None,
    priority: int | None = None,
    weight: int | None = None,
    only: bool = False,
) -> Routed:
    """Let `provider` serve `model` as `upstream_id`; what is left out stays as it is, or takes its usual value.

    Without an upstream id the provider's only endpoint of the model is meant, or else a new one under the model's own
    slug. `only` switches every other endpoint of the model off. Raises ValueError when several could be meant.
    """
    with transaction.atomic():
        AIModel.objects.select_for_update(no_key=True).get(pk=model.pk)
        endpoint = _find(model, provider, upstream_id)
        created = endpoint is None
        if endpoint is None:
            endpoint = Endpoint(model=model, provider=provider, upstream_id=upstream_id or model.slug)
            endpoint.dialect = dialect or usual_dialect(provider, model.kind)
        endpoint.dialect = dialect or endpoint.dialect
        endpoint.priority = endpoint.priority if priority is None else priority
        endpoint.weight = endpoint.weight if weight is None else weight
        endpoint.is_enabled = True
        endpoint.full_clean()
        endpoint.save()
        others = Endpoint.objects.filter(model=model, is_enabled=True).exclude(pk=endpoint.pk)
        return Routed(endpoint, created, others.update(is_enabled=False) if only else 0)


def usual_dialect(provider: Provider, kind: str) -> str:
    """What a provider speaks for models of a kind: as most of its endpoints do, else what most of the world speaks."""
    common = (
        Endpoint.objects.filter(provider=provider, model__kind=kind)
        .values_list("dialect")
        .annotate(count=Count("id"))
        .order_by("-count", "dialect")
        .first()
    )
    return common[0] if common else SIMULATED_DIALECTS[kind]


def _find(model: AIModel, provider: Provider, upstream_id: str | None) -> Endpoint | None:
    endpoints = Endpoint.objects.filter(model=model, provider=provider)
    if upstream_id is not None:
        return endpoints.filter(upstream_id=upstream_id).first()
    found = list(endpoints)
    if len(found) > 1:
        names = ", ".join(endpoint.upstream_id for endpoint in found)
        raise ValueError(f"{provider.slug} serves {model.slug} under several ids ({names}): say which one.")
    return found[0] if found else None
