"""What the provider's models take, told by their names: what one generation demands, another refuses.

Reference: platform.claude.com/docs, "Migrating to new models", "Extended thinking" and "Structured outputs". A name
that tells no version is taken for the newest generation when it is a Claude, and for the plainest otherwise: other
companies that speak this dialect follow its first version.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_VERSION = re.compile(r"claude-(?:[a-z]+-)?(\d)(?:[.-](\d{1,2}))?(?!\d)")
_NEWEST = (9, 9)


@dataclass(frozen=True, slots=True)
class Generation:
    """`sampling`: takes temperature, top_p and top_k. `both`: temperature and top_p at once. `budget`: thinks up to
    `budget_tokens`. `efforts`: the words for adaptive thinking, () for none. `schemas`: has output_config.format and
    strict tools."""

    sampling: bool
    both: bool
    budget: bool
    efforts: tuple[str, ...]
    schemas: bool


@lru_cache(maxsize=1024)
def generation(model: str) -> Generation:
    """The generation of a model, by the name under which its provider knows it."""
    name = model.lower()
    if "claude" not in name:
        return Generation(sampling=True, both=True, budget=True, efforts=(), schemas=False)
    found = _VERSION.search(name)
    version = (int(found[1]), int(found[2] or 0)) if found else _NEWEST
    efforts: tuple[str, ...] = ()
    if version >= (4, 7):
        efforts = ("low", "medium", "high", "xhigh", "max")
    elif version >= (4, 6):
        efforts = ("low", "medium", "high", "max")
    return Generation(
        sampling=version < (4, 7),
        both=version < (4, 1),
        budget=version < (4, 7),
        efforts=efforts,
        schemas=version >= (4, 5),
    )
