"""Errors of Messages. Reference: platform.claude.com/docs/en/api/errors."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import msgspec

from gateway.canonical import Fault
from gateway.dialects.faults import fault
from gateway.dialects.members import UNREADABLE
from gateway.errors import GatewayError, doc_url
from gateway.faces import anthropic_face

# The provider has one type for everything that is wrong with a request; its sentences tell more. First match wins.
_SENTENCES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(words, re.IGNORECASE), kind)
    for words, kind in (
        (r"credit balance|spend(?:ing)? limit|usage limits?\b|purchase credits", "billing"),
        (r"exceeds? (?:the )?context limit|prompt is too long|context window", "context_length"),
        (r"content filter|usage polic|blocked by", "content_policy"),
        (
            r"\b(?:image|document|pdf|file|media)\b.{0,60}(?:exceed|could not|unable|invalid|unsupported)",
            "invalid_media",
        ),
        (
            r"(?:could not|unable to) (?:process|download|fetch|decode).{0,40}(?:image|document|pdf|file)",
            "invalid_media",
        ),
        (r"deprecated for this model|not supported (?:for|on|by|with)|does not support", "unsupported_parameter"),
    )
)
_PARAM = re.compile(r"(?:`([a-z_]+(?:\.[\w-]+)*)`|([a-z_]+(?:\.[\w-]+)*):) ")


def render(error: GatewayError, *, request_id: str, docs_url: str) -> bytes:
    """Anthropic's envelope: its own type of error, our code and what belongs to it in `details`."""
    return msgspec.json.encode(envelope(error, request_id=request_id, docs_url=docs_url))


def status(error: GatewayError) -> int:
    """See ErrorCodec.status: an overloaded provider is 529 here."""
    return anthropic_face(error)[0]


def envelope(error: GatewayError, *, request_id: str, docs_url: str) -> dict[str, Any]:
    """The error as an object."""
    _, word = anthropic_face(error)
    details: dict[str, Any] = {"error_code": error.code, "meta": error.meta}
    if docs_url:
        details["doc_url"] = doc_url(error.code, docs_url.rstrip("/"))
    inner = {"type": word, "message": error.message, "details": details}
    return {"type": "error", "error": inner, "request_id": request_id}


def parse(status: int, body: bytes) -> Fault:
    """What a provider's error body says."""
    try:
        value = msgspec.json.decode(body)
    except UNREADABLE:
        return fault(status)  # a proxy's HTML page, or nothing: only the status counts
    return fault_in(value, status) or told(value, status)


def fault_in(value: object, status: int = 0) -> Fault | None:
    """The error that an answer or a stream's event carries, or None when it carries none."""
    if not isinstance(value, dict):
        return None
    error = value.get("error")
    if error:
        return told(error, status)
    if value.get("type") == "error":
        return told(value, status)
    return None


def told(value: object, status: int) -> Fault:
    """A Fault from an error object or from anything that stands in its place."""
    if isinstance(value, str):
        return fault(status, message=value)
    if not isinstance(value, dict):
        return fault(status)
    message = value.get("message")
    message = message if isinstance(message, str) else ""
    details = value.get("details")
    code = details.get("error_code") if isinstance(details, dict) else None
    word = value.get("type") if value.get("type") != "error" else None
    found = fault(status, message=message, codes=(code, value.get("code"), word), param=value.get("param"))
    if found.kind not in ("bad_request", "context_length"):
        return found
    kind = next((kind for words, kind in _SENTENCES if words.search(message)), found.kind)
    named = _PARAM.match(message)
    return replace(found, kind=kind, param=found.param or (named[1] or named[2] if named else None))
