"""A Messages request → ChatRequest."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.canonical import ChatRequest, Envelope, Format, Message, Thinking, Tool, ToolChoice
from gateway.dialects.anthropic_messages.blocks import NAME, extras_of
from gateway.dialects.anthropic_messages.envelope import peek
from gateway.dialects.anthropic_messages.retargeting import scan
from gateway.dialects.anthropic_messages.turns import cache_of, notes, parse_messages, text_blocks
from gateway.errors import InvalidJson, InvalidParameter, MissingParameter, UnsupportedParameter

# The family of extras that only names what is inside the messages, so that other dialects report it as dropped.
INSIDE = "anthropic_messages.content"

# What the canonical form says itself.
_KNOWN = frozenset(
    {"model", "messages", "system", "max_tokens", "stream", "temperature", "top_p", "top_k", "stop_sequences"}
    | {"tools", "tool_choice", "thinking", "output_config", "metadata", "service_tier"}
)
# What brings tools or files along that no other provider has.
_REFUSED = ("container", "mcp_servers")
_TOOL = frozenset({"type", "name", "description", "input_schema", "strict", "cache_control"})
_TIERS = {"auto": "auto", "standard_only": "default"}


def parse(body: bytes) -> ChatRequest:
    """See RequestCodec.parse."""
    envelope = peek(body)
    if envelope.fault is not None:
        raise envelope.fault
    return parse_members(body, envelope)


def parse_members(body: bytes, envelope: Envelope) -> ChatRequest:
    """The canonical form of a body that was found to be sound."""
    scan(body)
    try:
        members: dict[str, Any] = msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError):
        raise InvalidJson("The request body is nested too deep, or holds a number out of range.", position=0) from None
    members = {name: value for name, value in members.items() if value is not None}
    for name in _REFUSED:
        if members.get(name):
            raise UnsupportedParameter(f"`{name}` is not supported for this model.", param=name, model=envelope.model)
    if envelope.max_output == 0:
        raise UnsupportedParameter(
            "`max_tokens` of 0 is not supported for this model.", param="max_tokens", model=envelope.model
        )
    request = ChatRequest(
        envelope.model,
        [],
        stream=envelope.stream,
        wants_usage=True,
        max_output=envelope.max_output,
        temperature=members.get("temperature"),
        top_p=members.get("top_p"),
        top_k=members.get("top_k"),
        stop=tuple(members.get("stop_sequences", ())),
        extras=extras_of({name: value for name, value in members.items() if name not in _KNOWN}),
    )
    system = text_blocks(members.get("system", ""), "system")
    request.messages = [Message("system", system)] if system else []
    request.messages += parse_messages(members["messages"])
    inside = notes(request.messages)
    if inside:
        request.extras[INSIDE] = inside
    request.tools = [_tool(tool, f"tools[{at}]") for at, tool in enumerate(members.get("tools", ()))]
    _choose(request, members.get("tool_choice"))
    _configure(request, members)
    return request


def _tool(tool: dict[str, Any], where: str) -> Tool:
    kind, name = tool.get("type", "custom"), tool.get("name")
    if kind not in ("custom", "function", None):
        if not isinstance(kind, str):
            raise InvalidParameter(f"`{where}.type` must be a string.", param=f"{where}.type")
        return Tool(name if isinstance(name, str) else kind, "native", extras={NAME: {"tool": tool}})
    if not isinstance(name, str) or not name:
        raise MissingParameter(f"`{where}.name` is required.", param=f"{where}.name")
    description, schema, strict = tool.get("description"), tool.get("input_schema"), tool.get("strict")
    if not isinstance(description, str | None) or not isinstance(schema, dict | None):
        raise InvalidParameter(f"`{where}` has a member of the wrong type.", param=where)
    more = {name: value for name, value in tool.items() if name not in _TOOL and value is not None}
    return Tool(
        name,
        "function",
        description,
        schema,
        strict if isinstance(strict, bool) else None,
        cache_of(tool),
        extras_of(more),
    )


def _choose(request: ChatRequest, value: Any) -> None:
    match value:
        case None:
            return
        case {"type": "auto"}:
            request.tool_choice = ToolChoice("auto")
        case {"type": "none"}:
            request.tool_choice = ToolChoice("none")
        case {"type": "any"}:
            request.tool_choice = ToolChoice("required")
        case {"type": "tool", "name": str(name)}:
            request.tool_choice = ToolChoice("required", (name,))
        case _:
            raise InvalidParameter(
                "`tool_choice.type` must be one of auto, any, tool (with a name) and none.", param="tool_choice"
            )
    if value.get("disable_parallel_tool_use") is True:
        request.parallel_tools = False


def _configure(request: ChatRequest, members: dict[str, Any]) -> None:
    """Thinking, effort, the answer's form, who asks, and which tier."""
    config = _object(members, "output_config")
    effort = config.get("effort")
    if not isinstance(effort, str | None):
        raise InvalidParameter("`output_config.effort` must be a string.", param="output_config.effort")
    request.thinking = _thinking(_object(members, "thinking"), effort)
    match config.get("format"):
        case None:
            pass
        case {"type": "json_schema", "schema": dict(schema)}:
            request.format = Format("json_schema", schema)
        case _:
            raise InvalidParameter("`output_config.format` is none of the known forms.", param="output_config.format")
    user = _object(members, "metadata").get("user_id")
    request.user = user if isinstance(user, str) else None
    tier = members.get("service_tier")
    if tier is not None and tier not in _TIERS:
        raise InvalidParameter(
            "`service_tier` must be auto or standard_only.", param="service_tier", allowed=list(_TIERS)
        )
    request.service_tier = _TIERS[tier] if tier is not None else None


def _thinking(value: dict[str, Any], effort: str | None) -> Thinking | None:
    kind, budget = value.get("type"), value.get("budget_tokens")
    shown = {"omitted": False, "summarized": True}.get(value.get("display") or "")
    match kind:
        case None:
            return Thinking(effort) if effort is not None else None
        case "disabled":
            return Thinking(budget=0)
        case "adaptive" | "between_tools":
            return Thinking(effort, shown=shown)
        case "enabled" if isinstance(budget, int) and not isinstance(budget, bool) and budget > 0:
            return Thinking(effort, budget, shown)
    raise InvalidParameter(
        "`thinking` must be enabled (with budget_tokens), adaptive or disabled.", param="thinking", value=kind
    )


def _object(members: dict[str, Any], name: str) -> dict[str, Any]:
    value = members.get(name, {})
    if not isinstance(value, dict):
        raise InvalidParameter(f"`{name}` must be an object.", param=name)
    return value
