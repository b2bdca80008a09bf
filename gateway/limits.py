"""How often a key may call, and how many of its calls may be open at once. Kept in Redis, exact over all workers.

The window slides: at any moment the last 60 seconds count, so there is no full minute to wait out and no double burst
at its turn. A refused request does not count. Money never lives here: when Redis is away, requests pass unlimited and
`failures` counts them.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from django.conf import settings

from accounts.callers import Caller
from gateway import redis_pipe
from gateway.errors import ConcurrencyLimit, GatewayError, RateLimitPerKey
from gateway.redis_pipe import RedisDown, RedisRefused, Script

log = logging.getLogger(__name__)

WINDOW_SECONDS = 60
LEASE_SECONDS = 60  # an open call of a worker that was killed stops counting after this
ADMIT = Script(Path(__file__).with_name("limits.lua").read_text(encoding="utf-8"))
RENEW = """
local time = redis.call('TIME')
local ends = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1]
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], ends, ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
"""

failures = 0  # requests that passed because Redis did not say whether they may; the operator's alarm
_told = 0.0


@dataclass(frozen=True, slots=True)
class Window:
    """The verdict over one request and the figures for its headers. `limit` None: unlimited, or unknown for now."""

    limit: int | None
    remaining: int
    reset_at: int  # seconds since 1970 (UTC): when the oldest request that counts leaves the window
    allowed: bool
    retry_after: int  # seconds; 0 when allowed
    open_calls: int = 0  # of the key, before this one
    crowded: bool = False  # refused because of the open calls, not of the rate


UNLIMITED = Window(limit=None, remaining=0, reset_at=0, allowed=True, retry_after=0)


async def admit(caller: Caller, scope: str, call_id: UUID | None = None) -> Window:
    """Count one request of `scope` ("chat", "images", "videos", "all") in, or find that it must be refused.

    Each scope has a window of its own. With a `call_id` it also counts among the key's open calls (listings, scope
    "all", do not) until `leave` is called with the same id: exactly once, or more often, but not less.
    """
    limit = limit_of(caller, scope)
    most_open = settings.MAX_OPEN_CALLS_PER_KEY
    call = call_id.hex if call_id is not None and most_open and scope != "all" else ""
    if limit is None and not call:
        return UNLIMITED
    subject = subject_of(caller)
    register = _register()
    if call:
        register.add(subject, call)
    try:
        verdict, remaining, wait, now, open_calls = await redis_pipe.current().run(
            ADMIT,
            [f"tollgate:{{{subject}}}:{scope}", f"tollgate:{{{subject}}}:open"],
            [-1 if limit is None else limit, WINDOW_SECONDS * 1000, call, most_open, LEASE_SECONDS * 1000],
        )
    except (RedisDown, RedisRefused) as error:
        _note_failure(error)
        return UNLIMITED
    except BaseException:
        register.remove(subject, call)
        raise
    if verdict != 1:
        register.forget(subject, call)
    return Window(
        limit=limit,
        remaining=remaining,
        reset_at=-(-(now + wait) // 1000),
        allowed=verdict == 1,
        retry_after=0 if verdict == 1 else max(1, -(-wait // 1000)) if verdict == 0 else ConcurrencyLimit.wait or 1,
        open_calls=open_calls,
        crowded=verdict == -1,
    )


async def leave(caller: Caller, call_id: UUID) -> None:
    """The call is over. Waits for nothing, so that it is safe wherever a call may end; does nothing the second time."""
    _register().remove(subject_of(caller), call_id.hex)


async def admit_socket(caller: Caller, socket_id: UUID) -> bool:
    """Count one more open WebSocket of the key in; False when it has as many as it may have. `leave_socket` counts it
    out again."""
    subject = f"{subject_of(caller)}/sockets"
    register = _register()
    register.add(subject, socket_id.hex)
    try:
        verdict, *_ = await redis_pipe.current().run(
            ADMIT,
            [f"tollgate:{{{subject}}}:rate", f"tollgate:{{{subject}}}:open"],
            [-1, WINDOW_SECONDS * 1000, socket_id.hex, settings.SOCKETS_PER_KEY, LEASE_SECONDS * 1000],
        )
    except (RedisDown, RedisRefused) as error:
        _note_failure(error)
        return True
    except BaseException:
        register.remove(subject, socket_id.hex)
        raise
    if verdict != 1:
        register.forget(subject, socket_id.hex)
    return bool(verdict == 1)


def leave_socket(caller: Caller, socket_id: UUID) -> None:
    """The connection is closed. Waits for nothing; does nothing the second time."""
    _register().remove(f"{subject_of(caller)}/sockets", socket_id.hex)


def refusal(window: Window, scope: str) -> GatewayError:
    """The error that says why a request was not admitted."""
    if window.crowded:
        return ConcurrencyLimit(
            f"This key has {window.open_calls} calls open, and may have {settings.MAX_OPEN_CALLS_PER_KEY}. "
            "Wait until one of them has ended.",
            retry_after=window.retry_after,
            limit=settings.MAX_OPEN_CALLS_PER_KEY,
            in_flight=window.open_calls,
            resource="calls",
        )
    return RateLimitPerKey(
        f"This key may make {window.limit} requests in {WINDOW_SECONDS} seconds. Try again in {window.retry_after} s.",
        retry_after=window.retry_after,
        limit=window.limit,
        window_seconds=WINDOW_SECONDS,
        remaining=window.remaining,
        reset_at=window.reset_at,
        scope=scope,
    )


def headers(window: Window) -> list[tuple[str, str]]:
    """The figures for the customer (spec 002), on every answer; none for an unlimited key, which has none."""
    if window.limit is None:
        return []
    return [
        ("x-ratelimit-limit-requests", str(window.limit)),
        ("x-ratelimit-remaining-requests", str(window.remaining)),
        ("x-ratelimit-reset-requests", str(window.reset_at)),
    ]


def limit_of(caller: Caller, scope: str) -> int | None:
    """Requests per minute; None is unlimited. Plans know two figures: videos count like images, listings like chat."""
    return caller.image_rpm if scope in ("images", "videos") else caller.chat_rpm


def subject_of(caller: Caller) -> str:
    """Who is counted: the key; a user or an organization that calls without one."""
    if caller.key_id is not None:
        return f"k{caller.key_id}"
    return f"u{caller.user_id}" if caller.user_id is not None else f"o{caller.organization_id}"


class _Register:
    """The calls of this event loop that are open now. Renews their leases, so that long ones keep counting."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._calls: dict[str, set[str]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, subject: str, call: str) -> None:
        self._calls.setdefault(subject, set()).add(call)
        if self._timer is None:
            self._timer = self._loop.call_later(LEASE_SECONDS / 3, self.renew)

    def remove(self, subject: str, call: str) -> None:
        """Here and in Redis. The pipe keeps the order, so this also undoes an `admit` that is still on its way."""
        if self.forget(subject, call):
            redis_pipe.current().tell("ZREM", f"tollgate:{{{subject}}}:open", call)

    def forget(self, subject: str, call: str) -> bool:
        """Here only; whether it was there."""
        calls = self._calls.get(subject)
        if calls is None or call not in calls:
            return False
        calls.discard(call)
        if not calls:
            del self._calls[subject]
        return True

    def renew(self) -> None:
        """What a restarted Redis has forgotten it learns again here, too."""
        self._timer = None
        if not self._calls:
            return
        for subject, calls in self._calls.items():
            redis_pipe.current().tell("EVAL", RENEW, 1, f"tollgate:{{{subject}}}:open", LEASE_SECONDS * 1000, *calls)
        self._timer = self._loop.call_later(LEASE_SECONDS / 3, self.renew)


_registers: dict[asyncio.AbstractEventLoop, _Register] = {}


def _register() -> _Register:
    loop = asyncio.get_running_loop()
    register = _registers.get(loop)
    if register is None:
        for stale in [other for other in _registers if other.is_closed()]:
            del _registers[stale]
        register = _registers[loop] = _Register(loop)
    return register


def _note_failure(error: Exception) -> None:
    global failures, _told
    failures += 1
    if time.monotonic() - _told > 60:  # once a minute: every single call fails while Redis is away
        _told = time.monotonic()
        log.error("rate limits are off (%d requests so far passed unlimited): %s", failures, error)
