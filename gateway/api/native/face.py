"""The native API's envelope: `{"exception": 0, "data": …, "message": …}`, and money as exact JSON numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from gateway.dialects import DIALECTS, native
from gateway.relay import Answer

NATIVE = replace(DIALECTS["openai_chat"], errors=native)


def success(data: Mapping[str, Any], message: str = "OK") -> Answer:
    """An answer with this data. What it holds may be anything that `plain` knows."""
    return Answer(200, [("content-type", "application/json")], enveloped(data, message))


def enveloped(data: Mapping[str, Any], message: str = "OK") -> bytes:
    """The body of a success."""
    return msgspec.json.encode({"exception": 0, "data": plain(data), "message": message})


def bare(body: Mapping[str, Any]) -> Answer:
    """An answer without the envelope, for the interfaces of others."""
    return Answer(200, [("content-type", "application/json")], msgspec.json.encode(plain(body)))


def plain(value: Any) -> Any:
    """The same in JSON types. A Decimal becomes a number of plain digits, exact to its last one; a time ISO 8601 in
    UTC."""
    if isinstance(value, Decimal):
        return number(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def number(value: Decimal) -> msgspec.Raw:
    """A JSON number: 0.315, 9.17825791, 0.00000001; never an exponent, never a binary fraction."""
    text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return msgspec.Raw((text if text != "-0" else "0").encode())
