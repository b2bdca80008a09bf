"""What a customer refers to by id, put into the request itself; and what is kept so that this can be done.

Customers share one account with each provider, so nothing may be left with a provider under an id. Whoever serves the
customer keeps each response (`input_items` of its request as it was answered, and `output_items`), and before anybody
peeks at a request: looks up `previous_id` among this customer's responses, calls `with_history` with all items of the
one found, and `with_items` for `references`. What is left unresolved is refused by `peek`, `retarget` and `parse`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from gateway.dialects.members import UNREADABLE
from gateway.dialects.openai_responses.objects import identity
from gateway.dialects.openai_responses.output import items_of
from gateway.dialects.openai_responses.retargeting import scan
from gateway.errors import InvalidJson

Item = dict[str, Any]

_PREFIXES = {
    "message": "msg",
    "reasoning": "rs",
    "function_call": "fc",
    "function_call_output": "fco",
    "custom_tool_call": "ctc",
    "custom_tool_call_output": "ctco",
}


class _Wishes(msgspec.Struct, gc=False):
    previous_response_id: str | None = None
    store: bool | None = None
    background: bool | None = None
    stream: bool | None = None


_WISHES = msgspec.json.Decoder(_Wishes)


def previous_id(body: bytes) -> str | None:
    """The response that this request goes on from; None for none, and for a body that `peek` will refuse."""
    return _wishes(body).previous_response_id or None


def wants_storing(body: bytes) -> bool:
    """Whether the response is to be kept: unless the customer says no."""
    return _wishes(body).store is not False


def wants_background(body: bytes) -> bool:
    """Whether the customer does not wait for the answer, but will ask for it."""
    return _wishes(body).background is True


def _wishes(body: bytes) -> _Wishes:
    try:
        return _WISHES.decode(body)
    except UNREADABLE:
        return _Wishes()


def with_history(body: bytes, items: Sequence[Mapping[str, Any]]) -> bytes:
    """The same request with these earlier items (input and output, in order) before its own, and without
    previous_response_id. The values of all other members keep their very bytes.

    Items lose the ids that only whoever stored them knows, and reasoning that cannot be read without being stored is
    left out. Raises InvalidJson for a body that is no object or says something twice.
    """
    own = _items_in(body)
    earlier = [_portable(item) for item in items if _lasts(item)]
    return _replaced(body, {"input": msgspec.json.encode([*earlier, *own])}, without=("previous_response_id",))


def references(body: bytes) -> list[str]:
    """The ids of the items that this request only refers to."""
    return [str(item["id"]) for item in _items_in(body) if _is_reference(item)]


def with_items(body: bytes, known: Mapping[str, Mapping[str, Any]]) -> bytes:
    """The same request with each reference replaced by its item, where `known` has it by id."""
    items = [
        _portable(known[item["id"]]) if _is_reference(item) and item["id"] in known else item
        for item in _items_in(body)
    ]
    return _replaced(body, {"input": msgspec.json.encode(items)})


def stateless(body: bytes, *, encrypted: bool) -> bytes:
    """The same request for a provider that shall keep nothing and answer at once: `store` false, no `background`.

    `encrypted`: the model reasons, so its reasoning is asked for in encrypted form, without which it could not come
    back on the next turn. Models that do not reason refuse to be asked.
    """
    changed = {"store": b"false"}
    if encrypted:
        found = scan_object(body)
        include = msgspec.json.decode(body[slice(*found["include"])]) if "include" in found else []
        include = include if isinstance(include, list) else []
        if "reasoning.encrypted_content" not in include:
            changed["include"] = msgspec.json.encode([*include, "reasoning.encrypted_content"])
    return _replaced(body, changed, without=("background",))


def input_items(body: bytes, response_id: str = "") -> list[Item]:
    """The input of a request as items in full form, each with an id: what `GET /responses/{id}/input_items` lists, and
    what is kept. `response_id` makes the ids of items that have none."""
    return [_normal(item, response_id, at) for at, item in enumerate(_items_in(body))]


def output_items(response: bytes) -> list[Item]:
    """The output items of a whole response; none of one that cannot be read."""
    try:
        value = msgspec.json.decode(response)
    except UNREADABLE:
        return []
    return items_of(value) if isinstance(value, dict) else []


def item_list(
    items: Sequence[Item], *, limit: int = 20, after: str | None = None, ascending: bool = False
) -> dict[str, Any]:
    """A page of items as the list that clients read: `limit` items, newest first unless `ascending`, beginning after
    the item with the id `after`."""
    ordered = list(items if ascending else reversed(items))
    ids = [item.get("id") for item in ordered]
    start = ids.index(after) + 1 if after in ids else 0
    page = ordered[start : start + limit]
    return {
        "object": "list",
        "data": page,
        "first_id": page[0].get("id") if page else None,
        "last_id": page[-1].get("id") if page else None,
        "has_more": start + limit < len(ordered),
    }


def scan_object(body: bytes) -> dict[str, tuple[int, int]]:
    """The top-level members of a request. Raises InvalidJson, also when one stands twice."""
    try:
        return scan(body)
    except UNREADABLE:
        raise InvalidJson("The request body must be a JSON object.", position=0) from None


def _items_in(body: bytes) -> list[Item]:
    found = scan_object(body)
    value = msgspec.json.decode(body[slice(*found["input"])]) if "input" in found else None
    if isinstance(value, str) and value:
        return [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": value}]}]
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _replaced(body: bytes, changed: Mapping[str, bytes], without: Iterable[str] = ()) -> bytes:
    found = scan_object(body)
    values = {name: body[start:end] for name, (start, end) in found.items() if name not in without}
    values.update(changed)
    return b"{" + b",".join(msgspec.json.encode(name) + b":" + value for name, value in values.items()) + b"}"


def _is_reference(item: Mapping[str, Any]) -> bool:
    kind = item.get("type")
    return isinstance(item.get("id"), str) and (kind == "item_reference" or (kind is None and "role" not in item))


def _lasts(item: Mapping[str, Any]) -> bool:
    return item.get("type") != "reasoning" or bool(item.get("encrypted_content"))


def _portable(item: Mapping[str, Any]) -> Item:
    kind = item.get("type", "message")
    if kind == "reasoning":  # its id belongs to what is encrypted
        return {name: value for name, value in item.items() if name != "status"}
    if kind in _PREFIXES:
        return {name: value for name, value in item.items() if name not in ("id", "status")}
    return dict(item)


def _normal(item: Item, response_id: str, at: int) -> Item:
    kind = item.get("type") or "message"
    made: Item = {**item, "type": kind}
    content = item.get("content")
    if kind == "message" and isinstance(content, str):
        word = "output_text" if item.get("role") == "assistant" else "input_text"
        made["content"] = [{"type": word, "text": content}]
    if not isinstance(item.get("id"), str):
        made["id"] = identity(_PREFIXES.get(kind, "item"), f"{response_id}/input", at)
    if kind != "reasoning":
        made.setdefault("status", "completed")
    return made
