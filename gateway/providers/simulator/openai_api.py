"""OpenAI's operations, as the simulator offers them: each turns a request into an answer to be played."""

from __future__ import annotations

import time
from collections.abc import Callable

from gateway.providers.simulator import (
    openai_audio,
    openai_chat_request,
    openai_embeddings,
    openai_fields,
    openai_models,
    openai_moderations,
    openai_transcription,
)
from gateway.providers.simulator.desk import Desk, Reply, Request
from gateway.providers.simulator.faults import Fault
from gateway.providers.simulator.openai_chat import Speaker
from gateway.providers.simulator.openai_errors import Refusal, invalid
from gateway.providers.simulator.responses import request as responses_request
from gateway.providers.simulator.responses.speech import Speaker as ResponsesSpeaker

NOT_FOR_CHAT = ("text-embedding", "whisper", "tts-", "dall-e", "gpt-image")
NO_KEY = (
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
    "(i.e. Authorization: Bearer YOUR_KEY)."
)
Operation = Callable[[Request], Reply]


class OpenAI(Desk):
    """The make-believe company's OpenAI-speaking counter."""

    def reply(self, request: Request) -> Reply:
        """The answer to a request; Refusal for everything that OpenAI refuses."""
        path = request.path.removeprefix("/v1").rstrip("/")
        offer = self._house.offer
        operations: dict[str, tuple[str, Operation]] = {
            "/chat/completions": ("POST", self._chat),
            "/responses": ("POST", self._responses),
            "/embeddings": ("POST", self._embeddings),
            "/moderations": ("POST", self._moderations),
            "/audio/speech": ("POST", self._speech),
            "/audio/transcriptions": ("POST", self._transcription),
            "/audio/translations": ("POST", self._transcription),
            "/models": ("GET", lambda request: self.plain(openai_models.listing(offer))),
        }
        if path.startswith("/models/"):
            operations[path] = "GET", lambda request: self.plain(openai_models.one(offer, path[len("/models/") :]))
        if path.startswith("/responses/"):
            raise Refusal(404, f"Response with id '{path.split('/')[2]}' not found.")  # the simulator keeps none
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

    def unauthorised(self, key: str) -> Refusal:
        if not key:
            return Refusal(401, NO_KEY)
        shown = key if len(key) < 12 else f"{key[:8]}{'*' * (len(key) - 12)}{key[-4:]}"
        return Refusal(401, f"Incorrect API key provided: {shown}.", code="invalid_api_key")

    def refusal(self, status: int, message: str | None = None, fault: Fault | None = None) -> Refusal:
        wanted = fault.settings if fault else {}
        told = Refusal.of(status, code=wanted.get("code"), kind=wanted.get("type"), param=wanted.get("param"))
        return told if message is None else Refusal(status, message, kind=told.kind, param=told.param, code=told.code)

    def letterhead(self, milliseconds: int) -> list[tuple[bytes, bytes]]:
        return [
            (b"openai-processing-ms", str(milliseconds).encode()),
            (b"openai-version", b"2020-10-01"),
            (b"openai-organization", b"simulator"),
            (b"x-ratelimit-limit-requests", b"10000"),
            (b"x-ratelimit-remaining-requests", b"9999"),
            (b"x-ratelimit-reset-requests", b"6ms"),
        ]

    # --- Conversations ----------------------------------------------------------------------------------

    def _chat(self, request: Request) -> Reply:
        asked = openai_chat_request.parse(openai_fields.read_json(request.body))
        self._check(asked.options.model, "v1/chat/completions")
        return self.converse(
            request,
            asked.conversation,
            asked.options,
            lambda plan, faults: Speaker(plan, asked, faults, int(time.time())),
            stream=asked.stream,
        )

    def _responses(self, request: Request) -> Reply:
        asked = responses_request.parse(openai_fields.read_json(request.body))
        self._check(asked.options.model, "v1/responses")
        return self.converse(
            request,
            asked.conversation,
            asked.options,
            lambda plan, faults: ResponsesSpeaker(plan, asked, faults, int(time.time())),
            stream=asked.stream,
        )

    def _check(self, model: str, endpoint: str) -> None:
        openai_models.check(self._house.offer, model)
        if model.startswith(NOT_FOR_CHAT):
            told = f"This is not a chat model and thus not supported in the {endpoint} endpoint."
            raise Refusal(404, told, param="model")

    # --- Everything else --------------------------------------------------------------------------------

    def _embeddings(self, request: Request) -> Reply:
        value = openai_fields.read_json(request.body)
        model = openai_fields.text(value, "model", "model", required=True) or ""
        openai_models.check(self._house.offer, model)
        said = str(value.get("input"))[-500:]
        return self.said(request, said, lambda faults: openai_embeddings.answer(value, faults), shape=model)

    def _moderations(self, request: Request) -> Reply:
        asked = openai_moderations.parse(openai_fields.read_json(request.body))
        openai_models.check(self._house.offer, asked.model)
        return self.said(request, asked.texts[-1], lambda faults: openai_moderations.answer(asked))

    def _speech(self, request: Request) -> Reply:
        asked = openai_audio.parse(openai_fields.read_json(request.body))
        openai_models.check(self._house.offer, asked.model)
        return self.said(request, asked.text, lambda faults: openai_audio.answer(asked, faults), shape=asked.format)

    def _transcription(self, request: Request) -> Reply:
        asked = openai_transcription.parse(request.headers.get("content-type", ""), request.body)
        openai_models.check(self._house.offer, asked.model)
        return self.said(request, asked.prompt, lambda faults: openai_transcription.answer(asked, faults))
