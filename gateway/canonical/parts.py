"""Parts: what a message or an answer is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Extras = dict[str, dict[str, Any]]  # dialect (or "openai", see gateway.canonical) → member of that wire format → value


@dataclass(frozen=True, slots=True)
class Blob:
    """Something opaque of a provider's that must come back to it unchanged on the next turn.

    origin and kind: "anthropic" signature | redacted; "gemini" signature; "openai" encrypted. `data` is the wire's own
    string. `id` is the item's id where the wire has one. A provider gets only its own blobs back; how a blob rides in
    another dialect meanwhile is in gateway/dialects/blobs.py.
    """

    origin: str
    kind: str
    data: str
    id: str = ""


@dataclass(slots=True, kw_only=True)
class Part:
    """What every part may have."""

    cache: str | None = None  # a cache breakpoint after this part: its time to live ("5m", "1h"), "" for the default
    blob: Blob | None = None
    extras: Extras = field(default_factory=dict)


@dataclass(slots=True)
class Text(Part):
    """Text. Citations are in `extras`: "openai" has `annotations` and `logprobs`, both lists."""

    text: str = ""


@dataclass(slots=True)
class Refusal(Part):
    """The model's refusal in words; written by an assistant only."""

    text: str = ""


@dataclass(slots=True)
class Reasoning(Part):
    """What the model thought: in words (all, a summary, or "" when it is hidden) and as a blob. Assistant only.

    It stands where it was thought: before the text or the tool call that it led to.
    """

    text: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the bytes of a medium are: exactly one of `data` (standard base64 with padding), `url` (http or https),
    `file_id` (in the store of one provider, whose family is `origin`)."""

    data: str | None = None
    url: str | None = None
    file_id: str | None = None
    origin: str | None = None
    media_type: str | None = None  # "image/png"; always known with `data`


@dataclass(slots=True)
class Image(Part):
    """A picture, asked about or answered. `detail`: "low", "high", "auto" and what else a wire names."""

    source: Source = field(default_factory=Source)
    detail: str | None = None


@dataclass(slots=True)
class Document(Part):
    """A file to read: PDF, plain text (media_type text/plain), or a film (video/…)."""

    source: Source = field(default_factory=Source)
    name: str | None = None


@dataclass(slots=True)
class Audio(Part):
    """Sound. media_type is "audio/wav", "audio/mp3" …; `transcript` is known of the model's own words only."""

    source: Source = field(default_factory=Source)
    transcript: str = ""


@dataclass(slots=True)
class ToolCall(Part):
    """The model asks for a tool. Assistant only.

    `arguments` is JSON text exactly as the model wrote it: it may be incomplete or wrong, and "" means none (render
    that as an empty object). With `custom` it is free text for a tool without a schema. `id` pairs it with its result
    and is unique in the conversation; parsers of wires without ids make one up.
    """

    id: str = ""
    name: str = ""
    arguments: str = ""
    custom: bool = False


@dataclass(slots=True)
class ToolResult(Part):
    """What a tool answered: a part of the user's turn right after the assistant's, before anything else in it.

    `parts` are Text, Image and Document. `name` is the tool's name where the wire says it or the parser could find it
    by the call's id, else "".
    """

    call_id: str = ""
    parts: list[Part] = field(default_factory=list)
    is_error: bool = False
    name: str = ""
    custom: bool = False
