"""Between what the customer speaks and what a provider speaks: nothing at all, or a translation through the one
canonical form. The meter always looks at the provider's own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from billing.usage import Usage
from catalog.routing import Model, Route
from gateway.canonical import BlockEnd, BlockStart, ChoiceEnd, End, ErrorEvent, Event, UsageReport
from gateway.dialects import DIALECTS
from gateway.dialects.base import Dialect, Kind, Watcher
from gateway.dialects.restricting import restrict
from gateway.errors import UpstreamError

if TYPE_CHECKING:
    from gateway.call import Call


class Interpreter(Protocol):
    """How one call is put to one route, and how its answer comes back. One object an attempt."""

    speech: Dialect  # what the provider speaks
    forwarded: Mapping[str, str]  # headers of the customer's that go along

    def request(self, output_limit: int | None) -> bytes:
        """The body for the provider. Raises ClientError for what this route cannot be asked."""

    def whole(self, body: bytes) -> bytes:
        """The provider's whole answer as the customer reads it."""

    def event(self, raw: bytes, kind: Kind) -> bytes:
        """What the customer gets of one event that is neither an error nor the last word; often nothing."""

    def last(self, raw: bytes) -> bytes:
        """The end of the stream; `raw` is the provider's last word, b"" when it left without one."""

    def ending(self, watch: Watcher, usage: Usage | None) -> bytes:
        """The end of a stream that stops because the money for it ran out."""


class SameLanguage:
    """Bytes go through as they are; only the model's name and what metering needs are touched."""

    def __init__(self, call: Call, route: Route) -> None:
        self.speech = call.dialect
        self.forwarded = call.forwarded
        self._call = call
        self._route = route
        self._kept = b""

    def request(self, output_limit: int | None) -> bytes:
        call = self._call
        body = call.dialect.request.retarget(
            call.body,
            model=self._route.upstream_id if self._route.upstream_id != call.model.slug else None,
            ask_usage=call.envelope.stream and (not call.envelope.wants_usage or call.envelope.wants_cost),
            max_output=output_limit,
        )
        body, call.dropped = restricted(body, call.model, self.speech)
        return body

    def whole(self, body: bytes) -> bytes:
        return self.speech.response.rename(body, self._call.model.slug)

    def event(self, raw: bytes, kind: Kind) -> bytes:
        envelope = self._call.envelope
        if kind is Kind.USAGE_ONLY and not envelope.wants_usage:
            return b""
        renamed = self.speech.stream.rename(raw, self._call.model.slug)
        if kind is Kind.USAGE_ONLY and envelope.wants_cost:
            self._kept += renamed  # its cost is known at the end
            return b""
        return renamed

    def last(self, raw: bytes) -> bytes:
        return self._kept + self.speech.stream.rename(raw, self._call.model.slug)

    def ending(self, watch: Watcher, usage: Usage | None) -> bytes:
        return self.speech.stream.ending(watch, reason="length", usage=usage, model=self._call.model.slug)


class Translation:
    """The customer speaks one dialect, the provider another."""

    def __init__(self, call: Call, route: Route, speech: Dialect) -> None:
        self.speech = speech
        self.forwarded: Mapping[str, str] = {}
        self._call = call
        self._route = route
        self._hearing = speech.stream.parser()
        self._telling = call.dialect.stream.renderer(
            call.model.slug, id="", created=int(call.begun.timestamp()), usage=call.envelope.wants_usage
        )
        self._open: dict[int, int] = {}  # block → choice, of the blocks that have begun and not ended
        self._choices: dict[int, bool] = {}  # choice → whether it has ended

    def request(self, output_limit: int | None) -> bytes:
        call = self._call
        asked = call.dialect.request.parse(call.body)
        # Where the address says it, the body does not.
        asked.stream, asked.wants_usage = call.envelope.stream, True
        if output_limit is not None:
            asked.max_output = output_limit if asked.max_output is None else min(asked.max_output, output_limit)
        body = self.speech.request.render(asked, self._route.upstream_id)
        body, further = restricted(body, call.model, self.speech)
        call.dropped = [*asked.dropped, *further]
        return body

    def whole(self, body: bytes) -> bytes:
        completion = self.speech.response.parse(body)
        completion.model = self._call.model.slug
        return self._call.dialect.response.render(completion)

    def event(self, raw: bytes, kind: Kind) -> bytes:
        return self._tell(self._hearing.feed(raw))

    def last(self, raw: bytes) -> bytes:
        told = self._tell(self._hearing.feed(raw)) if raw else b""
        return told + self._tell(self._hearing.finish()) + self._telling.finish()

    def ending(self, watch: Watcher, usage: Usage | None) -> bytes:
        events: list[Event] = [BlockEnd(block) for block in self._open]
        events += [ChoiceEnd("length", choice) for choice, ended in (self._choices or {0: False}).items() if not ended]
        if usage is not None:
            events.append(UsageReport(usage))
        return self._tell([*events, End()]) + self._telling.finish()

    def _tell(self, events: list[Event]) -> bytes:
        out = []
        for event in events:
            match event:
                case BlockStart(block=block, choice=choice):
                    self._open[block] = choice
                    self._choices.setdefault(choice, False)
                case BlockEnd(block=block):
                    self._open.pop(block, None)
                case ChoiceEnd(choice=choice):
                    self._choices[choice] = True
                case ErrorEvent():
                    # The meter sees a provider's error before it comes here; this one only the parser found.
                    raise UpstreamError("The model's provider sent what cannot be read.", reason="bad_response")
            out.append(self._telling.feed(event))
        return b"".join(out)


# The catalogue words what a model refuses in the dialects of its maker.
AT_HOME = {
    "openai": ("openai_chat", "openai_responses"),
    "anthropic": ("anthropic_messages",),
    "gemini": ("gemini_generate",),
}


def restricted(body: bytes, model: Model, speech: Dialect) -> tuple[bytes, list[str]]:
    """The body without what the model refuses, and the names of what was left out."""
    if not model.restrictions or speech.name not in AT_HOME.get(model.platform, ()):
        return body, []
    return restrict(body, model.restrictions)


def interpreter(call: Call, route: Route, spoken: tuple[str, ...]) -> Interpreter:
    """The one for this call and a route that can be asked in the dialects `spoken`, best first."""
    if call.dialect.name in spoken:
        return SameLanguage(call, route)
    return Translation(call, route, DIALECTS[spoken[0]])
