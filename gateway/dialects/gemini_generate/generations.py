"""What the provider's models take, told by their names. Reference: ai.google.dev/gemini-api/docs/thinking and
…/gemini-3.

A name that tells no version is taken for the newest generation when it is a Gemini, and for nothing in particular
otherwise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_VERSION = re.compile(r"gemini-(?:[a-z]+-)*(\d+)(?:\.(\d+))?")
_NEWEST = (9, 9)


@dataclass(frozen=True, slots=True)
class Generation:
    """`levels`: the words for thinkingLevel, () for none. `budgets`: the least and the most thinkingBudget above 0,
    None where there is no budget. `may_rest`: thinking can be switched off. `signs`: calls in the history must be
    signed. `sees_results`: a tool's result may hold pictures and files."""

    levels: tuple[str, ...]
    budgets: tuple[int, int] | None
    may_rest: bool
    signs: bool
    sees_results: bool


_ANY = Generation(("minimal", "low", "medium", "high", "xhigh"), (1, 1_000_000), True, False, True)


@lru_cache(maxsize=1024)
def generation(model: str) -> Generation:
    """The generation of a model, by the name under which its provider knows it."""
    name = model.lower()
    if "gemini" not in name or "embedding" in name:
        return _ANY
    found = _VERSION.search(name)
    version = (int(found[1]), int(found[2] or 0)) if found else _NEWEST
    if version >= (3, 0):
        levels: tuple[str, ...] = ("minimal", "low", "medium", "high")
        if "pro" in name:
            levels = ("low", "high") if version == (3, 0) else ("low", "medium", "high")
        return Generation(levels, None, False, True, True)
    if version < (2, 5) or "image" in name or "tts" in name:
        return Generation((), None, False, False, False)
    if "pro" in name:
        return Generation((), (128, 32_768), False, False, False)
    return Generation((), (512 if "lite" in name else 1, 24_576), True, False, False)
