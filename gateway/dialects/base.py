"""What every dialect offers: five modules with the same names, each one half of a wire format, in both directions.

A module that has the right functions is the codec; there is nothing to inherit. All of it is pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from billing.usage import Usage
from gateway.canonical import ChatRequest, Completion, Envelope, Event, Fault, Measure

if TYPE_CHECKING:
    from gateway.errors import GatewayError

__all__ = ["Dialect", "Fault", "Kind", "Report"]


class Kind(Enum):
    """What one raw event of a streamed answer is. An event that is several things is the first of these that fits."""

    ERROR = "error"  # the provider failed; `watch.error` says how
    CONTENT = "content"  # text, reasoning, refusal, a tool call, audio, an image: output that somebody pays for
    FINISH = "finish"  # a finish reason, and nothing of the above
    USAGE_ONLY = "usage_only"  # usage and no choices at all: the event that only those who asked for it may see
    OPENING = "opening"  # the role, or an empty first delta
    DONE = "done"  # the last word of the stream
    COMMENT = "comment"  # no data: a keep-alive
    OTHER = "other"  # anything else, also what cannot be read


@dataclass(slots=True)
class Report:
    """What a whole answer says about itself."""

    usage: Usage | None = None  # None: not reported, or not believable
    suspect: bool = False  # usage was reported and rejected: negative, absurd, or not numbers
    finish: str | None = None  # the provider's own word, of the first choice
    produced: bool = False  # any output: text, reasoning, refusal, a tool call, audio, an image
    texts: list[str] = field(default_factory=list)  # all output text, for an estimate when usage is missing
    model: str | None = None  # as the provider calls it
    error: Fault | None = None  # an error told inside an answer with status 200
    id: str | None = None


class RequestCodec(Protocol):
    """Reads and writes a request's body."""

    def peek(self, body: bytes) -> Envelope:
        """The few things the relay must know, without decoding the rest.

        Raises InvalidJson (not JSON, not an object, not UTF-8, nested too deep) and MissingParameter or
        InvalidParameter for the model itself. Everything else that is wrong waits in `Envelope.fault`, because an
        unknown model is reported first.
        """

    def measure(self, body: bytes) -> Measure:
        """What the prompt weighs. Decodes everything; called when the cheap bound will not do. Never raises on a body
        that `peek` accepted."""

    def text_of(self, body: bytes) -> Iterator[str]:
        """All prompt text, tool definitions included, piece by piece. Never raises on a body that `peek` accepted."""

    def retarget(self, body: bytes, *, model: str | None, ask_usage: bool, max_output: int | None) -> bytes:
        """The same body for a provider: another model id, usage asked for, output limited; None and False leave the
        member alone. Every other byte stays as it is. Raises InvalidJson for a member that stands twice."""

    def parse(self, body: bytes) -> ChatRequest:
        """The canonical form. Raises the errors of `peek`, its faults included, and UnsupportedParameter for what
        cannot be said in the canonical form and would change the answer."""

    def render(self, request: ChatRequest, model: str) -> bytes:
        """The body that asks this dialect's provider for `request`.

        What cannot be carried and does not change the meaning is named in `request.dropped`; what would change it
        raises UnsupportedParameter or UnsupportedCapability. The relay empties `dropped` before it tries another route.
        """


class ResponseCodec(Protocol):
    """Reads and writes a whole answer."""

    def rename(self, body: bytes, model: str) -> bytes:
        """The same answer under another model id; every other byte as it is. An answer that cannot be read, or that
        names no model, is returned unchanged."""

    def parse(self, body: bytes) -> Completion:
        """The canonical form. Raises UpstreamError when the answer is none."""

    def render(self, completion: Completion) -> bytes:
        """The answer as this dialect writes it. The relay has filled in `id`, `model` and `created` before."""


class Watcher(Protocol):
    """Looks at the events of one streamed answer as they pass. One object per stream; never raises."""

    usage: Usage | None  # the last believable report
    suspect: bool  # a report was rejected
    finish: str | None  # the provider's own word
    produced: bool
    model: str | None  # as the provider calls it
    id: str | None
    error: Fault | None

    def watch(self, raw_event: bytes) -> Kind:
        """Take note of one raw event; terminated or, the last one, not."""

    def take_text(self) -> str:
        """Output text (content, reasoning, refusal, tool names and arguments) since the last call."""


class UsageReader(Protocol):
    """Finds what an answer cost its provider."""

    def Watch(self) -> Watcher:  # noqa: N802 — it is a class of the module
        """A fresh watcher for one stream."""

    def read(self, body: bytes) -> Report:
        """What a whole answer says about itself; never raises."""


class Parser(Protocol):
    """Turns a provider's raw events into canonical ones. One object per stream."""

    def feed(self, raw_event: bytes) -> list[Event]:
        """The canonical events that this one means; often none or several. Never raises: a provider's error or
        garbage becomes an ErrorEvent, after which everything is ignored."""

    def finish(self) -> list[Event]:
        """What the end of the stream means: blocks that were left open are closed. A stream that broke off (no finish
        reason, no last word) gives an ErrorEvent; one that ended well gives an End if there was none yet."""


class Renderer(Protocol):
    """Turns canonical events into this dialect's stream. One object per stream."""

    def feed(self, event: Event) -> bytes:
        """Zero, one or more raw events."""

    def finish(self) -> bytes:
        """The last word of the stream. Empty after an ErrorEvent, and when it has been said."""


class StreamCodec(Protocol):
    """Reads and writes a streamed answer."""

    def rename(self, raw_event: bytes, model: str) -> bytes:
        """The same raw event under another model id; unchanged when it names none or cannot be read."""

    def ending(self, watch: Watcher, *, reason: str, usage: Usage | None, model: str | None = None) -> bytes:
        """The events that end a stream honestly before its provider did: the finish reason in canonical words
        ("length"), usage for those who asked for it, and the last word. `model` is the name the customer knows;
        without it the stream's own is used."""

    def failure(self, error: GatewayError, request_id: str, docs_url: str = "") -> bytes:
        """The error event of this dialect. Nothing may follow it."""

    def parser(self) -> Parser:
        """A fresh parser for one provider's stream."""

    def renderer(self, model: str, *, id: str = "", created: int = 0, usage: bool = True) -> Renderer:  # noqa: A002
        """A fresh renderer for one customer's stream.

        `model` is the name the customer knows, `id` and `created` (epoch seconds) stand in for what the provider did
        not say ("" and 0: made up), `usage` is whether the customer sees usage where the dialect leaves the choice.
        """


class ErrorCodec(Protocol):
    """Reads and writes errors."""

    def render(self, error: GatewayError, *, request_id: str, docs_url: str) -> bytes:
        """The JSON body of an error. `docs_url` is the address of the documentation, to which the page of this code
        is added; "" leaves the link out."""

    def status(self, error: GatewayError) -> int:
        """The HTTP status under which this dialect's clients expect the error."""

    def parse(self, status: int, body: bytes) -> Fault:
        """What a provider complained about; never raises, whatever the body is."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One wire format."""

    name: str
    request: RequestCodec
    response: ResponseCodec
    stream: StreamCodec
    errors: ErrorCodec
    usage: UsageReader
