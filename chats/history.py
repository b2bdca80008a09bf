"""What was said in a chat: reading it, adding to it, and what of it fits into the next question."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from chats.conversations import LONGEST_TITLE, ChatUnknown
from chats.models import Chat, Message

AT_ONCE = 50  # messages read together while looking for what fits
TITLE_WORDS = 60  # characters of the first question that become a title


@dataclass(frozen=True, slots=True)
class Said:
    """An answer to be kept. Money in nano-USD."""

    content: str
    model: str
    call_id: UUID
    tokens: int
    cost_nusd: int
    finish_reason: str


def page(chat: Chat, *, limit: int, offset: int = 0) -> list[Message]:
    """What was said, the earliest first."""
    return list(chat.messages.order_by("id")[offset : offset + limit])


def to_send(chat: Chat, question: str, *, room: int, weigh: Callable[[str], int]) -> list[dict[str, str]]:
    """The messages that ask `question` in the light of what was said before.

    The latest are kept, as many as fit into `room` by what `weigh` says of each text; the question itself is always
    there. What is left begins with something that the user said, never with an answer to nothing.
    """
    kept = [{"role": Message.Role.USER.value, "content": question}]
    left = room - weigh(question)
    for message in _backwards(chat):
        left -= weigh(message.content)
        if left < 0:
            break
        kept.append({"role": message.role, "content": message.content})
    kept.reverse()
    while kept[0]["role"] != Message.Role.USER:
        del kept[0]
    return kept


def append(chat: Chat, question: str, answer: Said) -> tuple[Message, Message]:
    """Keep a question and its answer, together. Raises ChatUnknown when the chat was deleted meanwhile.

    The first question gives a chat without a title its title.
    """
    with transaction.atomic():
        present = Chat.objects.select_for_update().filter(pk=chat.pk).first()
        if present is None:
            raise ChatUnknown(chat.pk)
        asked = Message.objects.create(chat=present, role=Message.Role.USER, content=clean(question))
        answered = Message.objects.create(
            chat=present,
            role=Message.Role.ASSISTANT,
            content=clean(answer.content),
            model=answer.model,
            call_id=answer.call_id,
            tokens=answer.tokens,
            cost_nusd=answer.cost_nusd,
            finish_reason=answer.finish_reason[:40],
        )
        present.title = present.title or title_of(question)
        present.updated_at = timezone.now()
        present.save(update_fields=["title", "updated_at"])
    return asked, answered


def title_of(question: str) -> str:
    """A title for a chat that begins so: the first words of one line."""
    line = " ".join(clean(question).split())
    short = line if len(line) <= TITLE_WORDS else f"{line[:TITLE_WORDS].rstrip()}…"
    return short[:LONGEST_TITLE]


def clean(text: str) -> str:
    """Text that PostgreSQL can keep: it knows no NUL, and UTF-8 no lone surrogates."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def _backwards(chat: Chat) -> Iterator[Message]:
    before: int | None = None
    while True:
        messages = chat.messages.order_by("-id")
        found = list((messages if before is None else messages.filter(id__lt=before))[:AT_ONCE])
        yield from found
        if len(found) < AT_ONCE:
            return
        before = found[-1].pk
