"""Gemini's operations, as the simulator offers them."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from gateway.providers.simulator import answering
from gateway.providers.simulator.desk import Desk, Reply, Request
from gateway.providers.simulator.faults import Fault
from gateway.providers.simulator.gemini import embeddings, fields, models, request
from gateway.providers.simulator.gemini.errors import CODES, Refusal, bad_key, retry
from gateway.providers.simulator.gemini.speech import Speaker
from gateway.providers.simulator.playing import Framing, Whole

CALL = re.compile(r"/(?:v1|v1beta)/models/(?P<model>[^/:]+):(?P<verb>\w+)")
MODEL = re.compile(r"/(?:v1|v1beta)/models/(?P<model>[^/:]+)")
NO_KEY = (
    "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other "
    "form of API consumer identity to call this API."
)


class Gemini(Desk):
    """The make-believe company's Gemini-speaking counter."""

    def reply(self, request: Request) -> Reply:
        """The answer to a request; Refusal for everything that Google refuses."""
        path = request.path.rstrip("/")
        in_array = path.endswith(":streamGenerateContent") and request.query.get("alt") != "sse"
        try:
            reply = self._reply(request, path)
            return _in_array(reply) if in_array else reply
        except Refusal as refusal:
            refusal.in_array = in_array
            raise
        except RecursionError:
            raise Refusal(400, "Invalid JSON payload received. Nested too deeply.", in_array=in_array) from None

    def unauthorised(self, key: str) -> Refusal:
        return bad_key() if key else Refusal(403, NO_KEY)

    def refusal(self, status: int, message: str | None = None, fault: Fault | None = None) -> Refusal:
        wanted = fault.settings if fault else {}
        details = [retry(wanted["retry-after"])] if "retry-after" in wanted else []
        told = message or CODES.get(wanted.get("code", ""))
        return Refusal(status, told, kind=wanted.get("type"), details=details)

    def letterhead(self, milliseconds: int) -> list[tuple[bytes, bytes]]:
        return [
            (b"server-timing", f"gfet4t7; dur={milliseconds}".encode()),
            (b"vary", b"X-Origin, Referer"),
            (b"x-goog-simulator", b"1"),
        ]

    def _reply(self, asking: Request, path: str) -> Reply:
        if call := CALL.fullmatch(path):
            if asking.method != "POST":
                raise Refusal(405, "Method Not Allowed", kind="UNIMPLEMENTED")
            return self._call(asking, call["model"], call["verb"])
        if asking.method == "GET" and path in ("/v1beta/models", "/v1/models"):
            return self.plain(models.listing(self._house.offer, asking.query))
        if asking.method == "GET" and (named := MODEL.fullmatch(path)):
            return self.plain(models.one(self._house.offer, named["model"]))
        raise Refusal(404, f"The requested URL {asking.path} was not found on this server.")

    def _call(self, asking: Request, model: str, verb: str) -> Reply:
        value = fields.read_json(asking.body)
        if verb in models.EMBEDS:
            models.check(self._house.offer, model, verb)
            batch = verb == "batchEmbedContents"
            texts = embeddings.parse(value, model, batch=batch)
            return self.said(asking, texts[-1][0], lambda faults: embeddings.answer(model, texts, faults, batch=batch))
        if verb == "countTokens":
            return self._count(asking, value, model)
        if verb not in ("generateContent", "streamGenerateContent"):
            raise Refusal(404, f"The requested URL {asking.path} was not found on this server.")
        models.check(self._house.offer, model, "generateContent")
        asked = request.parse(value, model)
        framing = Framing.EVENTS_CRLF if asking.query.get("alt") == "sse" else Framing.ARRAY
        return self.converse(
            asking,
            asked.conversation,
            asked.options,
            lambda plan, faults: Speaker(plan, asked, faults),
            stream=verb == "streamGenerateContent",
            framing=framing,
        )

    def _count(self, asking: Request, value: dict[str, object], model: str) -> Reply:
        models.check(self._house.offer, model, "countTokens")
        counted = fields.known(value, ("contents", "generateContentRequest", "model"), "")
        inner = counted.get("generateContentRequest") or {"contents": counted.get("contents")}
        asked = request.parse(inner if isinstance(inner, dict) else {}, model)
        tokens = answering.prompt_tokens(asked.conversation, asked.options)
        details = [{"modality": "TEXT", "tokenCount": tokens}]
        body = json.dumps({"totalTokens": tokens, "promptTokensDetails": details}).encode()
        return self.said(asking, asked.conversation.question, lambda faults: Whole(body))


def _in_array(reply: Reply) -> Reply:
    """An error that a fault asked for, as the one element of the array that was expected."""
    answer = reply.answer
    if isinstance(answer, Whole) and answer.body and answer.content_type == "application/json":
        return replace(reply, answer=replace(answer, body=b"[" + answer.body + b"]"))
    return reply
