"""Counting the tokens of a prompt: POST models/{model}:countTokens. Reference: ai.google.dev/api/tokens.

The body is either `{contents}` or `{generateContentRequest: {…}}` with everything that a generateContent request may
hold; `content` finds the request in both, at which `request.peek`, `measure`, `text_of` and `parse` can look.
"""

from __future__ import annotations

import msgspec

from billing.usage import count_of
from gateway.canonical import ChatRequest
from gateway.dialects.gemini_generate import reading
from gateway.dialects.gemini_generate.counting import MOST_TOKENS
from gateway.dialects.gemini_generate.envelope import peek
from gateway.dialects.gemini_generate.retargeting import scan
from gateway.dialects.gemini_generate.spelling import snake_name
from gateway.dialects.gemini_generate.writing import render_members
from gateway.dialects.members import UNREADABLE, Edit, Member, edited, inserted
from gateway.errors import InvalidJson, InvalidParameter, UpstreamError

_NESTED = "generateContentRequest"


def content(body: bytes) -> bytes:
    """The generateContent request within. Raises InvalidJson, and InvalidParameter when there are two."""
    start, end = _within(body)
    return body[start:end]


def _within(body: bytes) -> Member:
    """Where it stands."""
    if _NESTED.encode() not in body and snake_name(_NESTED).encode() not in body:
        return 0, len(body)
    try:
        found = scan(body)
    except UNREADABLE:
        peek(body, model="?")  # says where and why
        raise InvalidJson("The request body is not valid JSON.", position=0) from None
    nested = found.get(_NESTED) or found.get(snake_name(_NESTED))
    if nested is None or body[slice(*nested)] == b"null":
        return 0, len(body)
    if "contents" in found:
        raise InvalidParameter(f"`contents` and `{_NESTED}` exclude each other.", param="contents")
    if not body.startswith(b"{", nested[0]):
        raise InvalidParameter(f"`{_NESTED}` must be an object.", param=_NESTED)
    return nested


def parse(body: bytes, *, model: str = "") -> ChatRequest:
    """The canonical form of what is to be counted. Raises like `content` and RequestCodec.parse."""
    return reading.parse(unnamed(content(body)), model=model)


def unnamed(request: bytes) -> bytes:
    """A generateContent request without the model that it may name within countTokens: the address names it."""
    found = scan(request)
    return edited(request, [Edit(*found["model"], b"null")]) if "model" in found else request


def retarget(body: bytes, *, model: str) -> bytes:
    """The same body for a provider. Where the model stands in it, it must be the one of the address, whatever the
    customer wrote. Raises like `content`."""
    start, end = _within(body)
    if (start, end) == (0, len(body)):
        scan(body)
        return body
    named = msgspec.json.encode(f"models/{model}")
    found = scan(body[start:end], offset=start).get("model")
    return edited(body, [inserted(body, "model", named, after=start) if found is None else Edit(*found, named)])


def render(request: ChatRequest, model: str) -> bytes:
    """The body that asks this dialect's provider to count `request`."""
    return msgspec.json.encode({_NESTED: {"model": f"models/{model}", **render_members(request, model)}})


def answer(tokens: int) -> bytes:
    """The answer to a customer."""
    return msgspec.json.encode(
        {"totalTokens": tokens, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens}]}
    )


def read(body: bytes) -> int:
    """How many tokens a provider counted. Raises UpstreamError when its answer does not say so."""
    try:
        value = msgspec.json.decode(body)
    except UNREADABLE:
        raise UpstreamError(reason="bad_response") from None
    tokens = count_of(value.get("totalTokens"), MOST_TOKENS) if isinstance(value, dict) else None
    if tokens is None:
        raise UpstreamError(reason="bad_response")
    return tokens
