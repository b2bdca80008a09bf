"""/v1/llm/chats: conversations that are kept on the server (spec 000)."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from django.conf import settings

from accounts.keys import Caller
from billing.pricing import usd_text
from catalog.routing import Model
from chats import conversations, history
from chats.conversations import LONGEST_TITLE, ChatUnknown
from chats.models import Chat, Message
from gateway import memory
from gateway.api.native import asking, bodies
from gateway.api.native.face import NATIVE, success
from gateway.api.serve import Entry, Incoming
from gateway.errors import KeyScopeMismatch, MissingParameter, ResourceNotFound
from gateway.reading import read
from gateway.relay import Answer, Operation, find, permit
from gateway.writing import write

LARGEST_ID = 2**63 - 1
CHATTING = Operation("chats.messages", "llm", NATIVE)

Value = TypeVar("Value")


async def open_chat(caller: Caller, incoming: Incoming, identity: UUID) -> Answer:
    """POST /v1/llm/chats."""
    value = await request_of(caller, incoming)
    model = bodies.text(value, "model", LONGEST_TITLE)
    slug = str(settings.DEFAULT_MODEL) if model is None else model
    await answering(caller, slug)
    title = bodies.text(value, "title", LONGEST_TITLE, least=0) or ""
    chat = await write(
        conversations.open_chat, caller.organization_id, slug, title=history.clean(title), user_id=caller.user_id
    )
    return success(printed(chat), "The chat is open.")


async def list_chats(caller: Caller, incoming: Incoming, identity: UUID) -> Answer:
    """GET /v1/llm/chats."""
    must_be_general(caller, incoming)
    page = asking.page(asking.query_of(incoming.query))
    chats, total = await read(conversations.listing, caller.organization_id, limit=page.limit, offset=page.offset)
    listed = [printed(chat) for chat in chats]
    return success({"chats": listed, "total": total, "limit": page.limit, "offset": page.offset})


async def show_chat(caller: Caller, incoming: Incoming, identity: UUID) -> Answer:
    """GET /v1/llm/chats/{chat_id}, with what was said in it."""
    must_be_general(caller, incoming)
    page = asking.page(asking.query_of(incoming.query), default=1000)
    chat_id = chat_id_of(incoming)

    def look() -> tuple[Chat, list[Message]]:
        chat = conversations.find(caller.organization_id, chat_id)
        return chat, history.page(chat, limit=page.limit, offset=page.offset)

    chat, messages = await known(chat_id, read(look))
    said = [told(message) for message in messages]
    return success({**printed(chat), "messages": said, "limit": page.limit, "offset": page.offset})


async def change_chat(caller: Caller, incoming: Incoming, identity: UUID) -> Answer:
    """PATCH /v1/llm/chats/{chat_id}."""
    value = await request_of(caller, incoming)
    chat_id = chat_id_of(incoming)
    title, model = bodies.text(value, "title", LONGEST_TITLE), bodies.text(value, "model", LONGEST_TITLE)
    if title is None and model is None:
        raise MissingParameter("Say what to change: `title` or `model`.", param="title")
    await known(chat_id, read(conversations.find, caller.organization_id, chat_id))
    if model is not None:
        await answering(caller, model)
    wanted = None if title is None else history.clean(title)
    changed = write(conversations.change, caller.organization_id, chat_id, title=wanted, model=model)
    return success(printed(await known(chat_id, changed)), "The chat is changed.")


async def delete_chat(caller: Caller, incoming: Incoming, identity: UUID) -> Answer:
    """DELETE /v1/llm/chats/{chat_id}. Answers with JSON, since clients read every answer as JSON."""
    must_be_general(caller, incoming)
    chat_id = chat_id_of(incoming)
    await known(chat_id, write(conversations.delete, caller.organization_id, chat_id))
    return success({"id": chat_id, "deleted": True}, "The chat is deleted.")


async def request_of(caller: Caller, incoming: Incoming) -> dict[str, Any]:
    """The JSON object of a request. Raises InvalidJson, and KeyScopeMismatch for a key of another type."""
    must_be_general(caller, incoming)
    return await bodies.object_of(incoming)


def chat_id_of(incoming: Incoming) -> int:
    """The chat that an address names. Raises ResourceNotFound for one that cannot be."""
    text = incoming.path.split("/")[4]
    if not re.fullmatch(r"[0-9]{1,19}", text, re.ASCII) or not 1 <= int(text) <= LARGEST_ID:
        raise _no_chat(text)
    return int(text)


async def known(chat_id: int, work: Awaitable[Value]) -> Value:
    """What `work` gives. Raises ResourceNotFound when it finds no such chat: another organization's is none."""
    try:
        return await work
    except ChatUnknown:
        raise _no_chat(str(chat_id)) from None


def _no_chat(text: str) -> ResourceNotFound:
    return ResourceNotFound("There is no such chat.", resource="chat", id=text)


def printed(chat: Chat) -> dict[str, Any]:
    """A chat as it is listed."""
    return {
        "id": chat.pk,
        "title": chat.title,
        "model": chat.model,
        "message_count": getattr(chat, "message_count", 0),
        "created_at": chat.created_at,
        "updated_at": chat.updated_at,
    }


def told(message: Message) -> dict[str, Any]:
    """One message."""
    common = {"id": message.pk, "role": message.role, "content": message.content, "created_at": message.created_at}
    if message.role == Message.Role.USER:
        return common
    return {
        **common,
        "type": "text",
        "model": message.model,
        "request_id": f"req_{message.call_id.hex}" if message.call_id else None,
        "tokens_used": message.tokens,
        "cost_usd": None if message.cost_nusd is None else msgspec.Raw(usd_text(message.cost_nusd).encode()),
        "finish_reason": message.finish_reason,
    }


async def answering(caller: Caller, slug: str) -> Model:
    """The model that is to answer. Raises what the relay would raise: a chat is not opened with a model that cannot."""
    model, _ = find(await memory.catalogue(), slug, caller)
    permit(caller, CHATTING, model)
    return model


def must_be_general(caller: Caller, incoming: Incoming) -> None:
    """Raises KeyScopeMismatch for a key that is only for images."""
    if caller.key_type != "general":
        raise KeyScopeMismatch(
            "An image key only submits and reads image tasks; create a general key for this endpoint.",
            key_type=caller.key_type,
            required_key_type="general",
            endpoint=incoming.path[:100],
        )


ENTRIES = [
    Entry("POST", "/v1/llm/chats", NATIVE, "all", open_chat),
    Entry("GET", "/v1/llm/chats", NATIVE, "all", list_chats, takes_body=False),
    Entry("GET", "/v1/llm/chats/{chat_id}", NATIVE, "all", show_chat, takes_body=False),
    Entry("PATCH", "/v1/llm/chats/{chat_id}", NATIVE, "all", change_chat),
    Entry("DELETE", "/v1/llm/chats/{chat_id}", NATIVE, "all", delete_chat, takes_body=False),
]
