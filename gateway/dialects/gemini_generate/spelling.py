"""Two spellings of every member: this wire accepts `maxOutputTokens` and `max_output_tokens` alike, and answers in the
first. So does Google's own software, which mixes them in one request."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from gateway.errors import InvalidParameter

NAME = "gemini_generate"
LONGEST_NAME = 64  # characters; longer names are nobody's


@lru_cache(maxsize=1024)
def camel_name(name: str) -> str:
    """A member's name as answers spell it."""
    if "_" not in name or name.startswith("_") or len(name) > LONGEST_NAME:
        return name
    first, *others = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in others)


@lru_cache(maxsize=1024)
def snake_name(name: str) -> str:
    """The other spelling."""
    if len(name) > LONGEST_NAME:
        return name
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def camel(members: dict[str, Any], where: str) -> dict[str, Any]:
    """The members of one object, not of those within, in the spelling of answers and without those that are null.
    Raises InvalidParameter when one is there in both spellings: nobody can tell which the provider obeys."""
    found: dict[str, Any] = {}
    for name, value in members.items():
        if value is None:
            continue
        spelled = camel_name(name)
        if spelled in found:
            raise InvalidParameter(f"`{where}{spelled}` is given in two spellings.", param=f"{where}{spelled}")
        found[spelled] = value
    return found


def either(members: dict[str, Any], name: str) -> Any:
    """A member in whichever spelling it is there."""
    value = members.get(name)
    return members.get(snake_name(name)) if value is None else value


def both(names: Iterable[str]) -> frozenset[str]:
    """Names in both spellings."""
    return frozenset(spelled for name in names for spelled in (name, snake_name(name)))


def listed(value: Any) -> list[Any]:
    """A repeated member: this wire takes a lone value for a list of one."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def extras_of(members: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Members as extras of this dialect; none for none."""
    return {NAME: members} if members else {}
