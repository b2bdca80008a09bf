"""Canonical events → a streamed answer of chat completions."""

from __future__ import annotations

from typing import Any

import msgspec

from billing.usage import Usage
from gateway.canonical import (
    Audio,
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
    ToolCall,
    UsageReport,
)
from gateway.dialects.blobs import tie
from gateway.dialects.openai_chat.counting import render_usage
from gateway.dialects.openai_chat.details import entry
from gateway.dialects.openai_chat.finishing import render_finish
from gateway.dialects.openai_chat.response import render_audio, render_call, render_image

DONE = b"data: [DONE]\n\n"


class _Block:
    """An open block."""

    def __init__(self, part: Part, choice: int) -> None:
        self.part = part
        self.choice = choice
        self.call = 0  # which tool call of its choice it is
        self.said = False  # whether arguments were
        self.words: list[str] = []  # reasoning, kept because a blob that comes at its end belongs to it


class Renderer:
    """See gateway.dialects.base.Renderer. `created` and `id` are for providers that name none."""

    def __init__(self, model: str, *, id: str = "", created: int = 0, usage: bool = True) -> None:  # noqa: A002
        self._model = model
        self._id = id
        self._created = created
        self._shows_usage = usage
        self._usage: Usage | None = None
        self._head = b""
        self._blocks: dict[int, _Block] = {}
        self._calls: dict[int, int] = {}  # choice → tool calls so far
        self._thoughts: dict[int, list[Reasoning]] = {}  # choice → reasoning with blobs since the last tool call
        self._opened: set[int] = set()
        self._over = False

    def feed(self, event: Event) -> bytes:
        """The raw events of one canonical event."""
        if self._over:
            return b""
        match event:
            case BlockDelta():
                return self._delta(event)
            case BlockStart():
                return self._block(event)
            case BlockEnd():
                return self._block_end(event)
            case Start():
                return self._start(event)
            case ChoiceEnd():
                opening = self._open(event.choice)
                return opening + self._chunk(event.choice, {}, finish=render_finish(event.finish))
            case UsageReport():
                self._usage = event.usage
            case ErrorEvent():
                self._over = True
            case End():
                return self.finish()
        return b""

    def finish(self) -> bytes:
        """The usage event for those who see it, and [DONE]; nothing when that was said, or after an error."""
        if self._over:
            return b""
        self._over = True
        self._begin()
        if not self._shows_usage or self._usage is None:
            return DONE
        usage = msgspec.json.encode(render_usage(self._usage))
        return b"data: " + self._head + b'"choices":[],"usage":' + usage + b"}\n\n" + DONE

    def _start(self, event: Start) -> bytes:
        self._id = self._id or event.id
        self._created = self._created or event.created
        self._usage = event.usage
        self._begin(event.extras.get("openai_chat", {}))
        return self._open(0)

    def _begin(self, own: dict[str, Any] | None = None) -> None:
        """What every event of this stream starts with."""
        if not self._head:
            head = {
                "id": self._id or "chatcmpl-0",
                "object": "chat.completion.chunk",
                "created": self._created,
                "model": self._model,
                **(own or {}),
            }
            self._head = msgspec.json.encode(head)[:-1] + b","

    def _open(self, choice: int) -> bytes:
        if choice in self._opened:
            return b""
        self._opened.add(choice)
        return self._chunk(choice, {"role": "assistant", "content": "", "refusal": None})

    def _chunk(self, choice: int, delta: dict[str, Any], *, finish: str | None = None, logprobs: Any = None) -> bytes:
        self._begin()
        body = msgspec.json.encode({"index": choice, "delta": delta, "logprobs": logprobs, "finish_reason": finish})
        tail = b'],"usage":null}\n\n' if self._shows_usage else b"]}\n\n"
        return b"data: " + self._head + b'"choices":[' + body + tail

    def _block(self, event: BlockStart) -> bytes:
        part, choice = event.part, event.choice
        opening = self._open(choice)
        block = self._blocks[event.block] = _Block(part, choice)
        if isinstance(part, ToolCall):
            block.call = self._calls.get(choice, 0)
            self._calls[choice] = block.call + 1
            identity = tie(part.id, self._thoughts.pop(choice, ()), part.blob)
            call = render_call(part, identity)
            block.said = part.custom or bool(part.arguments)
            if not part.custom:
                call["function"]["arguments"] = part.arguments
            return opening + self._chunk(choice, {"tool_calls": [{"index": block.call, **call}]})
        if isinstance(part, Image):
            return opening + self._chunk(choice, {"images": [render_image(part)]})
        if isinstance(part, Audio):
            return opening + self._chunk(choice, {"audio": render_audio(part)})
        text = getattr(part, "text", "")
        return opening + (self._say(block, text, part.extras.get("openai", {})) if text or part.extras else b"")

    def _delta(self, event: BlockDelta) -> bytes:
        block = self._blocks.get(event.block)
        if block is None:
            return b""
        return self._say(block, event.text, event.extras.get("openai", {}))

    def _say(self, block: _Block, text: str, own: dict[str, Any]) -> bytes:
        part = block.part
        if isinstance(part, ToolCall):
            block.said = True
            if part.custom:
                said: dict[str, Any] = {"index": block.call, "type": "custom", "custom": {"input": text}}
            else:
                said = {"index": block.call, "function": {"arguments": text}}
            return self._chunk(block.choice, {"tool_calls": [said]})
        if isinstance(part, Reasoning):
            block.words.append(text)
            return self._chunk(block.choice, {"reasoning_content": text}) if text else b""
        refused = isinstance(part, Refusal)
        delta: dict[str, Any] = {"refusal" if refused else "content": text}
        if own.get("annotations"):
            delta["annotations"] = own["annotations"]
        logprobs = None
        if own.get("logprobs"):
            tokens = own["logprobs"]
            logprobs = {"content": None if refused else tokens, "refusal": tokens if refused else None}
        if not text and len(delta) == 1 and logprobs is None:
            return b""
        return self._chunk(block.choice, delta, logprobs=logprobs)

    def _block_end(self, event: BlockEnd) -> bytes:
        block = self._blocks.pop(event.block, None)
        if block is None:
            return b""
        if isinstance(block.part, ToolCall) and not block.said:
            return self._say(block, "{}", {})  # no arguments are an empty object to those who parse them
        blob = event.blob or block.part.blob
        if blob is None or isinstance(block.part, ToolCall):
            return b""
        text = "".join(block.words)
        if isinstance(block.part, Reasoning):
            self._thoughts.setdefault(block.choice, []).append(Reasoning(text, blob=blob))
        # The words have been streamed; the entry repeats them because it is what clients send back.
        return self._chunk(block.choice, {"reasoning_details": [entry(blob, text)]})
