"""Canonical events → a streamed answer of Responses, in the order that clients count on: response.created,
response.in_progress, for each item output_item.added, its parts with their deltas, output_item.done, one item open at a
time, then response.completed or response.incomplete with the whole response.

An item ends when the next begins, not with its last word: only the end of the answer tells whether it is complete.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from billing.usage import Usage
from gateway.canonical import (
    Audio,
    Blob,
    BlockDelta,
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    End,
    ErrorEvent,
    Event,
    Image,
    Part,
    Reasoning,
    Refusal,
    Start,
    Text,
    ToolCall,
    UsageReport,
)
from gateway.dialects.openai_responses.content import flat
from gateway.dialects.openai_responses.counting import render_usage
from gateway.dialects.openai_responses.finishing import ended
from gateway.dialects.openai_responses.items import BESIDE_TEXT, own
from gateway.dialects.openai_responses.making import Items
from gateway.dialects.openai_responses.objects import NAME, Object, response_object
from gateway.dialects.openai_responses.payload import event as raw_event
from gateway.dialects.ordering import InOrder


class Renderer:
    """See gateway.dialects.base.Renderer.

    `echo` is what the response repeats of the request (see `objects.echo`). `response` is the whole response once it
    has ended, for those who keep it; `id` and `last_sequence` tell how far the stream has come.
    """

    def __init__(
        self,
        model: str,
        *,
        id: str = "",  # noqa: A002
        created: int = 0,
        usage: bool = True,
        echo: Mapping[str, Any] | None = None,
    ) -> None:
        del usage  # always part of the last event
        self.id: str | None = id or None
        self.last_sequence = -1
        self.response: Object = {}
        self._model = model
        self._created = created
        self._own: Object = dict(echo or {})
        self._usage: Usage | None = None
        self._end = ChoiceEnd("stop")
        self._order = InOrder()
        self._items = Items(self._event)
        self._part: Part | None = None
        self._opened = False
        self._over = False

    def begun(self) -> Object:
        """The response object as it began."""
        return self._object("in_progress")

    def feed(self, event: Event) -> bytes:
        """The raw events of one canonical event."""
        if self._over:
            return b""
        if isinstance(event, BlockStart | ChoiceEnd) and event.choice != 0:
            return b""
        if isinstance(event, End):
            return self.finish()
        return b"".join([self._tell(said) for said in self._order.feed(event)])

    def finish(self) -> bytes:
        """The last event; nothing when it was said, or after an error."""
        if self._over:
            return b""
        said = [self._begin(), *(self._tell(left) for left in self._order.feed(End()))]
        self._over = True
        status, details = ended(self._end.finish, self._end.native_finish)
        said.append(self._items.end(status))
        self._own.update(self._end.extras.get(NAME, {}))
        self.response = self._object(status, details, self._items.output)
        said.append(self._event(f"response.{status}", {"response": self.response}))
        return b"".join(said)

    def _object(self, status: str, details: Object | None = None, output: list[Object] | None = None) -> Object:
        usage = render_usage(self._usage) if self._usage is not None and status != "in_progress" else None
        return response_object(
            id=self.id or "resp_0",
            model=self._model,
            created=self._created,
            status=status,
            details=details,
            output=output,
            usage=usage,
            own=self._own,
        )

    def _event(self, kind: str, members: Object) -> bytes:
        self.last_sequence += 1
        return raw_event(kind, self.last_sequence, members)

    def _begin(self) -> bytes:
        if self._opened:
            return b""
        self._opened = True
        self._items.response_id = self.id or "resp_0"
        begun = {"response": self.begun()}
        return self._event("response.created", begun) + self._event("response.in_progress", begun)

    def _tell(self, event: Event) -> bytes:
        match event:
            case BlockDelta():
                return self._more(event.text, event.extras)
            case BlockStart():
                return self._begin() + self._start(event.part)
            case BlockEnd():
                return self._stop(event.blob)
            case Start():
                self.id = self.id or event.id or None
                self._created = self._created or event.created
                self._own = {**self._own, **event.extras.get(NAME, {})}
                self._usage = event.usage
                return self._begin()
            case ChoiceEnd():
                self._end = event
            case UsageReport():
                self._usage = event.usage
            case ErrorEvent():
                self._over = True
            case End():
                pass
        return b""

    def _start(self, part: Part) -> bytes:
        """Blocks of words are opened by the first that is said of them, which may name the item that they belong to."""
        self._part = part
        if isinstance(part, ToolCall):
            said = self._items.call(part)
            return said + (self._items.argument(part.arguments) if part.arguments else b"")
        if isinstance(part, Image):
            return self._items.picture(part)
        if isinstance(part, Audio):
            self._part = Text()
            return self._more(part.transcript, {})
        return self._more(getattr(part, "text", ""), part.extras)

    def _more(self, text: str, extras: Mapping[str, Object]) -> bytes:
        part, mine, shared = self._part, extras.get(NAME, {}), extras.get("openai", {})
        if isinstance(part, ToolCall):
            return self._items.argument(text) if text else b""
        if isinstance(part, Text) and "item" in mine:
            return self._items.whole(mine["item"])
        if not text and not mine and not shared:
            return b""
        if isinstance(part, Reasoning):
            return self._items.think(text, mine)
        if isinstance(part, Text | Refusal):
            said = self._items.open_words(type(part), mine)
            if text:
                said += self._items.word(text, shared.get("logprobs"))
            for note in shared.get("annotations", ()):
                said += self._items.note(flat(note))
            return said
        return b""

    def _stop(self, blob: Blob | None) -> bytes:
        part, self._part = self._part, None
        blob = blob or (part.blob if part is not None else None)
        if isinstance(part, ToolCall):
            return self._items.called()
        if isinstance(part, Reasoning):
            return self._items.thought(blob, own(part))
        said = self._items.close_words()
        if isinstance(part, Text) and blob is not None:
            # This wire has no place for what belongs to a text; a reasoning item after it carries it.
            beside = Blob(blob.origin, BESIDE_TEXT + blob.kind, blob.data, blob.id)
            said += self._items.thought(beside, {})
        return said
