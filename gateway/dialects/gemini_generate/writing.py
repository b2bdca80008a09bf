"""ChatRequest → a generateContent request. The model and whether to stream stand in its address."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.canonical import ChatRequest, Format, Tool, ToolChoice
from gateway.dialects.gemini_generate.envelope import MOST_CHOICES
from gateway.dialects.gemini_generate.generations import generation
from gateway.dialects.gemini_generate.reading import CONFIG
from gateway.dialects.gemini_generate.speaking import render_contents, render_instruction
from gateway.dialects.gemini_generate.spelling import NAME
from gateway.dialects.gemini_generate.thinking import render_thinking
from gateway.errors import UnsupportedCapability, UnsupportedParameter

MOST_STOPS = 5
_TIERS = {"default": "standard", "flex": "flex", "priority": "priority"}
_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY"}


def render(request: ChatRequest, model: str) -> bytes:
    """See RequestCodec.render. `model` only tells what may be asked."""
    return msgspec.json.encode(render_members(request, model))


def render_members(request: ChatRequest, model: str) -> dict[str, Any]:
    """The members of a request."""
    able = generation(model)
    own = request.own(NAME)
    members: dict[str, Any] = {"contents": render_contents(request, able)}
    instruction = render_instruction(request)
    if instruction:
        members["systemInstruction"] = {"parts": instruction}
    if request.tools:
        members["tools"] = _tools(request)
    chosen = _tool_config(request.tool_choice, own.pop("toolConfig", None)) if request.tools else {}
    if chosen:
        members["toolConfig"] = chosen
    config = _config(request)
    thinking = render_thinking(request, able)
    if thinking:
        config["thinkingConfig"] = thinking
    for name, value in own.items():
        if name.startswith(CONFIG):
            config[name.removeprefix(CONFIG)] = value
        else:
            members[name] = value
    if config:
        members["generationConfig"] = config
    tier = _TIERS.get(request.service_tier or "")
    if tier is not None:
        members["serviceTier"] = tier
    _drop(request)
    return members


def _drop(request: ChatRequest) -> None:
    """Name what this wire has no place for."""
    absent = {
        "logit_bias": request.logit_bias,
        "metadata": request.metadata,
        "user": request.user,
        "parallel_tool_calls": request.parallel_tools is False and request.tools,
        "strict": any(tool.strict for tool in request.tools),
        "service_tier": request.service_tier not in (None, "auto", *_TIERS),
        "cache_control": any(tool.cache is not None for tool in request.tools),
    }
    request.drop(*(name for name, value in absent.items() if value))


def _config(request: ChatRequest) -> dict[str, Any]:
    config: dict[str, Any] = {}
    for name, value in (
        ("maxOutputTokens", request.max_output),
        ("temperature", request.temperature),
        ("topP", request.top_p),
        ("topK", request.top_k),
        ("seed", request.seed),
        ("presencePenalty", request.presence_penalty),
        ("frequencyPenalty", request.frequency_penalty),
    ):
        if value is not None:
            config[name] = value
    if len(request.stop) > MOST_STOPS:
        raise UnsupportedParameter(f"This model takes at most {MOST_STOPS} stop sequences.", param="stop")
    if request.stop:
        config["stopSequences"] = list(request.stop)
    if request.n > MOST_CHOICES:
        raise UnsupportedParameter(f"This model gives at most {MOST_CHOICES} answers at once.", param="n")
    if request.n != 1:
        config["candidateCount"] = request.n
    if request.logprobs:
        config["responseLogprobs"] = True
        if request.top_logprobs is not None:
            config["logprobs"] = request.top_logprobs
    if request.modalities:
        config["responseModalities"] = [word.upper() for word in request.modalities]
    if request.format is not None:
        config.update(_format(request.format))
    return config


def _format(wanted: Format) -> dict[str, Any]:
    if wanted.kind == "text":
        return {"responseMimeType": "text/plain"}
    if wanted.kind == "json":
        return {"responseMimeType": "application/json"}
    schema = dict(wanted.schema or {})
    if wanted.description is not None:
        schema.setdefault("description", wanted.description)
    return {"responseMimeType": "application/json", "responseJsonSchema": schema}


def _tools(request: ChatRequest) -> list[dict[str, Any]]:
    """Neighbouring functions together, each of the provider's own tools by itself, in the order in which they came."""
    found: list[dict[str, Any]] = []
    for tool in request.tools:
        if tool.kind == "function":
            if not found or "functionDeclarations" not in found[-1]:
                found.append({"functionDeclarations": []})
            found[-1]["functionDeclarations"].append(_function(tool))
            continue
        native = tool.extras.get(NAME, {}).get("tool")
        if not isinstance(native, dict):
            raise UnsupportedCapability(f"This model has no tool {tool.name!r}.", capability=tool.name)
        found.append(native)
    return found


def _function(tool: Tool) -> dict[str, Any]:
    body: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        body["description"] = tool.description
    if tool.schema is not None:
        body["parametersJsonSchema"] = dict(tool.schema)
    return {**body, **tool.extras.get(NAME, {})}


def _tool_config(choice: ToolChoice | None, own: Any) -> dict[str, Any]:
    config: dict[str, Any] = dict(own) if isinstance(own, dict) else {}
    if choice is None:
        return config
    calling: dict[str, Any] = {"mode": _MODES[choice.mode]}
    if choice.names and choice.mode != "none":
        # Only these modes look at the names; "VALIDATED" leaves the choice to the model, as "AUTO" does.
        calling["mode"] = "ANY" if choice.mode == "required" else "VALIDATED"
        calling["allowedFunctionNames"] = list(choice.names)
    return {**config, "functionCallingConfig": {**calling, **config.get("functionCallingConfig", {})}}
