"""Canonical events → a streamed answer of this wire.

Every event is a whole response object with a piece of the answer. The reasons for the end come with usage, in the last
one. A function call is told when it is whole: this wire has no fragments of arguments.
"""

from __future__ import annotations

from typing import Any

import msgspec

from billing.usage import Usage
from gateway import sse
from gateway.canonical import (
    BlockDelta,
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    End,
    ErrorEvent,
    Event,
    Part,
    Reasoning,
    Refusal,
    Start,
    Text,
    ToolCall,
    UsageReport,
)
from gateway.dialects.gemini_generate.content import answer_part, call_part, own, signed
from gateway.dialects.gemini_generate.counting import render_usage
from gateway.dialects.gemini_generate.logprobs import render_logprobs
from gateway.dialects.gemini_generate.response import ending_of
from gateway.dialects.gemini_generate.spelling import NAME


class _Block:
    """An open block."""

    def __init__(self, part: Part, choice: int) -> None:
        self.part = part
        self.choice = choice
        self.words: list[str] = []  # arguments, or reasoning whose blob is still to come


class Renderer:
    """See gateway.dialects.base.Renderer. This wire tells no time, and always usage."""

    def __init__(self, model: str, *, id: str = "", created: int = 0, usage: bool = True) -> None:  # noqa: A002
        self._model = model
        self._id = id
        self._usage: Usage | None = None
        self._own: dict[str, Any] = {}  # of the answer; told with the first event
        self._tail = b""
        self._blocks: dict[int, _Block] = {}
        self._thoughts: dict[int, list[Reasoning]] = {}  # choice → reasoning with blobs since the last call
        self._said: set[int] = set()  # choices that said anything
        self._endings: list[dict[str, Any]] = []
        self._over = False

    def feed(self, event: Event) -> bytes:
        """The raw events of one canonical event."""
        if self._over:
            return b""
        match event:
            case BlockDelta():
                return self._delta(event)
            case BlockStart():
                return self._start_block(event)
            case BlockEnd():
                return self._end_block(event)
            case Start():
                self._id = self._id or event.id
                self._usage = event.usage
                self._own = dict(event.extras.get(NAME, {}))
            case ChoiceEnd():
                self._end_choice(event)
            case UsageReport():
                self._usage = event.usage
            case ErrorEvent():
                self._over = True
            case End():
                return self.finish()
        return b""

    def finish(self) -> bytes:
        """The last event: why each candidate ended, and usage. Nothing when it was said, or after an error."""
        if self._over:
            return b""
        self._over = True
        value: dict[str, Any] = {}
        if self._endings:
            value["candidates"] = self._endings
        value.update(self._own)
        if self._usage is not None:
            value["usageMetadata"] = render_usage(self._usage)
        return self._event(value) if value else b""

    def _event(self, value: dict[str, Any]) -> bytes:
        if not self._tail:
            named = {"modelVersion": self._model, **({"responseId": self._id} if self._id else {})}
            self._tail = b"," + msgspec.json.encode(named)[1:]
        return sse.render(msgspec.json.encode(value)[:-1] + self._tail)

    def _chunk(self, choice: int, part: dict[str, Any] | None, tokens: Any = None) -> bytes:
        if part is None and not tokens:
            return b""
        self._said.add(choice)
        parts = [part] if part is not None else [{"text": ""}]
        candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": choice}
        if isinstance(tokens, list) and tokens:
            candidate["logprobsResult"] = render_logprobs(tokens)
        value, self._own = {"candidates": [candidate], **self._own}, {}
        return self._event(value)

    def _start_block(self, event: BlockStart) -> bytes:
        part, choice = event.part, event.choice
        block = self._blocks[event.block] = _Block(part, choice)
        if isinstance(part, ToolCall):
            return b""
        if isinstance(part, Text | Refusal | Reasoning) and "part" not in own(part):
            return self._say(block, part.text, part.extras)
        return self._chunk(choice, answer_part(part, []))

    def _delta(self, event: BlockDelta) -> bytes:
        block = self._blocks.get(event.block)
        return self._say(block, event.text, event.extras) if block is not None else b""

    def _say(self, block: _Block, text: str, extras: dict[str, dict[str, Any]]) -> bytes:
        part = block.part
        if isinstance(part, ToolCall):
            block.words.append(text)
            return b""
        whole = extras.get(NAME, {}).get("part")
        if isinstance(whole, dict):  # one of this wire's own parts: its words are those of the part
            return self._chunk(block.choice, whole)
        if isinstance(part, Reasoning):
            block.words.append(text)
            return self._chunk(block.choice, {"text": text, "thought": True}) if text else b""
        return self._chunk(block.choice, {"text": text} if text else None, extras.get("openai", {}).get("logprobs"))

    def _end_block(self, event: BlockEnd) -> bytes:
        block = self._blocks.pop(event.block, None)
        if block is None:
            return b""
        part, choice = block.part, block.choice
        words = "".join(block.words)
        if isinstance(part, ToolCall):
            whole = ToolCall(part.id, part.name, part.arguments + words, part.custom, blob=event.blob or part.blob)
            return self._chunk(choice, call_part(whole, self._thoughts.pop(choice, [])))
        blob = event.blob or part.blob
        if blob is None or not isinstance(part, Text | Refusal | Reasoning):
            return b""
        if isinstance(part, Reasoning):
            self._thoughts.setdefault(choice, []).append(Reasoning(words, blob=blob))
            return self._chunk(choice, signed({"text": "", "thought": True}, blob))
        return self._chunk(choice, signed({"text": ""}, blob))

    def _end_choice(self, event: ChoiceEnd) -> None:
        members = event.extras.get(NAME, {})
        if "promptFeedback" in members and event.choice not in self._said:
            self._own["promptFeedback"] = members["promptFeedback"]
            return
        ended = ending_of(event.finish, event.native_finish, members)
        self._endings.append({"content": {"parts": [{"text": ""}], "role": "model"}, **ended, "index": event.choice})
