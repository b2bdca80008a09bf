"""One failed request, before it is any particular one: gateway/errors.py has the family. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import ClassVar, Literal
from uuid import UUID

Retry = Literal["no", "after", "fix"]  # never as it is · the same request, later · once somebody has acted

LONGEST_WAIT = 120  # seconds; the OpenAI SDK gives up at once on a longer Retry-After
LONGEST_MESSAGE = 2000  # characters
LONGEST_TEXT = 300  # characters of a text inside `meta`, which may quote the customer's own request
LONGEST_LIST = 50  # items of a list inside `meta`
LARGEST_INTEGER_BITS = 256  # Python refuses to print integers of thousands of digits

# HTTP status → `error.type` (the closed set of spec 002; 402, 409, 502 and 504 in the same spirit).
TYPES: Mapping[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    405: "not_found_error",
    409: "conflict_error",
    413: "invalid_request_error",
    426: "invalid_request_error",
    429: "rate_limit_error",
    500: "internal_server_error",
    502: "service_unavailable_error",
    503: "service_unavailable_error",
    504: "service_unavailable_error",
}
CODES: dict[str, type[GatewayError]] = {}


class GatewayError(Exception):
    """One failed request. `meta` holds only the class's `keys` (stable, documented); money in it is a decimal string.

    `retryable` says that the same request may succeed later or elsewhere. `retry_after` is in whole seconds, 1 to 120.
    """

    code: ClassVar[str]
    retry: ClassVar[Retry]
    keys: ClassVar[tuple[str, ...]]
    wait: ClassVar[int | None]  # the Retry-After of an error that was raised without one
    status: int
    message: str = "The request failed."

    def __init_subclass__(
        cls, status: int | None = None, retry: Retry = "no", keys: str = "", wait: int | None = None
    ) -> None:
        if status is None:
            return  # a branch of the family, never raised itself
        cls.code = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()
        cls.status, cls.retry, cls.keys, cls.wait = status, retry, tuple(keys.split()), wait
        CODES[cls.code] = cls

    def __init__(
        self, message: str = "", *, status: int | None = None, retry_after: float | None = None, **meta: object
    ) -> None:
        self.message = readable(message or type(self).message, LONGEST_MESSAGE)
        super().__init__(self.message)
        if status is not None:
            self.status = status
        pause = type(self).wait if retry_after is None else retry_after
        self.retry_after = None if pause is None else min(LONGEST_WAIT, max(1, math.ceil(pause)))
        self.meta: dict[str, object] = {name: plain(value) for name, value in meta.items() if value is not None}

    @property
    def type(self) -> str:
        """The word for the status, e.g. `invalid_request_error`."""
        return TYPES[self.status]

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later, or over another route."""
        return self.retry == "after"

    # What a failed attempt says of the endpoint; the provider's adapter knows better for refusals of our account.
    blame: Literal["fault", "busy", "refused"] = "fault"

    @property
    def param(self) -> str | None:
        """The request's field that is to blame, where there is one."""
        param = self.meta.get("param")
        return param if isinstance(param, str) else None


def plain(value: object, depth: int = 3) -> object:
    """A value as it may stand in `meta`: JSON types only, exact for money, bounded in length and depth.

    It may quote what the customer sent, so nothing in it may be able to break the rendering of the error.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return readable(value, LONGEST_TEXT)
    if isinstance(value, int) and value.bit_length() <= LARGEST_INTEGER_BITS:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, set | frozenset):
        value = sorted(value, key=str)
    if depth and isinstance(value, list | tuple):
        return [plain(item, depth - 1) for item in value[:LONGEST_LIST]]
    if depth and isinstance(value, Mapping):
        return {readable(str(name), LONGEST_TEXT): plain(value[name], depth - 1) for name in list(value)[:LONGEST_LIST]}
    return str(value)[:LONGEST_TEXT] if isinstance(value, UUID | float) else "…"


def readable(text: str, longest: int) -> str:
    """Text that any encoder accepts (a lone surrogate of a JSON escape becomes a question mark), cut to `longest`."""
    text = text[: longest + 1].encode("utf-8", "replace").decode()
    return text if len(text) <= longest else text[: longest - 1] + "…"
