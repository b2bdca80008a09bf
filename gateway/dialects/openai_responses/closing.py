"""The end of a stream that stops before its provider does, and a failure in the middle of one."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from billing.usage import Usage
from gateway.dialects.base import Watcher
from gateway.dialects.openai_responses import errors
from gateway.dialects.openai_responses.counting import render_usage
from gateway.dialects.openai_responses.finishing import ended
from gateway.dialects.openai_responses.minding import Minding, OpenItem
from gateway.dialects.openai_responses.objects import KNOWN, Object, response_object
from gateway.dialects.openai_responses.output import SPOKEN
from gateway.dialects.openai_responses.payload import event
from gateway.dialects.openai_responses.watching import Watch
from gateway.errors import GatewayError

# How the words of a part are told at its end: (the part's type → event, member of the event).
_TEXT_DONE = {
    "output_text": ("response.output_text.done", "text"),
    "refusal": ("response.refusal.done", "refusal"),
    "reasoning_text": ("response.reasoning_text.done", "text"),
    "summary_text": ("response.reasoning_summary_text.done", "text"),
}
_INPUT_DONE = {
    "function_call": ("response.function_call_arguments.done", "arguments"),
    "custom_tool_call": ("response.custom_tool_call_input.done", "input"),
}


class Told(Protocol):
    """What knows how far the customer's stream has come: a Watch of this dialect, or a Renderer. `id` is the response's
    as the customer knows it."""

    id: str | None

    @property
    def last_sequence(self) -> int:
        """The number of the last event; -1 before the first."""

    def begun(self) -> Object:
        """The response object of the first events; {} when it is not known."""


def ending(watch: Watcher, *, reason: str, usage: Usage | None, model: str | None = None) -> bytes:
    """See StreamCodec.ending: what is open is closed, then response.incomplete."""
    assert isinstance(watch, Watch)
    minding = watch.minding
    begun = minding.begun()
    id_, name = watch.id or "resp_0", model or watch.model or ""
    created = begun.get("created_at")
    own = {member: value for member, value in begun.items() if member not in KNOWN}
    life: dict[str, Any] = {
        "id": id_,
        "model": name,
        "created": created if isinstance(created, int | float) else 0,
        "own": own,
    }
    sayer = _Sayer(minding.sequence)
    if minding.sequence < 0 and watch.id is None:
        for kind in ("response.created", "response.in_progress"):
            sayer.say(kind, {"response": response_object(status="in_progress", **life)})
    output: dict[int, Any] = dict(minding.finished)
    for index, known in sorted(minding.items.items()):
        item = _close(sayer, index, known, minding)
        if item is not None:
            output[index] = item
    status, details = ended(reason)
    final = response_object(
        status=status,
        details=details,
        usage=None if usage is None else render_usage(usage),
        output=[_raw(output[index]) for index in sorted(output)] if minding.whole else [],
        **life,
    )
    # The last word. OpenAI sends no `data: [DONE]` after it, and neither do we.
    sayer.say(f"response.{status}", {"response": final})
    return b"".join(sayer.said)


def failure(
    error: GatewayError, request_id: str, docs_url: str = "", *, told: Told | None = None, model: str | None = None
) -> bytes:
    """See StreamCodec.failure: response.failed, also where nothing else was sent before.

    `told` says how far the stream has come, so that the event has the response's own id and the next number; clients
    that put the response together refuse one with another id. Without it the id is made from the request's. `model` is
    the name that the customer knows.
    """
    begun = told.begun() if told is not None else {}
    id_ = (told.id if told is not None else None) or begun.get("id") or f"resp_{request_id.removeprefix('req_')}"
    created = begun.get("created_at")
    response = response_object(
        id=str(id_),
        model=model or "",
        created=created if isinstance(created, int) else 0,
        status="failed",
        own={name: value for name, value in begun.items() if name not in KNOWN},
    )
    response.update(errors.failed(error, request_id=request_id, docs_url=docs_url))
    sequence = told.last_sequence + 1 if told is not None else 0
    return event("response.failed", sequence, {"response": response})


class _Sayer:
    """Numbers events."""

    def __init__(self, sequence: int) -> None:
        self.said: list[bytes] = []
        self._sequence = sequence

    def say(self, kind: str, members: dict[str, Any]) -> None:
        self._sequence += 1
        self.said.append(event(kind, self._sequence, members))


def _raw(item: Any) -> Any:
    return msgspec.Raw(item) if isinstance(item, bytes) else item


def _close(sayer: _Sayer, index: int, known: OpenItem, minding: Minding) -> Object | None:
    """Say what ends an item; the item as it is then, or None when its words are no longer known."""
    item = dict(known.item)
    if not minding.whole:
        return None
    kind = str(item.get("type"))
    at: dict[str, Any] = {"item_id": item.get("id"), "output_index": index}
    texts = [(part, text.getvalue()) for part, text in known.parts]
    if kind in _INPUT_DONE:
        name, member = _INPUT_DONE[kind]
        item[member] = "".join(text for _, text in texts) or item.get(member, "")
        if not known.told:
            sayer.say(name, {**at, member: item[member]})
    elif kind == "message":
        item["content"] = [_part(part, text) for part, text in texts]
        if known.open:
            _close_part(sayer, at, texts, "content_index", known.told)
    elif kind == "reasoning":
        summary = [(part, text) for part, text in texts if part != "reasoning_text"]
        content = [(part, text) for part, text in texts if part == "reasoning_text"]
        item["summary"] = [{"type": "summary_text", "text": text} for _, text in summary]
        if content:
            item["content"] = [{"type": "reasoning_text", "text": text} for _, text in content]
        if known.open:
            place = "content_index" if content else "summary_index"
            _close_part(sayer, at, content or summary, place, known.told)
    if "status" in item:
        item["status"] = "incomplete" if kind in _INPUT_DONE or kind in SPOKEN else "failed"  # their own tools
    sayer.say("response.output_item.done", {"output_index": index, "item": item})
    return item


def _close_part(sayer: _Sayer, at: dict[str, Any], texts: list[tuple[str, str]], place: str, told: bool) -> None:
    if not texts:
        return
    kind, text = texts[-1]
    where = {**at, place: len(texts) - 1}
    summed = place == "summary_index"
    name, member = _TEXT_DONE.get(kind, _TEXT_DONE["summary_text" if summed else "output_text"])
    if not told:
        sayer.say(name, {**where, member: text, **({"logprobs": []} if kind == "output_text" else {})})
    done = "response.reasoning_summary_part.done" if summed else "response.content_part.done"
    sayer.say(done, {**where, "part": _part(kind, text)})


def _part(kind: str, text: str) -> Object:
    if kind == "refusal":
        return {"type": "refusal", "refusal": text}
    if kind in ("summary_text", "reasoning_text"):
        return {"type": kind, "text": text}
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}
