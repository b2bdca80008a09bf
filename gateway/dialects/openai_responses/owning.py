"""Make a provider's response ours: under the id that we keep it under, and repeating what the customer said rather than
what the provider was asked. The values of all other members keep their very bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from gateway import sse
from gateway.dialects.members import UNREADABLE
from gateway.dialects.openai_responses.history import scan_object
from gateway.dialects.openai_responses.objects import echo, response_object
from gateway.dialects.openai_responses.payload import payload
from gateway.sse import Splitter

ENDS = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NUMBER = msgspec.json.Decoder(int)
_NAMES_NOTHING = (b'""', b"0", b"null")


@dataclass(slots=True)
class Claim:
    """What a response is to the customer. `created` is in epoch seconds."""

    id: str
    model: str
    created: int
    body: bytes  # the request as the customer wrote it
    previous: str | None = None
    stored: bool = True
    background: bool = False
    _echo: dict[str, Any] | None = field(default=None, init=False)

    @property
    def repeated(self) -> Mapping[str, Any]:
        """The members of the request that the response repeats."""
        if self._echo is None:
            self._echo = echo(self.body)
        return self._echo

    def begun(self, status: str, **members: Any) -> bytes:
        """A response that has no answer (yet)."""
        known = response_object(id=self.id, model=self.model, created=self.created, status=status)
        return claimed(msgspec.json.encode({**known, **members}), self)


def claimed(response: bytes, claim: Claim) -> bytes:
    """The response object as the customer gets it. One that is no object is returned as it is."""
    try:
        members = _OBJECT.decode(response)
    except UNREADABLE:
        return response
    return msgspec.json.encode(_own(members, claim))


def replaced(body: bytes, changed: Mapping[str, bytes], without: Iterable[str] = ()) -> bytes:
    """The same object with other values (as JSON) for some members. Raises InvalidJson for a body that is no object or
    says something twice."""
    values = {name: body[start:end] for name, (start, end) in scan_object(body).items() if name not in without}
    values.update(changed)
    return b"{" + b",".join(msgspec.json.encode(name) + b":" + value for name, value in values.items()) + b"}"


class Claiming:
    """The events of one stream as the customer gets them. Holds back the last one, so that it can be kept before the
    customer reads of it: `final` is its response object, None until it was there."""

    def __init__(self, claim: Claim) -> None:
        self.final: bytes | None = None
        self._claim = claim
        self._splitter = Splitter()
        self._last = b""  # the event before
        self._end: dict[str, msgspec.Raw] | None = None

    def feed(self, chunk: bytes) -> bytes:
        """A piece of the stream, cut anywhere."""
        return b"".join([self._event(raw) for raw in self._splitter.feed(chunk)])

    def finish(self) -> bytes:
        """What was held back."""
        rest = self._splitter.rest()
        said = self._event(rest) if rest else b""
        if self._end is not None and self.final is not None:
            end, self._end = self._end, None
            said += _rendered({**end, "response": msgspec.Raw(self.final)})
        return said

    def not_kept(self) -> None:
        """The response could not be stored, and must not say that it was."""
        self._claim.stored = False
        if self.final is not None:
            self.final = claimed(self.final, self._claim)

    def _event(self, raw: bytes) -> bytes:
        if b'"response":' not in raw and b'"response" :' not in raw:
            if not raw.startswith(b":"):
                self._last = raw
            return raw
        data = payload(raw)
        try:
            members = _OBJECT.decode(data) if data is not None else {}
            response = _OBJECT.decode(members["response"]) if "response" in members else None
            kind = msgspec.json.decode(members["type"], type=str) if "type" in members else ""
        except UNREADABLE:
            response = None
        if response is None:
            self._last = raw
            return raw
        members["response"] = msgspec.Raw(msgspec.json.encode(_own(response, self._claim)))
        number, last = _number(members), self._last_number()
        if number <= last:  # a failure of ours does not know how far the stream has come
            members["sequence_number"] = msgspec.Raw(str(last + 1).encode())
        if kind in ENDS:
            self.final, self._end = bytes(members["response"]), members
            return b""
        self._last = _rendered(members)
        return self._last

    def _last_number(self) -> int:
        data = payload(self._last) if self._last else None
        try:
            return _number(_OBJECT.decode(data)) if data else -1
        except UNREADABLE:
            return -1


def _own(members: dict[str, msgspec.Raw], claim: Claim) -> dict[str, Any]:
    made: dict[str, Any] = {**members, "id": claim.id}
    for name, value in (("model", claim.model), ("created_at", claim.created)):
        if bytes(members.get(name, msgspec.Raw(b"null"))) in _NAMES_NOTHING:
            made[name] = value
    unsaid = response_object(id="", model="", created=0, status="")
    for name, value in claim.repeated.items():
        if name not in members or msgspec.json.decode(members[name]) in (None, unsaid.get(name)):
            made[name] = value
    made["previous_response_id"] = claim.previous
    made["store"], made["background"] = claim.stored, claim.background
    return made


def _number(members: Mapping[str, msgspec.Raw]) -> int:
    try:
        return _NUMBER.decode(members["sequence_number"])
    except (KeyError, *UNREADABLE):
        return -1


def _rendered(members: Mapping[str, msgspec.Raw]) -> bytes:
    return sse.render(msgspec.json.encode(members), msgspec.json.decode(members["type"]))
