"""The memory of prompts: a long beginning that was seen before counts as cached, as OpenAI counts it.

Cached are prefixes of at least 1024 tokens, in steps of 128 (OpenAI's prompt caching guide).
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence

SHORTEST, STEP = 1024, 128
REMEMBERED = 100_000  # prefixes


class Prefixes:
    """Prefixes of prompts that were asked before, the oldest forgotten first."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def cached(self, owner: str, prompt: Sequence[str]) -> int:
        """How many tokens of this prompt the owner (a key and a model) has sent before; remembers the prompt."""
        if len(prompt) < SHORTEST:
            return 0
        running = hashlib.blake2b(owner.encode(errors="surrogatepass"), digest_size=16)
        found, at = 0, 0
        for end in range(SHORTEST, len(prompt) + 1, STEP):
            running.update("\0".join(prompt[at:end]).encode(errors="surrogatepass"))
            at, digest = end, running.digest()
            if digest in self._seen:
                found = end
            self._seen[digest] = None
            self._seen.move_to_end(digest)
        while len(self._seen) > self._remembered:
            self._seen.popitem(last=False)
        return found
