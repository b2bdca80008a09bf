"""The models on offer: all, or those that the operator names.

The simulator stands in for every provider, so by default it knows every name except those that say of themselves that
they do not exist (`unknown-…`, `no-such-…`, `nonexistent-…`).
"""

from __future__ import annotations

import re

SHOWN = (
    "gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-5", "gpt-5-mini", "o3", "claude-sonnet-4-6", "gemini-2.5-flash", "grok-4",
    "deepseek-chat", "deepseek-reasoner", "text-embedding-3-small", "text-embedding-3-large",
)  # fmt: skip
CREATED = 1_735_689_600  # 2025-01-01, when all of them appeared
NOT_OFFERED = re.compile(r"^(unknown|no-such|nonexistent|non-existent|does-not-exist)", re.IGNORECASE)


class Offer:
    """The names on offer; `only` restricts them."""

    def __init__(self, only: tuple[str, ...] = ()) -> None:
        self._only = only

    def has(self, model: str) -> bool:
        """Whether a model is on offer."""
        return not ((self._only and model not in self._only) or NOT_OFFERED.match(model))

    @property
    def names(self) -> tuple[str, ...]:
        """The names that a listing shows."""
        return self._only or SHOWN
