"""Google's models as it lists them, and how each may be told to think.

The bounds are those of Google's guide to thinking: budgets for 2.5, levels for 3 and later.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.providers.simulator.gemini.errors import Refusal, invalid
from gateway.providers.simulator.offer import Offer

SHOWN = ("gemini-2.5-pro", "gemini-2.5-flash", "gemini-3-pro", "gemini-3-flash", "gemini-embedding-001")
NAME = re.compile(r"gemini-(\d+)(?:\.(\d+))?", re.IGNORECASE)
LEVELS = {"MINIMAL": "minimal", "LOW": "low", "MEDIUM": "medium", "HIGH": "high", "XHIGH": "xhigh"}
GENERATES = ["generateContent", "countTokens"]
EMBEDS = ["embedContent", "batchEmbedContents"]


@dataclass(frozen=True, slots=True)
class Thinking:
    """How a model thinks: the levels and the budgets that may be asked of it, and whether signatures must return."""

    usual: bool  # whether it thinks unasked
    levels: tuple[str, ...]
    budget: tuple[int, int] | None  # smallest and largest
    can_be_off: bool
    signs: bool  # whether a call of a function without its signature is refused


def thinking(model: str) -> Thinking:
    """That of a model of that name; one that is not Google's takes everything."""
    match = NAME.search(model)
    version = (int(match[1]), int(match[2] or 0)) if match else None
    if version is None:
        return Thinking(usual=False, levels=tuple(LEVELS), budget=(0, 32_768), can_be_off=True, signs=False)
    if version >= (3, 0):
        levels = ("LOW", "HIGH") if "pro" in model else ("MINIMAL", "LOW", "MEDIUM", "HIGH")
        return Thinking(usual=True, levels=levels, budget=(0, 32_768), can_be_off="pro" not in model, signs=True)
    if version < (2, 5):
        return Thinking(usual=False, levels=(), budget=None, can_be_off=True, signs=False)
    if "lite" in model:
        return Thinking(usual=False, levels=(), budget=(512, 24_576), can_be_off=True, signs=False)
    if "pro" in model:
        return Thinking(usual=True, levels=(), budget=(128, 32_768), can_be_off=False, signs=False)
    return Thinking(usual=True, levels=(), budget=(1, 24_576), can_be_off=True, signs=False)


def check(offer: Offer, model: str, verb: str) -> None:
    """Refusal 404 for a model that is not on offer, or not for that."""
    embeds = "embedding" in model
    if not offer.has(model) or ((verb in EMBEDS) != embeds and verb != "countTokens"):
        raise Refusal(
            404,
            f"models/{model} is not found for API version v1beta, or is not supported for {verb}. Call ListModels to "
            "see the list of available models and their supported methods.",
        )


def listing(offer: Offer, query: Mapping[str, str]) -> bytes:
    """One page of the models, as `pageSize` and `pageToken` want it."""
    names = SHOWN if offer.has(SHOWN[0]) else offer.names
    size, token = query.get("pageSize", "50"), query.get("pageToken", "0")
    if not size.isdecimal() or not token.isdecimal():
        raise invalid("Invalid page.", field="pageToken")
    first, last = int(token), int(token) + max(1, int(size))
    page: dict[str, Any] = {"models": [described(name) for name in names[first:last]]}
    if last < len(names):
        page["nextPageToken"] = str(last)
    return json.dumps(page, indent=2).encode()


def one(offer: Offer, model: str) -> bytes:
    """The model object; Refusal 404 when it is not on offer."""
    check(offer, model, "countTokens")
    return json.dumps(described(model), indent=2).encode()


def described(model: str) -> dict[str, Any]:
    """The model object."""
    value: dict[str, Any] = {
        "name": f"models/{model}",
        "version": "001",
        "displayName": model.replace("-", " ").title(),
        "description": "Played by the simulator.",
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": EMBEDS if "embedding" in model else GENERATES,
    }
    if "embedding" not in model:
        value |= {"temperature": 1, "topP": 1, "topK": 64, "maxTemperature": 2, "thinking": thinking(model).usual}
    return value
