"""What one kind of job has to be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gateway.models import Job


def nothing() -> bytes | None:
    """There is no part of a result yet."""
    return None


@dataclass(slots=True)
class Progress:
    """What is there when work is interrupted: `part` gives it, in the form of a result."""

    part: Callable[[], bytes | None] = nothing


# Works on a job under its `call_id`, keeps `progress` up to date, and gives the result. Raises GatewayError.
Worker = Callable[[Job, Progress], Awaitable[bytes]]
