"""ChatRequest → a chat completion request."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.canonical import ChatRequest, Format, Tool, ToolChoice
from gateway.dialects.effort import effort_of
from gateway.dialects.openai_chat.speaking import render_messages
from gateway.errors import UnsupportedCapability, UnsupportedParameter

MOST_STOPS = 4


def render(
    request: ChatRequest,
    model: str,
    *,
    limit_member: str = "max_completion_tokens",
    reasoning_member: str | None = None,
) -> bytes:
    """See RequestCodec.render.

    `limit_member` is what the provider calls the output limit (some know only max_tokens). `reasoning_member` is where
    it wants the assistant's earlier reasoning back ("reasoning_content"); OpenAI itself refuses messages that have it.
    """
    members: dict[str, Any] = {
        "model": model,
        "messages": render_messages(request, reasoning_member),
    }
    if request.stream:
        # Always asked for: the call is metered by it.
        members["stream"] = True
        members["stream_options"] = {"include_usage": True}
    if request.max_output is not None:
        members[limit_member] = request.max_output
    for name in ("temperature", "top_p", "seed", "presence_penalty", "frequency_penalty", "logit_bias"):
        value = getattr(request, name)
        if value is not None:
            members[name] = value
    if request.top_k is not None:
        request.drop("top_k")
    if len(request.stop) > MOST_STOPS:
        raise UnsupportedParameter(f"This model takes at most {MOST_STOPS} stop sequences.", param="stop")
    if request.stop:
        members["stop"] = list(request.stop)
    if request.n != 1:
        members["n"] = request.n
    if request.logprobs:
        members["logprobs"] = True
        if request.top_logprobs is not None:
            members["top_logprobs"] = request.top_logprobs
    _render_tools(request, members)
    if request.format is not None:
        members["response_format"] = _format(request.format)
    if request.thinking is not None:
        effort = effort_of(request.thinking)
        if effort is not None:
            members["reasoning_effort"] = effort
    if request.modalities and request.modalities != ("text",):
        members["modalities"] = list(request.modalities)
    if request.user is not None:
        members["user"] = request.user
    if request.service_tier is not None:
        members["service_tier"] = request.service_tier
    _render_extras(request, members)
    return msgspec.json.encode(members)


def _render_extras(request: ChatRequest, members: dict[str, Any]) -> None:
    own = request.own("openai", "openai_chat")
    options = own.pop("stream_options", None)
    if isinstance(options, dict) and request.stream:
        members["stream_options"].update(options)
    members.update((name, value) for name, value in own.items() if name not in members)
    if request.metadata:
        # Kept by the provider with what it stores, and refused by it otherwise.
        if own.get("store"):
            members["metadata"] = dict(request.metadata)
        else:
            request.drop("metadata")


def _render_tools(request: ChatRequest, members: dict[str, Any]) -> None:
    if not request.tools:
        return  # and then nothing about tools may be said either
    members["tools"] = [_tool(tool, request) for tool in request.tools]
    if request.tool_choice is not None:
        members["tool_choice"] = _tool_choice(request.tool_choice, request.tools)
    if request.parallel_tools is not None:
        members["parallel_tool_calls"] = request.parallel_tools


def _tool(tool: Tool, request: ChatRequest) -> dict[str, Any]:
    if tool.cache is not None:
        request.drop("cache_control")
    if tool.kind == "native":
        native = tool.extras.get("openai_chat", {}).get("tool")
        if not isinstance(native, dict):
            raise UnsupportedCapability(f"This model has no tool {tool.name!r}.", capability=tool.name)
        return native
    body: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        body["description"] = tool.description
    if tool.kind == "custom":
        if "format" in tool.extras.get("openai", {}):
            body["format"] = tool.extras["openai"]["format"]
        return {"type": "custom", "custom": body}
    if tool.schema is not None:
        body["parameters"] = dict(tool.schema)
    if tool.strict is not None:
        body["strict"] = tool.strict
    return {"type": "function", "function": body}


def _tool_choice(choice: ToolChoice, tools: list[Tool]) -> Any:
    if not choice.names or choice.mode == "none":
        return choice.mode
    kinds = {tool.name: "custom" if tool.kind == "custom" else "function" for tool in tools}
    named = [{"type": kind, kind: {"name": name}} for name in choice.names for kind in (kinds.get(name, "function"),)]
    if choice.mode == "required" and len(named) == 1:
        return named[0]
    return {"type": "allowed_tools", "allowed_tools": {"mode": choice.mode, "tools": named}}


def _format(wanted: Format) -> dict[str, Any]:
    if wanted.kind == "text":
        return {"type": "text"}
    if wanted.kind == "json":
        return {"type": "json_object"}
    schema: dict[str, Any] = {"name": wanted.name or "answer", "schema": dict(wanted.schema or {})}
    if wanted.description is not None:
        schema["description"] = wanted.description
    if wanted.strict is not None:
        schema["strict"] = wanted.strict
    return {"type": "json_schema", "json_schema": schema}
