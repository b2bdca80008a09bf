"""Peek at a Responses request: the few members that the relay needs, the rest only checked for being JSON."""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec

from gateway.canonical import Envelope
from gateway.dialects.members import UNREADABLE
from gateway.errors import GatewayError, InvalidJson, InvalidParameter, MissingParameter, UnsupportedParameter

ROLES = ("user", "assistant", "system", "developer")

# Parts that are words and no media. Parts without a type are those of tools that run in a shell: words as well.
WORDS = frozenset({"", "text", "input_text", "output_text", "refusal", "summary_text", "reasoning_text"})
PICTURED = "image_generation_call"  # an item that is a picture itself

# What lives with a provider under the account of whoever runs this gateway, where customers cannot be told apart. The
# caller resolves what it can (see gateway/dialects/openai_responses/history.py) before anybody peeks.
UNRESOLVED = ("previous_response_id", "conversation", "prompt")

_NULL = msgspec.Raw(b"null")  # stands for an absent member too

Role = Literal["user", "assistant", "system", "developer"]


class _Part(msgspec.Struct, gc=False):
    type: str = ""


class _Item(msgspec.Struct, gc=False):
    type: str | None = None
    role: Role | None = None
    content: str | list[_Part] | None = None
    output: str | list[_Part] | _Part | None = None


class _Object(msgspec.Struct, gc=False):
    pass


class _Request(msgspec.Struct, gc=False):
    model: str
    input: str | list[_Item]
    stream: bool | None = None
    max_output_tokens: int | None = None
    instructions: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_logprobs: int | None = None
    store: bool | None = None
    background: bool | None = None
    parallel_tool_calls: bool | None = None
    tools: list[_Object] | None = None
    include: list[str] | None = None
    text: _Object | None = None
    reasoning: _Object | None = None
    metadata: _Object | None = None
    previous_response_id: str | None = None
    conversation: msgspec.Raw = _NULL
    prompt: msgspec.Raw = _NULL


_REQUEST = msgspec.json.Decoder(_Request)
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_POSITION = re.compile(r"\(byte (\d+)\)")

_TYPES: dict[str, tuple[Any, str]] = {
    "stream": (bool, "true or false"),
    "store": (bool, "true or false"),
    "background": (bool, "true or false"),
    "parallel_tool_calls": (bool, "true or false"),
    "instructions": (str, "a string"),
    "previous_response_id": (str, "a string"),
    "temperature": (int | float, "a number"),
    "top_p": (int | float, "a number"),
    "top_logprobs": (int | float, "a number"),
    "text": (dict, "an object"),
    "reasoning": (dict, "an object"),
    "metadata": (dict, "an object"),
}


def peek(body: bytes) -> Envelope:
    """The envelope of a Responses request; see RequestCodec.peek. Usage is always part of the last event."""
    try:
        request = _REQUEST.decode(body)
        if not body.isascii():
            body.decode()  # what was skipped above was not checked to be UTF-8
    except msgspec.ValidationError:
        return _envelope_of_the_wrong(body)
    except UNREADABLE as error:
        raise _unreadable(body, error) from None
    most, items = request.max_output_tokens, request.input
    if (
        not request.model
        or not items
        or (most is not None and most < 1)
        or request.previous_response_id is not None
        or request.conversation != _NULL
        or request.prompt != _NULL
    ):
        return _envelope_of_the_wrong(body)
    media = False
    if type(items) is list:
        for item in items:
            kind = item.type
            if kind == "message" or kind is None:
                if item.role is None:
                    return _envelope_of_the_wrong(body)
            elif kind == "item_reference":
                return _envelope_of_the_wrong(body)
            elif kind == PICTURED:
                media = True
            if type(item.content) is list:
                for part in item.content:
                    if part.type not in WORDS:
                        media = True
            output = item.output
            if isinstance(output, list):
                for part in output:
                    if part.type not in WORDS:
                        media = True
            elif isinstance(output, _Part) and output.type not in WORDS:
                media = True
    return Envelope(request.model, request.stream is True, True, most, 1, len(body), media, None)


def peek_count(body: bytes) -> Envelope:
    """The envelope of a request to count tokens: the same members, of which only the model is asked for."""
    envelope = peek(body)
    envelope.stream = False
    return envelope


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
    """The slow way, for requests with something of an unexpected type: what can be read, and the first fault."""
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
    most, fault = _limit(values)
    fault = _fault_in_input(values) or _unresolved(values) or fault or _wrong_type(values)
    return Envelope(
        model, values.get("stream") is True, True, most, 1, len(body), _has_media(values.get("input")), fault
    )


def _limit(values: dict[str, Any]) -> tuple[int | None, GatewayError | None]:
    name = "max_output_tokens"
    value = values.get(name)
    if value is None:
        return None, None
    if isinstance(value, float) and value.is_integer():  # a whole number written as 100.0 is one in JSON
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None, InvalidParameter(f"`{name}` must be a whole number.", param=name)
    if value < 1:
        return None, InvalidParameter(f"`{name}` must be at least 1.", param=name, min=1)
    return value, None


def _unresolved(values: dict[str, Any]) -> GatewayError | None:
    for name in UNRESOLVED:
        value = values.get(name)
        if value is not None and not (name == "previous_response_id" and not isinstance(value, str)):
            return UnsupportedParameter(
                f"`{name}` is not supported here; send the conversation as `input`.", param=name
            )
    return None


def _wrong_type(values: dict[str, Any]) -> GatewayError | None:
    for name, (kind, words) in _TYPES.items():
        value = values.get(name)
        if value is not None and (not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)):
            return InvalidParameter(f"`{name}` must be {words}.", param=name)
    tools, include = values.get("tools"), values.get("include")
    if tools is not None and not (isinstance(tools, list) and all(isinstance(tool, dict) for tool in tools)):
        return InvalidParameter("`tools` must be a list of objects.", param="tools")
    if include is not None and not (isinstance(include, list) and all(isinstance(name, str) for name in include)):
        return InvalidParameter("`include` must be a list of strings.", param="include")
    return None


def _fault_in_input(values: dict[str, Any]) -> GatewayError | None:
    items = values.get("input")
    if items is None or items == "":
        return MissingParameter("The parameter `input` is required.", param="input")
    if isinstance(items, str):
        return None
    if not isinstance(items, list):
        return InvalidParameter("`input` must be a string or a list of items.", param="input")
    if not items:
        return InvalidParameter("`input` must hold at least one item.", param="input")
    for index, item in enumerate(items):
        fault = _fault_in_item(item, f"input[{index}]")
        if fault is not None:
            return fault
    return None


def _fault_in_item(item: object, where: str) -> GatewayError | None:
    if not isinstance(item, dict):
        return InvalidParameter(f"`{where}` must be an object.", param=where)
    kind, content = item.get("type"), item.get("content")
    if not isinstance(kind, str | None):
        return InvalidParameter(f"`{where}.type` must be a string.", param=f"{where}.type")
    if kind == "item_reference" or (kind is None and "role" not in item and isinstance(item.get("id"), str)):
        return UnsupportedParameter(f"`{where}` refers to an item that is not stored here; send the item.", param=where)
    if kind in (None, "message"):
        if item.get("role") is None:
            return MissingParameter(f"`{where}.role` is required.", param=f"{where}.role")
        if content is None:
            return MissingParameter(f"`{where}.content` is required.", param=f"{where}.content")
    if item.get("role") is not None and item["role"] not in ROLES:
        return InvalidParameter(
            f"`{where}.role` must be one of {', '.join(ROLES)}.", param=f"{where}.role", allowed=list(ROLES)
        )
    if isinstance(content, list):
        if not all(isinstance(part, dict) and isinstance(part.get("type", ""), str) for part in content):
            return InvalidParameter(f"`{where}.content` must hold objects with a type.", param=f"{where}.content")
    elif not isinstance(content, str | None):
        return InvalidParameter(f"`{where}.content` must be a string or a list of parts.", param=f"{where}.content")
    return None


def _has_media(items: object) -> bool:
    for item in items if isinstance(items, list) else ():
        if not isinstance(item, dict):
            continue
        if item.get("type") == PICTURED:
            return True
        for name in ("content", "output"):
            value = item.get(name)
            for part in value if isinstance(value, list) else (value,):
                if isinstance(part, dict) and part.get("type", "") not in WORDS:
                    return True
    return False
