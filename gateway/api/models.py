"""The list of models, as OpenAI's, Anthropic's and Google's clients read it: only what this key may call and can be
answered, that is, what has a price and a provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from accounts.keys import Caller
from catalog.routing import Model, Snapshot
from gateway import memory
from gateway.api.serve import Incoming
from gateway.errors import InvalidParameter, ModelNotAllowed, ModelNotFound
from gateway.relay import Answer

PAGES = {"anthropic": 20, "gemini": 50}  # models on a page unless the client asks for more; OpenAI's list has no pages
LARGEST_PAGE = 1000
GEMINI_METHODS = {
    "chat": ["generateContent", "countTokens"],
    "image": ["generateContent"],
    "embedding": ["embedContent", "batchEmbedContents"],
}


async def listing(caller: Caller, incoming: Incoming) -> Answer:
    """All models of a caller, or one page of them. Raises InvalidParameter for a page that cannot be."""
    models = offered(await memory.catalogue(), caller)
    face, query = face_of(incoming), dict(parse_qsl(incoming.query))
    if face == "anthropic":
        return _answer(anthropic_list(models, query))
    return _answer(gemini_list(models, query) if face == "gemini" else openai_list(models))


async def single(caller: Caller, incoming: Incoming, slug: str) -> Answer:
    """One model. Raises ModelNotFound, or ModelNotAllowed when it is there for others."""
    return _answer(ITEMS[face_of(incoming)](find(await memory.catalogue(), caller, slug)))


def face_of(incoming: Incoming) -> str:
    """Who is asking: `gemini`, `anthropic` or `openai`. All three ask the same address, so their headers decide.

    A path that only Google has needs no header.
    """
    if "v1beta" in incoming.path.split("/") or "x-goog-api-key" in incoming.headers:
        return "gemini"
    return "anthropic" if "anthropic-version" in incoming.headers else "openai"


def offered(snapshot: Snapshot, caller: Caller) -> list[Model]:
    """What the caller may call and would get an answer from, in the catalogue's order."""
    return [model for model in snapshot.models.values() if sold(snapshot, model) and permitted(caller, model)]


def find(snapshot: Snapshot, caller: Caller, slug: str) -> Model:
    """The model of this slug, if the caller may call it. Raises ModelNotFound or ModelNotAllowed."""
    model = snapshot.find(slug)
    if model is None or not sold(snapshot, model):
        near = [
            name for name in snapshot.suggestions(slug) if name in {other.slug for other in offered(snapshot, caller)}
        ]
        raise ModelNotFound(f"The model {slug[:100]!r} does not exist.", model=slug[:100], suggestions=near)
    if not permitted(caller, model):
        raise ModelNotAllowed(f"This key may not call {slug!r}.", model=slug, plan=caller.plan, group=caller.group)
    return model


def sold(snapshot: Snapshot, model: Model) -> bool:
    """Whether it has a price now, and somebody who answers for it."""
    return bool(snapshot.routes(model.slug)) and snapshot.price(model.slug) is not None


def permitted(caller: Caller, model: Model) -> bool:
    """Whether this key may call it. An image key (spec 004) does nothing but submit and read image tasks."""
    if caller.key_type == "image" and model.kind != "image":
        return False
    return caller.may_call(model.slug, model.platform)


def openai_list(models: Sequence[Model]) -> dict[str, Any]:
    """What `client.models.list()` of OpenAI's SDKs reads."""
    return {"object": "list", "data": [openai_item(model) for model in models]}


def openai_item(model: Model) -> dict[str, Any]:
    """One model in OpenAI's shape; `created` is in seconds since 1970."""
    return {"id": model.slug, "object": "model", "created": model.created, "owned_by": model.owned_by}


def anthropic_list(models: Sequence[Model], query: Mapping[str, str]) -> dict[str, Any]:
    """One page in Anthropic's shape: `limit` models after `after_id`, or before `before_id`."""
    size = _size(query, "limit", PAGES["anthropic"])
    after, before = query.get("after_id"), query.get("before_id")
    if before is not None:
        end = _position(models, before, "before_id")
        begin = max(0, end - size)
        more = begin > 0
    else:
        begin = 0 if after is None else _position(models, after, "after_id") + 1
        end = begin + size
        more = end < len(models)
    page = models[begin:end]
    return {
        "data": [anthropic_item(model) for model in page],
        "has_more": more,
        "first_id": page[0].slug if page else None,
        "last_id": page[-1].slug if page else None,
    }


def anthropic_item(model: Model) -> dict[str, Any]:
    """One model in Anthropic's shape."""
    return {
        "type": "model",
        "id": model.slug,
        "display_name": model.display_name,
        "created_at": datetime.fromtimestamp(model.created, UTC).isoformat().replace("+00:00", "Z"),
        "lifecycle": model.lifecycle if model.lifecycle in ("deprecated", "retired") else "active",
        "max_input_tokens": model.max_input_tokens or model.context_window,
        "max_tokens": model.max_output_tokens,
    }


def gemini_list(models: Sequence[Model], query: Mapping[str, str]) -> dict[str, Any]:
    """One page in Google's shape: `pageSize` models after `pageToken`, which is the last id of the page before."""
    size = _size(query, "pageSize", PAGES["gemini"])
    token = query.get("pageToken")
    begin = 0 if not token else _position(models, token, "pageToken") + 1
    page = models[begin : begin + size]
    body: dict[str, Any] = {"models": [gemini_item(model) for model in page]}
    if begin + size < len(models):
        body["nextPageToken"] = page[-1].slug
    return body


def gemini_item(model: Model) -> dict[str, Any]:
    """One model in Google's shape. What is not known is left out, as Google does."""
    item: dict[str, Any] = {
        "name": f"models/{model.slug}",
        "baseModelId": model.slug,
        "version": "1",
        "displayName": model.display_name,
        "description": model.description,
        "inputTokenLimit": model.max_input_tokens or model.context_window,
        "outputTokenLimit": model.max_output_tokens,
        "supportedGenerationMethods": GEMINI_METHODS.get(model.kind, []),
    }
    if "reasoning" in model.capabilities:
        item["thinking"] = True
    return {name: value for name, value in item.items() if value is not None and value != ""}


ITEMS = {"openai": openai_item, "anthropic": anthropic_item, "gemini": gemini_item}


def _position(models: Sequence[Model], slug: str, param: str) -> int:
    for position, model in enumerate(models):
        if model.slug == slug:
            return position
    raise InvalidParameter(f"`{param}` names no model of this list.", param=param, value=slug)


def _size(query: Mapping[str, str], param: str, default: int) -> int:
    """How many models a page has. Google allows larger and zero sizes, and so do we: as the largest, as the default."""
    text = query.get(param, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit()):
        raise InvalidParameter(f"`{param}` must be a whole number.", param=param, value=text, min=1, max=LARGEST_PAGE)
    return min(LARGEST_PAGE, int(text[:9])) or default


def _answer(body: dict[str, Any]) -> Answer:
    return Answer(200, [("content-type", "application/json")], msgspec.json.encode(body))
