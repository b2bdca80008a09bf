"""A request for an answer, as all dialects mean it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from gateway.canonical.parts import Extras, Part


@dataclass(slots=True)
class Message:
    """One turn. Instructions are messages of the role "system" where they were said (OpenAI's "developer" is kept in
    `extras["openai"]["role"]`). Neighbouring turns of one role may occur, also on wires that forbid them: renderers
    join what they must. All results of one assistant turn stand in one user message."""

    role: Literal["system", "user", "assistant"]
    parts: list[Part] = field(default_factory=list)
    name: str | None = None
    extras: Extras = field(default_factory=dict)


@dataclass(slots=True)
class Tool:
    """A tool that the model may call.

    kind "function": `schema` is the JSON Schema of its arguments (None: takes none). "custom": free text, its grammar
    in `extras["openai"]["format"]`. "native": run by one provider (web search and the like), the whole definition in
    `extras[dialect]["tool"]`; no other dialect can carry it: refuse.
    """

    name: str
    kind: Literal["function", "custom", "native"] = "function"
    description: str | None = None
    schema: Mapping[str, Any] | None = None
    strict: bool | None = None
    cache: str | None = None
    extras: Extras = field(default_factory=dict)


@dataclass(slots=True)
class ToolChoice:
    """Which tools may be or must be called. With `names` only these: one name and "required" is the forced tool."""

    mode: Literal["auto", "none", "required"] = "auto"
    names: tuple[str, ...] = ()


@dataclass(slots=True)
class Format:
    """What the answer must look like: any JSON object ("json"), or JSON after a schema."""

    kind: Literal["text", "json", "json_schema"]
    schema: Mapping[str, Any] | None = None
    name: str | None = None
    description: str | None = None
    strict: bool | None = None


@dataclass(slots=True)
class Thinking:
    """How much to think: in words (none minimal low medium high xhigh max) or in tokens; one may be made from the
    other with gateway/dialects/effort.py. Both None: the model's own choice, thinking on."""

    effort: str | None = None
    budget: int | None = None  # 0: do not think
    shown: bool | None = None  # whether the customer wants to read it; None: not said


@dataclass(slots=True)
class ChatRequest:
    """A request for an answer. None is "not said": a renderer leaves the member out."""

    model: str
    messages: list[Message]
    stream: bool = False
    wants_usage: bool = False  # see Envelope
    max_output: int | None = None  # tokens, reasoning included
    temperature: float | None = None  # 0–2, as OpenAI and Gemini count; Anthropic's ends at 1
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    n: int = 1
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: Mapping[str, float] | None = None
    logprobs: bool = False
    top_logprobs: int | None = None
    tools: list[Tool] = field(default_factory=list)
    tool_choice: ToolChoice | None = None
    parallel_tools: bool | None = None
    format: Format | None = None
    thinking: Thinking | None = None
    modalities: tuple[str, ...] = ()  # wanted in the answer: "text", "image", "audio"; (): text
    user: str | None = None  # the customer's own name for whoever is asking
    metadata: Mapping[str, str] = field(default_factory=dict)
    service_tier: str | None = None  # "auto", "default", "flex", "priority"
    extras: Extras = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)  # what was left out: names of fields above, or of `extras`

    def drop(self, *names: str) -> None:
        """Say that these members are not carried; each name is said once."""
        self.dropped.extend(name for name in dict.fromkeys(names) if name not in self.dropped)

    def own(self, *dialects: str) -> dict[str, Any]:
        """The extras of these dialects, joined; all others are dropped, and said to be."""
        self.drop(*(name for dialect, members in self.extras.items() if dialect not in dialects for name in members))
        return {name: value for dialect in dialects for name, value in self.extras.get(dialect, {}).items()}
