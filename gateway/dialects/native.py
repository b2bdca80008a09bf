"""Errors of the native API: its envelope around the error object that all surfaces share. Requests and streams are
those of chat completions.

Clients of the native API read `exception` (0 on success) and the top-level `message` of whatever is 400 or above.
"""

from __future__ import annotations

import msgspec

from gateway.dialects.openai_chat.errors import envelope, parse, status
from gateway.errors import GatewayError

__all__ = ["parse", "render", "status"]


def render(error: GatewayError, *, request_id: str, docs_url: str) -> bytes:
    """See ErrorCodec.render."""
    shared = envelope(error, request_id=request_id, docs_url=docs_url)
    return msgspec.json.encode({"exception": error.status, "data": None, "message": error.message, **shared})
