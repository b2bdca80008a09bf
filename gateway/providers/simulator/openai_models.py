"""The models on offer: all, or those that the operator names.

The simulator stands in for every provider, so by default it knows every name except those that say of themselves that
they do not exist (`unknown-…`, `no-such-…`, `nonexistent-…`).
"""

from __future__ import annotations

import json
import re
from typing import Any

from gateway.providers.simulator.openai_errors import model_not_found

SHOWN = (
    "gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-5", "gpt-5-mini", "o3", "claude-sonnet-4-6", "gemini-2.5-flash", "grok-4",
    "deepseek-chat", "deepseek-reasoner", "text-embedding-3-small", "text-embedding-3-large",
)  # fmt: skip
CREATED = 1_735_689_600  # 2025-01-01
NOT_OFFERED = re.compile(r"^(unknown|no-such|nonexistent|non-existent|does-not-exist)", re.IGNORECASE)


class Models:
    """The names on offer; `only` restricts them."""

    def __init__(self, only: tuple[str, ...] = ()) -> None:
        self._only = only

    def check(self, model: str) -> None:
        """Refusal 404 for a model that is not on offer."""
        if (self._only and model not in self._only) or NOT_OFFERED.match(model):
            raise model_not_found(model)

    def listing(self) -> bytes:
        """The list object."""
        data = [_described(model) for model in self._only or SHOWN]
        return json.dumps({"object": "list", "data": data}, indent=2).encode()

    def one(self, model: str) -> bytes:
        """The model object; Refusal 404 when it is not on offer."""
        self.check(model)
        return json.dumps(_described(model), indent=2).encode()


def _described(model: str) -> dict[str, Any]:
    return {"id": model, "object": "model", "created": CREATED, "owned_by": "simulator"}
