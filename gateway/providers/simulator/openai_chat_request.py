"""OpenAI's chat completions as heard: a request's JSON → conversation and options, refused as OpenAI would refuse it.

Fields that the simulator does not know are ignored, as every gateway in front of it forwards some.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gateway.providers.simulator import openai_chat_messages
from gateway.providers.simulator import openai_fields as fields
from gateway.providers.simulator.conversation import Conversation, Options, Tool, Turn
from gateway.providers.simulator.openai_errors import invalid

NAME = re.compile(r"[a-zA-Z0-9_-]+")
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
Shape = Literal["text", "json", "schema"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A chat request understood; `legacy` when it speaks of functions where others speak of tools."""

    conversation: Conversation
    options: Options
    stream: bool
    wants_usage: bool
    legacy: bool


def parse(value: dict[str, Any]) -> Asked:
    """The request in the simulator's own terms; Refusal for everything that OpenAI refuses."""
    model = value.get("model")
    if not isinstance(model, str) or not model:
        raise invalid("you must provide a model parameter")
    turns = openai_chat_messages.parse(value)
    stream = fields.flag(value, "stream", "stream", default=False)
    stream_options = value.get("stream_options")
    if stream_options is not None and not stream:
        raise invalid(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.", param="stream_options"
        )
    wants_usage = fields.flag(
        fields.record(stream_options or {}, "stream_options"),
        "include_usage",
        "stream_options.include_usage",
        default=False,
    )
    fields.number(value, "temperature", "temperature", least=0, most=2)
    fields.number(value, "top_p", "top_p", least=0, most=1)
    fields.number(value, "presence_penalty", "presence_penalty", least=-2, most=2)
    fields.number(value, "frequency_penalty", "frequency_penalty", least=-2, most=2)
    shape, schema = _shape(value, turns)
    tools, legacy = _tools(value)
    choice, allowed = _choice(value, tools)
    effort = value.get("reasoning_effort")
    options = Options(
        model=model,
        max_tokens=_max_tokens(value),
        stop=_stop(value),
        choices=fields.whole(value, "n", "n", least=1, most=128) or 1,
        seed=fields.whole(value, "seed", "seed", least=-(2**63), most=2**63 - 1),
        shape=shape,
        schema=schema,
        tools=tools,
        tool_choice=choice,
        allowed=allowed,
        parallel=not legacy and fields.flag(value, "parallel_tool_calls", "parallel_tool_calls", default=True),
        logprobs=_logprobs(value),
        effort=None if effort is None else fields.one_of(effort, "reasoning_effort", EFFORTS),
    )
    return Asked(Conversation(turns), options, stream, wants_usage, legacy)


# --- How the answer is wanted --------------------------------------------------------------------------


def _max_tokens(value: Mapping[str, Any]) -> int | None:
    older = fields.whole(value, "max_tokens", "max_tokens", least=1)
    newer = fields.whole(value, "max_completion_tokens", "max_completion_tokens", least=1)
    if older is not None and newer is not None:
        raise invalid(
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
            param="max_tokens",
            code="invalid_parameter_combination",
        )
    return newer if newer is not None else older


def _stop(value: Mapping[str, Any]) -> tuple[str, ...]:
    stop = value.get("stop")
    if stop is None:
        return ()
    stops = [stop] if isinstance(stop, str) else stop
    if not isinstance(stops, list) or not all(isinstance(one, str) for one in stops):
        raise fields.wrong_type("stop", "one of a string or array of strings", stop)
    if len(stops) > 4:
        told = f"array too long. Expected an array with maximum length 4, but got one with length {len(stops)} instead."
        raise invalid(f"Invalid 'stop': {told}", param="stop", code="array_above_max_length")
    return tuple(stops)


def _logprobs(value: Mapping[str, Any]) -> int | None:
    wanted = fields.flag(value, "logprobs", "logprobs", default=False)
    top = fields.whole(value, "top_logprobs", "top_logprobs", least=0, most=20)
    if top is not None and not wanted:
        raise invalid("The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.", param="top_logprobs")
    return (top or 0) if wanted else None


def _shape(value: Mapping[str, Any], turns: tuple[Turn, ...]) -> tuple[Shape, Mapping[str, Any] | None]:
    if value.get("response_format") is None:
        return "text", None
    wanted = fields.record(value["response_format"], "response_format")
    kind = fields.one_of(wanted.get("type"), "response_format.type", ("json_object", "json_schema", "text"))
    if kind == "text":
        return "text", None
    if kind == "json_object":
        if not any("json" in turn.text.lower() for turn in turns):
            raise invalid(
                "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
                param="messages",
            )
        return "json", None
    if wanted.get("json_schema") is None:
        raise fields.missing("response_format.json_schema")
    described = fields.record(wanted["json_schema"], "response_format.json_schema")
    fields.text(described, "name", "response_format.json_schema.name", required=True)
    return "schema", fields.record(described.get("schema") or {}, "response_format.json_schema.schema")


def _tools(value: Mapping[str, Any]) -> tuple[tuple[Tool, ...], bool]:
    legacy = value.get("tools") is None and value.get("functions") is not None
    field = "functions" if legacy else "tools"
    listed = fields.listed(value, field, field)
    if listed is not None and not listed:
        told = "empty array. Expected an array with minimum length 1, but got an empty array instead."
        raise invalid(f"Invalid '{field}': {told}", param=field, code="empty_array")
    tools: list[Tool] = []
    for at, tool in enumerate(listed or ()):
        param, kind = f"{field}[{at}]", "function"
        tool = fields.record(tool, param)
        if not legacy:
            kind = fields.one_of(tool.get("type"), f"{param}.type", ("function", "custom"))
            param = f"{param}.{kind}"
            tool = fields.record(tool.get(kind), param)
        name = fields.text(tool, "name", f"{param}.name", required=True) or ""
        if not NAME.fullmatch(name):
            told = "string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
            raise invalid(f"Invalid '{param}.name': {told}", param=f"{param}.name", code="invalid_value")
        if len(name) > 64:
            told = f"string too long. Expected a maximum length of 64, but got a length of {len(name)} instead."
            raise invalid(f"Invalid '{param}.name': {told}", param=f"{param}.name", code="string_above_max_length")
        description = fields.text(tool, "description", f"{param}.description") or ""
        schema = None if kind == "custom" else fields.record(tool.get("parameters") or {}, f"{param}.parameters")
        tools.append(Tool(name, description, schema))
    return tuple(tools), legacy


def _choice(
    value: Mapping[str, Any], tools: tuple[Tool, ...]
) -> tuple[Literal["auto", "none", "required"], frozenset[str] | None]:
    choice = value.get("tool_choice", value.get("function_call"))
    if choice is None:
        return "auto", None
    if not tools:
        raise invalid(
            "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
            param="tool_choice",
        )
    if isinstance(choice, str):
        word = fields.one_of(choice, "tool_choice", ("none", "auto", "required"))
        return ("none" if word == "none" else "required" if word == "required" else "auto"), None
    choice = fields.record(choice, "tool_choice")
    if choice.get("type") == "allowed_tools":
        inner = fields.record(choice.get("allowed_tools"), "tool_choice.allowed_tools")
        named = {_named(fields.record(tool, "tool_choice.allowed_tools.tools")) for tool in inner.get("tools") or ()}
        return "required" if inner.get("mode") == "required" else "auto", frozenset(named)
    name = _named(choice)
    if name not in {tool.name for tool in tools}:
        raise invalid(
            f"Invalid value for 'tool_choice': no function named '{name}' was specified in the 'tools' parameter.",
            param="tool_choice",
        )
    return "required", frozenset([name])


def _named(choice: Mapping[str, Any]) -> str:
    inner = choice.get(choice.get("type", "function"), choice)
    name = inner.get("name") if isinstance(inner, Mapping) else None
    if not isinstance(name, str):
        raise fields.missing("tool_choice.function.name")
    return name
