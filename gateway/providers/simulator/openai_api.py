"""OpenAI's operations, as the simulator offers them: each turns a request into an answer to be played."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from gateway.providers.simulator import answering, openai_chat_request, openai_embeddings, openai_fields, wishes
from gateway.providers.simulator.conversation import Dice, fingerprint_of
from gateway.providers.simulator.faults import Fault, Faults, Turns
from gateway.providers.simulator.openai_chat import Speaker
from gateway.providers.simulator.openai_errors import Refusal, invalid
from gateway.providers.simulator.openai_models import Models
from gateway.providers.simulator.pace import Pace
from gateway.providers.simulator.playing import Kind, Piece, Stream, Whole
from gateway.providers.simulator.prefixes import Prefixes
from gateway.providers.simulator.wishes import Wishes

HTML = b"<html><head><title>Error</title></head><body><h1>It did not work</h1><hr>simulator</body></html>\n"
NOT_FOR_CHAT = ("text-embedding", "whisper", "tts-", "dall-e", "gpt-image")


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    key: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What to play, with which faults and at what pace, and the dice that make it irregular."""

    answer: Whole | Stream
    wishes: Wishes
    dice: Dice


class OpenAI:
    """The make-believe company's OpenAI-speaking counter."""

    def __init__(self, pace: Pace, models: Models) -> None:
        self._pace, self._models = pace, models
        self._prefixes, self._turns = Prefixes(), Turns()

    def reply(self, request: Request) -> Reply:
        """The answer to a request; Refusal for everything that OpenAI refuses."""
        path = request.path.removeprefix("/v1").rstrip("/")
        operations: dict[str, tuple[str, Callable[[Request], Reply]]] = {
            "/chat/completions": ("POST", self._chat),
            "/embeddings": ("POST", self._embeddings),
            "/models": ("GET", lambda request: self._plain(self._models.listing())),
        }
        if path.startswith("/models/"):
            operations[path] = "GET", lambda request: self._plain(self._models.one(path.removeprefix("/models/")))
        if path not in operations:
            raise Refusal(404, f"Invalid URL ({request.method} {request.path})")
        method, operation = operations[path]
        if request.method != method:
            hint = f"(HINT: Perhaps you meant to make a {method} request?)"
            raise Refusal(405, f"Not allowed to {request.method} on {request.path} {hint}")
        try:
            return operation(request)
        except RecursionError:
            raise invalid("The JSON body of your request is nested too deeply.") from None

    def _chat(self, request: Request) -> Reply:
        asked = openai_chat_request.parse(openai_fields.read_json(request.body))
        options, wished = asked.options, self._wishes(request, asked.conversation.question)
        self._models.check(options.model)
        if options.model.startswith(NOT_FOR_CHAT):
            raise Refusal(
                404,
                "This is not a chat model and thus not supported in the v1/chat/completions endpoint.",
                param="model",
            )
        if refused := _refused(wished.faults):
            return Reply(refused, wished, Dice(""))
        plan = answering.answer(wishes.without_wishes(asked.conversation), options)
        owner = fingerprint_of(request.key, options.model)
        plan = wishes.obeyed(replace(plan, cached_tokens=self._prefixes.cached(owner, plan.prompt)), wished.faults)
        speaker, hidden = (
            Speaker(plan, asked, wished.faults, int(time.time())),
            0 if plan.shows_reasoning else plan.reasoning_tokens,
        )
        failure = wished.faults.get("error-in-stream")
        if asked.stream:
            told = _refusal_of(failure) if failure else Refusal.of(500)
            piece = Piece(Kind.CONTENT, json.dumps(told.value()).encode())
            return Reply(Stream(speaker.pieces(), piece, hidden=hidden), wished, Dice(plan.id))
        if failure:
            raise _refusal_of(failure)
        spoken = plan.completion_tokens - hidden
        return Reply(Whole(speaker.whole(), tokens=max(1, spoken), hidden=hidden), wished, Dice(plan.id))

    def _embeddings(self, request: Request) -> Reply:
        value = openai_fields.read_json(request.body)
        model = openai_fields.text(value, "model", "model", required=True) or ""
        self._models.check(model)
        wished = self._wishes(request, str(value.get("input"))[-500:])
        answer = _refused(wished.faults) or Whole(openai_embeddings.answer(value, wished.faults), tokens=1)
        return Reply(answer, wished, Dice(model))

    def _plain(self, body: bytes) -> Reply:
        return Reply(Whole(body), Wishes(Faults({}), Pace(first=0, rate=0)), Dice(""))

    def _wishes(self, request: Request, said: str) -> Wishes:
        try:
            wished = wishes.read(request.headers, said, self._pace)
        except ValueError as error:
            raise invalid(
                f"The simulator does not understand the wish: {error}", code="unknown_simulator_wish"
            ) from error
        content = fingerprint_of(request.key, request.path, request.body.decode("latin-1"))
        return replace(wished, faults=self._turns.standing(wished.faults, content))


def _refused(wanted: Faults) -> Whole | None:
    """The answer that the fault `http-…` asks for."""
    fault = wanted.get("http")
    if fault is None:
        return None
    refusal = _refusal_of(fault)
    headers = {"retry-after": fault.settings["retry-after"]} if "retry-after" in fault.settings else {}
    shape = fault.settings.get("body", "json")
    if shape == "html":
        return Whole(HTML, refusal.status, headers, content_type="text/html")
    return Whole(b"" if shape == "empty" else refusal.body(), refusal.status, headers)


def _refusal_of(fault: Fault) -> Refusal:
    settings = fault.settings
    status = fault.status or int(fault.number("status", 500))
    return Refusal.of(status, code=settings.get("code"), kind=settings.get("type"), param=settings.get("param"))
