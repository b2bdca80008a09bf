"""OpenAI's Responses as spoken: a plan → one response object, or the events of a stream.

Every field of the object is there, null where there is nothing to say. Every event has its number; each `added` has
its `done`; the last event is `response.completed` or `response.incomplete`, and no `[DONE]` follows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from gateway.providers.simulator import desk, seals, splitting
from gateway.providers.simulator.conversation import Dice, Plan, ToolCall
from gateway.providers.simulator.faults import Faults, spoil
from gateway.providers.simulator.openai_logprobs import logprob
from gateway.providers.simulator.playing import Kind, Piece
from gateway.providers.simulator.responses.items import item_id
from gateway.providers.simulator.responses.request import Asked

Json = dict[str, Any]
REPEATED: Json = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "prompt_cache_retention": None,
    "safety_identifier": None,
    "temperature": 1.0,
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}


class Speaker:
    """One answer in the words of the Responses API; `created` in seconds since 1970."""

    def __init__(self, plan: Plan, asked: Asked, faults: Faults, created: int) -> None:
        self._plan, self._asked, self._faults, self._created = plan, asked, faults, created
        self._answer, self._dice = plan.answers[0], Dice(plan.id)
        self._number = 0
        self._output = self._items()

    def hidden(self) -> int:
        """Tokens of it that are thought and not said."""
        return 0 if self._asked.summary else self._plan.reasoning_tokens

    def whole(self) -> bytes:
        """The response object."""
        return json.dumps(self._ended(), ensure_ascii=False, indent=2).encode(errors="replace")

    def pieces(self) -> Iterator[Piece]:
        """The events, in order."""
        begun = self._response("in_progress", [])
        yield self._event(Kind.OPENING, "response.created", response=begun)
        yield self._event(Kind.OPENING, "response.in_progress", response=begun)
        for index, item in enumerate(self._output):
            told = {"message": self._message, "reasoning": self._reasoning}.get(item["type"], self._call)
            yield from told(index, item)
        if "no-done" not in self._faults and "no-finish" not in self._faults:
            ended = self._ended()
            yield self._event(Kind.FINISH, f"response.{ended['status']}", response=ended)

    def failure(self, refusal: desk.Refusal) -> Piece:
        """The event of an error: `error`, or `response.failed` when the fault says so."""
        self._number -= 1  # it takes the place of the event that was about to be sent
        error = json.loads(refusal.body())["error"]
        fault = self._faults.get("error-in-stream")
        if fault and fault.settings.get("form") == "failed":
            failed = self._response("failed", [])
            failed["error"] = {"code": error["code"] or error["type"], "message": error["message"]}
            return self._event(Kind.CONTENT, "response.failed", response=failed)
        told = {name: error[name] for name in ("code", "message", "param")}
        return self._event(Kind.CONTENT, "error", **{**told, "code": told["code"] or error["type"]})

    # --- The parts of the output ------------------------------------------------------------------------

    def _items(self) -> list[Json]:
        answer = self._answer
        state = "incomplete" if answer.finish in ("length", "content_filter") else "completed"
        items: list[Json] = []
        if answer.reasoning:
            blob = seals.seal("responses", self._plan.id)
            summary = [{"type": "summary_text", "text": "".join(answer.reasoning)}] if self._asked.summary else []
            items.append({"id": item_id(blob), "type": "reasoning", "summary": summary})
            if self._asked.encrypted:
                items[-1]["encrypted_content"] = seals.written(blob)
        if answer.refusal is not None:
            items.append(self._said("completed", {"type": "refusal", "refusal": answer.refusal}))
        elif answer.text or not (answer.tool_calls or answer.finish in ("blank", "length")):
            part: Json = {"type": "output_text", "annotations": [], "logprobs": [], "text": "".join(answer.text)}
            if self._asked.options.logprobs is not None:
                part["logprobs"] = [self._logprob(at, token) for at, token in enumerate(answer.text)]
            items.append(self._said(state, part))
        for at, call in enumerate(answer.tool_calls):
            cut = answer.finish == "length" and at == len(answer.tool_calls) - 1
            items.append(self._called(call, "incomplete" if cut else "completed"))
        return items

    def _said(self, status: str, part: Json) -> Json:
        identity = f"msg_{self._dice.word('message', 48)}"
        return {"id": identity, "type": "message", "status": status, "content": [part], "role": "assistant"}

    def _called(self, call: ToolCall, status: str) -> Json:
        identity = self._dice.word(call.id, 48)
        if call.free_form:
            called = {"id": f"ctc_{identity}", "type": "custom_tool_call", "status": status, "call_id": call.id}
            return {**called, "input": call.arguments, "name": call.name}
        called = {"id": f"fc_{identity}", "type": "function_call", "status": status}
        return {**called, "arguments": call.arguments, "call_id": call.id, "name": call.name}

    def _logprob(self, at: int, token: str) -> Json:
        return logprob(self._dice, (0, at), token, self._asked.options.logprobs or 0)

    # --- Their events -----------------------------------------------------------------------------------

    def _reasoning(self, index: int, item: Json) -> Iterator[Piece]:
        yield self._item("added", index, {**item, "summary": []})
        for part in item["summary"]:
            where: Json = {"item_id": item["id"], "output_index": index, "summary_index": 0}
            name = "response.reasoning_summary"
            yield self._event(Kind.OPENING, f"{name}_part.added", **where, part={**part, "text": ""})
            for token in self._answer.reasoning:
                yield self._event(Kind.CONTENT, f"{name}_text.delta", **where, delta=token)
            yield self._event(Kind.OPENING, f"{name}_text.done", **where, text=part["text"])
            yield self._event(Kind.OPENING, f"{name}_part.done", **where, part=part)
        yield self._item("done", index, item)

    def _message(self, index: int, item: Json) -> Iterator[Piece]:
        (part,) = item["content"]
        yield self._item("added", index, {**item, "status": "in_progress", "content": []})
        where: Json = {"item_id": item["id"], "output_index": index, "content_index": 0}
        refused = part["type"] == "refusal"
        empty = {**part, "refusal": ""} if refused else {**part, "text": "", "logprobs": []}
        yield self._event(Kind.OPENING, "response.content_part.added", **where, part=empty)
        if refused:
            for token in splitting.split(part["refusal"]):
                yield self._event(Kind.CONTENT, "response.refusal.delta", **where, delta=token)
            yield self._event(Kind.OPENING, "response.refusal.done", **where, refusal=part["refusal"])
        else:
            wanted = self._asked.options.logprobs is not None
            for at, token in enumerate(self._answer.text):
                probable = [self._logprob(at, token)] if wanted else []
                yield self._event(Kind.CONTENT, "response.output_text.delta", **where, delta=token, logprobs=probable)
            text, probable = part["text"], part["logprobs"]
            yield self._event(Kind.OPENING, "response.output_text.done", **where, text=text, logprobs=probable)
        yield self._event(Kind.OPENING, "response.content_part.done", **where, part=part)
        yield self._item("done", index, item)

    def _call(self, index: int, item: Json) -> Iterator[Piece]:
        written = "input" if item["type"] == "custom_tool_call" else "arguments"
        name = "custom_tool_call_input" if written == "input" else "function_call_arguments"
        yield self._item("added", index, {**item, "status": "in_progress", written: ""})
        where: Json = {"item_id": item["id"], "output_index": index}
        for fragment in splitting.split(item[written]):
            yield self._event(Kind.CONTENT, f"response.{name}.delta", **where, delta=fragment)
        yield self._event(Kind.OPENING, f"response.{name}.done", **where, **{written: item[written]})
        yield self._item("done", index, item)

    def _item(self, what: str, index: int, item: Json) -> Piece:
        return self._event(Kind.OPENING, f"response.output_item.{what}", output_index=index, item=item)

    def _event(self, kind: Kind, name: str, **content: Any) -> Piece:
        value = {"type": name, "sequence_number": self._number, **content}
        self._number += 1
        return Piece(kind, json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace"), name)

    # --- The object around it ---------------------------------------------------------------------------

    def _ended(self) -> Json:
        finish = self._answer.finish
        reason = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(finish)
        status = "incomplete" if reason else "completed"
        if finish == "blank" and (fault := self._faults.get("empty")):
            status = fault.settings.get("finish", status)
        response = self._response(status, self._output)
        response["completed_at"] = None if reason else self._created
        response["incomplete_details"] = {"reason": reason} if reason else None
        response["usage"] = None if "no-usage" in self._faults else self._usage()
        return response

    def _response(self, status: str, output: list[Json]) -> Json:
        value, plan = self._asked.value, self._plan
        reasoning, text = value.get("reasoning") or {}, value.get("text") or {}
        repeated = {name: usual if value.get(name) is None else value[name] for name, usual in REPEATED.items()}
        effort = reasoning.get("effort") or ("medium" if plan.reasoning_tokens else None)
        return {
            "id": f"resp_{self._dice.word('response', 48)}",
            "object": "response",
            "created_at": self._created,
            "status": status,
            "completed_at": None,
            "error": None,
            "incomplete_details": None,
            **repeated,
            "model": plan.model,
            "output": output,
            "reasoning": {"effort": effort, "summary": reasoning.get("summary")},
            "service_tier": "default",
            "store": self._asked.store,
            "text": {"format": {"type": "text"}, "verbosity": "medium", **text},
            "usage": None,
        }

    def _usage(self) -> Any:
        plan = self._plan
        usage: Json = {
            "input_tokens": plan.prompt_tokens,
            "input_tokens_details": {"cached_tokens": plan.cached_tokens, "cache_write_tokens": 0},
            "output_tokens": plan.completion_tokens,
            "output_tokens_details": {"reasoning_tokens": plan.reasoning_tokens},
            "total_tokens": plan.prompt_tokens + plan.completion_tokens,
        }
        wrong = self._faults.get("wrong-usage")
        return spoil(usage, wrong.settings.get("kind", "negative")) if wrong else usage
