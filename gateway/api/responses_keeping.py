"""The answer to a Responses request on its way out: it gets our id, and is kept before its customer reads its end."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from gateway import responses_store
from gateway.api.responses_asking import Asked
from gateway.dialects.openai_responses.history import output_items
from gateway.dialects.openai_responses.owning import Claiming, claimed
from gateway.errors import InternalError
from gateway.passage import Flow
from gateway.relay import Answer
from gateway.responses_store import Conversation
from gateway.writing import write

log = logging.getLogger(__name__)

Keep = Callable[[bytes], Awaitable[bool]]  # whether the response object could be kept


class Kept:
    """One streamed response. See gateway.passage.Flow."""

    def __init__(self, stream: Flow, claiming: Claiming, keep: Keep) -> None:
        self._stream = stream
        self._claiming = claiming
        self._keep = keep
        self._over = False

    def __aiter__(self) -> Kept:
        return self

    async def __anext__(self) -> bytes:
        """The next part. The last event waits until it is kept."""
        if self._over:
            raise StopAsyncIteration
        try:
            return self._claiming.feed(await self._stream.__anext__())
        except StopAsyncIteration:
            self._over = True
        final = self._claiming.final
        if final is not None and not await self._keep(final):
            self._claiming.not_kept()
        return self._claiming.finish()

    @property
    def worthless(self) -> bool:
        """See gateway.passage.Stream."""
        return bool(getattr(self._stream, "worthless", False))

    def close(self) -> None:
        """Nobody reads it any more. What has not come to its end is not kept."""
        self._over = True
        self._stream.close()


def stored(asked: Asked) -> Keep:
    """Keeps the response where its customer wishes so. A customer who has paid gets the answer even if it cannot be
    kept, and is told so."""

    async def keep(response: bytes) -> bool:
        if not asked.claim.stored:
            return True
        try:
            await write(responses_store.keep, asked.draft, response)
        except InternalError:
            log.exception("%s could not be stored", asked.claim.id)
            return False
        return True

    return keep


def remembering(asked: Asked, memory: dict[str, Conversation]) -> Keep:
    """Keeps the response, or, where it is not to be stored, remembers the conversation up to it: the latest only."""
    keep = stored(asked)

    async def remember(response: bytes) -> bool:
        memory.clear()
        if not asked.claim.stored:
            memory[asked.claim.id] = Conversation([*asked.said, *output_items(response)])
        return await keep(response)

    return remember


async def delivered(answer: Answer, asked: Asked, keep: Keep) -> Answer:
    """The answer of the relay, whole or in a stream, as the customer gets it."""
    if asked.dropped:
        answer.headers = with_dropped(answer.headers, asked.dropped)
    if not isinstance(answer.body, bytes):
        answer.body = Kept(answer.body, Claiming(asked.claim), keep)
        return answer
    answer.body = claimed(answer.body, asked.claim)
    if not await keep(answer.body):
        asked.claim.stored = False
        answer.body = claimed(answer.body, asked.claim)
    return answer


def with_dropped(headers: list[tuple[str, str]], names: list[str]) -> list[tuple[str, str]]:
    """The headers that tell that these members of the request were left out too."""
    told = [value for name, value in headers if name == "x-tollgate-dropped"]
    others = [(name, value) for name, value in headers if name != "x-tollgate-dropped"]
    return [*others, ("x-tollgate-dropped", ", ".join([*told, *names]))]
