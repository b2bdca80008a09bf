"""What the relay knows of a request without decoding it, and of a failure without knowing the provider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.errors import GatewayError


@dataclass(slots=True)
class Envelope:
    """What the relay must know of a request: read without decoding the rest."""

    model: str
    stream: bool = False
    wants_usage: bool = False  # the customer sees usage in the stream; dialects that always send it say True
    max_output: int | None = None  # output tokens of one choice at the most, as asked for; None: not said
    choices: int = 1
    size: int = 0  # bytes of the body; without media no prompt has more tokens than this
    has_media: bool = False  # images, documents, audio or video: then `size` says little
    fault: GatewayError | None = None  # what is wrong with the request, told after the model was found
    wants_cost: bool = False  # the customer reads what the call cost inside the answer


@dataclass(frozen=True, slots=True)
class Measure:
    """What a prompt weighs. Media count as what they are once decoded, never as base64 text."""

    text_bytes: int = 0  # UTF-8 bytes of all that `text_of` yields
    images: int = 0
    document_bytes: int = 0  # documents and films sent inline
    audio_bytes: int = 0
    messages: int = 0  # each costs a few tokens of framing


@dataclass(frozen=True, slots=True)
class Fault:
    """What a provider complained about, in the words of the house.

    kind: "bad_request", "unsupported_parameter", "context_length", "content_policy", "invalid_media", "too_large":
    the customer can mend it. "auth", "billing", "not_found", "rate_limited", "overloaded", "maintenance", "timeout",
    "server": nobody's business but ours. `message` is the provider's, without addresses and identifiers, and may be "".
    """

    kind: str
    message: str = ""
    code: str | None = None  # the provider's own code
    param: str | None = None
