"""A generateContent request → ChatRequest."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from gateway.canonical import ChatRequest, Envelope, Format, Message, Tool, ToolChoice
from gateway.dialects.gemini_generate.envelope import peek
from gateway.dialects.gemini_generate.inspecting import whole
from gateway.dialects.gemini_generate.retargeting import retarget
from gateway.dialects.gemini_generate.schemas import standard_schema
from gateway.dialects.gemini_generate.spelling import NAME, camel, extras_of, listed
from gateway.dialects.gemini_generate.thinking import parse_thinking
from gateway.dialects.gemini_generate.turns import Conversation, plain_part
from gateway.errors import InvalidJson, InvalidParameter, MissingParameter, UnsupportedParameter

# What the canonical form says itself; all else is this wire's own.
_KNOWN = frozenset({"contents", "systemInstruction", "generationConfig", "tools", "toolConfig", "serviceTier", "model"})
_KNOWN_CONFIG = frozenset(
    {"maxOutputTokens", "candidateCount", "temperature", "topP", "topK", "stopSequences", "seed", "presencePenalty"}
    | {"frequencyPenalty", "responseLogprobs", "logprobs", "responseMimeType", "responseSchema", "responseJsonSchema"}
    | {"_responseJsonSchema", "responseModalities", "thinkingConfig"}
)
CONFIG = "generationConfig."  # starts the names of extras that stand inside of it
_TIERS = {"standard": "default", "flex": "flex", "priority": "priority"}
_MODES: dict[str, Literal["auto", "none", "required"]] = {
    "AUTO": "auto",
    "VALIDATED": "auto",
    "ANY": "required",
    "NONE": "none",
}


def parse(body: bytes, *, model: str = "", stream: bool = False) -> ChatRequest:
    """See RequestCodec.parse. `model` and `stream` are what the path says."""
    envelope = peek(body, model=model, stream=stream)
    if envelope.fault is not None:
        raise envelope.fault
    retarget(body, model=None, ask_usage=False, max_output=None)  # refuses what stands twice
    try:
        members: dict[str, Any] = camel(msgspec.json.decode(body), "")
    except (msgspec.MsgspecError, RecursionError):
        raise InvalidJson("The request body is nested too deep, or holds a number out of range.", position=0) from None
    return parse_members(members, envelope)


def parse_members(members: dict[str, Any], envelope: Envelope) -> ChatRequest:
    """The same from the members of a request at which `peek` found no fault."""
    config = camel(members.get("generationConfig", {}), CONFIG)
    request = _plain(members, config, envelope)
    conversation = Conversation()
    instruction = members.get("systemInstruction")
    for index, content in enumerate(listed(members.get("contents"))):
        conversation.read(content, f"contents[{index}]")
    request.messages = conversation.finish()
    if instruction is not None:
        said = [
            plain_part(camel(part, f"systemInstruction.parts[{at}]."), f"systemInstruction.parts[{at}]")
            for at, part in enumerate(listed(instruction.get("parts")))
        ]
        if said:
            request.messages.insert(0, Message("system", said))
    for at, tool in enumerate(listed(members.get("tools"))):
        request.tools += _tools(camel(tool, f"tools[{at}]."), f"tools[{at}]")
    _choose_tools(members.get("toolConfig"), request)
    request.format = _format(config, envelope.model)
    request.thinking = parse_thinking(config.get("thinkingConfig"))
    return request


def _plain(members: dict[str, Any], config: dict[str, Any], envelope: Envelope) -> ChatRequest:
    """Everything that is only another name."""
    own = {name: value for name, value in members.items() if name not in _KNOWN}
    own.update((CONFIG + name, value) for name, value in config.items() if name not in _KNOWN_CONFIG)
    tier = members.get("serviceTier")
    modalities = [word.lower() for word in listed(config.get("responseModalities"))]
    return ChatRequest(
        envelope.model,
        [],
        stream=envelope.stream,
        wants_usage=True,
        max_output=envelope.max_output,
        temperature=config.get("temperature"),
        top_p=config.get("topP"),
        top_k=whole(config.get("topK")),
        stop=tuple(listed(config.get("stopSequences"))),
        n=envelope.choices,
        seed=whole(config.get("seed")),
        presence_penalty=config.get("presencePenalty"),
        frequency_penalty=config.get("frequencyPenalty"),
        logprobs=config.get("responseLogprobs", False),
        top_logprobs=whole(config.get("logprobs")),
        modalities=tuple(word for word in modalities if not word.endswith("_unspecified")),
        service_tier=_TIERS.get(tier.lower()) if isinstance(tier, str) else None,
        extras=extras_of(own),
    )


def _tools(tool: dict[str, Any], where: str) -> list[Tool]:
    """The functions of one entry, and whatever else the provider itself would run."""
    found: list[Tool] = []
    for name, value in tool.items():
        if name == "functionDeclarations":
            for at, declaration in enumerate(listed(value)):
                found.append(_function(declaration, f"{where}.functionDeclarations[{at}]"))
        else:
            found.append(Tool(name, "native", extras=extras_of({"tool": {name: value}})))
    return found


def _function(declaration: Any, where: str) -> Tool:
    if not isinstance(declaration, dict):
        raise InvalidParameter(f"`{where}` must be an object.", param=where)
    members = camel(declaration, f"{where}.")
    name, description = members.pop("name", None), members.pop("description", None)
    older, schema = members.pop("parameters", None), members.pop("parametersJsonSchema", None)
    if not isinstance(name, str) or not name:
        raise MissingParameter(f"`{where}.name` is required.", param=f"{where}.name")
    if not isinstance(description, str | None) or not isinstance(schema, dict | None):
        raise InvalidParameter(f"`{where}` has a member of the wrong type.", param=where)
    if schema is None and older is not None:
        schema = standard_schema(older, f"{where}.parameters")
    return Tool(name, "function", description, schema, extras=extras_of(members))


def _choose_tools(value: Any, request: ChatRequest) -> None:
    if value is None:
        return
    members = camel(value, "toolConfig.")
    calling = members.pop("functionCallingConfig", None)
    kept: dict[str, Any] = dict(members)
    if calling is not None:
        where = "toolConfig.functionCallingConfig"
        if not isinstance(calling, dict):
            raise InvalidParameter(f"`{where}` must be an object.", param=where)
        calling = camel(calling, f"{where}.")
        mode, names = calling.pop("mode", None), listed(calling.pop("allowedFunctionNames", None))
        if not isinstance(mode, str | None) or not all(isinstance(name, str) for name in names):
            raise InvalidParameter(f"`{where}` has a member of the wrong type.", param=where)
        word = (mode or "").upper()
        if word in _MODES:
            request.tool_choice = ToolChoice(_MODES[word], tuple(names))
            if word == "VALIDATED" and not names:
                calling["mode"] = word  # stricter than "auto", which is all that others know
        elif word and not word.endswith("_UNSPECIFIED"):
            raise InvalidParameter(f"`{where}.mode` is not a known mode.", param=f"{where}.mode", allowed=list(_MODES))
        if calling:
            kept["functionCallingConfig"] = calling
    if kept:
        request.extras.setdefault(NAME, {})["toolConfig"] = kept


def _format(config: dict[str, Any], model: str) -> Format | None:
    kind = config.get("responseMimeType")
    schema = config.get("responseJsonSchema", config.get("_responseJsonSchema"))
    older = config.get("responseSchema")
    if kind is None and schema is None and older is None:
        return None
    where = "generationConfig.responseMimeType"
    if kind == "text/plain":
        return Format("text")
    if kind == "text/x.enum":
        raise UnsupportedParameter("An answer as a bare enum value is not supported.", param=where, model=model or None)
    if kind not in (None, "application/json"):
        raise InvalidParameter(f"`{where}` is not a known media type.", param=where)
    if schema is None and older is not None:
        schema = standard_schema(older, "generationConfig.responseSchema")
    if schema is None:
        return Format("json")
    if not isinstance(schema, dict):
        raise InvalidParameter("The schema of the answer must be an object.", param=where)
    return Format("json_schema", schema)
