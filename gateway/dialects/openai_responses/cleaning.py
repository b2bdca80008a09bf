"""Take out of the input what only another provider could read: a conversation may change its model at any turn."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.canonical import Blob
from gateway.dialects.blobs import seal, unseal, untie
from gateway.dialects.members import UNREADABLE
from gateway.dialects.openai_responses.content import ORIGIN
from gateway.dialects.openai_responses.items import ENCRYPTED

SEALED = seal(Blob("", "", "", ""))[:12].encode()  # what begins with it was sealed here, whatever is inside


def cleaned(items: bytes) -> bytes:
    """The JSON of `input` without sealed reasoning of others, this provider's own opened, and with the bare ids of tool
    calls; anything else, and an input without either, is returned as it is."""
    try:
        value = msgspec.json.decode(items)
    except UNREADABLE:
        return items
    if not isinstance(value, list):
        return items
    kept = [made for item in value if (made := _opened(_untied(item))) is not None]
    return items if kept == value else msgspec.json.encode(kept)


def _opened(item: Any) -> Any:
    """The item as this provider can read it; None when it cannot."""
    text = item.get("encrypted_content") if isinstance(item, dict) and item.get("type") == "reasoning" else None
    blob = unseal(text) if isinstance(text, str) else None
    if blob is None:
        return item
    if (blob.origin, blob.kind) != (ORIGIN, ENCRYPTED):
        return None
    return {**item, "encrypted_content": blob.data, **({"id": blob.id} if blob.id else {})}


def _untied(item: Any) -> Any:
    identity = item.get("call_id") if isinstance(item, dict) else None
    if not isinstance(identity, str):
        return item
    bare, _, _ = untie(identity)
    return item if bare == identity else {**item, "call_id": bare}
