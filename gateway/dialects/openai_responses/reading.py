"""A Responses request → ChatRequest."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.canonical import ChatRequest, Envelope, Message, Text, Thinking
from gateway.dialects.openai_responses.envelope import peek
from gateway.dialects.openai_responses.objects import NAME
from gateway.dialects.openai_responses.retargeting import scan
from gateway.dialects.openai_responses.tools import parse_choice, parse_format, parse_tools
from gateway.dialects.openai_responses.turns import Conversation
from gateway.errors import InvalidJson, InvalidParameter

ENCRYPTED = "reasoning.encrypted_content"
LOGPROBS = "message.output_text.logprobs"
REASONING = "reasoning."  # starts the names of its members that only this dialect can carry

# What the canonical form says itself, or the caller sees to (`background`, and what is stored).
_KNOWN = frozenset(
    {"model", "input", "instructions", "stream", "max_output_tokens", "temperature", "top_p", "top_logprobs", "tools"}
    | {"tool_choice", "parallel_tool_calls", "text", "reasoning", "include", "user", "metadata", "service_tier"}
    | {"background", "previous_response_id", "conversation", "prompt", "store"}
    | {"stream_options"}  # how the provider disguises the length of its events
)
# What chat completions write under the same name and in the same form.
_SHARED = frozenset(
    {"moderation", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "safety_identifier"}
)


def parse(body: bytes) -> ChatRequest:
    """See RequestCodec.parse.

    What is stored under ids must have been put into `input` before (gateway/dialects/openai_responses/history.py).
    """
    envelope = peek(body)
    if envelope.fault is not None:
        raise envelope.fault
    scan(body)
    try:
        members: dict[str, Any] = msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError):
        raise InvalidJson("The request body is nested too deep, or holds a number out of range.", position=0) from None
    members = {name: value for name, value in members.items() if value is not None}
    return parse_members(members, envelope)


def parse_members(members: dict[str, Any], envelope: Envelope) -> ChatRequest:
    """The canonical form of a request whose members are known to have the right types."""
    include = members.get("include", [])
    request = ChatRequest(
        envelope.model,
        [],
        stream=envelope.stream,
        wants_usage=True,
        max_output=envelope.max_output,
        temperature=members.get("temperature"),
        top_p=members.get("top_p"),
        logprobs=LOGPROBS in include,
        top_logprobs=_typed(members, "top_logprobs", int),
        parallel_tools=members.get("parallel_tool_calls"),
        user=_typed(members, "user", str),
        metadata=members.get("metadata", {}),
        service_tier=_typed(members, "service_tier", str),
    )
    shared: dict[str, Any] = {name: members[name] for name in members if name in _SHARED}
    own: dict[str, Any] = {name: members[name] for name in members if name not in _KNOWN | _SHARED}
    if members.get("store"):
        shared["store"] = True  # not storing is what providers are asked for anyway
    wanted = [name for name in include if name not in (ENCRYPTED, LOGPROBS)]
    if wanted:
        own["include"] = wanted
    conversation = Conversation()
    if members.get("instructions"):
        said = Message("system", [Text(members["instructions"])], extras={NAME: {"instructions": True}})
        conversation.messages.append(said)
    conversation.add(members["input"])
    request.messages = conversation.messages
    request.tools, native = parse_tools([*members.get("tools", ()), *conversation.tools])
    own.update(native)
    own.update(conversation.foreign)
    request.tool_choice = parse_choice(members.get("tool_choice"), request.tools, bool(native))
    text = dict(members.get("text", {}))
    request.format = parse_format(text.pop("format", None))
    verbosity = text.pop("verbosity", None)
    if verbosity is not None:
        shared["verbosity"] = verbosity
    if text:
        own["text"] = text
    request.thinking = _thinking(dict(members.get("reasoning", {})), own)
    request.extras = {family: extras for family, extras in (("openai", shared), (NAME, own)) if extras}
    return request


def _thinking(reasoning: dict[str, Any], own: dict[str, Any]) -> Thinking | None:
    effort = _typed(reasoning, "effort", str)
    summary = reasoning.pop("summary", None) or reasoning.pop("generate_summary", None)
    if summary not in (None, "auto"):
        own[REASONING + "summary"] = summary
    own.update((REASONING + name, reasoning[name]) for name in ("mode", "context") if reasoning.get(name) is not None)
    shown = True if summary is not None else None
    return Thinking(effort, shown=shown) if effort is not None or shown else None


def _typed(members: dict[str, Any], name: str, kind: type) -> Any:
    value = members.get(name)
    if value is not None and (not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)):
        raise InvalidParameter(f"`{name}` has the wrong type.", param=name)
    return value
