"""POST /v1/llm/generate-commands: a wish in plain words becomes ranked shell commands with notes on their danger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings

from accounts.keys import Caller
from billing.holds import SettleVerdict
from billing.pricing import usd_text
from gateway import commands, memory
from gateway.api.native.chat import choices_of, described, figures
from gateway.api.native.face import NATIVE, enveloped
from gateway.api.serve import Entry, Incoming, must_be_json
from gateway.call import Call
from gateway.dialects.members import UNREADABLE
from gateway.errors import InvalidJson, InvalidParameter, MissingParameter, UpstreamError
from gateway.postscripts import NoPostscript, charged
from gateway.relay import LONGEST_WHOLE_ANSWER, Answer, Operation, relay

LONGEST_PROMPT = 4000  # characters
LONGEST_CONTEXT = 8000  # characters of its JSON
DEFAULT_COMMANDS = 5


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for."""

    prompt: str
    context: str | dict[str, Any] | None
    model: str
    most: int


class CommandsPostscript(NoPostscript):
    """Finds the commands in what the model answered."""

    def __init__(self, most: int) -> None:
        self._most = most

    def whole(self, call: Call, verdict: SettleVerdict | None, body: bytes) -> bytes:
        """See Postscript.whole. An answer without a command is an error that says what it cost all the same."""
        choice = described(choices_of(call, verdict, body)[0])
        found = commands.read(choice["content"], self._most)
        if not found:
            raise UpstreamError(
                "The model answered without a single command. Say more precisely what should happen, or ask another "
                "model.",
                reason="no_output",
                charged=usd_text(charged(call, verdict)),
            )
        return enveloped({"commands": found, "count": len(found), **figures(call, verdict)})


async def generate(caller: Caller, incoming: Incoming, identity: UUID) -> Answer:
    """Ask a model for commands. Charged like any chat completion of that model."""
    must_be_json(incoming)
    wish = read(await incoming.read())
    body: dict[str, Any] = {
        "model": wish.model,
        "messages": commands.messages(wish.prompt, wish.context, wish.most),
        "max_tokens": LONGEST_WHOLE_ANSWER,
    }
    model = (await memory.catalogue()).find(wish.model)
    if model is not None and "structured_output" in model.capabilities:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "commands", "strict": True, "schema": commands.SCHEMA},
        }
    operation = Operation("commands", "llm", NATIVE, postscript=CommandsPostscript(wish.most))
    return await relay(caller, operation, msgspec.json.encode(body), identity)


def read(body: bytes) -> Wish:
    """The request. Raises InvalidJson, MissingParameter or InvalidParameter."""
    try:
        value = msgspec.json.decode(body)
    except UNREADABLE:
        raise InvalidJson("The request body is not valid JSON.", position=0) from None
    if not isinstance(value, dict):
        raise InvalidJson("The request body must be a JSON object.", position=0)
    prompt = value.get("prompt")
    if prompt is None:
        raise MissingParameter("The parameter `prompt` is required.", param="prompt")
    if not isinstance(prompt, str) or not prompt.strip() or len(prompt) > LONGEST_PROMPT:
        raise InvalidParameter(
            f"`prompt` must be a text of 1 to {LONGEST_PROMPT} characters.", param="prompt", min=1, max=LONGEST_PROMPT
        )
    return Wish(prompt.strip(), _context(value), _model(value), _most(value))


def _context(value: dict[str, Any]) -> str | dict[str, Any] | None:
    context = value.get("context")
    if not isinstance(context, str | dict | None) or len(msgspec.json.encode(context)) > LONGEST_CONTEXT:
        raise InvalidParameter(
            f"`context` must be an object or a text of at most {LONGEST_CONTEXT} characters.",
            param="context",
            max=LONGEST_CONTEXT,
        )
    return context


def _model(value: dict[str, Any]) -> str:
    model = value.get("model")
    if model is None:
        return str(settings.DEFAULT_MODEL)
    if not isinstance(model, str) or not model:
        raise InvalidParameter("`model` must be a model's slug.", param="model")
    return model


def _most(value: dict[str, Any]) -> int:
    most = value.get("max_commands")
    if most is None:
        return DEFAULT_COMMANDS
    if isinstance(most, bool) or not isinstance(most, int) or not 1 <= most <= commands.MOST_COMMANDS:
        raise InvalidParameter(
            f"`max_commands` must be a whole number from 1 to {commands.MOST_COMMANDS}.",
            param="max_commands",
            value=most,
            min=1,
            max=commands.MOST_COMMANDS,
        )
    return most


ENTRIES = [Entry("POST", "/v1/llm/generate-commands", NATIVE, "chat", generate)]
