"""What the counters of all dialects have in common: a request comes in, an answer to be played goes out.

A dialect brings a parser that makes a conversation and options of its request, a speaker that says a plan in its own
words, and its own refusals. Wishes, faults, the memory of prompts and the pace are the same for all of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from gateway.providers.simulator import answering, wishes
from gateway.providers.simulator.conversation import Conversation, Dice, Options, Plan, fingerprint_of
from gateway.providers.simulator.faults import NONE, Fault, Faults, Turns
from gateway.providers.simulator.offer import Offer
from gateway.providers.simulator.pace import Pace
from gateway.providers.simulator.playing import Framing, Piece, Stream, Whole
from gateway.providers.simulator.prefixes import Prefixes
from gateway.providers.simulator.wishes import Wishes

HTML = b"<html><head><title>Error</title></head><body><h1>It did not work</h1><hr>simulator</body></html>\n"
INSTANT = Wishes(NONE, Pace(first=0, rate=0))


class Refusal(Exception):
    """A request that is answered with an error; `headers` go with it. Each dialect has its own shape."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, dict(headers or {})

    def body(self) -> bytes:
        """The error as the body of an answer."""
        return self.message.encode(errors="replace")


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    key: str
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """What to play, with which faults and at what pace, and the dice that make it irregular."""

    answer: Whole | Stream
    wishes: Wishes = INSTANT
    dice: Dice = field(default_factory=lambda: Dice(""))


class Speaker(Protocol):
    """One answer in the words of a dialect."""

    def whole(self) -> bytes:
        """All of it in one body."""

    def pieces(self) -> Iterator[Piece]:
        """The events of its stream, in order."""

    def hidden(self) -> int:
        """Tokens of it that are thought and not said."""

    def failure(self, refusal: Refusal) -> Piece:
        """The event that tells of an error in the middle of the stream."""


class House:
    """What all counters of one simulator share."""

    def __init__(self, pace: Pace, offer: Offer) -> None:
        self.pace, self.offer = pace, offer
        self.prefixes, self.turns = Prefixes(), Turns()


class Desk(ABC):
    """One dialect's counter."""

    def __init__(self, house: House) -> None:
        self._house = house

    @abstractmethod
    def reply(self, request: Request) -> Reply:
        """The answer to a request; Refusal for everything that this company refuses."""

    @abstractmethod
    def unauthorised(self, key: str) -> Refusal:
        """The refusal of a missing ("") or unknown key."""

    @abstractmethod
    def refusal(self, status: int, message: str | None = None, fault: Fault | None = None) -> Refusal:
        """What this company says with that status; `fault` may name a code, a type and a parameter of its own."""

    @abstractmethod
    def letterhead(self, milliseconds: int) -> list[tuple[bytes, bytes]]:
        """The headers that this company puts on every answer; a gateway must not hand them on to its customers."""

    # --- What the counters do in the same way -----------------------------------------------------------

    def plain(self, body: bytes) -> Reply:
        """An answer that is not spoken, and at once."""
        return Reply(Whole(body))

    def wished(self, request: Request, said: str) -> Wishes:
        """What the request asks of the simulator itself; Refusal for wishes that it does not know."""
        try:
            found = wishes.read(request.headers, said, self._house.pace)
        except ValueError as error:
            unknown = Fault("http", 400, {"code": "unknown_simulator_wish"})
            raise self.refusal(400, f"The simulator does not understand the wish: {error}", unknown) from error
        content = fingerprint_of(request.key, request.path, request.body.decode("latin-1"))
        return replace(found, faults=self._house.turns.standing(found.faults, content))

    def refused(self, wanted: Faults) -> Whole | None:
        """The answer that the fault `http-…` asks for."""
        fault = wanted.get("http")
        if fault is None:
            return None
        refusal = self.faulty(fault)
        headers = {"retry-after": fault.settings["retry-after"]} if "retry-after" in fault.settings else {}
        shape = fault.settings.get("body", "json")
        if shape == "html":
            return Whole(HTML, refusal.status, headers, content_type="text/html")
        return Whole(b"" if shape == "empty" else refusal.body(), refusal.status, headers)

    def faulty(self, fault: Fault) -> Refusal:
        """The refusal that a fault asks for."""
        return self.refusal(fault.status or int(fault.number("status", 500)), fault=fault)

    def said(
        self, request: Request, said: str, answer: Callable[[Faults], Whole | Stream], *, shape: str = "json"
    ) -> Reply:
        """The reply of an operation that is no conversation; `said` is where its wishes stand."""
        wished = self.wished(request, said)
        return Reply(self.refused(wished.faults) or answer(wished.faults), wished, Dice(fingerprint_of(said, shape)))

    def converse(
        self,
        request: Request,
        conversation: Conversation,
        options: Options,
        speak: Callable[[Plan, Faults], Speaker],
        *,
        stream: bool,
        framing: Framing = Framing.EVENTS,
    ) -> Reply:
        """The answer of a conversation, said by the speaker that `speak` makes of the plan."""
        wished = self.wished(request, conversation.question)
        if refused := self.refused(wished.faults):
            return Reply(refused, wished)
        plan = answering.answer(wishes.without_wishes(conversation), options)
        owner = fingerprint_of(request.key, options.model)
        cached = self._house.prefixes.cached(owner, plan.prompt)
        plan = wishes.obeyed(replace(plan, cached_tokens=cached), wished.faults)
        speaker = speak(plan, wished.faults)
        hidden = speaker.hidden()
        failure = wished.faults.get("error-in-stream")
        if stream:
            told = self.faulty(failure) if failure else self.refusal(500)
            answer = Stream(speaker.pieces(), lambda: speaker.failure(told), hidden=hidden, framing=framing)
            return Reply(answer, wished, Dice(plan.id))
        if failure:
            raise self.faulty(failure)
        spoken = max(1, plan.completion_tokens - hidden)
        return Reply(Whole(speaker.whole(), tokens=spoken, hidden=hidden), wished, Dice(plan.id))
