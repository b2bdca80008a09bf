"""Peek at a chat completion request: the few members that the relay needs, the rest only checked for being JSON."""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec

from gateway.canonical import Envelope
from gateway.dialects.members import UNREADABLE
from gateway.errors import GatewayError, InvalidJson, InvalidParameter, MissingParameter

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
MOST_CHOICES = 128
TEXT_PARTS = frozenset({"text", "refusal"})

Role = Literal["system", "developer", "user", "assistant", "tool", "function"]


class _Part(msgspec.Struct, gc=False):
    type: str = ""


class _Message(msgspec.Struct, gc=False):
    role: Role
    content: str | list[_Part] | None = None


class _Object(msgspec.Struct, gc=False):
    pass


class _StreamOptions(msgspec.Struct, gc=False):
    include_usage: bool | None = None


class _Request(msgspec.Struct, gc=False):
    model: str
    messages: list[_Message]
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    n: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    tools: list[_Object] | None = None


_REQUEST = msgspec.json.Decoder(_Request)
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_POSITION = re.compile(r"\(byte (\d+)\)")

_NUMBERS = ("temperature", "top_p", "presence_penalty", "frequency_penalty")
_COUNTS = ("max_tokens", "max_completion_tokens", "n")


def peek(body: bytes) -> Envelope:
    """The envelope of a chat completion request; see RequestCodec.peek.

    `max_output` is the larger of max_completion_tokens and max_tokens when both are given: providers differ in which
    one they obey, and the money set aside must cover either.
    """
    try:
        request = _REQUEST.decode(body)
        if not body.isascii():
            body.decode()  # what was skipped above was not checked to be UTF-8
    except msgspec.ValidationError:
        return _envelope_of_the_wrong(body)
    except UNREADABLE as error:
        raise _unreadable(body, error) from None
    most, wanted = request.max_completion_tokens, request.max_tokens
    if most is None or (wanted is not None and wanted > most):
        most = wanted
    choices = request.n if request.n is not None else 1
    messages = request.messages
    if (
        not messages
        or not request.model
        or choices < 1
        or choices > MOST_CHOICES
        or (most is not None and _too_small(request))
    ):
        return _envelope_of_the_wrong(body)
    media = False
    for message in messages:
        if type(message.content) is list:
            for part in message.content:
                if part.type not in TEXT_PARTS:
                    media = True
    options = request.stream_options
    return Envelope(
        request.model,
        request.stream is True,
        options is not None and options.include_usage is True,
        most,
        choices,
        len(body),
        media,
        None,
    )


def _too_small(request: _Request) -> bool:
    most, wanted = request.max_completion_tokens, request.max_tokens
    return (most is not None and most < 1) or (wanted is not None and wanted < 1)


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


def _envelope_of_the_wrong(body: bytes) -> Envelope:
    """The slow way, for requests with something of the wrong type: what can be read, and the first fault."""
    try:
        body.decode()
        raws = _MEMBERS.decode(body)
    except msgspec.ValidationError:
        raise InvalidJson("The request body must be a JSON object.", position=0) from None
    except UNREADABLE as error:
        raise _unreadable(body, error) from None
    values: dict[str, Any] = {}
    for name in _Request.__struct_fields__:
        if name in raws:
            try:
                values[name] = msgspec.json.decode(raws[name])
            except UNREADABLE:  # a number out of any range
                values[name] = msgspec.UNSET
    model = _model(values)
    fault, counts = _faults(values)
    options = values.get("stream_options")
    bounds = [counts[name] for name in ("max_tokens", "max_completion_tokens") if name in counts]
    return Envelope(
        model,
        values.get("stream") is True,
        isinstance(options, dict) and options.get("include_usage") is True,
        max(bounds, default=None),
        counts.get("n", 1),
        len(body),
        _has_media(values.get("messages")),
        fault,
    )


def _model(values: dict[str, Any]) -> str:
    model = values.get("model")
    if model is None or model == "":
        raise MissingParameter("The parameter `model` is required.", param="model")
    if not isinstance(model, str):
        raise InvalidParameter("`model` must be a string.", param="model")
    return model


def _faults(values: dict[str, Any]) -> tuple[GatewayError | None, dict[str, int]]:
    """The first thing that is wrong, and the counts that could be read."""
    faults: list[GatewayError | None] = [_fault_in_messages(values)]
    counts: dict[str, int] = {}
    for name in ("stream", "logprobs"):
        if not isinstance(values.get(name), bool | None):
            faults.append(InvalidParameter(f"`{name}` must be true or false.", param=name))
    options = values.get("stream_options")
    if not isinstance(options, dict | None):
        faults.append(InvalidParameter("`stream_options` must be an object.", param="stream_options"))
    elif options and not isinstance(options.get("include_usage"), bool | None):
        faults.append(InvalidParameter("`stream_options.include_usage` must be true or false.", param="stream_options"))
    for name in _COUNTS:
        value = values.get(name)
        if value is None:
            continue
        # A whole number written as 100.0 is one in JSON.
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        highest = MOST_CHOICES if name == "n" else None
        if isinstance(value, bool) or not isinstance(value, int):
            faults.append(InvalidParameter(f"`{name}` must be a whole number.", param=name))
        elif value < 1 or (highest is not None and value > highest):
            allowed = f"between 1 and {highest}" if highest else "at least 1"
            limits = {"min": 1, "max": highest} if highest else {"min": 1}
            faults.append(InvalidParameter(f"`{name}` must be {allowed}.", param=name, **limits))
        else:
            counts[name] = value
    for name in (*_NUMBERS, "top_logprobs"):
        value = values.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float | None):
            faults.append(InvalidParameter(f"`{name}` must be a number.", param=name))
    tools = values.get("tools")
    if tools is not None and (not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools)):
        faults.append(InvalidParameter("`tools` must be a list of objects.", param="tools"))
    return next((fault for fault in faults if fault is not None), None), counts


def _fault_in_messages(values: dict[str, Any]) -> GatewayError | None:
    messages = values.get("messages")
    if messages is None:
        return MissingParameter("The parameter `messages` is required.", param="messages")
    if not isinstance(messages, list):
        return InvalidParameter("`messages` must be a list.", param="messages")
    if not messages:
        return InvalidParameter("`messages` must hold at least one message.", param="messages")
    for index, message in enumerate(messages):
        where = f"messages[{index}]"
        if not isinstance(message, dict):
            return InvalidParameter(f"`{where}` must be an object.", param=where)
        if "role" not in message:
            return MissingParameter(f"`{where}.role` is required.", param=f"{where}.role")
        if message["role"] not in ROLES:
            return InvalidParameter(
                f"`{where}.role` must be one of {', '.join(ROLES)}.", param=f"{where}.role", allowed=list(ROLES)
            )
        content = message.get("content")
        if isinstance(content, list):
            if not all(isinstance(part, dict) and isinstance(part.get("type", ""), str) for part in content):
                return InvalidParameter(f"`{where}.content` must hold objects with a type.", param=f"{where}.content")
        elif not isinstance(content, str | None):
            return InvalidParameter(f"`{where}.content` must be a string or a list of parts.", param=f"{where}.content")
    return None


def _has_media(messages: object) -> bool:
    if not isinstance(messages, list):
        return False
    contents = (message.get("content") for message in messages if isinstance(message, dict))
    return any(
        isinstance(part, dict) and str(part.get("type")) not in TEXT_PARTS
        for content in contents
        if isinstance(content, list)
        for part in content
    )
