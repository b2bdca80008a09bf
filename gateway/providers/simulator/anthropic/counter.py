"""Anthropic's operations, as the simulator offers them."""

from __future__ import annotations

import json

from gateway.providers.simulator import answering
from gateway.providers.simulator.anthropic import caching, fields, models, request
from gateway.providers.simulator.anthropic.errors import CODES, Refusal, invalid
from gateway.providers.simulator.anthropic.speech import Speaker
from gateway.providers.simulator.conversation import Plan, fingerprint_of
from gateway.providers.simulator.desk import Desk, House, Reply, Request
from gateway.providers.simulator.faults import Fault, Faults
from gateway.providers.simulator.playing import Whole


class Anthropic(Desk):
    """The make-believe company's Anthropic-speaking counter."""

    def __init__(self, house: House) -> None:
        super().__init__(house)
        self._cache = caching.Cache()

    def reply(self, request: Request) -> Reply:
        """The answer to a request; Refusal for everything that Anthropic refuses."""
        path = request.path.removeprefix("/v1").rstrip("/")
        if "anthropic-version" not in request.headers:
            raise invalid("anthropic-version: header is required")
        try:
            match request.method, path:
                case "POST", "/messages":
                    return self._messages(request)
                case "POST", "/messages/count_tokens":
                    return self._count(request)
                case "GET", "/models":
                    return self.plain(models.listing(self._house.offer, request.query))
                case "GET", _ if path.startswith("/models/"):
                    models.check(self._house.offer, path.removeprefix("/models/"))
                    return self.plain(json.dumps(models.described(path.removeprefix("/models/"))).encode())
                case _, "/messages" | "/messages/count_tokens" | "/models":
                    raise Refusal(405, "Method Not Allowed")
        except RecursionError:
            raise invalid("The request body is nested too deeply") from None
        raise Refusal(404, "Not Found")

    def unauthorised(self, key: str) -> Refusal:
        return Refusal(401, "invalid x-api-key" if key else "x-api-key header is required")

    def refusal(self, status: int, message: str | None = None, fault: Fault | None = None) -> Refusal:
        wanted = fault.settings if fault else {}
        kind, told = CODES.get(wanted.get("code", ""), (None, None))
        return Refusal(status, message or told, kind=wanted.get("type") or kind)

    def letterhead(self, milliseconds: int) -> list[tuple[bytes, bytes]]:
        return [
            (b"anthropic-organization-id", b"simulator"),
            (b"anthropic-ratelimit-requests-limit", b"10000"),
            (b"anthropic-ratelimit-requests-remaining", b"9999"),
            (b"anthropic-ratelimit-requests-reset", b"2030-01-01T00:00:00Z"),
            (b"anthropic-ratelimit-tokens-remaining", b"1000000"),
        ]

    def _messages(self, asking: Request) -> Reply:
        value = fields.read_json(asking.body)
        asked = request.parse(value, asking.headers["anthropic-version"])
        models.check(self._house.offer, asked.options.model)
        marks = caching.marks(value)
        owner = fingerprint_of(asking.key, asked.options.model)

        def speak(plan: Plan, faults: Faults) -> Speaker:
            return Speaker(plan, asked, faults, self._cache.use(owner, marks, plan.prompt_tokens))

        return self.converse(asking, asked.conversation, asked.options, speak, stream=asked.stream)

    def _count(self, asking: Request) -> Reply:
        value = fields.read_json(asking.body)
        asked = request.parse(value, asking.headers["anthropic-version"], counting=True)
        models.check(self._house.offer, asked.options.model)
        caching.marks(value)
        tokens = answering.prompt_tokens(asked.conversation, asked.options)
        body = json.dumps({"input_tokens": tokens}).encode()
        return self.said(asking, asked.conversation.question, lambda faults: Whole(body))
