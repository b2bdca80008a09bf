"""POST /v1/llm/chat/completions: a chat completion whose answer is one flat object with its cost (spec 000).

A stream is OpenAI's, event by event.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings

from accounts.keys import Caller
from billing.holds import SettleVerdict
from billing.pricing import usd_text
from gateway.api.native.face import NATIVE, enveloped
from gateway.api.serve import Entry, Incoming, must_be_json
from gateway.call import Call
from gateway.dialects.members import UNREADABLE, DuplicateMember, Edit, edited, inserted, members, opening
from gateway.dialects.openai_chat import costing
from gateway.errors import MissingParameter, UpstreamError
from gateway.postscripts import CostPostscript, charged, consumed
from gateway.relay import Answer, Operation, relay


class _Message(msgspec.Struct):
    content: Any = None
    reasoning_content: Any = None
    refusal: Any = None
    tool_calls: list[Any] | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Completion(msgspec.Struct):
    choices: list[_Choice]


_COMPLETION = msgspec.json.Decoder(_Completion)


class NativeCompletion(CostPostscript):
    """A whole answer in the native envelope; a stream as chat completions have it."""

    def whole(self, call: Call, verdict: SettleVerdict | None, body: bytes) -> bytes:
        """See Postscript.whole."""
        choices = [described(choice) for choice in choices_of(call, verdict, body)]
        data = {"content": choices[0]["content"], **figures(call, verdict), **choices[0]}
        if len(choices) > 1:
            data["choices"] = choices
        return enveloped(data)


def choices_of(call: Call, verdict: SettleVerdict | None, body: bytes) -> list[_Choice]:
    """The choices of a chat completion. Raises UpstreamError for an answer that has none."""
    choices = choices_in(body)
    if not choices:
        raise UpstreamError(
            "The model's provider answered in a form that cannot be read.",
            reason="bad_response",
            charged=usd_text(charged(call, verdict)),
        )
    return choices


def choices_in(body: bytes) -> list[_Choice]:
    """The choices of a chat completion; none when it cannot be read."""
    try:
        return _COMPLETION.decode(body).choices
    except UNREADABLE:
        return []


def described(choice: _Choice) -> dict[str, Any]:
    """What one choice says; members that not every answer has are left out."""
    message = choice.message
    told: dict[str, Any] = {
        "content": text_of(message.content) or text_of(message.refusal),
        "finish_reason": choice.finish_reason or "stop",
    }
    if message.tool_calls:
        told["tool_calls"] = message.tool_calls
    thoughts = text_of(message.reasoning_content)
    if thoughts:
        told["reasoning_content"] = thoughts
    return told


def text_of(content: object) -> str:
    """The text of a message's content, whether it is a string or a list of parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str))
    return ""


def figures(call: Call, verdict: SettleVerdict | None) -> dict[str, Any]:
    """What a call consumed and cost. `balance_usd` is null only while the books take too long to answer."""
    usage = consumed(call)
    return {
        "model": call.model.slug,
        "request_id": call.request_id,
        "tokens_used": usage.prompt + usage.completion,
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "cached_tokens": usage.cached_input,
        "reasoning_tokens": usage.reasoning,
        "cost_usd": msgspec.Raw(usd_text(charged(call, verdict)).encode()),
        "balance_usd": msgspec.Raw(usd_text(verdict.balance_nusd).encode()) if verdict is not None else None,
    }


COMPLETE = Operation("chat.completions", "llm", NATIVE, long_answers_stream=True, postscript=NativeCompletion())


async def complete(caller: Caller, incoming: Incoming, identity: UUID) -> Answer:
    """Answer a chat completion; without a `model` by the default one."""
    must_be_json(incoming)
    body, tells_cost = costing.asked(await incoming.read())
    try:
        envelope = NATIVE.request.peek(body)
    except MissingParameter:
        body = with_model(body)
        envelope = NATIVE.request.peek(body)
    if tells_cost:
        envelope.wants_cost = envelope.wants_usage = True
    return await relay(caller, COMPLETE, body, identity, envelope=envelope)


def with_model(body: bytes) -> bytes:
    """The body with the default model where it names none. What cannot be read is left to `peek`."""
    try:
        found = members(body)
    except (*UNREADABLE, DuplicateMember):
        return body
    model = msgspec.json.encode(settings.DEFAULT_MODEL)
    if "model" not in found:
        return edited(body, [inserted(body, "model", model, after=opening(body))])
    start, end = found["model"]
    return edited(body, [Edit(start, end, model)]) if body[start:end] == b"null" else body


ENTRIES = [Entry("POST", "/v1/llm/chat/completions", NATIVE, "chat", complete)]
