"""A Messages request as heard: JSON → conversation and options, refused as Anthropic would refuse it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gateway.providers.simulator.anthropic import fields, turns
from gateway.providers.simulator.anthropic.errors import invalid
from gateway.providers.simulator.anthropic.models import Manners, manners
from gateway.providers.simulator.conversation import Conversation, Options, Tool, Turn

KNOWN = frozenset((
    "cache_control", "container", "context_management", "diagnostics", "inference_geo", "max_tokens",
    "mcp_servers", "messages", "metadata", "model", "output_config", "output_format", "service_tier", "speed",
    "stop_sequences", "stream", "system", "temperature", "thinking", "tool_choice", "tools", "top_k", "top_p",
    "user_profile_id", "workspace_id",
))  # fmt: skip
SAMPLING = ("temperature", "top_p", "top_k")
NO_SAMPLING = "2026-10-21"  # the first version of the API that knows no sampling parameters
NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
CLIENT_TOOLS: Mapping[str, Mapping[str, Any]] = {  # schemas that Anthropic itself gives to tools of these types
    "bash": {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]},
    "text_editor": {
        "type": "object",
        "properties": {"command": {"type": "string", "enum": ["view"]}, "path": {"type": "string"}},
        "required": ["command", "path"],
    },
}
EFFORTS = ("low", "medium", "high", "xhigh", "max")
LEAST_BUDGET = 1024
Choice = Literal["auto", "none", "required"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request understood; `shows_thoughts` unless thinking was asked to be left out of the answer."""

    conversation: Conversation
    options: Options
    stream: bool
    shows_thoughts: bool
    value: Mapping[str, Any]


def parse(value: dict[str, Any], version: str, *, counting: bool = False) -> Asked:
    """The request in the simulator's own terms; Refusal for everything that Anthropic refuses. A request that only
    counts (`counting`) has no limit."""
    model = fields.text(value, "model", "", required=True) or ""
    fields.only(value, KNOWN, "")
    refuses = manners(model)
    limit = fields.whole(value, "max_tokens", "", least=1, required=not counting)
    _sampling(value, version, refuses)
    heard = turns.parse(value)
    if heard[-1].role == "assistant" and refuses.prefill:
        raise invalid(
            "This model does not support assistant message prefill. The conversation must end with a user message."
        )
    thinking, effort, shown = _thinking(value, limit, heard, refuses)
    tools = _tools(value)
    choice, allowed, parallel = _choice(value, tools, thinking, refuses)
    schema = _schema(value)
    options = Options(
        model=model,
        max_tokens=limit,
        stop=_stop(value),
        shape="text" if schema is None else "schema",
        schema=schema,
        tools=tools,
        tool_choice=choice,
        allowed=allowed,
        parallel=parallel,
        effort=effort if thinking is None else None,
        thinking=thinking,
    )
    return Asked(Conversation(heard), options, fields.flag(value, "stream", ""), shown, value)


def _sampling(value: Mapping[str, Any], version: str, refuses: Manners) -> None:
    fields.number(value, "temperature", "", most=1)
    fields.number(value, "top_p", "", most=1)
    fields.whole(value, "top_k", "", least=0)
    for name in SAMPLING:
        if value.get(name) is None:
            continue
        if version >= NO_SAMPLING:
            raise invalid(f"{name}: Extra inputs are not permitted")
        if refuses.sampling:
            raise invalid(f"`{name}` is not supported for this model.")


def _thinking(
    value: Mapping[str, Any], limit: int | None, heard: tuple[Turn, ...], refuses: Manners
) -> tuple[int | None, str | None, bool]:
    """(budget in tokens or None, effort or None, whether thoughts are shown); a budget of 0 is no thinking."""
    config = fields.record(value.get("output_config") or {}, "output_config")
    fields.only(config, ("effort", "format", "task_budget"), "output_config")
    effort = config.get("effort")
    if effort is not None:
        fields.one_of(effort, "output_config.effort", EFFORTS)
    if value.get("thinking") is None:
        return 0, None, True
    thinking = fields.record(value["thinking"], "thinking")
    kind = fields.one_of(thinking.get("type"), "thinking", ("enabled", "adaptive", "disabled", "between_tools"))
    fields.only(thinking, ("type", "budget_tokens", "display"), f"thinking.{kind}")
    if kind == "disabled":
        return 0, None, True
    display = fields.one_of(thinking.get("display") or "summarized", "thinking.display", ("summarized", "omitted"))
    if value.get("temperature") not in (None, 1):
        raise invalid("`temperature` may only be set to 1 when thinking is enabled.")
    if kind != "enabled":
        return None, effort or "high", display == "summarized"
    if refuses.budgets:
        raise invalid('"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" instead.')
    budget = fields.whole(thinking, "budget_tokens", "thinking.enabled", least=LEAST_BUDGET, required=True) or 0
    if limit is not None and limit <= budget:
        raise invalid("`max_tokens` must be greater than `thinking.budget_tokens`.")
    _begins_with_a_thought(value, heard)
    return budget, None, display == "summarized"


def _begins_with_a_thought(value: Mapping[str, Any], heard: tuple[Turn, ...]) -> None:
    """While tools are at work, the turn that called them must still begin with its thought."""
    if heard[-1].role != "tool":
        return
    at = max(at for at, message in enumerate(value["messages"]) if message["role"] == "assistant")
    content = value["messages"][at]["content"]
    kind = content[0]["type"] if isinstance(content, list) and content else "text"
    if kind not in ("thinking", "redacted_thinking"):
        raise invalid(
            f"messages.{at}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{kind}`. When "
            "`thinking` is enabled, a final `assistant` message must start with a thinking block."
        )


def _stop(value: Mapping[str, Any]) -> tuple[str, ...]:
    stops = fields.listed(value.get("stop_sequences") or [], "stop_sequences")
    for at, stop in enumerate(stops):
        if not isinstance(stop, str):
            raise invalid(f"stop_sequences.{at}: Input should be a valid string")
        if not stop.strip():
            raise invalid("stop_sequences: each stop sequence must contain non-whitespace")
    return tuple(stops)


def _schema(value: Mapping[str, Any]) -> Mapping[str, Any] | None:
    wanted = (value.get("output_config") or {}).get("format") or value.get("output_format")
    if wanted is None:
        return None
    wanted = fields.record(wanted, "output_config.format")
    fields.one_of(wanted.get("type"), "output_config.format", ("json_schema",))
    return fields.record(wanted.get("schema"), "output_config.format.schema")


def _tools(value: Mapping[str, Any]) -> tuple[Tool, ...]:
    tools: list[Tool] = []
    for at, tool in enumerate(fields.listed(value.get("tools") or [], "tools")):
        path = f"tools.{at}"
        tool = fields.record(tool, path)
        kind = fields.text(tool, "type", path) or "custom"
        name = fields.text(tool, "name", f"{path}.custom", required=kind == "custom") or kind
        if kind != "custom":
            schema = next((own for begin, own in CLIENT_TOOLS.items() if kind.startswith(f"{begin}_2")), None)
            if schema is None and not re.search(r"_20\d{6}$", kind) and kind != "mcp_toolset":
                raise invalid(f"{path}: Input tag '{kind}' found using 'type' does not match any of the expected tags")
            if schema is not None:
                tools.append(Tool(name, name.replace("_", " "), schema))
            continue
        if not NAME.fullmatch(name):
            raise invalid(f"{path}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'")
        if tool.get("input_schema") is None:
            raise invalid(f"{path}.custom.input_schema: Field required")
        schema = fields.record(tool["input_schema"], f"{path}.custom.input_schema")
        if schema.get("type") != "object":
            raise invalid(f"{path}.custom.input_schema.type: Input should be 'object'")
        tools.append(Tool(name, fields.text(tool, "description", f"{path}.custom") or "", schema))
    names = [tool.name for tool in tools]
    if len(names) != len(set(names)):
        raise invalid("tools: Tool names must be unique.")
    return tuple(tools)


def _choice(
    value: Mapping[str, Any], tools: tuple[Tool, ...], thinking: int | None, refuses: Manners
) -> tuple[Choice, frozenset[str] | None, bool]:
    if value.get("tool_choice") is None:
        return "auto", None, True
    choice = fields.record(value["tool_choice"], "tool_choice")
    kind = fields.one_of(choice.get("type"), "tool_choice", ("auto", "any", "tool", "none"))
    fields.only(choice, ("type", "name", "disable_parallel_tool_use"), f"tool_choice.{kind}")
    if not value.get("tools"):
        raise invalid("tool_choice: may only be specified while providing tools")
    parallel = not fields.flag(choice, "disable_parallel_tool_use", f"tool_choice.{kind}")
    if kind in ("any", "tool"):
        if thinking != 0:
            raise invalid("Thinking may not be enabled when tool_choice forces tool use.")
        if refuses.forced_tools:
            raise invalid("tool_choice: forcing tool use is not supported for this model.")
    if kind != "tool":
        return ("required" if kind == "any" else "none" if kind == "none" else "auto"), None, parallel
    name = fields.text(choice, "name", "tool_choice.tool", required=True) or ""
    if name not in {tool.name for tool in tools}:
        raise invalid(f"Tool '{name}' not found in provided tools")
    return "required", frozenset([name]), parallel
