"""The table of the public API: method and path → entry. Both doors serve exactly this table."""

from __future__ import annotations

from gateway.api import anthropic, openai
from gateway.api.serve import Entry

ENTRIES: dict[tuple[str, str], Entry] = {
    (entry.method, entry.path): entry for entry in (*openai.ENTRIES, *anthropic.ENTRIES)
}
METHODS: dict[str, list[str]] = {}  # path → the methods that it has
for _method, _path in ENTRIES:
    METHODS.setdefault(_path, []).append(_method)


def pattern(path: str) -> str | None:
    """The path of the table that `path` belongs to: itself, or the one whose last part is a parameter."""
    if path in METHODS:
        return path
    parent, slash, last = path.rpartition("/")
    if slash and last:
        for candidate in METHODS:
            if candidate.endswith("}") and candidate.rpartition("/")[0] == parent:
                return candidate
    return None
