"""OpenAI's chat completions as spoken: a plan → one JSON object, or the chunks of a stream.

Shapes and order of the chunks are those of api.openai.com: a chunk with the role for each choice, the content, a chunk
with the finish reason for each choice, one chunk with the usage when it was asked for, `[DONE]`.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

from gateway.providers.simulator import desk, splitting
from gateway.providers.simulator.conversation import Answer, Dice, Plan, ToolCall
from gateway.providers.simulator.faults import Faults, spoil
from gateway.providers.simulator.openai_chat_request import Asked
from gateway.providers.simulator.openai_logprobs import logprob
from gateway.providers.simulator.playing import Kind, Piece


class Speaker:
    """One answer in OpenAI's words; `created` in seconds since 1970."""

    def __init__(self, plan: Plan, asked: Asked, faults: Faults, created: int) -> None:
        self._plan, self._asked, self._faults = plan, asked, faults
        self._id, self._created = f"chatcmpl-{plan.id}", created
        self._dice = Dice(plan.id)

    def hidden(self) -> int:
        """Tokens of it that are thought and not said."""
        return 0 if self._plan.shows_reasoning else self._plan.reasoning_tokens

    def failure(self, refusal: desk.Refusal) -> Piece:
        """The event that tells of an error in the middle of the stream."""
        return Piece(Kind.CONTENT, json.dumps(json.loads(refusal.body())).encode())

    # --- Whole ------------------------------------------------------------------------------------------

    def whole(self) -> bytes:
        """The chat completion object."""
        value: dict[str, Any] = {
            "id": self._id,
            "object": "chat.completion",
            "created": self._created,
            "model": self._plan.model,
            "choices": [self._choice(index, one) for index, one in enumerate(self._plan.answers)],
        }
        if "no-usage" not in self._faults:
            value["usage"] = self._usage()
        value |= {"service_tier": "default", "system_fingerprint": self._plan.fingerprint}
        return json.dumps(value, ensure_ascii=False, indent=2).encode(errors="replace")

    def _choice(self, index: int, one: Answer) -> dict[str, Any]:
        content = None if one.tool_calls or one.refusal else "".join(one.text)
        message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": one.refusal, "annotations": []}
        if one.reasoning and self._plan.shows_reasoning:
            message["reasoning_content"] = "".join(one.reasoning)
        if one.tool_calls and self._asked.legacy:
            message["function_call"] = {"name": one.tool_calls[0].name, "arguments": one.tool_calls[0].arguments}
        elif one.tool_calls:
            message["tool_calls"] = [_call(call) for call in one.tool_calls]
        logprobs = None
        if self._asked.options.logprobs is not None and not one.tool_calls:
            logprobs = {
                "content": [self._logprob(index, at, token) for at, token in enumerate(one.text)],
                "refusal": None,
            }
        return {"index": index, "message": message, "logprobs": logprobs, "finish_reason": self._finish(one)}

    # --- In pieces --------------------------------------------------------------------------------------

    def pieces(self) -> Iterator[Piece]:
        """The chunks of the stream, in order."""
        for index, one in enumerate(self._plan.answers):
            content = None if one.tool_calls else ""
            yield self._chunk(Kind.OPENING, index, {"role": "assistant", "content": content, "refusal": None})
        told = [self._deltas(index, one) for index, one in enumerate(self._plan.answers)]
        for row in itertools.zip_longest(*told):  # the choices take turns
            yield from (piece for piece in row if piece is not None)
        if "no-finish" not in self._faults:
            for index, one in enumerate(self._plan.answers):
                yield self._chunk(Kind.FINISH, index, {}, finish=self._finish(one))
        if self._asked.wants_usage and "no-usage" not in self._faults:
            yield Piece(Kind.USAGE, _written({**self._frame(), "choices": [], "usage": self._usage()}))
        if "no-done" not in self._faults:
            yield Piece(Kind.DONE, b"[DONE]")

    def _deltas(self, index: int, one: Answer) -> Iterator[Piece]:
        if self._plan.shows_reasoning:
            for token in one.reasoning:
                yield self._chunk(Kind.CONTENT, index, {"reasoning_content": token})
        for token in splitting.split(one.refusal or ""):
            yield self._chunk(Kind.CONTENT, index, {"refusal": token})
        for at, token in enumerate(one.text):
            logprobs = None
            if self._asked.options.logprobs is not None:
                logprobs = {"content": [self._logprob(index, at, token)], "refusal": None}
            yield self._chunk(Kind.CONTENT, index, {"content": token}, logprobs=logprobs)
        for number, call in enumerate(one.tool_calls):
            for delta in self._call_deltas(number, call):
                yield self._chunk(Kind.CONTENT, index, delta)

    def _call_deltas(self, number: int, call: ToolCall) -> Iterator[dict[str, Any]]:
        fragments = splitting.split(call.arguments)
        if self._asked.legacy:
            yield {"function_call": {"name": call.name, "arguments": ""}}
            yield from ({"function_call": {"arguments": fragment}} for fragment in fragments)
            return
        kind, written = ("custom", "input") if call.free_form else ("function", "arguments")
        opening = {"index": number, "id": call.id, "type": kind, kind: {"name": call.name, written: ""}}
        yield {"tool_calls": [opening]}
        yield from ({"tool_calls": [{"index": number, kind: {written: fragment}}]} for fragment in fragments)

    def _frame(self) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": self._plan.model,
            "service_tier": "default",
            "system_fingerprint": self._plan.fingerprint,
        }

    def _chunk(
        self, kind: Kind, index: int, delta: dict[str, Any], *, logprobs: object = None, finish: str | None = None
    ) -> Piece:
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        value = {**self._frame(), "choices": [choice]}
        if self._asked.wants_usage:
            value["usage"] = None
        return Piece(kind, _written(value))

    # --- What both have ---------------------------------------------------------------------------------

    def _finish(self, one: Answer) -> str | None:
        if one.finish == "blank":
            fault = self._faults.get("empty")
            return fault.settings.get("finish") if fault else None
        return "function_call" if one.finish == "tool_calls" and self._asked.legacy else one.finish

    def _usage(self) -> Any:
        plan = self._plan
        usage: dict[str, Any] = {
            "prompt_tokens": plan.prompt_tokens,
            "completion_tokens": plan.completion_tokens,
            "total_tokens": plan.prompt_tokens + plan.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": plan.cached_tokens, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": plan.reasoning_tokens,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }
        if "deepseek" in plan.model.lower():
            usage["prompt_cache_hit_tokens"] = plan.cached_tokens
            usage["prompt_cache_miss_tokens"] = plan.prompt_tokens - plan.cached_tokens
        wrong = self._faults.get("wrong-usage")
        return spoil(usage, wrong.settings.get("kind", "negative")) if wrong else usage

    def _logprob(self, index: int, at: int, token: str) -> dict[str, Any]:
        return logprob(self._dice, (index, at), token, self._asked.options.logprobs or 0)


def _call(call: ToolCall) -> dict[str, Any]:
    if call.free_form:
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}}
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _written(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
