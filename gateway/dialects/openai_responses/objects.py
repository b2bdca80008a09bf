"""The response object: every member that clients count on, null where there is nothing to say."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.dialects.members import UNREADABLE

NAME = "openai_responses"

Object = dict[str, Any]

# What the canonical form says itself; everything else of a response object repeats the request, or is the provider's.
KNOWN = frozenset(
    {"id", "object", "created_at", "completed_at", "status", "error", "incomplete_details", "model", "output", "usage"}
    | {"tool_usage"}
)

# The members that repeat the request, each with what it is where the request says nothing of it and nobody knows what
# the provider made of that.
_REPEATED: Mapping[str, Any] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "prompt_cache_retention": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "service_tier": None,
    "store": True,
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": None,
    "truncation": "disabled",
    "user": None,
}


def echo(body: bytes) -> Object:
    """The members of a request that its response repeats, for `Renderer` and for responses that have not begun. Never
    raises; what cannot be read is left out."""
    try:
        request = msgspec.json.decode(body)
    except UNREADABLE:
        return {}
    if not isinstance(request, dict):
        return {}
    said = {name: request[name] for name in _REPEATED if request.get(name) is not None}
    return {"temperature": 1.0, "top_p": 1.0, **said}


def response_object(
    *,
    id: str,  # noqa: A002 — the member's own name
    model: str,
    created: int,
    status: str,
    output: list[Object] | None = None,
    usage: Object | None = None,
    details: Object | None = None,
    own: Mapping[str, Any] | None = None,
) -> Object:
    """A whole response object. `created` is in epoch seconds; `own` are further members, and what stands in place of
    the defaults."""
    value: Object = {
        "id": id,
        "object": "response",
        "created_at": created,
        "status": status,
        "completed_at": None,
        "error": None,
        "incomplete_details": details,
        "model": model,
        "output": output if output is not None else [],
        **_REPEATED,
        "usage": usage,
    }
    value.update(own or {})
    return value


def own_members(response: Object) -> Object:
    """The members of a response object that the canonical form has no place for, without those that say nothing."""
    return {
        name: value
        for name, value in response.items()
        if name not in KNOWN and value is not None and (name not in _REPEATED or value != _REPEATED[name])
    }


def identity(prefix: str, response_id: str, index: int) -> str:
    """An id for an item that has none: the same for the same place in the same response."""
    return f"{prefix}_{hashlib.sha256(f'{response_id}/{index}'.encode('utf-8', 'replace')).hexdigest()[:48]}"
