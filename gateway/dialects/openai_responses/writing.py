"""ChatRequest → a Responses request."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from gateway.canonical import ChatRequest, Reasoning
from gateway.dialects.effort import effort_of
from gateway.dialects.openai_responses.items import ENCRYPTED as ENCRYPTED_KIND
from gateway.dialects.openai_responses.objects import NAME
from gateway.dialects.openai_responses.reading import ENCRYPTED, LOGPROBS, REASONING
from gateway.dialects.openai_responses.speaking import render_input
from gateway.dialects.openai_responses.tools import INSIDE as TOOLS
from gateway.dialects.openai_responses.tools import render_format, render_tools
from gateway.dialects.openai_responses.turns import INSIDE as INPUT
from gateway.errors import UnsupportedCapability, UnsupportedParameter

LEAST_OUTPUT = 16  # tokens; the provider refuses a lower limit

# Models that reason, by the names under which their makers know them; others refuse to be asked for it.
_REASONS = re.compile(r"(?:^|[/:.])(?:o[1-9]|gpt-(?:[5-9]|[1-9]\d)|gpt-oss|codex|grok-[4-9])(?!.*-chat)")

# A member of its own in chat completions, one of `text` here.
_VERBOSITY = "verbosity"


def render(request: ChatRequest, model: str) -> bytes:
    """See RequestCodec.render.

    The provider is asked to store nothing unless the request says so, and then to hand out its reasoning encrypted,
    which is how it comes back to it on the next turn.
    """
    return msgspec.json.encode(render_members(request, model))


def render_members(request: ChatRequest, model: str) -> dict[str, Any]:
    """The request as an object."""
    _refuse(request)
    verbosity = request.extras.get("openai_chat", {}).get(_VERBOSITY)
    own = request.own("openai", NAME)
    if verbosity is not None:
        own[_VERBOSITY] = verbosity
        if _VERBOSITY in request.dropped:
            request.dropped.remove(_VERBOSITY)
    instructions, items = render_input(request)
    members: dict[str, Any] = {"model": model}
    if instructions is not None:
        members["instructions"] = instructions
    members["input"] = items
    if request.stream:
        members["stream"] = True
    if request.max_output is not None:
        if request.max_output < LEAST_OUTPUT:
            request.drop("max_output")
        members["max_output_tokens"] = max(LEAST_OUTPUT, request.max_output)
    for name in ("temperature", "top_p", "user", "service_tier", "top_logprobs"):
        value = getattr(request, name)
        if value is not None:
            members[name] = value
    if request.metadata:
        members["metadata"] = dict(request.metadata)
    native = [tool for name in list(own) if name.startswith(TOOLS) for tool in own.pop(name)]
    for name in [name for name in own if name.startswith(INPUT)]:
        del own[name]  # said inside the input
    render_tools(request, members, native)
    _render_text(request, members, own)
    _render_reasoning(request, members, own, model)
    members["store"] = bool(own.pop("store", False))
    members.update((name, value) for name, value in own.items() if name not in members)
    return members


def _refuse(request: ChatRequest) -> None:
    """What would change the answer when it were left out, and then what may be."""
    if request.n != 1:
        raise UnsupportedParameter("This model gives one answer at a time; leave `n` out.", param="n")
    if request.stop:
        raise UnsupportedParameter("This model takes no stop sequences.", param="stop")
    for modality in request.modalities:
        if modality != "text":
            raise UnsupportedCapability(f"This model does not answer in {modality}.", capability=modality)
    for name in ("top_k", "seed", "presence_penalty", "frequency_penalty", "logit_bias"):
        if getattr(request, name):
            request.drop(name)


def _render_text(request: ChatRequest, members: dict[str, Any], own: dict[str, Any]) -> None:
    text = dict(own.pop("text", {}))
    if request.format is not None:
        text["format"] = render_format(request.format)
    if _VERBOSITY in own:
        text[_VERBOSITY] = own.pop(_VERBOSITY)
    if text:
        members["text"] = text


def _render_reasoning(request: ChatRequest, members: dict[str, Any], own: dict[str, Any], model: str) -> None:
    reasoning: dict[str, Any] = {}
    wanted = request.thinking
    if wanted is not None:
        effort = effort_of(wanted)
        if effort is not None:
            reasoning["effort"] = effort
        if wanted.shown and effort != "none":
            reasoning["summary"] = "auto"
    for name in [name for name in own if name.startswith(REASONING)]:
        reasoning[name.removeprefix(REASONING)] = own.pop(name)
    if reasoning:
        members["reasoning"] = reasoning
    include = list(own.pop("include", ()))
    if request.logprobs:
        include.append(LOGPROBS)
    if (reasoning and reasoning.get("effort") != "none") or _REASONS.search(model) or _has_encrypted(request):
        include.append(ENCRYPTED)
    if include:
        members["include"] = include


def _has_encrypted(request: ChatRequest) -> bool:
    return any(
        isinstance(part, Reasoning) and part.blob is not None and part.blob.kind == ENCRYPTED_KIND
        for message in request.messages
        for part in message.parts
    )
