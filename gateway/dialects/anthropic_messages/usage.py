"""What an answer of Messages cost its provider: read from a whole answer, or watched for in a stream."""

from __future__ import annotations

from typing import Any

import msgspec

from billing.usage import Usage
from gateway import sse
from gateway.canonical import Fault
from gateway.dialects.anthropic_messages import errors
from gateway.dialects.anthropic_messages.counting import Ledger, read_usage
from gateway.dialects.anthropic_messages.payload import payload
from gateway.dialects.base import Kind, Report
from gateway.dialects.members import UNREADABLE

__all__ = ["Watch", "read"]

_NULL = msgspec.Raw(b"null")  # stands for an absent member too


class _Delta(msgspec.Struct, gc=False):
    text: str | None = None
    thinking: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None
    type: str | None = None
    stop_details: msgspec.Raw = _NULL


class _Event(msgspec.Struct, gc=False):
    type: str
    index: int | None = None
    delta: _Delta | None = None
    usage: msgspec.Raw = _NULL
    message: msgspec.Raw = _NULL
    content_block: msgspec.Raw = _NULL
    error: msgspec.Raw = _NULL


_EVENT = msgspec.json.Decoder(_Event)

# Deltas that are output without being text.
_WORDLESS = frozenset({"signature_delta", "citations_delta"})


class Watch:
    """One per streamed answer; see Watcher.

    `prompt` is what message_start said of the prompt, with no output: it outlives a stream that is cut before its
    figures are final, and knows what came from the cache. `started`, `open` (the indexes of the open blocks), `blocks`
    (how many there were) and `stopped` are for an own ending.
    """

    __slots__ = (
        "_ledger",
        "_texts",
        "blocks",
        "error",
        "finish",
        "id",
        "model",
        "open",
        "produced",
        "started",
        "stopped",
        "suspect",
        "usage",
    )

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.suspect = False
        self.finish: str | None = None
        self.produced = False
        self.model: str | None = None
        self.id: str | None = None
        self.error: Fault | None = None
        self.started = False
        self.stopped = False
        self.open: list[int] = []
        self.blocks = 0
        self._ledger = Ledger()
        self._texts: list[str] = []

    @property
    def prompt(self) -> Usage | None:
        """The prompt as far as it is known."""
        return self._ledger.prompt

    def take_text(self) -> str:
        """See Watcher.take_text."""
        texts = self._texts
        if not texts:
            return ""
        text = texts[0] if len(texts) == 1 else "".join(texts)
        texts.clear()
        return text

    def watch(self, raw_event: bytes) -> Kind:
        """See Watcher.watch."""
        data = payload(raw_event)
        if data is None:
            return Kind.COMMENT
        try:
            event = _EVENT.decode(data)
        except UNREADABLE:
            return self._watch_odd(raw_event, data)
        if event.error != _NULL:
            return self._watch_odd(raw_event, data)
        delta = event.delta
        kind = event.type
        if kind == "content_block_delta" and delta is not None:
            text = delta.text or delta.thinking or delta.partial_json
            if text:
                self._texts.append(text)
            elif delta.type not in _WORDLESS:
                return Kind.OPENING
            self.produced = True
            return Kind.CONTENT
        if kind == "content_block_start":
            return self._block(event)
        if kind == "content_block_stop":
            if event.index in self.open:
                self.open.remove(event.index)
            return Kind.OTHER
        if kind == "message_delta":
            return self._message_delta(event)
        if kind == "message_start":
            return self._message_start(event)
        if kind == "message_stop":
            return Kind.DONE
        if kind == "ping":
            return Kind.COMMENT
        return self._watch_odd(raw_event, data)

    def _message_start(self, event: _Event) -> Kind:
        message = msgspec.json.decode(event.message)
        if isinstance(message, dict):
            self.started = True
            self.id, self.model = _text(message.get("id")), _text(message.get("model"))
            self._ledger.open(message.get("usage"))
        return Kind.OPENING

    def _message_delta(self, event: _Event) -> Kind:
        if event.usage != _NULL:
            usage, suspect = self._ledger.report(msgspec.json.decode(event.usage))
            if usage is not None:
                self.usage = usage
            self.suspect = self.suspect or suspect
        delta = event.delta
        if delta is None or not delta.stop_reason:
            return Kind.OTHER
        self.finish = delta.stop_reason
        self.stopped = True
        explanation = explained(msgspec.json.decode(delta.stop_details))
        if explanation:
            self._texts.append(explanation)
            self.produced = True
        return Kind.FINISH

    def _block(self, event: _Event) -> Kind:
        if event.index is not None:
            self.open.append(event.index)
        self.blocks += 1
        block = msgspec.json.decode(event.content_block)
        if not isinstance(block, dict):
            return Kind.OTHER
        texts = output_of(block, streamed=True)
        if not texts and block.get("type") in ("text", "thinking"):
            return Kind.OPENING
        self._texts.extend(texts)
        self.produced = True
        return Kind.CONTENT

    def _watch_odd(self, raw_event: bytes, data: bytes) -> Kind:
        """Failures, and what is no event of this dialect."""
        named_error = sse.name(raw_event) == "error"
        try:
            value = msgspec.json.decode(data)
        except UNREADABLE:
            if not named_error:
                return Kind.OTHER
            value = {"error": data.decode("utf-8", "replace")}
        fault = errors.fault_in(value)
        if fault is None and named_error:
            fault = errors.told(value, 0)
        if fault is None:
            return Kind.OTHER
        self.error = fault
        return Kind.ERROR


def read(body: bytes) -> Report:
    """See UsageReader.read."""
    report = Report()
    try:
        value = msgspec.json.decode(body)
    except UNREADABLE:
        return report
    if not isinstance(value, dict):
        return report
    report.error = errors.fault_in(value)
    report.model, report.id = _text(value.get("model")), _text(value.get("id"))
    report.usage, report.suspect = read_usage(value.get("usage"))
    report.finish = _text(value.get("stop_reason"))
    content = value.get("content")
    for block in content if isinstance(content, list) else ():
        if isinstance(block, dict):
            texts = output_of(block)
            report.texts.extend(texts)
            report.produced = report.produced or bool(texts) or block.get("type") not in ("text", "thinking", None)
            report.produced = report.produced or bool(block.get("signature"))
    explanation = explained(value.get("stop_details"))
    if explanation:
        report.texts.append(explanation)
        report.produced = True
    return report


def output_of(block: dict[str, Any], *, streamed: bool = False) -> list[str]:
    """All output text of a content block, of any type. `streamed`: of the start of one, where empty arguments only
    mean that they are still to come."""
    found = [text for name in ("text", "thinking", "name") if (text := _text(block.get(name)))]
    arguments = block.get("input")
    if isinstance(arguments, dict) and (arguments or not streamed):
        found.append(msgspec.json.encode(arguments).decode())
    return found


def explained(details: object) -> str | None:
    """Why the model refused, in words; they are part of the answer."""
    return _text(details.get("explanation")) if isinstance(details, dict) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
