"""A chat completion request → ChatRequest."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.canonical import ChatRequest, Envelope, Format, Thinking, Tool, ToolChoice
from gateway.dialects.openai_chat.envelope import peek
from gateway.dialects.openai_chat.retargeting import scan
from gateway.dialects.openai_chat.turns import parse_messages
from gateway.errors import InvalidJson, InvalidParameter, MissingParameter, UnsupportedParameter

# What the canonical form says itself.
_KNOWN = frozenset(
    {"model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "temperature", "top_p"}
    | {"top_k", "stop", "n", "seed", "presence_penalty", "frequency_penalty", "logit_bias", "logprobs", "top_logprobs"}
    | {"tools", "tool_choice", "parallel_tool_calls", "response_format", "reasoning_effort", "reasoning", "thinking"}
    | {"modalities", "user", "metadata", "service_tier"}
)
# What Responses writes under the same name and in the same form.
SHARED = frozenset(
    {"moderation", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "safety_identifier", "store"}
)
# What changes the answer and has a successor or no counterpart anywhere.
_REFUSED = {
    "functions": "`functions` is not supported for this model; use `tools`.",
    "function_call": "`function_call` is not supported for this model; use `tool_choice`.",
    "web_search_options": "`web_search_options` is not supported for this model.",
}


def parse(body: bytes) -> ChatRequest:
    """See RequestCodec.parse."""
    envelope = peek(body)
    if envelope.fault is not None:
        raise envelope.fault
    scan(body)
    try:
        members: dict[str, Any] = msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError):
        raise InvalidJson("The request body is nested too deep, or holds a number out of range.", position=0) from None
    members = {name: value for name, value in members.items() if value is not None}
    for name, why in _REFUSED.items():
        if members.get(name):
            raise UnsupportedParameter(why, param=name, model=envelope.model)
    request = _plain(envelope, members)
    request.messages = parse_messages(members["messages"])
    request.tools = [_tool(tool, f"tools[{at}]") for at, tool in enumerate(members.get("tools", ()))]
    request.tool_choice = _tool_choice(members.get("tool_choice"))
    request.format = _format(members.get("response_format"))
    request.thinking = _thinking(members)
    return request


def _plain(envelope: Envelope, members: dict[str, Any]) -> ChatRequest:
    """Everything that is only another name."""
    extras: dict[str, dict[str, Any]] = {}
    for name, value in members.items():
        if name not in _KNOWN:
            extras.setdefault("openai" if name in SHARED else "openai_chat", {})[name] = value
    options = {name: value for name, value in members.get("stream_options", {}).items() if name != "include_usage"}
    if options:
        extras.setdefault("openai_chat", {})["stream_options"] = options
    stop = _typed(members, "stop", str | list)
    return ChatRequest(
        envelope.model,
        [],
        stream=envelope.stream,
        wants_usage=envelope.wants_usage,
        max_output=envelope.max_output,
        temperature=members.get("temperature"),
        top_p=members.get("top_p"),
        top_k=_typed(members, "top_k", int),
        stop=(stop,) if isinstance(stop, str) else _words(stop or [], "stop"),
        n=envelope.choices,
        seed=_typed(members, "seed", int),
        presence_penalty=members.get("presence_penalty"),
        frequency_penalty=members.get("frequency_penalty"),
        logit_bias=_typed(members, "logit_bias", dict),
        logprobs=members.get("logprobs", False),
        top_logprobs=members.get("top_logprobs"),
        parallel_tools=_typed(members, "parallel_tool_calls", bool),
        modalities=_words(_typed(members, "modalities", list) or [], "modalities"),
        user=_typed(members, "user", str),
        metadata=_typed(members, "metadata", dict) or {},
        service_tier=_typed(members, "service_tier", str),
        extras=extras,
    )


def _typed(members: dict[str, Any], name: str, kind: Any) -> Any:
    value = members.get(name)
    if value is not None and (not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)):
        raise InvalidParameter(f"`{name}` has the wrong type.", param=name)
    return value


def _words(values: list[Any], name: str) -> tuple[str, ...]:
    if not all(isinstance(value, str) for value in values):
        raise InvalidParameter(f"`{name}` must hold strings.", param=name)
    return tuple(values)


def _tool(tool: dict[str, Any], where: str) -> Tool:
    kind = tool.get("type", "function")
    body = tool.get(kind) if kind in ("function", "custom") else None
    if kind not in ("function", "custom"):
        if not isinstance(kind, str):
            raise InvalidParameter(f"`{where}.type` must be a string.", param=f"{where}.type")
        return Tool(kind, "native", extras={"openai_chat": {"tool": tool}})
    if not isinstance(body, dict):
        raise MissingParameter(f"`{where}.{kind}` is required.", param=f"{where}.{kind}")
    name, description = body.get("name"), body.get("description")
    schema, strict = body.get("parameters"), body.get("strict")
    if not isinstance(name, str) or not name:
        raise MissingParameter(f"`{where}.{kind}.name` is required.", param=f"{where}.{kind}.name")
    if not isinstance(description, str | None) or not isinstance(schema, dict | None):
        raise InvalidParameter(f"`{where}.{kind}` has a member of the wrong type.", param=f"{where}.{kind}")
    mark = tool.get("cache_control")
    cache = str(mark.get("ttl") or "") if isinstance(mark, dict) else None
    if kind == "custom":
        extras = {"openai": {"format": body["format"]}} if body.get("format") else {}
        return Tool(name, "custom", description, cache=cache, extras=extras)
    return Tool(name, "function", description, schema, strict if isinstance(strict, bool) else None, cache)


def _tool_choice(value: Any) -> ToolChoice | None:
    match value:
        case None:
            return None
        case "auto" | "none" | "required":
            return ToolChoice(value)
        case {"type": "function", "function": {"name": str(name)}} | {"type": "custom", "custom": {"name": str(name)}}:
            return ToolChoice("required", (name,))
        case {"type": "allowed_tools", "allowed_tools": {"mode": "auto" | "required" as mode, "tools": list(tools)}}:
            names = [_allowed_name(tool) for tool in tools]
            return ToolChoice(mode, tuple(names))
    raise InvalidParameter("`tool_choice` is none of the known forms.", param="tool_choice")


def _allowed_name(tool: Any) -> str:
    match tool:
        case {"function": {"name": str(name)}} | {"custom": {"name": str(name)}} | {"name": str(name)}:
            return name
    raise InvalidParameter("`tool_choice.allowed_tools.tools` must name functions.", param="tool_choice")


def _format(value: Any) -> Format | None:
    match value:
        case None:
            return None
        case {"type": "text"}:
            return Format("text")
        case {"type": "json_object"}:
            return Format("json")
        case {"type": "json_schema", "json_schema": {"name": str(name), **rest}}:
            schema, description, strict = rest.get("schema"), rest.get("description"), rest.get("strict")
            if isinstance(schema, dict | None) and isinstance(description, str | None):
                return Format(
                    "json_schema", schema or {}, name, description, strict if isinstance(strict, bool) else None
                )
    raise InvalidParameter("`response_format` is none of the known forms.", param="response_format")


def _thinking(members: dict[str, Any]) -> Thinking | None:
    """`reasoning_effort`, or one of the two forms that clients of many models send instead."""
    effort = _typed(members, "reasoning_effort", str)
    reasoning, thinking = _typed(members, "reasoning", dict), _typed(members, "thinking", dict)
    if effort is None and not reasoning and not thinking:
        return None
    made = Thinking(effort)
    if reasoning:
        made.effort = made.effort or _typed(reasoning, "effort", str)
        made.budget = _typed(reasoning, "max_tokens", int)
        if reasoning.get("enabled") is False:
            made.budget = 0
        if isinstance(reasoning.get("exclude"), bool):
            made.shown = not reasoning["exclude"]
    if thinking:
        made.budget = _typed(thinking, "budget_tokens", int)
        if thinking.get("type") == "disabled":
            made.budget = 0
    return made
