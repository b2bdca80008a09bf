"""POST /v1/llm/chats/{chat_id}/messages: something is said in a chat, and a model answers (spec 000)."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any
from uuid import UUID

import msgspec

from accounts.keys import Caller
from billing.holds import SettleVerdict
from catalog.routing import Model
from chats import conversations, history
from chats.conversations import LONGEST_TITLE, ChatUnknown
from chats.history import Said
from gateway import tokens
from gateway.api.native import bodies
from gateway.api.native.chat import choices_of, described, figures
from gateway.api.native.chats import CHATTING, answering, chat_id_of, known, request_of
from gateway.api.native.face import NATIVE, success
from gateway.api.serve import Entry, Incoming
from gateway.call import Call
from gateway.errors import InvalidParameter, MissingParameter, StreamingRequired, UnsupportedParameter
from gateway.postscripts import NoPostscript, charged
from gateway.reading import read
from gateway.relay import LONGEST_WHOLE_ANSWER, Answer, Operation, relay
from gateway.writing import write

LONGEST_MESSAGE = 10_000  # characters
FRAMING_TOKENS = 8  # what a message costs beside its text
UNKNOWN_WINDOW = 8_192  # tokens, of a model that does not say
PICTURES = ("input_images", "size", "n")  # what only models that draw can be asked for here


class Listening(NoPostscript):
    """Remembers what a model said, and what that cost, until the chat has it."""

    def __init__(self) -> None:
        self.choice: dict[str, Any] = {}
        self.figures: dict[str, Any] = {}
        self.said: Said | None = None

    def whole(self, call: Call, verdict: SettleVerdict | None, body: bytes) -> bytes:
        """See Postscript.whole."""
        self.choice = described(choices_of(call, verdict, body)[0])
        self.figures = figures(call, verdict)
        self.said = Said(
            content=self.choice["content"],
            model=call.model.slug,
            call_id=call.id,
            tokens=self.figures["tokens_used"],
            cost_nusd=charged(call, verdict),
            finish_reason=self.choice["finish_reason"],
        )
        return body


async def say(caller: Caller, incoming: Incoming, identity: UUID) -> Answer:
    """POST /v1/llm/chats/{chat_id}/messages: the model answers with all in mind that fits into its window."""
    value = await request_of(caller, incoming)
    chat_id = chat_id_of(incoming)
    question = bodies.text(value, "message", LONGEST_MESSAGE)
    if question is None:
        raise MissingParameter("The parameter `message` is required.", param="message")
    slug, most, numbers = bodies.text(value, "model", LONGEST_TITLE), _most(value), bodies.sampling(value)
    chat = await known(chat_id, read(conversations.find, caller.organization_id, chat_id))
    model = await answering(caller, slug or chat.model)
    for name in PICTURES:
        if value.get(name) is not None:
            raise UnsupportedParameter(
                f"`{name}` is for models that draw; {model.slug!r} writes.", param=name, model=model.slug
            )
    room = _room(model, most)
    messages = await read(partial(history.to_send, chat, question, room=room, weigh=_weigh))
    body = {"model": model.slug, "messages": messages, "max_tokens": most, **numbers}
    listening = Listening()
    operation = Operation(CHATTING.name, CHATTING.surface, NATIVE, postscript=listening)
    answer = await relay(caller, operation, msgspec.json.encode(body), identity)
    assert listening.said is not None
    # Who leaves now has paid already: what was said is kept all the same.
    keeping = asyncio.create_task(write(history.append, chat, question, listening.said))
    asked: int | None
    answered: int | None
    try:
        asked, answered = (message.pk for message in await asyncio.shield(keeping))
    except ChatUnknown:  # deleted while the model wrote; the answer is paid for, so it is told
        asked = answered = None
    given = success(
        {
            "type": "text",
            "chat_id": chat_id,
            "message_id": asked,
            "dialogue_id": answered,
            "role": "assistant",
            **listening.choice,
            **listening.figures,
            "history_messages": len(messages) - 1,
        }
    )
    given.headers = answer.headers
    return given


def _room(model: Model, most: int) -> int:
    """Tokens for the prompt, by our own count; other vocabularies may need more, so a fifth stays free."""
    window = model.context_window or UNKNOWN_WINDOW
    room = min(window - most, model.max_input_tokens or window)
    return max(0, room * 4 // 5)


def _weigh(text: str) -> int:
    return tokens.count([text]) + FRAMING_TOKENS


def _most(value: dict[str, Any]) -> int:
    most = value.get("max_tokens")
    if most is None:
        return LONGEST_WHOLE_ANSWER
    if isinstance(most, bool) or not isinstance(most, int) or most < 1:
        raise InvalidParameter("`max_tokens` must be a positive whole number.", param="max_tokens", value=most, min=1)
    if most > LONGEST_WHOLE_ANSWER:
        raise StreamingRequired(
            f"An answer in a chat has at most {LONGEST_WHOLE_ANSWER} tokens. For a longer one use a stream "
            "(/v1/llm/chat/completions) or a job (/v1/llm/chat/jobs).",
            max_tokens=most,
            limit=LONGEST_WHOLE_ANSWER,
        )
    return most


ENTRIES = [Entry("POST", "/v1/llm/chats/{chat_id}/messages", NATIVE, "chat", say)]
