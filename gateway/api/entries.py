"""The table of the public API: method and path → entry. Both doors serve exactly this table."""

from __future__ import annotations

from gateway.api import anthropic, gemini, key_usage, openai, responses
from gateway.api.native import surface
from gateway.api.serve import Entry

ENTRIES: dict[tuple[str, str], Entry] = {
    (entry.method, entry.path): entry
    for entry in (
        *openai.ENTRIES,
        *responses.ENTRIES,
        *anthropic.ENTRIES,
        *gemini.ENTRIES,
        *surface.ENTRIES,
        *key_usage.ENTRIES,
    )
}
METHODS: dict[str, list[str]] = {}  # path → the methods that it has
for _method, _path in ENTRIES:
    METHODS.setdefault(_path, []).append(_method)

# The paths with parameters by their number of parts; what says more of a path in words comes first.
_SHAPES: dict[int, list[tuple[list[str | None], str]]] = {}
for _path in METHODS:
    if "{" in _path:
        _shape = [None if part.startswith("{") else part for part in _path.split("/")]
        _SHAPES.setdefault(len(_shape), []).append((_shape, _path))
for _shapes in _SHAPES.values():
    _shapes.sort(key=lambda known: known[0].count(None))


def pattern(path: str) -> str | None:
    """The path of the table that `path` belongs to: itself, or one in which every parameter stands for one part."""
    if path in METHODS:
        return path
    parts = path.split("/")
    for shape, known in _SHAPES.get(len(parts), ()):
        if all(part if word is None else part == word for word, part in zip(shape, parts, strict=True)):
            return known
    return None
