"""Peek at a Messages request: the few members that the relay needs, the rest only checked for being JSON."""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec

from gateway.canonical import Envelope
from gateway.dialects.members import UNREADABLE
from gateway.errors import GatewayError, InvalidJson, InvalidParameter, MissingParameter

ROLES = ("user", "assistant", "system")  # system: an instruction between turns, which the newest models take
MEDIA = frozenset({"image", "document", "container_upload"})

Role = Literal["user", "assistant", "system"]


class _Inner(msgspec.Struct, gc=False):
    type: str = ""


class _Source(msgspec.Struct, gc=False):
    type: str = ""
    content: str | list[_Inner] | None = None


class _Block(msgspec.Struct, gc=False):
    type: str = ""
    source: str | _Source | None = None
    content: str | list[_Inner] | _Inner | None = None


class _Message(msgspec.Struct, gc=False):
    role: Role
    content: str | list[_Block]


class _Object(msgspec.Struct, gc=False):
    pass


class _Request(msgspec.Struct, gc=False):
    model: str
    messages: list[_Message]
    max_tokens: int | None = None
    stream: bool | None = None
    system: str | list[_Inner] | None = None
    stop_sequences: list[str] | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    tools: list[_Object] | None = None
    thinking: _Object | None = None


_REQUEST = msgspec.json.Decoder(_Request)
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_POSITION = re.compile(r"\(byte (\d+)\)")


def peek(body: bytes) -> Envelope:
    """The envelope of a Messages request; see RequestCodec.peek.

    Usage is always part of this dialect's streams, so `wants_usage` is True. `max_tokens` is required, and 0 is a value
    like any other: it fills the provider's prompt cache and answers nothing.
    """
    return _peek(body, counting=False)


def peek_count(body: bytes) -> Envelope:
    """The envelope of a request to count tokens: the same without `max_tokens` and `stream`."""
    return _peek(body, counting=True)


def _peek(body: bytes, *, counting: bool) -> Envelope:
    try:
        request = _REQUEST.decode(body)
        if not body.isascii():
            body.decode()  # what was skipped above was not checked to be UTF-8
    except msgspec.ValidationError:
        return _envelope_of_the_wrong(body, counting)
    except UNREADABLE as error:
        raise _unreadable(body, error) from None
    most = request.max_tokens
    if not request.model or not request.messages or (most is None and not counting) or (most is not None and most < 0):
        return _envelope_of_the_wrong(body, counting)
    media = False
    for message in request.messages:
        if type(message.content) is list:
            for block in message.content:
                if (block.source is not None or block.content is not None or block.type in MEDIA) and _shows(block):
                    media = True
    return Envelope(request.model, request.stream is True, True, most, 1, len(body), media, None)


def _shows(block: _Block) -> bool:
    """Whether there is anything in the block but text."""
    source = block.source
    if block.type == "document" and isinstance(source, _Source):
        if source.type == "text":
            return False
        if source.type == "content":
            inside = source.content
            return isinstance(inside, list) and any(inner.type in MEDIA for inner in inside)
        return True
    if block.type in MEDIA:
        return True
    return isinstance(block.content, list) and any(inner.type in MEDIA for inner in block.content)


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


def _envelope_of_the_wrong(body: bytes, counting: bool) -> Envelope:
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
    model = values.get("model")
    if model is None or model == "":
        raise MissingParameter("The parameter `model` is required.", param="model")
    if not isinstance(model, str):
        raise InvalidParameter("`model` must be a string.", param="model")
    most = _whole(values.get("max_tokens"))
    faults = [_fault_in_limit(values, most, counting), _fault_in_messages(values), *_faults_in_the_rest(values)]
    return Envelope(
        model,
        values.get("stream") is True,
        True,
        most if most is not None and most >= 0 else None,
        1,
        len(body),
        True,  # nobody looked: then `size` is not relied on
        next((fault for fault in faults if fault is not None), None),
    )


def _whole(value: object) -> int | None:
    """A whole number, also one written as 100.0, which is one in JSON."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _fault_in_limit(values: dict[str, Any], most: int | None, counting: bool) -> GatewayError | None:
    if values.get("max_tokens") is None:
        return None if counting else MissingParameter("The parameter `max_tokens` is required.", param="max_tokens")
    if most is None:
        return InvalidParameter("`max_tokens` must be a whole number.", param="max_tokens")
    return InvalidParameter("`max_tokens` must be at least 0.", param="max_tokens", min=0) if most < 0 else None


def _faults_in_the_rest(values: dict[str, Any]) -> list[GatewayError | None]:
    faults: list[GatewayError | None] = []
    system, stops = values.get("system"), values.get("stop_sequences")
    if isinstance(system, list):
        if not all(isinstance(block, dict) and isinstance(block.get("type", ""), str) for block in system):
            faults.append(InvalidParameter("`system` must hold text blocks.", param="system"))
    elif not isinstance(system, str | None):
        faults.append(InvalidParameter("`system` must be a string or a list of text blocks.", param="system"))
    if not isinstance(values.get("stream"), bool | None):
        faults.append(InvalidParameter("`stream` must be true or false.", param="stream"))
    if stops is not None and (not isinstance(stops, list) or not all(isinstance(stop, str) for stop in stops)):
        faults.append(InvalidParameter("`stop_sequences` must be a list of strings.", param="stop_sequences"))
    for name in ("temperature", "top_p"):
        if isinstance(values.get(name), bool) or not isinstance(values.get(name), int | float | None):
            faults.append(InvalidParameter(f"`{name}` must be a number.", param=name))
    if values.get("top_k") is not None and _whole(values["top_k"]) is None:
        faults.append(InvalidParameter("`top_k` must be a whole number.", param="top_k"))
    tools = values.get("tools")
    if tools is not None and (not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools)):
        faults.append(InvalidParameter("`tools` must be a list of objects.", param="tools"))
    if not isinstance(values.get("thinking"), dict | None):
        faults.append(InvalidParameter("`thinking` must be an object.", param="thinking"))
    return faults


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
        for name in ("role", "content"):
            if message.get(name) is None:
                return MissingParameter(f"`{where}.{name}` is required.", param=f"{where}.{name}")
        if message["role"] not in ROLES:
            return InvalidParameter(
                f"`{where}.role` must be one of {', '.join(ROLES)}.", param=f"{where}.role", allowed=list(ROLES)
            )
        content = message["content"]
        if not isinstance(content, str | list):
            return InvalidParameter(f"`{where}.content` must be a string or a list of blocks.", param=where)
        for at, block in enumerate(content if isinstance(content, list) else ()):
            try:
                msgspec.convert(block, _Block)
            except msgspec.ValidationError as error:
                inside = f"{where}.content[{at}]"
                return InvalidParameter(f"`{inside}` is no content block: {error}", param=inside)
    return None
