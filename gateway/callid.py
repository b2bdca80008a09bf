"""The id of a call: one UUIDv7, made before any money moves, that names the call, its hold and its usage record."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def new() -> UUID:
    """A fresh UUIDv7 (RFC 9562 §5.7): 48 bits of milliseconds, 74 random bits. Sorts by time, collides never."""
    random = int.from_bytes(os.urandom(10), "big")
    value = (time.time_ns() // 1_000_000) << 80 | random
    value = value & ~(0xF << 76) | 0x7 << 76  # version 7
    value = value & ~(0x3 << 62) | 0x2 << 62  # variant
    return UUID(int=value)


def started_at(identity: UUID) -> datetime:
    """The moment inside the id, to the millisecond, in UTC. It decides which month's partition holds the record."""
    return EPOCH + timedelta(milliseconds=identity.int >> 80)


def request_id(identity: UUID) -> str:
    """What customers see and quote: `req_` and 32 hexadecimal digits."""
    return f"req_{identity.hex}"
