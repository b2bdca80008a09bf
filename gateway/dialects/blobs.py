"""How opaque blobs of one provider ride through another dialect, so that they are there again on the next turn.

Customers send back what they were given. Where the customer's dialect has a place for something opaque (Anthropic's
signature, Gemini's thoughtSignature, Responses' encrypted_content), a foreign blob is sealed into that string. Where it
has none, or where clients are known to forget it (chat completions), it is tied to the id of the next tool call, which
every client returns. Sealed text is URL-safe base64, which all those places accept.

Nothing here is secret or signed: a customer who forges a blob only gets refused by the provider that it claims to be
from.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.canonical import Blob, Part, Reasoning

LONGEST_TIE = 64 * 1024  # characters; what is longer is not tied to an id

_MARK = b"tollgate\x00"
_SEALED = base64.urlsafe_b64encode(_MARK).decode()  # nine bytes: the start of everything that begins with them
_TIED = re.compile(rf"(.*?)_tg_({_SEALED}[A-Za-z0-9_-]*)", re.DOTALL)


def seal(blob: Blob) -> str:
    """A blob as one opaque string for another dialect's slot."""
    return _pack([blob.origin, blob.kind, blob.data, blob.id])


def unseal(text: str) -> Blob | None:
    """The blob in a sealed string; None for anything else, which is then the dialect's own."""
    value = _unpack(text)
    if isinstance(value, list) and len(value) == 4 and all(isinstance(item, str) for item in value):
        return Blob(*value)
    return None


def opened(text: str, *, origin: str, kind: str, id: str = "") -> Blob:  # noqa: A002 — the word of all dialects
    """What a slot of the dialect `origin` holds: a foreign blob that was sealed, else its own."""
    return unseal(text) or Blob(origin, kind, text, id)


def tie(call_id: str, reasoning: Sequence[Reasoning], own: Blob | None = None) -> str:
    """A tool call's id that carries the blobs of the reasoning before it and its own. The id itself when there are
    none, or when they are too long."""
    carried = [["r", part.text, *_fields(part.blob)] for part in reasoning if part.blob is not None]
    if own is not None:
        carried.append(["c", "", *_fields(own)])
    if not carried:
        return call_id
    packed = _pack(carried).rstrip("=")
    return f"{call_id}_tg_{packed}" if len(packed) <= LONGEST_TIE else call_id


def untie(call_id: str) -> tuple[str, list[Reasoning], Blob | None]:
    """The id that the provider gave, the reasoning before the call, the call's own blob."""
    found = _TIED.fullmatch(call_id)
    value = _unpack(found[2]) if found else None
    reasoning: list[Reasoning] = []
    own: Blob | None = None
    if not found or not isinstance(value, list):
        return call_id, reasoning, own
    for item in value:
        if not (isinstance(item, list) and len(item) == 6 and all(isinstance(word, str) for word in item)):
            continue
        what, text, *fields = item
        if what == "r":
            reasoning.append(Reasoning(text, blob=Blob(*fields)))
        else:
            own = Blob(*fields)
    return found[1], reasoning, own


def tied(parts: Sequence[Part]) -> list[Reasoning]:
    """The reasoning among these parts that has a blob."""
    return [part for part in parts if isinstance(part, Reasoning) and part.blob is not None]


def _fields(blob: Blob | None) -> list[str]:
    assert blob is not None
    return [blob.origin, blob.kind, blob.data, blob.id]


def _pack(value: list[Any]) -> str:
    return base64.urlsafe_b64encode(_MARK + msgspec.json.encode(value)).decode()


def _unpack(text: str) -> Any:
    if not text.startswith(_SEALED):
        return None
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return msgspec.json.decode(raw[len(_MARK) :])
    except (binascii.Error, ValueError, msgspec.MsgspecError, RecursionError):
        return None
