"""Open, find, list, change and delete chats. Everything is within one organization: another's chats do not exist."""

from __future__ import annotations

from django.db.models import Count
from django.utils import timezone

from chats.models import Chat

LONGEST_TITLE = 200  # characters


class ChatUnknown(Exception):
    """The organization has no chat with this id."""


def open_chat(organization_id: int, model: str, *, title: str = "", user_id: int | None = None) -> Chat:
    """A new, empty chat."""
    return Chat.objects.create(organization_id=organization_id, model=model, title=title, created_by_id=user_id)


def find(organization_id: int, chat_id: int) -> Chat:
    """One chat; `message_count` is how much was said in it. Raises ChatUnknown."""
    chat = Chat.objects.filter(organization_id=organization_id, pk=chat_id).annotate(message_count=Count("messages"))
    found = chat.first()
    if found is None:
        raise ChatUnknown(chat_id)
    return found


def listing(organization_id: int, *, limit: int, offset: int = 0) -> tuple[list[Chat], int]:
    """A page of the organization's chats, the latest used first, each with `message_count`; and how many there are."""
    chats = Chat.objects.filter(organization_id=organization_id)
    page = chats.annotate(message_count=Count("messages")).order_by("-updated_at", "-id")
    return list(page[offset : offset + limit]), chats.count()


def change(organization_id: int, chat_id: int, *, title: str | None = None, model: str | None = None) -> Chat:
    """Give a chat another title or another model; None leaves it. Raises ChatUnknown."""
    wanted = {name: value for name, value in (("title", title), ("model", model)) if value is not None}
    if wanted:
        Chat.objects.filter(organization_id=organization_id, pk=chat_id).update(**wanted, updated_at=timezone.now())
    return find(organization_id, chat_id)


def delete(organization_id: int, chat_id: int) -> None:
    """Forget a chat and all that was said in it. Raises ChatUnknown."""
    deleted, _ = Chat.objects.filter(organization_id=organization_id, pk=chat_id).delete()
    if not deleted:
        raise ChatUnknown(chat_id)
