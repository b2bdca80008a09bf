"""Tools, which of them may be called, and the form of the answer: both ways."""

from __future__ import annotations

from typing import Any

from gateway.canonical import ChatRequest, Format, Tool, ToolChoice
from gateway.dialects.openai_responses.objects import NAME
from gateway.errors import InvalidParameter, MissingParameter, UnsupportedCapability, UnsupportedParameter

INSIDE = "tools."  # starts the names of tools that the provider runs itself, in the list of what another one drops

_FUNCTION = frozenset({"type", "name", "description", "parameters", "strict"})
_CUSTOM = frozenset({"type", "name", "description", "format"})

Wire = dict[str, Any]


def parse_tools(tools: list[Any]) -> tuple[list[Tool], dict[str, list[Wire]]]:
    """The customer's own tools, and those that the provider runs: by INSIDE and type. Agents always offer the latter,
    whoever answers, so they are no reason to refuse."""
    made: list[Tool] = []
    native: dict[str, list[Wire]] = {}
    for at, tool in enumerate(tools):
        where = f"tools[{at}]"
        kind = tool.get("type") if isinstance(tool, dict) else None
        if not isinstance(kind, str):
            raise MissingParameter(f"`{where}.type` is required.", param=f"{where}.type")
        if kind in ("function", "custom"):
            made.append(_parse(tool, kind, where))
        else:
            native.setdefault(INSIDE + kind, []).append(tool)
    return made, native


def _parse(tool: Wire, kind: str, where: str) -> Tool:
    name, description, schema = tool.get("name"), tool.get("description"), tool.get("parameters")
    if not isinstance(name, str) or not name:
        raise MissingParameter(f"`{where}.name` is required.", param=f"{where}.name")
    if not isinstance(description, str | None) or not isinstance(schema, dict | None):
        raise InvalidParameter(f"`{where}` has a member of the wrong type.", param=where)
    known = _CUSTOM if kind == "custom" else _FUNCTION
    own: Wire = {member: value for member, value in tool.items() if member not in known and value is not None}
    if kind == "custom":
        made = Tool(name, "custom", description, extras={NAME: own} if own else {})
        if isinstance(tool.get("format"), dict):
            made.extras["openai"] = {"format": _nested(tool["format"])}
        return made
    strict = tool.get("strict")
    if not isinstance(strict, bool):
        # Not the same as false: this wire then tries to be strict, which no other does.
        own["strict"] = None
        strict = None
    return Tool(name, "function", description, schema, strict, extras={NAME: own} if own else {})


def _nested(form: Wire) -> Wire:
    """A custom tool's format in the canonical spelling, which is that of chat completions."""
    if form.get("type") != "grammar" or "grammar" in form:
        return form
    return {"type": "grammar", "grammar": {name: value for name, value in form.items() if name != "type"}}


def _flat(form: Wire) -> Wire:
    inner = form.get("grammar")
    return {"type": "grammar", **inner} if isinstance(inner, dict) else form


def render_tools(request: ChatRequest, members: Wire, native: list[Wire]) -> None:
    """`tools`, `tool_choice` and `parallel_tool_calls`. Raises UnsupportedCapability."""
    if not request.tools and not native:
        return  # and then nothing about tools may be said either
    members["tools"] = [*(_render(tool, request) for tool in request.tools), *native]
    if request.tool_choice is not None:
        members["tool_choice"] = _choice(request.tool_choice, request.tools)
    if request.parallel_tools is not None:
        members["parallel_tool_calls"] = request.parallel_tools


def _render(tool: Tool, request: ChatRequest) -> Wire:
    if tool.cache is not None:
        request.drop("cache_control")
    own = dict(tool.extras.get(NAME, {}))
    if tool.kind == "native":
        if not isinstance(own.get("tool"), dict):
            raise UnsupportedCapability(f"This model has no tool {tool.name!r}.", capability=tool.name)
        return dict(own["tool"])
    wire: Wire = {"type": tool.kind, "name": tool.name}
    if tool.description is not None:
        wire["description"] = tool.description
    if tool.kind == "custom":
        form = tool.extras.get("openai", {}).get("format")
        return {**wire, **({"format": _flat(form)} if isinstance(form, dict) else {}), **own}
    wire["parameters"] = dict(tool.schema) if tool.schema is not None else None
    if "strict" in own and tool.strict is None:
        del own["strict"]
    else:
        wire["strict"] = tool.strict is True
    return {**wire, **own}


def parse_choice(value: Any, tools: list[Tool], native: bool) -> ToolChoice | None:
    """Which tools may be called. Raises UnsupportedParameter where one that only the provider has must be."""
    match value:
        case None:
            return None
        case "auto" | "none":
            return ToolChoice(value)
        case "required":
            if native and not tools:
                raise _unsupported()
            return ToolChoice("required")
        case {"type": "function" | "custom", "name": str(name)}:
            return ToolChoice("required", (name,))
        case {"type": "allowed_tools", "mode": "auto" | "required" as mode, "tools": list(allowed)}:
            names = tuple(tool["name"] for tool in allowed if _is_own(tool))
            if names or not allowed:
                return ToolChoice(mode, names)
            if mode == "required":
                raise _unsupported()
            return ToolChoice("none")
        case {"type": str(kind)} if kind not in ("function", "custom", "allowed_tools"):
            raise _unsupported()
    raise InvalidParameter("`tool_choice` is none of the known forms.", param="tool_choice")


def _is_own(tool: Any) -> bool:
    if not isinstance(tool, dict) or not isinstance(tool.get("type"), str):
        raise InvalidParameter("`tool_choice.tools` must hold objects with a type.", param="tool_choice")
    if tool["type"] not in ("function", "custom"):
        return False
    if not isinstance(tool.get("name"), str):
        raise InvalidParameter("`tool_choice.tools` must name functions.", param="tool_choice")
    return True


def _unsupported() -> UnsupportedParameter:
    return UnsupportedParameter("`tool_choice` demands a tool that this model does not have.", param="tool_choice")


def _choice(choice: ToolChoice, tools: list[Tool]) -> Any:
    if not choice.names or choice.mode == "none":
        return choice.mode
    kinds = {tool.name: "custom" if tool.kind == "custom" else "function" for tool in tools}
    named = [{"type": kinds.get(name, "function"), "name": name} for name in choice.names]
    if choice.mode == "required" and len(named) == 1:
        return named[0]
    return {"type": "allowed_tools", "mode": choice.mode, "tools": named}


def parse_format(value: Any) -> Format | None:
    """`text.format`."""
    match value:
        case None:
            return None
        case {"type": "text"}:
            return Format("text")
        case {"type": "json_object"}:
            return Format("json")
        case {"type": "json_schema", "name": str(name), **rest}:
            schema, description, strict = rest.get("schema"), rest.get("description"), rest.get("strict")
            if isinstance(schema, dict | None) and isinstance(description, str | None):
                return Format(
                    "json_schema", schema or {}, name, description, strict if isinstance(strict, bool) else None
                )
    raise InvalidParameter("`text.format` is none of the known forms.", param="text.format")


def render_format(wanted: Format) -> Wire:
    """The same, back."""
    if wanted.kind == "text":
        return {"type": "text"}
    if wanted.kind == "json":
        return {"type": "json_object"}
    form: Wire = {"type": "json_schema", "name": wanted.name or "answer", "schema": dict(wanted.schema or {})}
    if wanted.description is not None:
        form["description"] = wanted.description
    if wanted.strict is not None:
        form["strict"] = wanted.strict
    return form
