"""What a model refuses is left out, or called by its other name, before the request goes to it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.dialects.members import DuplicateMember, Edit, edited, members
from gateway.errors import InvalidJson


def restrict(body: bytes, restrictions: Mapping[str, Any]) -> tuple[bytes, list[str]]:
    """The body without the members that the model refuses, and their names.

    `restrictions` is the catalogue's: `drop` lists members that the model refuses, unless a member of `drop_unless` has
    one of the values given there; `rename` maps names that it does not know to those that it does. Raises InvalidJson
    when a member stands twice. Every other byte stays as it is.
    """
    drop, rename = restrictions.get("drop", ()), restrictions.get("rename", {})
    if not any(b'"' + name.encode() + b'"' in body for name in (*drop, *rename)):
        return body, []
    try:
        found = members(body)
    except DuplicateMember as error:
        raise InvalidJson("A member of the request stands twice.", position=error.position) from None
    for name, values in restrictions.get("drop_unless", {}).items():
        if name in found and msgspec.json.decode(body[slice(*found[name])]) in values:
            drop = ()
    dropped = [name for name in drop if name in found]
    edits = []
    for old, new in rename.items():
        if old not in found:
            continue
        if new in found:
            dropped.append(old)
        else:
            start = _key(body, found[old][0])
            edits.append(Edit(start, start + len(old) + 2, msgspec.json.encode(new)))
    shortened = _without(body, found, dropped) if dropped else body
    if not edits:
        return shortened, dropped
    if dropped:
        body, further = restrict(shortened, {"rename": rename})
        return body, dropped + further
    return edited(body, edits), dropped


def _key(body: bytes, value: int) -> int:
    """Where the name of the member begins whose value begins at `value`. Names in `rename` hold no escapes."""
    end = body.rindex(b'"', 0, value)
    return body.rindex(b'"', 0, end)


def _without(body: bytes, found: Mapping[str, tuple[int, int]], names: list[str]) -> bytes:
    """The object again without some members: those that stay keep their very bytes."""
    kept = [
        msgspec.json.encode(name) + b":" + body[start:end] for name, (start, end) in found.items() if name not in names
    ]
    return b"{" + b",".join(kept) + b"}"
