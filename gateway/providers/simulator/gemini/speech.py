"""Gemini's answers as spoken: a plan → one response object, or the objects of a stream.

In a stream every object is a whole response with a part of the text; a function call comes in one piece; the reason to
finish stands in the last object only, and so does a signature on a text.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

from gateway.providers.simulator import desk, seals, splitting
from gateway.providers.simulator.conversation import Answer, Attachment, Plan, ToolCall
from gateway.providers.simulator.faults import Faults, spoil
from gateway.providers.simulator.gemini.contents import signed
from gateway.providers.simulator.gemini.request import Asked
from gateway.providers.simulator.playing import Kind, Piece

Json = dict[str, Any]
REASONS = {"stop": "STOP", "tool_calls": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}
MODALITIES = {"picture": "IMAGE", "document": "DOCUMENT", "recording": "AUDIO"}


class Speaker:
    """One answer in Google's words."""

    def __init__(self, plan: Plan, asked: Asked, faults: Faults) -> None:
        self._plan, self._asked, self._faults = plan, asked, faults

    def hidden(self) -> int:
        """Tokens of it that are thought and not said."""
        return 0 if self._asked.shows_thoughts else self._plan.reasoning_tokens

    def failure(self, refusal: desk.Refusal) -> Piece:
        """The object that tells of an error in the middle of the stream."""
        error = json.loads(refusal.body())
        return Piece(Kind.CONTENT, json.dumps(error[0] if isinstance(error, list) else error).encode())

    def whole(self) -> bytes:
        """The response object."""
        if self._plan.answers[0].refusal is not None:
            return json.dumps(self._blocked(), indent=2).encode()
        candidates = []
        for index, one in enumerate(self._plan.answers):
            parts = list(self._parts(one, whole=True))
            candidates.append(self._candidate(index, [part for part, _ in parts], one))
        value = self._response(candidates, self._spoken())
        return json.dumps(value, ensure_ascii=False, indent=2).encode(errors="replace")

    def pieces(self) -> Iterator[Piece]:
        """The objects of the stream, in order."""
        if self._plan.answers[0].refusal is not None:
            yield Piece(Kind.FINISH, json.dumps(self._blocked()).encode())
            return
        told = [self._chunks(index, one) for index, one in enumerate(self._plan.answers)]
        said, finished = 0, 0
        for row in itertools.zip_longest(*told):  # the candidates take turns
            for candidate, tokens in (item for item in row if item is not None):
                last = "finishReason" in candidate
                finished += last
                said = self._spoken() if finished == len(told) else min(said + tokens, self._spoken())
                value = json.dumps(self._response([candidate], said), ensure_ascii=False, separators=(",", ":"))
                yield Piece(Kind.FINISH if last else Kind.CONTENT, value.encode(errors="replace"))

    # --- The parts --------------------------------------------------------------------------------------

    def _chunks(self, index: int, one: Answer) -> Iterator[tuple[Json, int]]:
        for part, tokens in self._parts(one, whole=False):
            yield {"content": {"parts": [part], "role": "model"}, "index": index}, tokens
        if "no-finish" not in self._faults and "no-done" not in self._faults:
            ending: Json = {"text": ""}
            if one.text and one.reasoning:
                ending["thoughtSignature"] = self._signature("text", "")
            yield self._candidate(index, [ending] if one.text else [], one), 0

    def _parts(self, one: Answer, *, whole: bool) -> Iterator[tuple[Json, int]]:
        """(part, its tokens): everything at once in a few parts, or token by token."""
        if self._asked.shows_thoughts and one.reasoning:
            for thought in ("".join(one.reasoning),) if whole else one.reasoning:
                yield {"text": thought, "thought": True}, 0
        text = _bare("".join(one.text)) if self._asked.bare else None
        tokens = one.text if text is None else tuple(splitting.split(text))
        if whole and tokens:
            part: Json = {"text": "".join(tokens)}
            if one.reasoning:
                part["thoughtSignature"] = self._signature("text", "")
            yield part, len(tokens)
        elif not whole:
            for token in tokens:
                yield {"text": token}, 1
        for at, call in enumerate(one.tool_calls):
            yield self._called(call, first=at == 0, thought=bool(one.reasoning)), splitting.count(call.arguments)

    def _called(self, call: ToolCall, *, first: bool, thought: bool) -> Json:
        try:
            arguments = json.loads(call.arguments)
        except ValueError:
            arguments = {}  # the limit fell into the middle of them
        called: Json = {"name": call.name, "args": arguments}
        if self._asked.signs:
            called["id"] = call.id.removeprefix("call_")[:12].lower()
        part: Json = {"functionCall": called}
        if first and thought:
            part["thoughtSignature"] = self._signature("call", signed(call.name, arguments))
        return part

    def _signature(self, kind: str, content: str) -> str:
        return seals.written(seals.seal(kind, self._plan.id, content))

    # --- What is around them ----------------------------------------------------------------------------

    def _candidate(self, index: int, parts: list[Json], one: Answer) -> Json:
        content: Json = {"parts": parts, "role": "model"} if parts else {"role": "model"}
        candidate: Json = {"content": content, "index": index}
        reason = REASONS.get(one.finish)
        if one.finish == "blank" and (fault := self._faults.get("empty")):
            reason = fault.settings.get("finish")
        if reason is not None and "no-finish" not in self._faults:
            candidate = {"content": content, "finishReason": reason, "index": index}
        return candidate

    def _blocked(self) -> Json:
        feedback = {"blockReason": "PROHIBITED_CONTENT"}
        return {**self._response([], 0), "promptFeedback": feedback}

    def _response(self, candidates: list[Json], said: int) -> Json:
        value: Json = {"candidates": candidates} if candidates else {}
        if "no-usage" not in self._faults:
            value["usageMetadata"] = self._usage(said)
        return {**value, "modelVersion": self._plan.model, "responseId": self._plan.id[:22]}

    def _spoken(self) -> int:
        """Tokens of all candidates, without thoughts."""
        return self._plan.completion_tokens - self._plan.reasoning_tokens

    def _usage(self, said: int) -> Any:
        """`said` counts the tokens of the candidates so far."""
        plan = self._plan
        thoughts = 0 if plan.answers[0].refusal is not None else plan.reasoning_tokens
        usage: Json = {"promptTokenCount": plan.prompt_tokens}
        if plan.cached_tokens:
            usage["cachedContentTokenCount"] = plan.cached_tokens
        if said:
            usage["candidatesTokenCount"] = said
        usage["totalTokenCount"] = plan.prompt_tokens + said + thoughts
        usage["promptTokensDetails"] = self._details()
        if thoughts:
            usage["thoughtsTokenCount"] = thoughts
        wrong = self._faults.get("wrong-usage")
        return spoil(usage, wrong.settings.get("kind", "negative")) if wrong else usage

    def _details(self) -> list[Json]:
        attached: list[Attachment] = [one for turn in self._asked.conversation.turns for one in turn.attachments]
        counts = {"TEXT": self._plan.prompt_tokens - sum(one.tokens for one in attached)}
        for one in attached:
            counts[MODALITIES[one.kind]] = counts.get(MODALITIES[one.kind], 0) + one.tokens
        return [{"modality": name, "tokenCount": count} for name, count in counts.items()]


def _bare(text: str) -> str:
    """A word of an enumeration without its quotation marks."""
    try:
        return str(json.loads(text))
    except ValueError:
        return text
