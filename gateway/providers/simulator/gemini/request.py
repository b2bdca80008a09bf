"""A Gemini request as heard: JSON → conversation and options, refused as Google would refuse it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gateway.providers.simulator.conversation import Conversation, Options, Tool
from gateway.providers.simulator.gemini import contents, fields, models
from gateway.providers.simulator.gemini.errors import invalid

KNOWN = frozenset((
    "model", "contents", "systemInstruction", "tools", "toolConfig", "safetySettings", "generationConfig",
    "cachedContent", "serviceTier", "store", "labels",
))  # fmt: skip
GENERATION = frozenset((
    "temperature", "topP", "topK", "candidateCount", "maxOutputTokens", "stopSequences", "seed",
    "presencePenalty", "frequencyPenalty", "responseLogprobs", "logprobs", "responseMimeType", "responseSchema",
    "responseJsonSchema", "responseModalities", "speechConfig", "imageConfig", "mediaResolution",
    "thinkingConfig", "audioTimestamp", "enableEnhancedCivicAnswers", "responseFormat",
))  # fmt: skip
SCHEMA = frozenset((
    "type", "format", "title", "description", "nullable", "enum", "maxItems", "minItems", "properties",
    "required", "minProperties", "maxProperties", "minLength", "maxLength", "pattern", "example", "anyOf",
    "propertyOrdering", "default", "items", "minimum", "maximum", "additionalProperties", "defs", "ref",
))  # fmt: skip
TOOLS = frozenset((
    "functionDeclarations", "googleSearch", "googleSearchRetrieval", "codeExecution", "urlContext",
    "computerUse", "fileSearch", "googleMaps", "mcpServers",
))  # fmt: skip
NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}")
MIME_TYPES = ("text/plain", "application/json", "text/x.enum")
Choice = Literal["auto", "none", "required"]
Shape = Literal["text", "json", "schema"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request understood; `bare` when the answer is one word of an enumeration without quotation marks."""

    conversation: Conversation
    options: Options
    shows_thoughts: bool
    bare: bool
    signs: bool  # whether function calls carry ids, and signatures also where no thought is shown


def parse(value: Mapping[str, Any], model: str) -> Asked:
    """The request in the simulator's own terms; Refusal for everything that Google refuses."""
    asked = fields.known(value, KNOWN, "")
    if asked.get("cachedContent") is not None:
        raise invalid("CachedContent not found (or permission denied)")
    config = fields.known(asked.get("generationConfig") or {}, GENERATION, "generation_config")
    manner = models.thinking(model)
    heard = contents.parse(asked, signs=manner.signs)
    path = "generation_config"
    fields.number(config, "temperature", path, least=0, most=2)
    fields.number(config, "topP", path, least=0, most=1)
    fields.whole(config, "topK", path, least=1)
    stops = fields.listed(config, "stopSequences", path)
    if len(stops) > 5 or not all(isinstance(stop, str) and stop for stop in stops):
        raise invalid("At most 5 stop sequences are allowed, each of at least one character.", field=path)
    choices = fields.whole(config, "candidateCount", path, least=1) or 1
    if choices > 8:
        raise invalid("candidateCount must be in the range [1, 8].", field=f"{path}.candidateCount")
    thinking, effort, shown = _thinking(config, manner)
    tools = _tools(asked)
    shape, schema, bare = _shape(config, tools, manner)
    choice, allowed = _choice(asked, tools)
    options = Options(
        model=model,
        max_tokens=fields.whole(config, "maxOutputTokens", path, least=1),
        stop=tuple(stops),
        choices=choices,
        seed=fields.whole(config, "seed", path),
        shape=shape,
        schema=schema,
        tools=tools,
        tool_choice=choice,
        allowed=allowed,
        effort=effort,
        thinking=thinking,
    )
    return Asked(Conversation(heard), options, shown, bare, manner.signs)


def _thinking(config: Mapping[str, Any], manner: models.Thinking) -> tuple[int | None, str | None, bool]:
    """(budget or None, effort or None, whether thoughts are shown)."""
    path = "generation_config.thinking_config"
    names = ("includeThoughts", "thinkingBudget", "thinkingLevel")
    wanted = fields.known(config.get("thinkingConfig") or {}, names, path)
    shown = fields.flag(wanted, "includeThoughts", path)
    level, budget = wanted.get("thinkingLevel"), fields.whole(wanted, "thinkingBudget", path, least=-1)
    if level is not None and budget is not None:
        raise invalid("You can only set only one of thinking budget and thinking level.", field=path)
    if level is not None:
        if not manner.levels:
            raise invalid("Thinking level is not supported for this model.", field=path)
        named = fields.word(level, f"{path}.thinking_level", models.LEVELS)
        if named not in manner.levels:
            raise invalid(f"Thinking level {named} is not supported for this model.", field=path)
        return None, models.LEVELS[named], shown
    if budget is None:
        return (None, "medium", shown) if manner.usual else (0, None, shown)
    if manner.budget is None:
        raise invalid("Thinking is not supported for this model.", field=path)
    least, most = manner.budget
    if budget == 0 and not manner.can_be_off:
        raise invalid("Budget 0 is invalid. This model only works in thinking mode.", field=path)
    if budget > 0 and not least <= budget <= most:
        raise invalid(f"The thinking budget {budget} is invalid. Please choose a value between {least} and {most}.")
    return (None, "medium", shown) if budget == -1 else (budget, None, shown)


def _shape(
    config: Mapping[str, Any], tools: tuple[Tool, ...], manner: models.Thinking
) -> tuple[Shape, Mapping[str, Any] | None, bool]:
    path = "generation_config"
    media = fields.text(config, "responseMimeType", path) or "text/plain"
    if media not in MIME_TYPES:
        raise invalid(f"Unsupported response mime type: {media}", field=f"{path}.response_mime_type")
    schema, plain = config.get("responseSchema"), config.get("responseJsonSchema")
    if schema is not None and plain is not None:
        raise invalid("Only one of responseSchema and responseJsonSchema may be set.", field=path)
    if media == "text/plain":
        if schema is not None or plain is not None:
            told = "Response schema is only supported with response mime type application/json or text/x.enum."
            raise invalid(told, field=path)
        return "text", None, False
    if tools and not manner.signs:
        raise invalid(f"Function calling with a response mime type: '{media}' is unsupported")
    found = json_schema(schema, f"{path}.response_schema") if schema is not None else plain
    if found is None:
        return "json", None, False
    if not isinstance(found, dict):
        raise fields.wrong(found, path, "responseJsonSchema")
    return "schema", found, media == "text/x.enum"


def json_schema(schema: object, path: str) -> dict[str, Any]:
    """Google's own kind of schema as JSON Schema; Refusal for words that Google does not know."""
    found = fields.known(schema, SCHEMA, path)
    if "type" in found:
        found["type"] = str(found["type"]).lower()
    if isinstance(found.get("properties"), dict):
        inner = found["properties"].items()
        found["properties"] = {name: json_schema(item, f"{path}.properties[{name}]") for name, item in inner}
    if "items" in found:
        found["items"] = json_schema(found["items"], f"{path}.items")
    if "anyOf" in found:
        found["anyOf"] = [json_schema(item, f"{path}.any_of") for item in fields.listed(found, "anyOf", path)]
    for name in ("minItems", "maxItems", "minLength", "maxLength"):
        if name in found:
            found[name] = fields.whole(found, name, path, least=0)
    if found.pop("nullable", False) and "type" in found:
        found["type"] = [found["type"], "null"]
    return found


def _tools(asked: Mapping[str, Any]) -> tuple[Tool, ...]:
    tools: list[Tool] = []
    for at, tool in enumerate(fields.listed(asked, "tools", "tools")):
        offered = fields.known(tool, TOOLS, f"tools[{at}]")
        for place, declared in enumerate(fields.listed(offered, "functionDeclarations", f"tools[{at}]")):
            path = f"tools[{at}].function_declarations[{place}]"
            names = ("name", "description", "parameters", "parametersJsonSchema", "response", "responseJsonSchema")
            function = fields.known(declared, (*names, "behavior"), path)
            name = fields.text(function, "name", path) or ""
            if not NAME.fullmatch(name):
                raise invalid(
                    f"* GenerateContentRequest.{path}.name: Invalid function name. Must start with a letter or an "
                    "underscore. Must be alphanumeric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or "
                    "dashes (-), with a maximum length of 128.",
                    field=path,
                )
            schema = function.get("parametersJsonSchema")
            if function.get("parameters") is not None:
                if schema is not None:
                    raise invalid("Only one of parameters and parametersJsonSchema may be set.", field=path)
                schema = json_schema(function["parameters"], f"{path}.parameters")
            if schema is not None and not isinstance(schema, dict):
                raise fields.wrong(schema, path, "parametersJsonSchema")
            tools.append(Tool(name, fields.text(function, "description", path) or "", schema or {}))
    names_given = [tool.name for tool in tools]
    if len(names_given) != len(set(names_given)):
        raise invalid("Duplicate function declaration found.", field="tools")
    return tuple(tools)


def _choice(asked: Mapping[str, Any], tools: tuple[Tool, ...]) -> tuple[Choice, frozenset[str] | None]:
    config = fields.known(asked.get("toolConfig") or {}, ("functionCallingConfig", "retrievalConfig"), "tool_config")
    path = "tool_config.function_calling_config"
    names = ("mode", "allowedFunctionNames", "streamFunctionCallArguments")
    calling = fields.known(config.get("functionCallingConfig") or {}, names, path)
    modes = ("AUTO", "ANY", "NONE", "VALIDATED", "MODE_UNSPECIFIED")
    mode = fields.word(calling.get("mode") or "AUTO", f"{path}.mode", modes)
    allowed = fields.listed(calling, "allowedFunctionNames", path)
    if allowed and mode not in ("ANY", "VALIDATED"):
        raise invalid("Allowed function names should be set only when the mode is ANY or VALIDATED.", field=path)
    if mode == "ANY" and not tools:
        raise invalid("Function calling config is set without function_declarations.", field=path)
    if unknown := [name for name in allowed if name not in {tool.name for tool in tools}]:
        raise invalid(f"Allowed function name {unknown[0]!r} is not declared.", field=path)
    choice: Choice = "required" if mode == "ANY" else "none" if mode == "NONE" else "auto"
    return choice, frozenset(allowed) or None
