"""Answers for paths and methods that do not exist, in the dialect that the path's clients speak."""

from __future__ import annotations

from collections.abc import Sequence

from gateway import callid
from gateway.api import responses
from gateway.api.native.face import NATIVE
from gateway.api.serve import Incoming, failure
from gateway.dialects import DIALECTS
from gateway.dialects.base import Dialect
from gateway.errors import EndpointNotSupported
from gateway.relay import Answer

NATIVE_PREFIX = "/v1/llm"
# The first prefix that fits decides; whatever is no API path at all still gets the OpenAI shape.
SPOKEN: tuple[tuple[str, str], ...] = (
    ("/v1/messages", "anthropic_messages"),
    *((f"{base}/responses", "openai_responses") for base in responses.BASES),
)


def dialect_of(path: str) -> Dialect:
    """What clients of this path speak."""
    if path == NATIVE_PREFIX or path.startswith(f"{NATIVE_PREFIX}/"):
        return NATIVE
    for prefix, name in SPOKEN:
        if path.startswith(prefix):
            return DIALECTS[name]
    return DIALECTS["openai_chat"]


def refuse(incoming: Incoming, allowed: Sequence[str] = ()) -> Answer:
    """404 for an unknown path, 405 with `allow` for a known one."""
    identity = callid.new()
    if allowed:
        error = EndpointNotSupported(
            f"{incoming.path} takes {' or '.join(sorted(allowed))}, not {incoming.method[:20]}.",
            status=405,
            path=incoming.path[:200],
            method=incoming.method[:20],
        )
    else:
        error = EndpointNotSupported(
            f"There is nothing at {incoming.path[:200]}.", path=incoming.path[:200], method=incoming.method[:20]
        )
    answer = failure(error, dialect_of(incoming.path), identity)
    if allowed:
        answer.headers.append(("allow", ", ".join(sorted(allowed))))
    return answer
