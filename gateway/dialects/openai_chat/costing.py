"""What a call cost, told inside its answer: `usage.cost` for those who ask with `"usage": {"include": true}`.

The member is ours, not OpenAI's, so it never travels to a provider; the figure is a JSON number in USD, exact to its
last decimal.
"""

from __future__ import annotations

import msgspec

from billing.usage import Usage
from gateway import sse
from gateway.dialects.members import UNREADABLE, DuplicateMember, Edit, edited, inserted, members, opening
from gateway.dialects.openai_chat.counting import render_usage

_HEAD = {"object": "chat.completion.chunk", "choices": []}


def asked(body: bytes) -> tuple[bytes, bool]:
    """The request without our member, and whether it asks for the cost. What cannot be read is left to `peek`."""
    if b'"usage"' not in body:
        return body, False
    try:
        found = members(body)
        wish = msgspec.json.decode(body[slice(*found["usage"])]) if "usage" in found else None
    except (*UNREADABLE, DuplicateMember):
        return body, False
    include = wish.get("include") if isinstance(wish, dict) else None
    if not isinstance(include, bool):
        return body, False
    kept = [msgspec.json.encode(name) + b":" + body[slice(*span)] for name, span in found.items() if name != "usage"]
    return b"{" + b",".join(kept) + b"}", include


def told(body: bytes, cost: str, usage: Usage | None) -> bytes:
    """A whole answer, or the data of one event, with `usage.cost`. `usage` stands in where the provider told none."""
    try:
        found = members(body)
        if "usage" not in found or body[slice(*found["usage"])] == b"null":
            return _given(body, found.get("usage"), cost, usage)
        start, end = found["usage"]
        own = members(body[start:end], offset=start).get("cost")
    except (*UNREADABLE, DuplicateMember):
        return body
    edit = inserted(body, "cost", cost.encode(), after=start) if own is None else Edit(*own, cost.encode())
    return edited(body, [edit])


def _given(body: bytes, null: tuple[int, int] | None, cost: str, usage: Usage | None) -> bytes:
    if usage is None:
        return body
    text = told_usage(usage, cost)
    return edited(body, [Edit(*null, text) if null else inserted(body, "usage", text, after=opening(body))])


def told_usage(usage: Usage, cost: str) -> bytes:
    """A usage object with its cost."""
    return msgspec.json.encode({**render_usage(usage), "cost": msgspec.Raw(cost.encode())})


def told_at_the_end(ending: bytes, cost: str, usage: Usage | None, *, id: str, created: int, model: str) -> bytes:  # noqa: A002
    """The last events of a stream with `usage.cost`: in the usage event if it is among them, else in one made here,
    which `id`, `created` and `model` head."""
    splitter = sse.Splitter()
    events = splitter.feed(ending)
    rest = splitter.rest()
    if rest:
        events.append(rest)
    for position, raw in enumerate(events):
        data = sse.data(raw)
        if data is None or b'"usage"' not in data:
            continue
        priced = told(data, cost, None)
        if priced != data:
            events[position] = sse.render(priced)
            return b"".join(events)
    if usage is None:
        return ending
    head = {"id": id, "created": created, "model": model, **_HEAD}
    body = msgspec.json.encode({**head, "usage": msgspec.Raw(told_usage(usage, cost))})
    last = [raw for raw in events if (sse.data(raw) or b"").strip() == b"[DONE]"]
    return b"".join([*(raw for raw in events if raw not in last), sse.render(body), *last])
