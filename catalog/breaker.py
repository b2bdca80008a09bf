"""Whether an endpoint is worth asking: a circuit breaker that closes gradually. Pure; times are seconds of any clock.

    closed ──5 failures within 30 s, at least half of the calls──▶ open ──10 s, doubling to 5 min──▶ half-open
       ▲                                                            ▲                                  │ one probe
       └── after 2, then 4, then 8 … successes ── returning ◀───────┼──────────── success ─────────────┤
                (1 in 8, 4, 2 calls is let through)                 └──────────── failure ─────────────┘

A refusal of our own account (401, 402, 404) opens at once: no second call will fare better. A customer's mistake (400)
is the provider in good health.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

Verdict = Literal["ok", "fault", "busy", "refused"]
State = Literal["closed", "open", "half-open", "returning"]

WINDOW_SECONDS = 30  # failures older than this are forgotten
FAILURES = 5  # within the window; a single one never opens
SHORTEST_BREAK = 10  # seconds
LONGEST_BREAK = 300
REFUSED_BREAK = 60  # after a refusal of our account somebody must act; asking often does not help
PROBE_SECONDS = 60  # a probe that never came back does not block the next one for longer
FIRST_SHARE = 8  # returning: one call in so many, then half as many, until all


@dataclass(slots=True)
class Breaker:
    """What is known of one endpoint. Not safe for several threads at once; each worker has its own."""

    shortest: int = SHORTEST_BREAK  # seconds of the first break
    state: State = "closed"
    reason: str = ""
    opened_at: float | None = None
    retry_at: float | None = None
    breaks: int = 0  # in a row, without a full return between them
    _failures: deque[float] = field(default_factory=deque)
    _calls: deque[float] = field(default_factory=deque)
    _probing_until: float = 0
    _share: int = 1
    _successes: int = 0
    _turn: int = 0

    def rests(self, now: float) -> bool:
        """Whether it is not to be asked at all for a while."""
        return self.state == "open" and self.retry_at is not None and now < self.retry_at

    def admits(self, now: float) -> bool:
        """Whether this call may ask the endpoint. Counts: a half-open one admits a single probe at a time."""
        if self.state == "closed":
            return True
        if self.state == "open":
            if self.retry_at is not None and now < self.retry_at:
                return False
            self.state = "half-open"
            self._probing_until = 0
        if self.state == "half-open":
            if now < self._probing_until:
                return False
            self._probing_until = now + PROBE_SECONDS
            return True
        self._turn += 1
        return self._turn % self._share == 0

    def report(self, verdict: Verdict, now: float, reason: str = "") -> bool:
        """What came of a call. True when the state changed."""
        before = self.state
        self._forget(now)
        self._calls.append(now)
        if verdict == "ok":
            self._succeeded()
        else:
            self._failures.append(now)
            if verdict == "refused":
                self._open(now, reason, REFUSED_BREAK)
            elif self.state != "closed" or self._too_many():
                self._open(now, reason, self.shortest)
        return self.state != before

    def adopt(self, reason: str, retry_in: float, breaks: int, now: float) -> None:
        """Another worker found it broken: believe that."""
        if self.state == "closed" or self.state == "returning":
            self.state, self.reason, self.opened_at = "open", reason, now
            self.retry_at, self.breaks = now + retry_in, breaks

    def close(self) -> None:
        """Forget everything: somebody says it works."""
        self.state, self.reason, self.opened_at, self.retry_at, self.breaks = "closed", "", None, None, 0
        self._failures.clear()
        self._calls.clear()

    def _succeeded(self) -> None:
        if self.state in ("half-open", "open"):
            self.state, self._share, self._successes, self._turn = "returning", FIRST_SHARE, 0, 0
        if self.state == "returning":
            self._successes += 1
            if self._successes >= 2:
                self._successes = 0
                self._share //= 2
            if self._share <= 1:
                self.close()

    def _too_many(self) -> bool:
        return len(self._failures) >= FAILURES and 2 * len(self._failures) >= len(self._calls)

    def _open(self, now: float, reason: str, shortest: int) -> None:
        if self.state == "open" and self.retry_at is not None and now < self.retry_at:
            return  # calls that were under way when it opened
        self.breaks += 1
        pause = min(LONGEST_BREAK, shortest * 2 ** min(self.breaks - 1, 10))
        self.state, self.reason, self.opened_at, self.retry_at = "open", reason, now, now + pause
        self._failures.clear()
        self._calls.clear()

    def _forget(self, now: float) -> None:
        for times in (self._failures, self._calls):
            while times and now - times[0] > WINDOW_SECONDS:
                times.popleft()
