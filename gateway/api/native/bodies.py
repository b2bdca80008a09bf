"""Members of a JSON body, read strictly: each is what it should be, or refused by name."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.api.serve import Incoming, must_be_json
from gateway.dialects.members import UNREADABLE
from gateway.errors import InvalidJson, InvalidParameter

NUMBERS = {"temperature": (0, 2), "top_p": (0, 1), "presence_penalty": (-2, 2), "frequency_penalty": (-2, 2)}


async def object_of(incoming: Incoming) -> dict[str, Any]:
    """The JSON object of a request. Raises InvalidJson."""
    must_be_json(incoming)
    try:
        value = msgspec.json.decode(await incoming.read())
    except UNREADABLE:
        raise InvalidJson("The request body is not valid JSON.", position=0) from None
    if not isinstance(value, dict):
        raise InvalidJson("The request body must be a JSON object.", position=0)
    return value


def text(value: dict[str, Any], name: str, longest: int, *, least: int = 1) -> str | None:
    """A text of `least` to `longest` characters; None when it is absent. Raises InvalidParameter."""
    found = value.get(name)
    if found is None:
        return None
    if not isinstance(found, str) or not least <= len(found) <= longest or (least and not found.strip()):
        raise InvalidParameter(
            f"`{name}` must be a text of {least} to {longest} characters.", param=name, min=least, max=longest
        )
    return found


def sampling(value: dict[str, Any]) -> dict[str, float]:
    """The members that say how the model chooses its words. Raises InvalidParameter."""
    found: dict[str, float] = {}
    for name, (least, most) in NUMBERS.items():
        number = value.get(name)
        if number is None:
            continue
        if isinstance(number, bool) or not isinstance(number, int | float) or not least <= number <= most:
            raise InvalidParameter(
                f"`{name}` must be a number from {least} to {most}.", param=name, value=number, min=least, max=most
            )
        found[name] = number
    return found
