"""The shipped catalogue as a file: every provider, model, endpoint and price that Tollgate comes with.

catalog/README.md says what its members mean. A file that is not exactly in this form is refused whole: a misspelt price
must not become no price.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.cards import Card

FILE = Path(__file__).parent / "data" / "catalog.json"

Values = Mapping[str, Any]  # field of a table → value as JSON has it

PROVIDER_FIELDS = ("name", "adapter", "base_url", "is_enabled", "is_simulator")
MODEL_FIELDS = (
    "display_name", "vendor", "kind", "category", "platform", "capabilities", "input_modalities", "output_modalities",
    "context_window", "max_input_tokens", "max_output_tokens", "restrictions", "options", "lifecycle_status",
    "retires_on", "successor", "description", "notes",
)  # fmt: skip
ENDPOINT_FIELDS = ("dialect", "priority", "weight", "quirks", "is_enabled")

# What the simulator speaks for each kind of model.
SIMULATED_DIALECTS = {
    "chat": "openai_chat",
    "embedding": "openai_embeddings",
    "image": "openai_images",
    "video": "openai_videos",
    "audio": "openai_audio",
}
SIMULATED_PRIORITY = 1000


class ShippedFileInvalid(Exception):
    """The file is not a catalogue; the message says where."""


@dataclass(frozen=True, slots=True)
class ShippedProvider:
    """A company as the file has it."""

    slug: str
    values: Values


@dataclass(frozen=True, slots=True)
class ShippedEndpoint:
    """A model at a provider as the file has it, with what it costs us."""

    provider: str
    upstream_id: str
    values: Values
    cost: Card  # empty: unknown
    cost_note: str = ""

    @property
    def key(self) -> str:
        """What it is remembered by among the endpoints of its model."""
        return f"{self.provider}/{self.upstream_id}"


@dataclass(frozen=True, slots=True)
class ShippedModel:
    """A model as the file has it, with its price and everybody who serves it."""

    slug: str
    values: Values
    price: Card  # empty: not sold until an operator sets one
    price_note: str
    examples: tuple[tuple[Mapping[str, Any], str], ...]  # (configuration, USD): what the price rule must come to
    endpoints: tuple[ShippedEndpoint, ...]


@dataclass(frozen=True, slots=True)
class Shipped:
    """A whole file, checked."""

    providers: tuple[ShippedProvider, ...]
    models: tuple[ShippedModel, ...]


def read(path: Path = FILE) -> Shipped:
    """The catalogue in a file. Raises ShippedFileInvalid."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_float=_refuse_fraction)
        providers = tuple(_provider(item) for item in content["providers"])
        models = tuple(_model(item) for item in content["models"])
        _once("provider", [provider.slug for provider in providers])
        _once("model", [model.slug for model in models])
        strangers = {item.provider for model in models for item in model.endpoints} - {item.slug for item in providers}
        if strangers:
            raise ValueError(f"unknown provider {', '.join(sorted(strangers))}")
        return Shipped(providers, models)
    except OSError as error:
        raise ShippedFileInvalid(f"{path.name} cannot be read: {error.strerror}") from error
    except KeyError as error:
        raise ShippedFileInvalid(f"{path.name} lacks {error}") from error
    except (ValueError, TypeError) as error:
        raise ShippedFileInvalid(f"{path.name}: {error}") from error


def simulated(slug: str, kind: str, provider: str) -> ShippedEndpoint:
    """The simulator's endpoint for a model: tried last, and only where no real provider can answer."""
    values = {
        "dialect": SIMULATED_DIALECTS[kind],
        "priority": SIMULATED_PRIORITY,
        "weight": 1,
        "quirks": {},
        "is_enabled": True,
    }
    return ShippedEndpoint(provider=provider, upstream_id=slug, values=values, cost=Card())


def _provider(item: Mapping[str, Any]) -> ShippedProvider:
    defaults = {"is_enabled": True, "is_simulator": False}
    return ShippedProvider(item["slug"], _fields(item, PROVIDER_FIELDS, defaults, "slug"))


def _model(item: Mapping[str, Any]) -> ShippedModel:
    slug = item["slug"]
    try:
        defaults: Values = {
            "retires_on": None,
            "successor": "",
            "description": "",
            "notes": "",
            "restrictions": {},
            "options": {},
        }
        others = ("slug", "price", "price_note", "examples", "endpoints")
        price = Card.of_figures(item["price"])
        lacking = price.rates().lacks(item["kind"])
        if price and lacking:
            raise ValueError(f"its price lacks {', '.join(lacking)}")
        endpoints = tuple(_endpoint(endpoint) for endpoint in item["endpoints"])
        _once("endpoint", [endpoint.key for endpoint in endpoints])
        return ShippedModel(
            slug=slug,
            values=_fields(item, MODEL_FIELDS, defaults, *others),
            price=price,
            price_note=item.get("price_note", ""),
            examples=tuple((example["config"], example["usd"]) for example in item.get("examples", ())),
            endpoints=endpoints,
        )
    except KeyError as error:
        raise ValueError(f"{slug} lacks {error}") from error
    except (ValueError, TypeError) as error:
        raise ValueError(f"{slug}: {error}") from error


def _endpoint(item: Mapping[str, Any]) -> ShippedEndpoint:
    defaults = {"priority": 100, "weight": 1, "quirks": {}, "is_enabled": True}
    return ShippedEndpoint(
        provider=item["provider"],
        upstream_id=item["upstream_id"],
        values=_fields(item, ENDPOINT_FIELDS, defaults, "provider", "upstream_id", "cost", "cost_note"),
        cost=Card.of_figures(item.get("cost") or {}),
        cost_note=item.get("cost_note", ""),
    )


def _fields(item: Mapping[str, Any], names: tuple[str, ...], defaults: Values, *others: str) -> Values:
    unknown = set(item) - {*names, *others}
    if unknown:
        raise ValueError(f"unknown member {', '.join(sorted(unknown))}")
    return {name: item[name] if name in item else defaults[name] for name in names}


def _once(what: str, names: list[str]) -> None:
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"{what} {', '.join(sorted(twice))} is there twice")


def _refuse_fraction(text: str) -> None:
    raise ValueError(f"{text} is a binary fraction in the making: write it as a string")
