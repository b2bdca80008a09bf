"""ChatRequest → a Messages request."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.canonical import ChatRequest, Format, Tool, ToolChoice
from gateway.dialects.anthropic_messages.blocks import NAME
from gateway.dialects.anthropic_messages.generations import Generation, generation
from gateway.dialects.anthropic_messages.reading import INSIDE
from gateway.dialects.anthropic_messages.speaking import cache_control, render_messages
from gateway.dialects.anthropic_messages.thinking import think
from gateway.errors import UnsupportedCapability, UnsupportedParameter

# The limit of a request that names none: this wire demands one. The relay, which knows the model's own limit, puts it
# into extras["anthropic_messages"]["max_tokens"]; without it an answer ends where the vendor's older models do.
DEFAULT_LIMIT = 4096
MOST_BREAKPOINTS = 4

_AS_JSON = "Answer with one valid JSON object and with nothing before or after it."
_AS_SCHEMA = "Answer with one valid JSON value that follows this JSON Schema, and with nothing before or after it:\n"
_TIERS = {"auto": "auto", "default": "standard_only"}


def render(request: ChatRequest, model: str) -> bytes:
    """See RequestCodec.render."""
    members = _members(request, model, generation(model))
    return msgspec.json.encode(members)


def render_count(request: ChatRequest, model: str) -> bytes:
    """The body that asks how many tokens the prompt of `request` has."""
    members = _members(request, model, generation(model))
    for name in ("max_tokens", "stream", "stop_sequences", "temperature", "top_p", "top_k", "metadata", "service_tier"):
        members.pop(name, None)
    return msgspec.json.encode(members)


def _members(request: ChatRequest, model: str, able: Generation) -> dict[str, Any]:
    _refuse(request)
    own = request.own(NAME, INSIDE)
    for name in request.extras.get(INSIDE, {}):
        own.pop(name, None)  # said inside the messages
    default = own.pop("max_tokens", None)
    system, turns = render_messages(request)
    _demand_form(request.format, system, able)
    members: dict[str, Any] = {
        "model": model,
        "max_tokens": request.max_output or (default if isinstance(default, int) else DEFAULT_LIMIT),
    }
    if system:
        members["system"] = _plain(system)
    members["messages"] = [{"role": turn["role"], "content": _plain(turn["content"])} for turn in turns]
    if request.stream:
        members["stream"] = True
    _render_tools(request, members, able)
    think(request, members, turns, able)
    if request.format is not None and request.format.kind == "json_schema" and able.schemas:
        form = {"type": "json_schema", "schema": closed(dict(request.format.schema or {}))}
        members["output_config"] = {**members.get("output_config", {}), "format": form}
    _render_sampling(request, members, able)
    if request.user is not None:
        members["metadata"] = {"user_id": request.user}
    tier = _TIERS.get(request.service_tier or "")
    if tier is not None:
        members["service_tier"] = tier
    elif request.service_tier is not None:
        request.drop("service_tier")
    members.update((name, value) for name, value in own.items() if name not in members)
    _limit_breakpoints(request, members)
    return members


def _refuse(request: ChatRequest) -> None:
    """What would change the answer when it were left out, and then what may be."""
    if request.n != 1:
        raise UnsupportedParameter("This model gives one answer at a time; leave `n` out.", param="n")
    if request.logprobs:
        raise UnsupportedParameter("This model tells no log-probabilities.", param="logprobs")
    for modality in request.modalities:
        if modality != "text":
            raise UnsupportedCapability(f"This model does not answer in {modality}.", capability=modality)
    for name in ("seed", "presence_penalty", "frequency_penalty"):
        if getattr(request, name):
            request.drop(name)
    for name in ("logit_bias", "metadata"):
        if getattr(request, name):
            request.drop(name)


def _plain(blocks: list[dict[str, Any]]) -> Any:
    """One plain text as a string; anything else as blocks."""
    if len(blocks) == 1 and blocks[0].keys() == {"type", "text"}:
        return blocks[0]["text"]
    return blocks


def _demand_form(wanted: Format | None, system: list[dict[str, Any]], able: Generation) -> None:
    """Ask in words for what the wire has no member for."""
    if wanted is None or wanted.kind == "text" or (wanted.kind == "json_schema" and able.schemas):
        return
    if wanted.kind == "json":
        system.append({"type": "text", "text": _AS_JSON})
        return
    if wanted.strict:
        raise UnsupportedParameter("This model cannot be held to a JSON Schema.", param="response_format")
    schema = msgspec.json.encode(dict(wanted.schema or {})).decode()
    system.append({"type": "text", "text": _AS_SCHEMA + schema})


def closed(schema: Any) -> Any:
    """The same schema with every object closed to further members, as the provider demands. What it did not say about
    them may not be answered, so every answer still follows the customer's schema."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {
        # these hold values, not schemas
        name: value if name in ("enum", "const", "default", "examples", "required") else closed(value)
        for name, value in schema.items()
    }
    if schema.get("type") == "object" and "additionalProperties" not in schema:
        made["additionalProperties"] = False
    return made


def _render_tools(request: ChatRequest, members: dict[str, Any], able: Generation) -> None:
    choice = request.tool_choice
    tools = request.tools
    if choice is not None and choice.names and choice.mode != "none":
        single = choice.mode == "required" and len(choice.names) == 1
        tools = tools if single else [tool for tool in tools if tool.name in choice.names]
    if not tools:
        return  # and then nothing about tools may be said either
    members["tools"] = [_tool(tool, request, able) for tool in tools]
    wire = _tool_choice(choice)
    if request.parallel_tools is False and wire.get("type") != "none":
        wire = {**(wire or {"type": "auto"}), "disable_parallel_tool_use": True}
    if wire:
        members["tool_choice"] = wire


def _tool_choice(choice: ToolChoice | None) -> dict[str, Any]:
    if choice is None:
        return {}
    if choice.mode == "required" and len(choice.names) == 1:
        return {"type": "tool", "name": choice.names[0]}
    return {"type": {"auto": "auto", "none": "none", "required": "any"}[choice.mode]}


def _tool(tool: Tool, request: ChatRequest, able: Generation) -> dict[str, Any]:
    if tool.kind == "native":
        native = tool.extras.get(NAME, {}).get("tool")
        if not isinstance(native, dict):
            raise UnsupportedCapability(f"This model has no tool {tool.name!r}.", capability=tool.name)
        return dict(native)
    if tool.kind == "custom":
        raise UnsupportedCapability(
            f"This model calls tools with JSON arguments only; {tool.name!r} takes free text.",
            capability="custom_tools",
        )
    schema = {"type": "object", **(tool.schema or {"properties": {}})}
    wire: dict[str, Any] = {"name": tool.name}
    if tool.description:
        wire["description"] = tool.description
    wire["input_schema"] = schema
    if tool.strict is not None:
        if able.schemas:
            wire["strict"] = tool.strict
        elif tool.strict:
            request.drop("strict")
    if tool.cache is not None:
        wire["cache_control"] = cache_control(tool.cache)
    return {**wire, **tool.extras.get(NAME, {})}


def _render_sampling(request: ChatRequest, members: dict[str, Any], able: Generation) -> None:
    thinks = members.get("thinking", {}).get("type") in ("enabled", "adaptive")
    temperature, top_p, top_k = request.temperature, request.top_p, request.top_k
    if temperature is not None:
        if temperature > 1 or not able.sampling or thinks:
            if temperature != 1:
                request.drop("temperature")
            temperature = 1 if able.sampling and not thinks else None
        if temperature is not None:
            members["temperature"] = temperature
    if top_p is not None:
        if able.sampling and (able.both or temperature is None) and not (thinks and top_p < 0.95):
            members["top_p"] = top_p
        else:
            request.drop("top_p")
    if top_k is not None:
        if able.sampling and not thinks:
            members["top_k"] = top_k
        else:
            request.drop("top_k")
    stops = [stop for stop in request.stop if stop.strip()]  # the provider refuses white space alone
    if len(stops) < len(request.stop):
        request.drop("stop")
    if stops:
        members["stop_sequences"] = stops


def _limit_breakpoints(request: ChatRequest, members: dict[str, Any]) -> None:
    """No more breakpoints than the provider takes: the last ones stay, each of which covers all before it."""
    marked: list[dict[str, Any]] = [tool for tool in members.get("tools", ()) if "cache_control" in tool]
    lists = [members.get("system"), *(turn["content"] for turn in members["messages"])]
    for blocks in lists:
        for block in blocks if isinstance(blocks, list) else ():
            inner = block.get("content") if block.get("type") == "tool_result" else None
            marked += [one for one in (inner if isinstance(inner, list) else ()) if "cache_control" in one]
            if "cache_control" in block:
                marked.append(block)
    allowed = MOST_BREAKPOINTS - ("cache_control" in members)
    if len(marked) > allowed:
        request.drop("cache_control")
        for block in marked[: len(marked) - allowed]:
            del block["cache_control"]
