"""Chats belong to one organization, and nobody else can tell that they exist."""

from __future__ import annotations

import pytest

from chats import conversations, history
from chats.conversations import ChatUnknown
from chats.history import Said
from chats.models import Chat, Message
from gateway import callid
from tests.people import Person


def said(content: str) -> Said:
    """An answer."""
    return Said(content, "a-model", callid.new(), tokens=7, cost_nusd=1000, finish_reason="stop")


def opened(person: Person, **fields: str) -> Chat:
    """A chat of this person's."""
    return conversations.open_chat(person.organization.pk, "a-model", user_id=person.user.pk, **fields)


def test_the_chats_of_an_organization_are_listed_latest_used_first(alice: Person, bob: Person, mallory: Person) -> None:
    first, second, third = opened(alice), opened(bob), opened(alice)
    opened(mallory)
    history.append(first, "Hello", said("Hi"))
    listed, total = conversations.listing(alice.organization.pk, limit=2)
    assert ([chat.pk for chat in listed], total) == ([first.pk, third.pk], 3)
    rest, _ = conversations.listing(alice.organization.pk, limit=2, offset=2)
    assert [chat.pk for chat in rest] == [second.pk]


def test_the_chat_of_another_organization_does_not_exist(alice: Person, mallory: Person) -> None:
    chat = opened(alice, title="Secret")
    stranger = mallory.organization.pk
    for attempt in (
        lambda: conversations.find(stranger, chat.pk),
        lambda: conversations.change(stranger, chat.pk, title="Mine"),
        lambda: conversations.delete(stranger, chat.pk),
        lambda: conversations.find(stranger, 10**18),
    ):
        with pytest.raises(ChatUnknown):
            attempt()
    assert conversations.find(alice.organization.pk, chat.pk).title == "Secret"


def test_a_deleted_chat_takes_its_messages_along(alice: Person) -> None:
    chat = opened(alice)
    history.append(chat, "Hello", said("Hi"))
    conversations.delete(alice.organization.pk, chat.pk)
    assert not Message.objects.filter(chat_id=chat.pk).exists()
    with pytest.raises(ChatUnknown):
        history.append(chat, "Still there?", said("No"))


def test_the_first_question_becomes_the_title_of_a_chat_without_one(alice: Person) -> None:
    nameless, named = opened(alice), opened(alice, title="Mine")
    question = "What are the key papers\n  on attention mechanisms, and who wrote them, and when?"
    for chat in (nameless, named):
        history.append(chat, question, said("Many"))
        chat.refresh_from_db()
    assert nameless.title == "What are the key papers on attention mechanisms, and who wro…"
    assert named.title == "Mine"


def test_what_no_database_can_keep_is_left_out(alice: Person) -> None:
    chat = opened(alice)
    history.append(chat, "a\x00b", said("c\ud800d"))
    assert [message.content for message in history.page(chat, limit=9)] == ["ab", "c?d"]


def test_the_latest_that_fits_is_sent_and_begins_with_the_user(alice: Person) -> None:
    chat = opened(alice)
    for number in range(60):
        history.append(chat, f"q{number:02}", said(f"a{number:02}"))
    everything = history.to_send(chat, "now", room=10_000, weigh=len)
    assert len(everything) == 121
    assert everything[0] == {"role": "user", "content": "q00"}
    assert everything[-1] == {"role": "user", "content": "now"}
    # 3 for the question, and 3 for each message: four of them fit, and the odd one is an answer to nothing.
    assert [item["content"] for item in history.to_send(chat, "now", room=15, weigh=len)] == [
        "q58",
        "a58",
        "q59",
        "a59",
        "now",
    ]
    assert [item["content"] for item in history.to_send(chat, "now", room=13, weigh=len)] == ["q59", "a59", "now"]
    assert [item["content"] for item in history.to_send(chat, "now", room=1, weigh=len)] == ["now"]
