"""Peek at a generateContent request: the few members that the relay needs, the rest only checked for being JSON.

Which model, and whether the answer streams, stands in the path of this wire and is handed in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import msgspec

from gateway.canonical import Envelope
from gateway.dialects.gemini_generate.inspecting import inspect, refused_address
from gateway.dialects.members import UNREADABLE
from gateway.errors import InvalidJson

MOST_CHOICES = 8
_POSITION = re.compile(r"\(byte (\d+)\)")


class _Object(msgspec.Struct, gc=False):
    pass


class _File(msgspec.Struct, gc=False):
    fileUri: str | None = None  # noqa: N815 — members of the wire
    file_uri: str | None = None


class _Shown(msgspec.Struct, gc=False):
    fileData: _File | None = None  # noqa: N815
    file_data: _File | None = None


class _Result(msgspec.Struct, gc=False):
    parts: list[_Shown] | None = None


class _Part(msgspec.Struct, gc=False):
    text: str | None = None
    inlineData: _Object | None = None  # noqa: N815
    inline_data: _Object | None = None
    fileData: _File | None = None  # noqa: N815
    file_data: _File | None = None
    functionResponse: _Result | None = None  # noqa: N815
    function_response: _Result | None = None


class _Content(msgspec.Struct, gc=False):
    parts: list[_Part] | _Part | None = None
    role: Literal["user", "model", "function", "tool", ""] | None = None


class _Config(msgspec.Struct, gc=False):
    maxOutputTokens: int | None = None  # noqa: N815
    max_output_tokens: int | None = None
    candidateCount: int | None = None  # noqa: N815
    candidate_count: int | None = None
    temperature: float | None = None
    topP: float | None = None  # noqa: N815
    top_p: float | None = None
    topK: int | None = None  # noqa: N815
    top_k: int | None = None
    presencePenalty: float | None = None  # noqa: N815
    presence_penalty: float | None = None
    frequencyPenalty: float | None = None  # noqa: N815
    frequency_penalty: float | None = None
    seed: int | None = None
    logprobs: int | None = None
    responseLogprobs: bool | None = None  # noqa: N815
    response_logprobs: bool | None = None
    stopSequences: list[str] | None = None  # noqa: N815
    stop_sequences: list[str] | None = None
    responseModalities: list[str] | None = None  # noqa: N815
    response_modalities: list[str] | None = None
    thinkingConfig: _Object | None = None  # noqa: N815
    thinking_config: _Object | None = None


class _Tool(msgspec.Struct, gc=False):
    fileSearch: _Object | None = None  # noqa: N815
    file_search: _Object | None = None


class _Request(msgspec.Struct, gc=False):
    contents: list[_Content] | _Content
    generationConfig: _Config | None = None  # noqa: N815
    generation_config: _Config | None = None
    systemInstruction: _Content | None = None  # noqa: N815
    system_instruction: _Content | None = None
    tools: list[_Tool] | _Tool | None = None
    toolConfig: _Object | None = None  # noqa: N815
    tool_config: _Object | None = None
    model: str | None = None
    cachedContent: str | None = None  # noqa: N815
    cached_content: str | None = None


_REQUEST = msgspec.json.Decoder(_Request)
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def peek(body: bytes, *, model: str = "", stream: bool = False) -> Envelope:
    """The envelope of a generateContent request; see RequestCodec.peek.

    `model` and `stream` are what the path says (`models/{model}:streamGenerateContent`). Usage is always part of this
    dialect's streams, so `wants_usage` is True. Without a `model` there is none that could be unknown, so what is wrong
    with the request is raised at once.
    """
    envelope = _peek(body, model, stream)
    if not model and envelope.fault is not None:
        raise envelope.fault
    return envelope


def _peek(body: bytes, model: str, stream: bool) -> Envelope:
    try:
        request = _REQUEST.decode(body)
        if not body.isascii():
            body.decode()  # what was skipped above was not checked to be UTF-8
    except msgspec.ValidationError:
        return _envelope_of_the_wrong(body, model, stream)
    except UNREADABLE as error:
        raise _unreadable(body, error) from None
    contents = request.contents if isinstance(request.contents, list) else [request.contents]
    config, other = request.generationConfig, request.generation_config
    if (
        not contents
        or (config is not None and other is not None)
        or request.model is not None
        or request.cachedContent is not None
        or request.cached_content is not None
        or _searches(request.tools)
    ):
        return _envelope_of_the_wrong(body, model, stream)
    most: int | None = None
    choices: int | None = None
    config = config or other
    if config is not None:
        most, choices = config.maxOutputTokens, config.candidateCount
        if (most is not None and config.max_output_tokens is not None) or (
            choices is not None and config.candidate_count is not None
        ):
            return _envelope_of_the_wrong(body, model, stream)
        most = config.max_output_tokens if most is None else most
        choices = config.candidate_count if choices is None else choices
    if (most is not None and most < 1) or (choices is not None and not 1 <= choices <= MOST_CHOICES):
        return _envelope_of_the_wrong(body, model, stream)
    media = False
    for content in (request.systemInstruction, request.system_instruction, *contents):
        if content is None or content.parts is None:
            continue
        for part in content.parts if isinstance(content.parts, list) else (content.parts,):
            if _shows(part):
                media = True
                if any(refused_address(address) for address in _addresses(part)):
                    return _envelope_of_the_wrong(body, model, stream)
    return Envelope(model, stream, True, most, choices or 1, len(body), media, None)


def _shows(part: _Part) -> bool:
    result = part.functionResponse or part.function_response
    return (
        part.inlineData is not None
        or part.inline_data is not None
        or part.fileData is not None
        or part.file_data is not None
        or (result is not None and bool(result.parts))
    )


def _addresses(part: _Part) -> Iterator[str | None]:
    result = part.functionResponse or part.function_response
    for holder in (part, *((result.parts or ()) if result is not None else ())):
        for file in (holder.fileData, holder.file_data):
            if file is not None:
                yield file.fileUri
                yield file.file_uri


def _searches(tools: list[_Tool] | _Tool | None) -> bool:
    if tools is None:
        return False
    found = tools if isinstance(tools, list) else [tools]
    return any(tool.fileSearch is not None or tool.file_search is not None for tool in found)


def _unreadable(body: bytes, error: Exception) -> InvalidJson:
    if isinstance(error, RecursionError):
        return InvalidJson("The request body is nested too deep.", position=0)
    try:
        body.decode()
    except UnicodeDecodeError as wrong:
        return InvalidJson(f"The request body is not valid UTF-8 (byte {wrong.start}).", position=wrong.start)
    found = _POSITION.search(str(error))
    position = int(found[1]) if found else len(body)
    return InvalidJson(f"The request body is not valid JSON (byte {position}).", position=position)


def _envelope_of_the_wrong(body: bytes, model: str, stream: bool) -> Envelope:
    """The slow way, for requests with something unusual in them: what can be read, and the first fault."""
    try:
        body.decode()
        raws = _MEMBERS.decode(body)
    except msgspec.ValidationError:
        raise InvalidJson("The request body must be a JSON object.", position=0) from None
    except UNREADABLE as error:
        raise _unreadable(body, error) from None
    values = {}
    for name, raw in raws.items():
        try:
            values[name] = msgspec.json.decode(raw)
        except UNREADABLE:  # a number out of any range
            values[name] = msgspec.UNSET
    seen = inspect(values, model, MOST_CHOICES)
    return Envelope(model, stream, True, seen.most, seen.choices, len(body), seen.media, seen.fault)
