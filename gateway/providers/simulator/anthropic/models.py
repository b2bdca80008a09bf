"""Anthropic's models as it lists them, and what each generation refuses.

What they refuse follows the vendor's migration notes: from 4.7 on no sampling parameters, no token budget for thinking
and no prefilled answers (Opus from 4.6 on), from 5.5 on no forced tool for Opus and Sonnet.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gateway.providers.simulator.anthropic.errors import Refusal, invalid
from gateway.providers.simulator.offer import CREATED, Offer

NAME = re.compile(r"claude-(opus|sonnet|haiku|fable|mythos)-(\d{1,2})(?:-(\d{1,2}))?(?!\d)", re.IGNORECASE)
SHOWN = ("claude-opus-4-7", "claude-sonnet-4-6", "claude-haiku-4-5", "claude-opus-5-5")


@dataclass(frozen=True, slots=True)
class Manners:
    """What a model will have nothing to do with."""

    sampling: bool = False
    budgets: bool = False
    prefill: bool = False
    forced_tools: bool = False


def manners(model: str) -> Manners:
    """Those of a model of that name; a name that is not Anthropic's refuses nothing."""
    match = NAME.search(model)
    if not match:
        return Manners()
    line, version = match[1].lower(), (int(match[2]), int(match[3] or 0))
    newer = version >= (4, 7)
    return Manners(
        sampling=newer,
        budgets=newer,
        prefill=newer or (line == "opus" and version >= (4, 6)),
        forced_tools=version >= (5, 5) and line in ("opus", "sonnet"),
    )


def check(offer: Offer, model: str) -> None:
    """Refusal 404 for a model that is not on offer."""
    if not offer.has(model):
        raise Refusal(404, f"model: {model}")


def listing(offer: Offer, query: Mapping[str, str]) -> bytes:
    """One page of the models, as `limit`, `after_id` and `before_id` want it."""
    names = [name for name in offer.names if name not in SHOWN and NAME.match(name)]
    names = [*SHOWN, *names] if offer.has(SHOWN[0]) else list(offer.names)
    limit = query.get("limit", "20")
    if not limit.isdecimal() or not 1 <= int(limit) <= 1000:
        raise invalid("limit: Input should be between 1 and 1000")
    rest = False
    if (after := query.get("after_id")) in names:
        names = names[names.index(after) + 1 :]
    if (before := query.get("before_id")) in names:
        names = names[: names.index(before)]
        names, rest = names[-int(limit) :], len(names) > int(limit)
    else:
        names, rest = names[: int(limit)], len(names) > int(limit)
    data = [described(name) for name in names]
    page = {"data": data, "has_more": rest, "first_id": names[0] if names else None}
    return json.dumps({**page, "last_id": names[-1] if names else None}).encode()


def described(model: str) -> dict[str, Any]:
    """The model object."""
    return {
        "type": "model",
        "id": model,
        "display_name": model.replace("-", " ").title(),
        "created_at": datetime.fromtimestamp(CREATED, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "max_input_tokens": 200_000,
        "max_tokens": 64_000,
        "lifecycle": "active",
    }
