"""A Responses request as heard: JSON → conversation and options, refused as OpenAI would refuse it.

The simulator keeps no responses: whatever refers to an earlier one is refused, as OpenAI refuses an unknown id.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gateway.providers.simulator import openai_fields as fields
from gateway.providers.simulator.conversation import Conversation, Options, Tool
from gateway.providers.simulator.openai_errors import Refusal, invalid
from gateway.providers.simulator.responses import items

KNOWN = frozenset((
    "access_programs", "background", "client_metadata", "context_management", "conversation", "image",
    "include", "input", "instructions", "max_output_tokens", "max_tool_calls", "metadata", "model",
    "moderation", "parallel_tool_calls", "previous_response_id", "prompt", "prompt_cache_key",
    "prompt_cache_options", "prompt_cache_retention", "reasoning", "safety_identifier", "service_tier", "store",
    "stream", "stream_options", "temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p",
    "truncation", "user",
))  # fmt: skip
MOVED = {"response_format": "text.format", "max_tokens": "max_output_tokens", "messages": "input"}
# Tools that the company runs itself: accepted, and never called.
OWN_TOOLS = frozenset((
    "web_search", "web_search_preview", "file_search", "computer", "computer_use_preview", "mcp",
    "code_interpreter", "image_generation", "local_shell", "shell", "apply_patch", "namespace", "tool_search",
    "programmatic_tool_calling",
))  # fmt: skip
NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
FIXED_SAMPLING = re.compile(r"^(o\d|gpt-[56])", re.IGNORECASE)
LEAST_OUTPUT = 16
Shape = Literal["text", "json", "schema"]
Choice = Literal["auto", "none", "required"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request understood; `value` is all of it, for the answer repeats much of what was asked."""

    conversation: Conversation
    options: Options
    stream: bool
    store: bool
    encrypted: bool  # whether reasoning comes with its encrypted content
    summary: bool  # whether reasoning comes with a summary
    value: Mapping[str, Any]


def parse(value: dict[str, Any]) -> Asked:
    """The request in the simulator's own terms; Refusal for everything that OpenAI refuses."""
    for name in value.keys() - KNOWN:
        hint = f" In the Responses API it is '{MOVED[name]}'." if name in MOVED else ""
        raise invalid(f"Unknown parameter: '{name}'.{hint}", param=name, code="unknown_parameter")
    model = fields.text(value, "model", "model", required=True) or ""
    _refuse_memory(value)
    store = fields.flag(value, "store", "store", default=True)
    stream = fields.flag(value, "stream", "stream", default=False)
    reasoning = fields.record(value.get("reasoning") or {}, "reasoning")
    effort = reasoning.get("effort")
    if effort is not None:
        fields.one_of(effort, "reasoning.effort", EFFORTS)
    summary = reasoning.get("summary")
    if summary is not None:
        fields.one_of(summary, "reasoning.summary", ("auto", "concise", "detailed"))
    _sampling(value, model, effort)
    include = fields.listed(value, "include", "include", of="strings") or []
    instructions = fields.text(value, "instructions", "instructions")
    turns = items.parse(value, instructions, stored=store)
    shape, schema = _shape(value)
    if shape == "json" and not any("json" in turn.text.lower() for turn in turns):
        told = "Response input messages must contain the word 'json' in some form to use 'text.format' of type"
        raise invalid(f"{told} 'json_object'.", param="input")
    tools = _tools(value)
    choice, allowed = _choice(value, tools)
    alternatives = fields.whole(value, "top_logprobs", "top_logprobs", least=0, most=20)
    options = Options(
        model=model,
        max_tokens=fields.whole(value, "max_output_tokens", "max_output_tokens", least=LEAST_OUTPUT),
        shape=shape,
        schema=schema,
        tools=tools,
        tool_choice=choice,
        allowed=allowed,
        parallel=fields.flag(value, "parallel_tool_calls", "parallel_tool_calls", default=True),
        logprobs=(alternatives or 0) if "message.output_text.logprobs" in include else None,
        effort=effort,
    )
    return Asked(
        Conversation(turns),
        options,
        stream,
        store,
        encrypted="reasoning.encrypted_content" in include,
        summary=summary is not None,
        value=value,
    )


def _refuse_memory(value: Mapping[str, Any]) -> None:
    if earlier := fields.text(value, "previous_response_id", "previous_response_id"):
        raise invalid(
            f"Previous response with id '{earlier}' not found.",
            param="previous_response_id",
            code="previous_response_not_found",
        )
    if value.get("conversation") is not None:
        raise Refusal(404, "Conversation not found.", param="conversation", code="conversation_not_found")
    if value.get("prompt") is not None:
        raise Refusal(404, "Prompt not found.", param="prompt", code="prompt_not_found")
    if fields.flag(value, "background", "background", default=False):
        told = "Background mode is not supported with this model."
        raise invalid(told, param="background", code="unsupported_parameter")


def _sampling(value: Mapping[str, Any], model: str, effort: str | None) -> None:
    fields.number(value, "temperature", "temperature", least=0, most=2)
    fields.number(value, "top_p", "top_p", least=0, most=1)
    if FIXED_SAMPLING.match(model) and effort != "none":
        for name in ("temperature", "top_p"):
            if value.get(name) is not None and value[name] != 1:
                told = f"Unsupported parameter: '{name}' is not supported with this model."
                raise invalid(told, param=name, code="unsupported_parameter")


def _shape(value: Mapping[str, Any]) -> tuple[Shape, Mapping[str, Any] | None]:
    wanted = fields.record(value.get("text") or {}, "text").get("format")
    if wanted is None:
        return "text", None
    wanted = fields.record(wanted, "text.format")
    kind = fields.one_of(wanted.get("type"), "text.format.type", ("json_object", "json_schema", "text"))
    if kind == "json_schema":
        fields.text(wanted, "name", "text.format.name", required=True)
        if wanted.get("schema") is None:
            raise fields.missing("text.format.schema")
        return "schema", fields.record(wanted["schema"], "text.format.schema")
    return ("json" if kind == "json_object" else "text"), None


def _tools(value: Mapping[str, Any]) -> tuple[Tool, ...]:
    tools: list[Tool] = []
    for at, tool in enumerate(fields.listed(value, "tools", "tools") or ()):
        param = f"tools[{at}]"
        tool = fields.record(tool, param)
        kind = fields.one_of(tool.get("type"), f"{param}.type", ("function", "custom", *sorted(OWN_TOOLS)))
        if kind in OWN_TOOLS:
            continue
        name = fields.text(tool, "name", f"{param}.name", required=True) or ""
        if not NAME.fullmatch(name):
            told = "string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
            raise invalid(f"Invalid '{param}.name': {told}", param=f"{param}.name", code="invalid_value")
        description = fields.text(tool, "description", f"{param}.description") or ""
        schema = None if kind == "custom" else fields.record(tool.get("parameters") or {}, f"{param}.parameters")
        tools.append(Tool(name, description, schema))
    return tuple(tools)


def _choice(value: Mapping[str, Any], tools: tuple[Tool, ...]) -> tuple[Choice, frozenset[str] | None]:
    choice = value.get("tool_choice")
    if choice is None:
        return "auto", None
    if isinstance(choice, str):
        word = fields.one_of(choice, "tool_choice", ("none", "auto", "required"))
        return ("none" if word == "none" else "required" if word == "required" else "auto"), None
    choice = fields.record(choice, "tool_choice")
    known = ("allowed_tools", "function", "custom", *sorted(OWN_TOOLS))
    kind = fields.one_of(choice.get("type"), "tool_choice.type", known)
    if kind in OWN_TOOLS:
        return "auto", None
    if kind == "allowed_tools":
        listed = fields.listed(choice, "tools", "tool_choice.tools") or []
        names = {str(fields.record(tool, "tool_choice.tools").get("name")) for tool in listed}
        return "required" if choice.get("mode") == "required" else "auto", frozenset(names)
    name = fields.text(choice, "name", "tool_choice.name", required=True) or ""
    if name not in {tool.name for tool in tools}:
        raise invalid(f"Tool choice '{kind}' not found in 'tools' parameter.", param="tool_choice")
    return "required", frozenset([name])
