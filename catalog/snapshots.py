"""The catalogue at one moment, as plain values that a call can keep: models, prices, routes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from difflib import get_close_matches
from typing import Any

from catalog.rates import Rates

ALIKE = 1 / 2  # how much of a slug must match to be suggested


@dataclass(frozen=True, slots=True)
class Price:
    """One version of a price list: what a call is billed by from its beginning to its end."""

    version_id: int
    rates: Rates


@dataclass(frozen=True, slots=True)
class Model:
    """What a customer can ask for."""

    id: int
    slug: str
    display_name: str
    vendor: str
    kind: str  # chat | image | video | embedding | audio
    platform: str  # openai | anthropic | gemini: what a key group permits
    capabilities: frozenset[str]
    context_window: int | None
    max_input_tokens: int | None
    max_output_tokens: int | None
    restrictions: Mapping[str, Any]
    options: Mapping[str, Any]
    created: int  # seconds since 1970
    owned_by: str
    lifecycle: str
    category: str = ""
    input_modalities: tuple[str, ...] = ()
    output_modalities: tuple[str, ...] = ()
    retires_on: date | None = None
    successor: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint made ready for one call."""

    endpoint_id: int
    provider_id: int
    provider: str
    adapter: str
    base_url: str
    upstream_id: str
    dialect: str
    priority: int  # lower first
    weight: int
    supplier: Price | None  # None: what it costs us is unknown
    simulated: bool = False
    quirks: Mapping[str, Any] = field(default_factory=dict)  # what the adapter must know about this endpoint


@dataclass(frozen=True, slots=True)
class Dated:
    """A price with its time. `price` is None for one that cannot be billed by: the model is not sold then."""

    begins: datetime
    ends: datetime | None
    price: Price | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The catalogue at one moment. Immutable; safe to keep for the length of a call."""

    models: Mapping[str, Model]  # only enabled ones, in catalogue order
    price_versions: Mapping[str, tuple[Dated, ...]] = field(default_factory=dict)  # of one model, oldest first
    route_lists: Mapping[str, tuple[Route, ...]] = field(default_factory=dict)  # of one model, first choice first

    def find(self, slug: str) -> Model | None:
        """The model of exactly this slug; None when there is none or it is switched off."""
        return self.models.get(slug)

    def price(self, slug: str, at: datetime | None = None) -> Price | None:
        """What the model costs at a moment (default: now), or None: then it must be refused, never given away.

        Reaches one day back and as far ahead as prices are scheduled.
        """
        versions = self.price_versions.get(slug, ())
        if not versions:
            return None
        moment = at or datetime.now(UTC)
        for version in versions:
            if version.begins <= moment and (version.ends is None or moment < version.ends):
                return version.price
        return None

    def routes(self, slug: str) -> tuple[Route, ...]:
        """Who can answer for the model, first choice first: enabled, with a credential, else the simulator alone."""
        return self.route_lists.get(slug, ())

    def simulated(self, slug: str) -> bool:
        """Whether answers of this model are made up, because no real provider of it is set."""
        return any(route.simulated for route in self.route_lists.get(slug, ()))

    def suggestions(self, slug: str) -> list[str]:
        """Up to three slugs that look like this one, the closest first."""
        lowered = {known.lower(): known for known in self.models}
        near = get_close_matches(slug[:100].lower(), lowered, n=3, cutoff=ALIKE)
        return [lowered[match] for match in near]
