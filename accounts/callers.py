"""Who is calling, the reasons to refuse them, and the memory of both. Pure: no database, no Django."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network
from threading import Lock
from time import monotonic

REMEMBERED_SECONDS = 5
REMEMBERED_ENTRIES = 50_000  # callers, and as many refusals: guessed secrets cannot push real callers out


class KeyUnknown(Exception):
    """No key has this secret."""


class KeyDisabled(Exception):
    """The key is there but may not be used. `reason`: `revoked`, `expired`, or `disabled` when its group is off.

    `since` is when that happened, if it is known.
    """

    def __init__(self, reason: str, since: datetime | None = None) -> None:
        super().__init__(f"The key is {reason}.")
        self.reason = reason
        self.since = since


class OrganizationDisabled(Exception):
    """The key's organization may call nothing. `reason`: `frozen` or `closed`."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The organization is {reason}.")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling, recognised, and what they may do.

    Limits are requests per minute (None: unlimited), caps nano-USD (None: no cap). `platforms` None means all; a model
    must be in every set of `models`; no `networks` means from anywhere.
    """

    key_id: int | None
    user_id: int | None
    organization_id: int
    organization_slug: str
    plan: str
    chat_rpm: int | None
    image_rpm: int | None
    key_type: str
    group: str | None
    platforms: frozenset[str] | None
    models: tuple[frozenset[str], ...]
    networks: tuple[IPv4Network | IPv6Network, ...]
    daily_cap_nusd: int | None
    monthly_cap_nusd: int | None
    total_cap_nusd: int | None
    log_bodies: bool
    expires_at: datetime | None

    def may_call(self, model_slug: str, platform: str) -> bool:
        """Whether the key's own list and its group both have the model, and the group has the platform."""
        if self.platforms is not None and platform not in self.platforms:
            return False
        return all(model_slug in allowed for allowed in self.models)


Refusal = Callable[[], KeyUnknown | KeyDisabled | OrganizationDisabled]  # a new exception each time it is raised


class Memory:
    """What secrets were found to be, by digest, for a few seconds, in this process. Safe to use from any thread.

    A database read may be under way while a change is announced; what it found is then old. So whoever reads notes
    `age` before, and what was read in a former age is not remembered.
    """

    def __init__(self) -> None:
        self.age = 0
        self._lock = Lock()
        self._callers: dict[bytes, tuple[float, Caller]] = {}
        self._refusals: dict[bytes, tuple[float, Refusal]] = {}

    def recall(self, digest: bytes) -> Caller | None:
        """The caller; None when unknown or too long ago. Raises the refusal, or KeyDisabled from expiry on."""
        oldest = monotonic() - REMEMBERED_SECONDS
        known = self._callers.get(digest)
        if known is not None and known[0] > oldest:
            caller = known[1]
            if caller.expires_at is not None and caller.expires_at <= datetime.now(UTC):
                raise KeyDisabled("expired", caller.expires_at)
            return caller
        refused = self._refusals.get(digest)
        if refused is not None and refused[0] > oldest:
            raise refused[1]()
        return None

    def remember(self, digest: bytes, found: Caller | Refusal, age: int) -> None:
        """Keep what was found, unless something was forgotten since `age`. When full, the oldest goes."""
        with self._lock:
            if age != self.age:
                return
            self._drop(digest)
            if isinstance(found, Caller):
                self._callers[digest] = (monotonic(), found)
            else:
                self._refusals[digest] = (monotonic(), found)
            for entries in (self._callers, self._refusals):
                if len(entries) > REMEMBERED_ENTRIES:
                    del entries[next(iter(entries))]

    def forget(self, digest: bytes) -> None:
        with self._lock:
            self.age += 1
            self._drop(digest)

    def forget_all(self) -> None:
        with self._lock:
            self.age += 1
            self._callers.clear()
            self._refusals.clear()

    def _drop(self, digest: bytes) -> None:
        self._callers.pop(digest, None)
        self._refusals.pop(digest, None)
