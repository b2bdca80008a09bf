"""Anthropic's Messages as spoken: a plan → one message object, or the events of a stream.

The order of the events is Anthropic's: `message_start`, the blocks one after the other with their deltas (a signature
just before its block ends), `message_delta` with the reason and the whole usage, `message_stop`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from gateway.providers.simulator import desk, seals, splitting
from gateway.providers.simulator.anthropic.caching import Use
from gateway.providers.simulator.anthropic.request import Asked
from gateway.providers.simulator.conversation import Plan, ToolCall
from gateway.providers.simulator.faults import Faults, spoil
from gateway.providers.simulator.playing import Kind, Piece

Json = dict[str, Any]
REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "blank": None,
}
REDACT = "TRIGGER_REDACTED_THINKING"  # words in the question that make the thought unreadable


class Speaker:
    """One answer in Anthropic's words."""

    def __init__(self, plan: Plan, asked: Asked, faults: Faults, use: Use) -> None:
        self._plan, self._asked, self._faults, self._use = plan, asked, faults, use
        self._answer = plan.answers[0]
        self._redacted = REDACT in asked.conversation.question
        self._thought = "".join(self._answer.reasoning) if asked.shows_thoughts else ""

    def hidden(self) -> int:
        """Tokens of it that are thought and not said."""
        return 0 if self._thought and not self._redacted else self._plan.reasoning_tokens

    def failure(self, refusal: desk.Refusal) -> Piece:
        """The event that tells of an error in the middle of the stream."""
        error = json.loads(refusal.body())
        return self._event(Kind.CONTENT, "error", error=error["error"])

    def whole(self) -> bytes:
        """The message object."""
        message = self._message([block for block, _ in self._blocks()]) | self._ending()
        message.pop("usage")
        if "no-usage" not in self._faults:
            message["usage"] = self._usage(self._plan.completion_tokens)
        return json.dumps(message, ensure_ascii=False).encode(errors="replace")

    def pieces(self) -> Iterator[Piece]:
        """The events, in order."""
        begun = self._message([])
        if "no-usage" in self._faults:
            begun.pop("usage")
        yield self._event(Kind.OPENING, "message_start", message=begun)
        for index, (block, deltas) in enumerate(self._blocks()):
            yield self._event(Kind.OPENING, "content_block_start", index=index, content_block=self._emptied(block))
            if index == 0:
                yield self._event(Kind.OPENING, "ping")
            for delta in deltas:
                kind = Kind.OPENING if delta["type"] == "signature_delta" else Kind.CONTENT
                yield self._event(kind, "content_block_delta", index=index, delta=delta)
            yield self._event(Kind.OPENING, "content_block_stop", index=index)
        if "no-finish" not in self._faults:
            told: Json = {"delta": self._ending()}
            if "no-usage" not in self._faults:
                told["usage"] = self._usage(self._plan.completion_tokens)
            yield self._event(Kind.FINISH, "message_delta", **told)
        if "no-done" not in self._faults:
            yield self._event(Kind.DONE, "message_stop")

    # --- The blocks -------------------------------------------------------------------------------------

    def _blocks(self) -> Iterator[tuple[Json, Iterator[Json]]]:
        """(the whole block, its deltas), in order."""
        answer = self._answer
        if answer.reasoning and self._redacted:
            data = seals.written(seals.seal("redacted", self._plan.id))
            yield {"type": "redacted_thinking", "data": data}, iter(())
        elif answer.reasoning:
            signature = seals.written(seals.seal("thinking", self._plan.id, self._thought))
            block = {"type": "thinking", "thinking": self._thought, "signature": signature}
            yield block, self._thinking_deltas(signature)
        if answer.text:
            yield {"type": "text", "text": "".join(answer.text)}, self._text_deltas()
        for call in answer.tool_calls:
            yield self._called(call), self._call_deltas(call)

    def _thinking_deltas(self, signature: str) -> Iterator[Json]:
        for token in self._answer.reasoning if self._thought else ():
            yield {"type": "thinking_delta", "thinking": token}
        yield {"type": "signature_delta", "signature": signature}

    def _text_deltas(self) -> Iterator[Json]:
        return ({"type": "text_delta", "text": token} for token in self._answer.text)

    def _call_deltas(self, call: ToolCall) -> Iterator[Json]:
        for fragment in ("", *splitting.split(call.arguments)):
            yield {"type": "input_json_delta", "partial_json": fragment}

    def _called(self, call: ToolCall) -> Json:
        try:
            arguments = json.loads(call.arguments)
        except ValueError:
            arguments = {}  # the limit fell into the middle of them
        identity = "toolu_01" + call.id.removeprefix("call_")[:22]
        return {"type": "tool_use", "id": identity, "name": call.name, "input": arguments}

    @staticmethod
    def _emptied(block: Json) -> Json:
        """A block as it begins."""
        empty: Json = {"text": "", "thinking": "", "signature": "", "input": {}}
        return {name: empty.get(name, value) for name, value in block.items()}

    # --- What is around them ----------------------------------------------------------------------------

    def _message(self, content: list[Json]) -> Json:
        return {
            "id": f"msg_01{self._plan.id[:22]}",
            "type": "message",
            "role": "assistant",
            "model": self._plan.model,
            "content": content,
            "stop_reason": None,
            "stop_sequence": None,
            "usage": self._usage(1),
        }

    def _ending(self) -> Json:
        answer, reason = self._answer, REASONS[self._answer.finish]
        if answer.finish == "blank" and (fault := self._faults.get("empty")):
            reason = fault.settings.get("finish")
        if answer.stopped is not None:
            reason = "stop_sequence"
        if answer.refusal is not None:
            reason = "refusal"
        ending: Json = {"stop_reason": reason, "stop_sequence": answer.stopped}
        if reason == "refusal":
            ending["stop_details"] = {"type": "refusal", "category": None, "explanation": answer.refusal}
        return ending

    def _usage(self, output: int) -> Any:
        use, plan = self._use, self._plan
        written = use.written_5m + use.written_1h
        usage: Json = {
            "input_tokens": plan.prompt_tokens - use.read - written,
            "cache_creation_input_tokens": written,
            "cache_read_input_tokens": use.read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": use.written_5m,
                "ephemeral_1h_input_tokens": use.written_1h,
            },
            "output_tokens": output,
            "service_tier": "standard",
        }
        if plan.reasoning_tokens and output >= plan.reasoning_tokens:
            usage["output_tokens_details"] = {"thinking_tokens": plan.reasoning_tokens}
        wrong = self._faults.get("wrong-usage")
        return spoil(usage, wrong.settings.get("kind", "negative")) if wrong else usage

    def _event(self, kind: Kind, name: str, **content: Any) -> Piece:
        value = {"type": name, **content}
        return Piece(kind, json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace"), name)
