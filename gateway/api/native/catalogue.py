"""The models on sale, as the native API lists them: slugs for a key, and the whole price list for everybody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings

from accounts.keys import Caller
from billing import media_pricing
from catalog import listing
from catalog.media_rules import ImageRule, Value, VideoRule
from catalog.rates import Rates, Tier
from catalog.snapshots import Model, Snapshot
from gateway import memory
from gateway.api import models
from gateway.api.native import asking
from gateway.api.native.face import NATIVE, plain, success
from gateway.api.serve import Entry, Incoming
from gateway.relay import Answer

MILLION = 1_000_000
TYPES = {"chat": "text", "image": "image", "video": "video", "embedding": "embedding", "audio": "audio"}
MOST_MODELS = 1000  # on one page

_printed: tuple[Snapshot, list[dict[str, Any]]] | None = None


async def list_models(caller: Caller, incoming: Incoming, identity: UUID) -> Answer:
    """The slugs of the text models that this key may call, and the one that is asked when a request names none."""
    page = asking.page(asking.query_of(incoming.query), default=MOST_MODELS, most=MOST_MODELS)
    offered = models.offered(await memory.catalogue(), caller)
    slugs = [model.slug for model in offered if model.kind == "chat"]
    default = settings.DEFAULT_MODEL
    return success(
        {
            "models": slugs[page.offset : page.offset + page.limit],
            "default_model": default if default in slugs else None,
            "total": len(slugs),
        }
    )


async def list_catalog(caller: Caller, incoming: Incoming, identity: UUID) -> Answer:
    """Everything that is on sale, with its prices. Needs no key."""
    query = asking.query_of(incoming.query)
    page = asking.page(query, default=MOST_MODELS, most=MOST_MODELS)
    kind = asking.one_of(query, "type", tuple(TYPES.values()))
    vendor, words = query.get("vendor"), query.get("search", "").lower().split()
    found = [
        item
        for item in printed(await memory.catalogue())
        if (kind is None or item["type"] == kind)
        and (vendor is None or item["vendor"] == vendor)
        and all(word in f"{item['slug']} {item['display_name']} {item['vendor']}".lower() for word in words)
    ]
    answer = success(
        {
            "models": found[page.offset : page.offset + page.limit],
            "total": len(found),
            "limit": page.limit,
            "offset": page.offset,
            "currency": "USD",
            "default_model": settings.DEFAULT_MODEL,
        }
    )
    answer.headers.append(("cache-control", "public, max-age=60"))
    return answer


def printed(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Every model on sale as it is listed, worked out once for each state of the catalogue."""
    global _printed
    if _printed is None or _printed[0] is not snapshot:
        items = []
        for model in listing.offered(snapshot):
            price = snapshot.price(model.slug)
            if price is not None:
                items.append(plain(described(model, price.rates)))
        _printed = (snapshot, items)
    return _printed[1]


def described(model: Model, rates: Rates) -> dict[str, Any]:
    """One model with its prices in USD."""
    return {
        "slug": model.slug,
        "display_name": model.display_name,
        "vendor": model.vendor,
        "type": TYPES.get(model.kind, model.kind),
        "category": model.category or None,
        "description": model.description,
        "capabilities": sorted(model.capabilities),
        "input_modalities": list(model.input_modalities),
        "output_modalities": list(model.output_modalities),
        "context_window": model.context_window,
        "max_input_tokens": model.max_input_tokens or model.context_window,
        "max_output_tokens": model.max_output_tokens,
        "lifecycle": model.lifecycle,
        "retires_on": model.retires_on,
        "successor": model.successor or None,
        "is_default": model.slug == settings.DEFAULT_MODEL,
        "prices": prices_of(rates),
        "discount_percent_label": discount_of(rates),
        "options": dict(model.options),
    }


def prices_of(rates: Rates) -> dict[str, Any]:
    """What is paid for what: tokens by class for a million, sound by the minute, pictures and films by the piece."""
    prices: dict[str, Any] = {}
    if rates.tiers:
        prices["per_1m_tokens"] = _per_million(rates.tiers[0])
    if rates.tiers[1:]:
        prices["tiers"] = [
            {"over_prompt_tokens": tier.over, "per_1m_tokens": _per_million(tier)} for tier in rates.tiers[1:]
        ]
    if rates.per_minute is not None:
        prices["per_minute"] = rates.per_minute
    if rates.per_character is not None:
        prices["per_1m_characters"] = rates.per_character * MILLION
    if rates.per_image is not None:
        prices["per_image"] = media_pricing.image_price(rates.per_image)
        prices["variants"] = list(image_variants(rates.per_image))
    if rates.per_video is not None:
        prices["per_video"] = media_pricing.video_price(rates.per_video, {})
        prices["variants"] = list(video_variants(rates.per_video))
    return prices


def discount_of(rates: Rates) -> Decimal | None:
    """How many percent below the public price a model is sold, where the price list is made that way: 10.0."""
    if rates.per_video is None or rates.per_video.discount >= 1:
        return None
    return (1 - rates.per_video.discount) * 100


def image_variants(rule: ImageRule) -> Iterator[dict[str, Any]]:
    """The configurations with a price of their own."""
    for variant in rule.variants:
        yield {"when": {name: list(values) for name, values in variant.when.items()}, "price": variant.price}


def video_variants(rule: VideoRule) -> Iterator[dict[str, Any]]:
    """What the default configuration costs when one member of it is changed; prices of several changes multiply."""
    for name, values in choices_of(rule).items():
        for value in values:
            if value == rule.defaults.get(name):
                continue
            try:
                price = media_pricing.video_price(rule, {name: value})
            except media_pricing.NotSold:
                continue
            yield {"when": {name: value}, "price": price}


def choices_of(rule: VideoRule) -> Mapping[str, tuple[Value, ...]]:
    """The members of a configuration that its price depends on, and their values."""
    priced = {"duration", "audio"} | rule.prices.keys() | rule.multipliers.keys()
    return {name: values for name, values in rule.allowed.items() if name in priced}


def _per_million(tier: Tier) -> dict[str, Any]:
    return {name: price * MILLION for name, price in tier.prices.items()}


ENTRIES = [
    Entry("GET", "/v1/llm/models", NATIVE, "all", list_models, takes_body=False),
    Entry("GET", "/v1/llm/models/catalog", NATIVE, "all", list_catalog, takes_body=False, public=True),
]
