"""A streamed answer of Messages → canonical events."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from gateway import sse
from gateway.canonical import (
    Blob,
    BlockDelta,
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    End,
    ErrorEvent,
    Event,
    Extras,
    Fault,
    Part,
    Reasoning,
    Start,
    Text,
    ToolCall,
    UsageReport,
)
from gateway.dialects.anthropic_messages.blocks import ORIGIN, answered, extras_of, opaque
from gateway.dialects.anthropic_messages.counting import Ledger
from gateway.dialects.anthropic_messages.errors import fault_in, told
from gateway.dialects.anthropic_messages.finishing import finish_of
from gateway.dialects.anthropic_messages.payload import payload
from gateway.dialects.anthropic_messages.response import refusal_of, unknown
from gateway.dialects.blobs import opened
from gateway.dialects.members import UNREADABLE


class _Block:
    """An open block. `block` is its canonical number, None for one that is told when it is whole."""

    def __init__(self, block: int | None, wire: dict[str, Any]) -> None:
        self.block = block
        self.wire = wire
        self.signature: list[str] = []
        self.json: list[str] = []  # fragments of the arguments of a block that only this dialect knows
        self.pending = ""  # arguments that came with the start, said at the end unless others follow


class Parser:
    """See gateway.dialects.base.Parser."""

    def __init__(self) -> None:
        self._blocks: dict[object, _Block] = {}
        self._next = 0
        self._ledger = Ledger()
        self._extras: dict[str, Any] = {}
        self._events: list[Event] = []
        self._called = False
        self._started = False
        self._stopped = False
        self._over = False

    def feed(self, raw_event: bytes) -> list[Event]:
        """The canonical events of one raw event."""
        if self._over:
            return []
        data = payload(raw_event)
        if data is None:
            return []
        named_error = b"error" in raw_event and sse.name(raw_event) == "error"
        try:
            value = msgspec.json.decode(data)
        except UNREADABLE:
            return self._fail(Fault("server", code="bad_event"))
        if not isinstance(value, dict):
            return self._fail(told(value, 0)) if named_error else []
        fault = fault_in(value)
        if fault is not None or named_error:
            return self._fail(fault or told(value, 0))
        self._events = []
        self._read(value)
        return self._events

    def finish(self) -> list[Event]:
        """The end of the stream."""
        if self._over:
            return []
        if not self._stopped:
            return self._fail(Fault("server", code="stream_broken"))
        self._over = True
        return [End()]

    def _fail(self, fault: Fault) -> list[Event]:
        self._over = True
        return [ErrorEvent(fault)]

    def _read(self, value: dict[str, Any]) -> None:
        match value.get("type"):
            case "content_block_delta":
                block, delta = self._blocks.get(_key(value)), value.get("delta")
                if block is not None and isinstance(delta, dict):
                    self._delta(block, delta)
            case "content_block_start":
                if isinstance(value.get("content_block"), dict) and not self._stopped:
                    self._begin()
                    self._stop(_key(value))
                    self._block(_key(value), value["content_block"])
            case "content_block_stop":
                self._stop(_key(value))
            case "message_delta":
                self._message_delta(value)
            case "message_start":
                message = value.get("message")
                self._begin(message if isinstance(message, dict) else {})
            case "message_stop":
                self._events += self.finish()

    def _begin(self, message: dict[str, Any] | None = None) -> None:
        if self._started:
            return
        self._started = True
        message = message or {}
        self._ledger.open(message.get("usage"))
        self._extras = unknown(message)
        self._events.append(Start(_text(message.get("id")), _text(message.get("model")), usage=self._ledger.prompt))

    def _block(self, key: object, wire: dict[str, Any]) -> None:
        part = Text("") if wire.get("type") == "text" else answered(wire)
        if isinstance(part, Text) and part.extras:
            self._blocks[key] = _Block(None, dict(wire))
            return
        block = self._blocks[key] = _Block(self._next, wire)
        if isinstance(part, ToolCall):
            self._called = True
            block.pending = part.arguments if part.arguments != "{}" else ""
            part.arguments = ""
        elif isinstance(part, Reasoning) and wire.get("type") == "thinking":
            block.signature.append(_text(wire.get("signature")))
            part = replace(part, blob=None)
        self._start(part or Text(""))
        if isinstance(part, Text):
            notes = wire.get("citations")
            self._say(block, _text(wire.get("text")), extras_of({"citations": notes} if notes else {}))

    def _start(self, part: Part) -> None:
        self._events.append(BlockStart(self._next, part))
        self._next += 1

    def _say(self, block: _Block, text: str, extras: Extras | None = None) -> None:
        if block.block is not None and (text or extras):
            self._events.append(BlockDelta(block.block, text, extras or {}))

    def _delta(self, block: _Block, delta: dict[str, Any]) -> None:
        fragment = delta.get("partial_json")
        if isinstance(fragment, str):
            block.pending = ""
            if block.block is None:
                block.json.append(fragment)
            self._say(block, fragment)
        elif isinstance(delta.get("signature"), str):
            block.signature.append(delta["signature"])
        elif "citation" in delta:
            self._say(block, "", extras_of({"citations": [delta["citation"]]}))
        else:
            self._say(block, _text(delta.get("text")) or _text(delta.get("thinking")))

    def _stop(self, key: object) -> None:
        block = self._blocks.pop(key, None)
        if block is None:
            return
        if block.block is None:
            self._tell_opaque(block)
            return
        self._say(block, block.pending)
        signature = "".join(block.signature)
        blob: Blob | None = opened(signature, origin=ORIGIN, kind="signature") if signature else None
        self._events.append(BlockEnd(block.block, blob))

    def _tell_opaque(self, block: _Block) -> None:
        """A block that only this dialect knows, once it is whole."""
        if block.json:
            try:
                block.wire["input"] = msgspec.json.decode("".join(block.json))
            except UNREADABLE:
                block.wire["input"] = {}
        number = self._next
        self._start(opaque(block.wire))
        self._events.append(BlockEnd(number))

    def _message_delta(self, value: dict[str, Any]) -> None:
        self._begin()
        delta = value.get("delta")
        delta = delta if isinstance(delta, dict) else {}
        word = delta.get("stop_reason")
        if isinstance(word, str) and word and not self._stopped:
            self._end(word, delta, value)
        usage = self._ledger.report(value.get("usage")).usage
        if usage is not None:
            self._events.append(UsageReport(usage))

    def _end(self, word: str, delta: dict[str, Any], value: dict[str, Any]) -> None:
        for key in list(self._blocks):
            self._stop(key)
        refusal = refusal_of(delta.get("stop_details"))
        if refusal is not None:
            number = self._next
            self._start(replace(refusal, text=""))
            self._events += (BlockDelta(number, refusal.text), BlockEnd(number))
        self._stopped = True
        extras = {
            **self._extras,
            **unknown(delta, details_told=refusal is not None),
            **{name: member for name, member in unknown(value).items() if name != "delta"},
        }
        sequence = delta.get("stop_sequence")
        self._events.append(
            ChoiceEnd(
                finish_of(word, called=self._called),
                0,
                word,
                sequence if isinstance(sequence, str) else None,
                extras_of(extras),
            )
        )


def _key(value: dict[str, Any]) -> object:
    index = value.get("index")
    return index if isinstance(index, int) else 0


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
