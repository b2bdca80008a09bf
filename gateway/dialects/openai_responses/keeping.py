"""Keep the final response of a stream as it passes, for those who asked for it to be stored."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from gateway.dialects.members import UNREADABLE
from gateway.dialects.openai_responses.payload import payload
from gateway.sse import EventTooLong, Splitter

_ENDS = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")


class Keeper:
    """Collects nothing but the last event. `response` is the final response object, None until it was there."""

    def __init__(self) -> None:
        self.response: dict[str, Any] | None = None
        self._splitter = Splitter()

    def feed(self, chunk: bytes) -> None:
        """A piece of the stream as it goes to the customer, cut anywhere. Never raises."""
        try:
            for raw in self._splitter.feed(chunk):
                self.keep(raw)
        except EventTooLong:
            self._splitter = Splitter()

    def keep(self, raw_event: bytes) -> None:
        """One whole raw event."""
        head = raw_event.partition(b"\n")[0] if raw_event.startswith(b"event: ") else raw_event
        if not any(kind.encode() in head for kind in _ENDS):
            return
        data = payload(raw_event)
        try:
            value = msgspec.json.decode(data) if data is not None else None
        except UNREADABLE:
            return
        if isinstance(value, dict) and value.get("type") in _ENDS and isinstance(value.get("response"), dict):
            self.response = value["response"]


def final_response(raw_events: Iterable[bytes]) -> dict[str, Any] | None:
    """The response object of the last event, or None when the stream has none."""
    keeper = Keeper()
    for raw in raw_events:
        keeper.keep(raw)
    return keeper.response
