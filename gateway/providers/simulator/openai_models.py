"""The models on offer as OpenAI lists them."""

from __future__ import annotations

import json
from typing import Any

from gateway.providers.simulator.offer import CREATED, Offer
from gateway.providers.simulator.openai_errors import model_not_found


def check(offer: Offer, model: str) -> None:
    """Refusal 404 for a model that is not on offer."""
    if not offer.has(model):
        raise model_not_found(model)


def listing(offer: Offer) -> bytes:
    """The list object."""
    return json.dumps({"object": "list", "data": [_described(model) for model in offer.names]}, indent=2).encode()


def one(offer: Offer, model: str) -> bytes:
    """The model object; Refusal 404 when it is not on offer."""
    check(offer, model)
    return json.dumps(_described(model), indent=2).encode()


def _described(model: str) -> dict[str, Any]:
    return {"id": model, "object": "model", "created": CREATED, "owned_by": "simulator"}
