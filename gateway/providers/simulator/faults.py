"""Faults on demand: what a request may ask the simulator to do wrong.

A fault is a name and settings, `cut-stream after=3`. It is asked for in the request header `x-simulator-fault`
(several separated by `;`) or in the last user message, `[[fault: cut-stream after=3]]`. docs/simulator.md lists all.
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

HEADER = "x-simulator-fault"
PHRASE = re.compile(r"\[\[\s*fault\s*:\s*([^\]]{1,300})\]\]", re.IGNORECASE)
STATUS = re.compile(r"http-([45]\d\d)")
NAMES: Mapping[str, frozenset[str]] = {
    "slow-first-byte": frozenset({"seconds"}),
    "slow-first-event": frozenset({"seconds"}),
    "silence": frozenset({"seconds", "after"}),
    "hang": frozenset({"after"}),
    "cut-stream": frozenset({"after"}),
    "error-in-stream": frozenset({"after", "status", "code", "type", "form"}),
    "http": frozenset({"code", "type", "param", "retry-after", "body"}),
    "no-usage": frozenset(),
    "wrong-usage": frozenset({"kind"}),
    "malformed-json": frozenset({"after"}),
    "empty": frozenset({"finish"}),
    "refusal": frozenset(),
    "content-filter": frozenset({"after"}),
    "split": frozenset({"bytes"}),
    "huge-event": frozenset({"bytes"}),
    "crlf": frozenset(),
    "comments": frozenset(),
    "no-done": frozenset(),
    "no-finish": frozenset(),
    "other-model": frozenset({"name"}),
}
ALWAYS_ALLOWED = frozenset({"times"})
MOST_SECONDS, MOST_BYTES = 600, 16 * 1024 * 1024


class UnknownFault(ValueError):
    """A fault that the simulator does not know; says which it knows."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; `settings` as they were written."""

    name: str
    status: int | None = None
    settings: Mapping[str, str] = field(default_factory=dict)

    def number(self, name: str, default: float) -> float:
        """A setting as a number of at least 0; UnknownFault when it is none."""
        try:
            value = float(self.settings.get(name, default))
        except ValueError as error:
            raise UnknownFault(f"{name} of the fault {self.name!r} must be a number") from error
        if not 0 <= value < 10**9:
            raise UnknownFault(f"{name} of the fault {self.name!r} is out of bounds")
        return value

    def seconds(self, default: float) -> float:
        """Its `seconds`, at most ten minutes."""
        return min(self.number("seconds", default), MOST_SECONDS)

    def after(self, default: int = 0) -> int:
        """Its `after`: events of content that pass before it strikes."""
        return int(self.number("after", default))

    def size(self, default: int) -> int:
        """Its `bytes`, at least 1."""
        return int(min(max(1, self.number("bytes", default)), MOST_BYTES))


class Faults:
    """The faults of one request, by name."""

    def __init__(self, faults: Mapping[str, Fault]) -> None:
        self._faults = faults

    def get(self, name: str) -> Fault | None:
        return self._faults.get(name)

    def __contains__(self, name: str) -> bool:
        return name in self._faults

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._faults.values())

    def without(self, name: str) -> Faults:
        """All but one."""
        return Faults({key: fault for key, fault in self._faults.items() if key != name})


NONE = Faults({})


def read(text: str) -> Faults:
    """The faults of a header, or of what stands after `fault:`; UnknownFault for what is none."""
    found: dict[str, Fault] = {}
    for part in text.split(";"):
        words = part.split()
        if not words:
            continue
        status = STATUS.fullmatch(words[0].lower())
        name = "http" if status else words[0].lower()
        settings = dict(word.split("=", 1) for word in words[1:] if "=" in word)
        unknown = [
            word
            for word in words[1:]
            if word.split("=", 1)[0] not in NAMES.get(name, frozenset()) | ALWAYS_ALLOWED or "=" not in word
        ]
        if name not in NAMES or unknown or (name == "http" and not status):
            known = ", ".join(sorted("http-429" if name == "http" else name for name in NAMES))
            raise UnknownFault(f"{part.strip()!r} is no fault of the simulator's. It knows: {known}.")
        found[name] = Fault(name, int(status[1]) if status else None, settings)
    return Faults(found)


def asked_for(header: str | None, last_user_text: str) -> Faults:
    """The faults that a request asks for, in its header and in its last user message."""
    wanted = [header or "", *PHRASE.findall(last_user_text)]
    return read(";".join(wanted)) if any(wanted) else NONE


class Turns:
    """How often a fault with `times=N` has struck: `http-503 times=2` fails twice, then the request succeeds."""

    def __init__(self, remembered: int = 10_000) -> None:
        self._remembered = remembered
        self._struck: OrderedDict[str, int] = OrderedDict()

    def standing(self, faults: Faults, request: str) -> Faults:
        """The faults that still strike this request (told apart by its content)."""
        for fault in list(faults):
            if "times" not in fault.settings:
                continue
            key = f"{request}/{fault.name}"
            struck = self._struck.get(key, 0)
            if struck >= fault.number("times", 1):
                faults = faults.without(fault.name)
                continue
            self._struck[key] = struck + 1
            self._struck.move_to_end(key)
            while len(self._struck) > self._remembered:
                self._struck.popitem(last=False)
        return faults


def spoil(usage: dict[str, Any], kind: str) -> Any:
    """A usage object that no honest provider would send; UnknownFault for a kind that is not known."""
    spoilt = {
        "negative": lambda number: -abs(number) - 1,
        "string": lambda number: f"{number} tokens",
        "numeric-string": str,
        "absurd": lambda number: 10**18 + number,
        "float": lambda number: number + 0.5,
        "null": lambda number: None,
        "zero": lambda number: 0,
        "list": lambda number: [number],
    }.get(kind)
    if kind == "array":
        return [usage]
    if kind == "text":
        return json.dumps(usage)
    if spoilt is None:
        raise UnknownFault(f"{kind!r} is no kind of wrong usage")
    return _each(usage, spoilt)


def _each(value: Any, change: Any) -> Any:
    if isinstance(value, dict):
        return {key: _each(item, change) for key, item in value.items()}
    return change(value) if isinstance(value, int) else value
