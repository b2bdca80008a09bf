"""What the simulator understands and what it says, free of any wire format.

A spoken dialect parses its request into a `Conversation` and `Options` and renders the `Plan` that `answering.answer`
makes of them. Counts are tokens of the simulator's own splitter.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

Role = Literal["system", "user", "assistant", "tool"]
Finish = Literal["stop", "length", "tool_calls", "content_filter", "blank"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Attachment:
    """Something that is not text; `tokens` is what it weighs in the prompt."""

    kind: Literal["picture", "document", "recording"]
    name: str
    tokens: int


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool; `arguments` is JSON text, or free text for a tool without a schema (`schema` None)."""

    id: str
    name: str
    arguments: str
    free_form: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """One message. A tool's turn carries its result as text and the id of the call that it answers."""

    role: Role
    text: str
    attachments: tuple[Attachment, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool on offer; `schema` is the JSON Schema of its arguments, None for free text."""

    name: str
    description: str
    schema: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Conversation:
    """Everything that was said, oldest first; never empty."""

    turns: tuple[Turn, ...]

    @property
    def question(self) -> str:
        """The text of the last user turn; empty when there is none."""
        return next((turn.text for turn in reversed(self.turns) if turn.role == "user"), "")

    @property
    def instructions(self) -> str:
        """All system turns as one text."""
        return "\n".join(turn.text for turn in self.turns if turn.role == "system")

    @property
    def earlier(self) -> tuple[str, ...]:
        """What the user said before the last question, oldest first."""
        return tuple(turn.text for turn in self.turns if turn.role == "user" and turn.text)[:-1]

    @property
    def last(self) -> Turn:
        return self.turns[-1]

    @property
    def results(self) -> tuple[tuple[str, str], ...]:
        """Tool results that end the conversation as (tool's name, result); empty when something else ends it."""
        names = {call.id: call.name for turn in self.turns for call in turn.tool_calls}
        found: list[tuple[str, str]] = []
        for turn in reversed(self.turns):
            if turn.role != "tool":
                break
            found.append((names.get(turn.call_id or "", "the tool"), turn.text))
        return tuple(reversed(found))


@dataclass(frozen=True, slots=True)
class Options:
    """How the answer is wanted.

    `shape`: "text", "json" (any object) or "schema" (an instance of `schema`). `tool_choice`: "auto", "none" or
    "required"; `allowed` narrows the tools (None: all). `logprobs` is the number of alternatives per token, None for
    no logprobs at all. `max_tokens` bounds reasoning and answer together. `thinking` is a budget of tokens for thought
    that wins over `effort`: 0 for no thought at all, None to leave it to the model.
    """

    model: str
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    choices: int = 1
    seed: int | None = None
    shape: Literal["text", "json", "schema"] = "text"
    schema: Mapping[str, Any] | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: Literal["auto", "none", "required"] = "auto"
    allowed: frozenset[str] | None = None
    parallel: bool = True
    logprobs: int | None = None
    effort: str | None = None
    thinking: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One choice. `text` and `reasoning` are token by token; joined they are the whole. `stopped` is the stop sequence
    that ended it."""

    text: tuple[str, ...] = ()
    reasoning: tuple[str, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    refusal: str | None = None
    finish: Finish = "stop"
    stopped: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole answer. `completion_tokens` includes `reasoning_tokens`; `prompt_tokens` includes `cached_tokens`.

    `shows_reasoning` tells whether this make-believe model lets its reasoning be read.
    """

    id: str
    model: str
    fingerprint: str
    answers: tuple[Answer, ...]
    prompt: tuple[str, ...]
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    cached_tokens: int = 0
    shows_reasoning: bool = False


class Dice:
    """Choices that look free and are always the same for the same seed."""

    def __init__(self, seed: str) -> None:
        self._seed = seed

    def roll(self, salt: object, sides: int) -> int:
        """A whole number from 0 to sides - 1."""
        digest = hashlib.blake2b(f"{self._seed}/{salt}".encode(errors="surrogatepass"), digest_size=8).digest()
        return int.from_bytes(digest, "big") % sides

    def pick(self, salt: object, options: Sequence[T]) -> T:
        """One of the options."""
        return options[self.roll(salt, len(options))]

    def word(self, salt: object, length: int) -> str:
        """Letters and digits, as in the ids that providers hand out."""
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
        return "".join(self.pick((salt, at), alphabet) for at in range(length))


def fingerprint_of(*parts: object) -> str:
    """A hex digest of anything that JSON can hold; equal for equal content."""
    text = json.dumps(parts, sort_keys=True, default=str, ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
