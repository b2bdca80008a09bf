"""Gemini's embeddings: the vectors that the simulator makes of every text, in Google's shapes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gateway.providers.simulator import splitting
from gateway.providers.simulator.faults import Faults
from gateway.providers.simulator.gemini import fields
from gateway.providers.simulator.gemini.errors import invalid
from gateway.providers.simulator.openai_embeddings import DIMENSIONS, vector
from gateway.providers.simulator.playing import Whole

KNOWN = ("model", "content", "taskType", "title", "outputDimensionality", "embedContentConfig")
SIZE, MOST_REQUESTS = 3072, 100


def parse(value: Mapping[str, Any], model: str, *, batch: bool) -> list[tuple[str, int]]:
    """(text, dimensions) of every request; Refusal for what Google refuses."""
    if not batch:
        return [_one(value, model, "")]
    listed = fields.listed(fields.known(value, ("requests",), ""), "requests", "requests")
    if not 1 <= len(listed) <= MOST_REQUESTS:
        raise invalid(f"* BatchEmbedContentsRequest.requests: at most {MOST_REQUESTS} requests can be in one batch")
    for at, request in enumerate(listed):
        if not isinstance(request, dict) or request.get("model") != f"models/{model}":
            told = "model must match the model specified in the parent request"
            raise invalid(f"* BatchEmbedContentsRequest.requests[{at}].model: {told}")
    return [_one(request, model, f"requests[{at}].") for at, request in enumerate(listed)]


def answer(model: str, asked: list[tuple[str, int]], faults: Faults, *, batch: bool) -> Whole:
    """The embedding, or the embeddings in the order of their requests."""
    size = DIMENSIONS.get(model, SIZE)
    made = [{"values": vector(text, size, min(wanted, size))} for text, wanted in asked]
    value: dict[str, Any] = {"embeddings": made} if batch else {"embedding": made[0]}
    if "no-usage" not in faults:
        value["usageMetadata"] = {"promptTokenCount": sum(splitting.count(text) for text, _ in asked)}
    return Whole(json.dumps(value, indent=2).encode(), tokens=1)


def _one(value: object, model: str, path: str) -> tuple[str, int]:
    asked = fields.known(value, KNOWN, path)
    content = fields.known(asked.get("content") or {}, ("role", "parts"), f"{path}content")
    parts = fields.listed(content, "parts", f"{path}content")
    texts = [fields.text(fields.known(part, ("text",), f"{path}content.parts"), "text", path) or "" for part in parts]
    if not any(texts):
        raise invalid(f"* EmbedContentRequest.{path}content: content is empty")
    config = fields.known(asked.get("embedContentConfig") or {}, KNOWN[2:], f"{path}embed_content_config")
    size = DIMENSIONS.get(model, SIZE)
    wanted = fields.whole({**config, **asked}, "outputDimensionality", path, least=1) or size
    if wanted > size:
        raise invalid(f"outputDimensionality must be in the range [1, {size}].")
    return "\n".join(texts), wanted
