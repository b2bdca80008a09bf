"""A wait that must not last too long, made for streams: one timer for all waits of a stream, not one for each chunk."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


class Silence:
    """Breaks off waits that last `seconds`. For one task at a time; the timer ends by itself when nobody waits."""

    __slots__ = ("_loop", "_rang", "_seconds", "_since", "_timer", "_waiting")

    def __init__(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._seconds = seconds
        self._since = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: asyncio.Task[Any] | None = None
        self._rang = False

    async def broken_by(self, sound: Coroutine[Any, Any, bytes]) -> bytes | None:
        """What `sound` brings, or None when the silence lasted too long. A cancellation from elsewhere passes."""
        self._waiting = task = asyncio.current_task()
        assert task is not None
        self._since = self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, self._look)
        try:
            return await sound
        except asyncio.CancelledError:
            if self._rang and task.uncancel() == 0:
                return None
            raise
        finally:
            self._waiting = None
            self._rang = False

    def _look(self) -> None:
        self._timer = None
        if self._waiting is None:
            return
        left = self._since + self._seconds - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look)
        else:
            self._rang = True
            self._waiting.cancel()
