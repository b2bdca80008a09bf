"""Canonical events → a streamed answer of Messages, in the order that clients count on: message_start, ping, then for
each block start, deltas and stop, with one block open at a time, then message_delta with the final usage, message_stop.
"""

from __future__ import annotations

from typing import Any

import msgspec

from billing.usage import Usage
from gateway import sse
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
from gateway.dialects.anthropic_messages.blocks import (
    NAME,
    hidden_block,
    media_block,
    own,
    signature_of,
    text_blob_block,
    tool_block,
)
from gateway.dialects.anthropic_messages.counting import render_usage
from gateway.dialects.anthropic_messages.finishing import render_finish
from gateway.dialects.ordering import InOrder

PING = b'event: ping\ndata: {"type":"ping"}\n\n'


def event(name: str, members: dict[str, Any]) -> bytes:
    """One event; its name is also the first member of its data."""
    return sse.render(msgspec.json.encode({"type": name, **members}), name)


def message_start(identity: str, model: str, usage: Usage, members: dict[str, Any] | None = None) -> bytes:
    """The first event."""
    message = {
        "id": identity,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": render_usage(usage),
        **(members or {}),
    }
    return event("message_start", {"message": message})


class Renderer:
    """See gateway.dialects.base.Renderer.

    Usage is part of every stream of this dialect, so `usage` changes nothing. `prompt_tokens` is an estimate of the
    prompt for message_start, where the provider tells its figures only at the end; the true ones are in message_delta.
    Only the first choice can be said.
    """

    def __init__(
        self,
        model: str,
        *,
        id: str = "",  # noqa: A002
        created: int = 0,
        usage: bool = True,
        prompt_tokens: int = 0,
    ) -> None:
        self._model = model
        self._id = id
        self._usage = Usage(input=prompt_tokens)
        self._order = InOrder()
        self._index = 0  # of the next block
        self._part: Part | None = None  # the open canonical block
        self._open = False  # whether it is open on the wire too
        self._refusal: list[str] | None = None  # a refusal that is told at the end, and not as text
        self._refusing = False  # whether it is the open block
        self._details: dict[str, Any] = {}
        self._refused = False
        self._end = ChoiceEnd("stop")
        self._begun = False
        self._over = False

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
        """message_delta and message_stop; nothing when they were said, or after an error."""
        if self._over:
            return b""
        said = [self._begin(), *(self._tell(left) for left in self._order.feed(End()))]
        self._over = True
        members = dict(self._end.extras.get(NAME, {}))
        refused = self._refused or self._refusal is not None
        delta: dict[str, Any] = {
            "stop_reason": render_finish(
                self._end.finish,
                native=self._end.native_finish,
                stop_sequence=self._end.stop_sequence,
                refused=refused,
            ),
            "stop_sequence": self._end.stop_sequence,
        }
        if self._refusal is not None:
            delta["stop_details"] = {**self._details, "explanation": "".join(self._refusal)}
        for name in ("container", "stop_details"):
            if name in members:
                delta[name] = members.pop(name)
        said.append(_event("message_delta", {"delta": delta, "usage": render_usage(self._usage), **members}))
        said.append(_event("message_stop", {}))
        return b"".join(said)

    def _tell(self, event: Event) -> bytes:
        match event:
            case BlockDelta():
                return self._more(event.text, event.extras.get(NAME, {}))
            case BlockStart():
                return self._begin() + self._start(event.part)
            case BlockEnd():
                return self._stop(event.blob)
            case Start():
                self._id = self._id or event.id
                return self._begin(event.usage)
            case ChoiceEnd():
                self._end = event
            case UsageReport():
                self._usage = event.usage
            case ErrorEvent():
                self._over = True
            case End():
                pass
        return b""

    def _begin(self, prompt: Usage | None = None) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        self._usage = prompt or self._usage
        return message_start(self._id or "msg_0", self._model, self._usage) + PING

    def _start(self, part: Part) -> bytes:
        """Text and reasoning are opened by the first that is said of them: it decides what type of block they are."""
        self._part, self._open, self._refusing = part, False, False
        if isinstance(part, ToolCall):
            said = self._open_block({**tool_block(part), "input": {}})
            if part.custom:
                said += self._say("input_json_delta", "partial_json", '{"input":"')
            return said + self._words(part.arguments)
        if isinstance(part, Image | Audio):
            medium = media_block(part)
            return self._open_block(medium) if medium is not None else b""
        return self._more(getattr(part, "text", ""), own(part))

    def _more(self, text: str, members: dict[str, Any]) -> bytes:
        """More of the open block, with what only this dialect knows of it."""
        part = self._part
        if isinstance(part, Text) and "block" in members and not self._open:
            return self._open_block(members["block"])  # one that came whole
        if isinstance(part, Refusal) and "stop_details" in members and not self._open:
            self._details, self._refusing = members["stop_details"], True
            self._refusal = self._refusal or []
        said = self._words(text)
        if isinstance(part, Text):
            for note in members.get("citations", ()):
                said += self._opening() + self._say("citations_delta", "citation", note)
        return said

    def _words(self, text: str) -> bytes:
        part = self._part
        if not text:
            return b""
        if self._refusing and self._refusal is not None:
            self._refusal.append(text)
            return b""
        if isinstance(part, ToolCall):
            if part.custom:
                text = msgspec.json.encode(text).decode()[1:-1]
            return self._say("input_json_delta", "partial_json", text)
        if isinstance(part, Reasoning):
            return self._opening() + self._say("thinking_delta", "thinking", text)
        self._refused = self._refused or isinstance(part, Refusal)
        return self._opening() + self._say("text_delta", "text", text)

    def _opening(self) -> bytes:
        """The start of the block, unless it is open."""
        if self._open:
            return b""
        if isinstance(self._part, Reasoning):
            return self._open_block({"type": "thinking", "thinking": "", "signature": ""})
        return self._open_block({"type": "text", "text": ""})

    def _say(self, kind: str, name: str, value: Any) -> bytes:
        return _event("content_block_delta", {"index": self._index, "delta": {"type": kind, name: value}})

    def _open_block(self, block: dict[str, Any]) -> bytes:
        self._open = True
        return _event("content_block_start", {"index": self._index, "content_block": block})

    def _stop(self, blob: Blob | None) -> bytes:
        part, self._part = self._part, None
        blob = blob or (part.blob if part is not None else None)
        said = b""
        if isinstance(part, Reasoning) and blob is not None:
            hidden = {} if self._open else hidden_block(blob)
            if hidden:
                said = self._open_block({**hidden, "signature": ""} if "signature" in hidden else hidden)
            if not hidden or "signature" in hidden:
                said += self._say("signature_delta", "signature", signature_of(blob))
        if isinstance(part, ToolCall) and part.custom:
            said = self._say("input_json_delta", "partial_json", '"}')
        if self._open:
            said += self._close()
        if isinstance(part, Text) and blob is not None:
            said += self._open_block(text_blob_block(blob)) + self._close()
        return said

    def _close(self) -> bytes:
        self._open = False
        self._index += 1
        return _event("content_block_stop", {"index": self._index - 1})


_event = event
