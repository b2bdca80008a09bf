"""Which models a customer can see and call: the lists behind `GET /models`, the price page and the model picker."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime

from catalog.snapshots import Model, Snapshot

Permission = Callable[[str, str], bool]  # (slug, platform) → whether the caller may call it: `Caller.may_call`


def sold(snapshot: Snapshot, slug: str, at: datetime | None = None) -> bool:
    """Whether a call could be served and billed: the model is on, has a price now, and somebody can answer for it."""
    return bool(slug in snapshot.models and snapshot.routes(slug) and snapshot.price(slug, at) is not None)


def offered(
    snapshot: Snapshot,
    *,
    may_call: Permission | None = None,
    kinds: Collection[str] = (),
    platform: str = "",
    vendor: str = "",
    capabilities: Collection[str] = (),
    search: str = "",
    at: datetime | None = None,
) -> list[Model]:
    """The models on sale that pass every filter, in catalogue order. A filter that is left out lets all pass.

    `capabilities` must all be there; `search` is looked for in slug, name and vendor, whatever the case.
    """
    wanted = frozenset(capabilities)
    words = search.lower().split()
    return [
        model
        for model in snapshot.models.values()
        if (not kinds or model.kind in kinds)
        and (not platform or model.platform == platform)
        and (not vendor or model.vendor == vendor)
        and wanted <= model.capabilities
        and all(word in f"{model.slug} {model.display_name} {model.vendor}".lower() for word in words)
        and (may_call is None or may_call(model.slug, model.platform))
        and sold(snapshot, model.slug, at)
    ]


def vendors(snapshot: Snapshot) -> list[str]:
    """Everybody whose models are on sale, alphabetically: the choices of a filter."""
    return sorted({model.vendor for model in snapshot.models.values() if sold(snapshot, model.slug)})
