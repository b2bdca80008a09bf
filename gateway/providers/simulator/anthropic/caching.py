"""Anthropic's prompt caching: what was marked with `cache_control` is written to the cache, and read from it later.

A mark ends a prefix of tools, system prompt and messages. A prefix that was written before is read, also one that ends
before the mark; what lies between it and the mark is written, for five minutes or an hour (Anthropic's prompt caching
guide). Prefixes of fewer than 1024 tokens are not cached.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.providers.simulator import splitting
from gateway.providers.simulator.anthropic import fields
from gateway.providers.simulator.anthropic.errors import invalid

SHORTEST, MOST_MARKS = 1024, 4
LIFETIMES = {"5m": 300, "1h": 3600}  # seconds
REMEMBERED = 100_000  # prefixes


@dataclass(frozen=True, slots=True)
class Mark:
    """The end of a block: the digest and the tokens of everything up to it; `lifetime` when it is marked."""

    digest: bytes
    tokens: int
    lifetime: str | None


@dataclass(frozen=True, slots=True)
class Use:
    """How many tokens of a prompt were read from the cache and written to it."""

    read: int = 0
    written_5m: int = 0
    written_1h: int = 0


class Cache:
    """The prefixes that were written; `clock` in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: OrderedDict[bytes, tuple[float, int]] = OrderedDict()

    def use(self, owner: str, marks: tuple[Mark, ...], prompt_tokens: int) -> Use:
        """What the owner (a key and a model) reads and writes with this prompt; remembers what is written."""
        ends = [at for at, mark in enumerate(marks) if mark.lifetime and mark.tokens >= SHORTEST]
        if not ends:
            return Use()
        now, keys = self._clock(), [owner.encode(errors="surrogatepass") + mark.digest for mark in marks]
        read = 0
        for at in range(ends[-1], -1, -1):
            until, seconds = self._until.get(keys[at], (0, 0))
            if until > now:
                read = marks[at].tokens
                self._until[keys[at]] = now + seconds, seconds  # reading keeps it alive
                break
        written, reached = {"5m": 0, "1h": 0}, read
        for at in ends:
            mark = marks[at]
            if mark.tokens > reached and mark.lifetime:
                written[mark.lifetime] += min(mark.tokens, prompt_tokens) - min(reached, prompt_tokens)
                reached = mark.tokens
                self._until[keys[at]] = now + LIFETIMES[mark.lifetime], LIFETIMES[mark.lifetime]
        while len(self._until) > REMEMBERED:
            self._until.popitem(last=False)
        return Use(min(read, prompt_tokens), written["5m"], written["1h"])


def marks(value: Mapping[str, Any]) -> tuple[Mark, ...]:
    """The end of every block of a prompt, in order; Refusal for marks that Anthropic refuses."""
    found: list[Mark] = []
    running, tokens = hashlib.blake2b(digest_size=16), 0
    for path, block in _blocks(value):
        lifetime = _lifetime(block, path)
        plain = {key: item for key, item in block.items() if key != "cache_control"}
        running.update(json.dumps([path.split(".")[0], plain], sort_keys=True, default=str).encode())
        tokens += _weight(plain)
        found.append(Mark(running.digest(), tokens, lifetime))
    if (whole := _lifetime(value, "")) and found and not found[-1].lifetime:
        found[-1] = Mark(found[-1].digest, found[-1].tokens, whole)  # the last block, without a mark of its own
    lifetimes = [mark.lifetime for mark in found if mark.lifetime]
    if len(lifetimes) > MOST_MARKS:
        raise invalid(f"A maximum of {MOST_MARKS} blocks with cache_control may be provided. Found {len(lifetimes)}.")
    if "5m" in lifetimes and "1h" in lifetimes[lifetimes.index("5m") :]:
        raise invalid(
            "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block. Note that blocks are "
            "processed in the following order: `tools`, `system`, `messages`."
        )
    return tuple(found)


def _blocks(value: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for at, tool in enumerate(value.get("tools") or ()):
        yield f"tools.{at}", tool
    yield from _content(value.get("system") or [], "system")
    for at, message in enumerate(value["messages"]):
        yield from _content(message["content"], f"messages.{at}.content")


def _content(content: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(content, str):
        yield path, {"type": "text", "text": content}
        return
    for at, block in enumerate(content):
        yield f"{path}.{at}", block


def _lifetime(block: Mapping[str, Any], path: str) -> str | None:
    if block.get("cache_control") is None:
        return None
    where = f"{path}.cache_control" if path else "cache_control"
    mark = fields.record(block["cache_control"], where)
    fields.only(mark, ("type", "ttl", "scope"), where)
    fields.one_of(mark.get("type"), where, ("ephemeral",))
    return fields.one_of(mark.get("ttl") or "5m", f"{where}.ttl", tuple(LIFETIMES))


def _weight(value: object) -> int:
    """Tokens of a block: its texts, and something for everything that is no text."""
    if isinstance(value, str):
        return splitting.count(value) if len(value) < 4_000 or " " in value[:4_000] else 1_200 + len(value) // 2_000
    if isinstance(value, Mapping):
        return sum(_weight(item) for item in value.values())
    return sum(_weight(item) for item in value) if isinstance(value, list) else 0
