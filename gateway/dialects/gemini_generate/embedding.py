"""Embeddings: POST models/{model}:embedContent and :batchEmbedContents. Reference: ai.google.dev/api/embeddings.

A batch is a list of single requests, each of which names the model again.
Vectors are lists of numbers, as JSON has them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from gateway.dialects.gemini_generate.counting import read_usage
from gateway.dialects.gemini_generate.errors import fault_in
from gateway.dialects.gemini_generate.inspecting import whole
from gateway.dialects.gemini_generate.spelling import camel, listed
from gateway.dialects.members import UNREADABLE
from gateway.errors import InvalidJson, InvalidParameter, MissingParameter, UnsupportedCapability, UpstreamError

MOST_TEXTS = 2048  # in one batch

Vector = list[Any]


@dataclass(slots=True)
class Embedding:
    """What is to be embedded. `extras` are members that only this wire has: taskType, title."""

    texts: list[str]
    dimensions: int | None = None
    extras: dict[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of text, which no tokenizer makes more tokens of."""
        return sum(len(text.encode("utf-8", "replace")) for text in self.texts)


@dataclass(slots=True)
class Embedded:
    """Vectors in the order of the texts. `tokens` of the prompt where the provider told them."""

    vectors: list[Vector]
    tokens: int | None = None


def parse_request(body: bytes, *, batch: bool, model: str = "") -> Embedding:
    """What a customer asks for. `model` is the one of the path: one in the body must be the same. Raises InvalidJson,
    MissingParameter, InvalidParameter (also for a batch whose requests want different things), and
    UnsupportedCapability for anything but text."""
    try:
        value = msgspec.json.decode(body)
        body.decode()
    except UNREADABLE:
        raise InvalidJson("The request body is not valid JSON.", position=0) from None
    if not isinstance(value, dict):
        raise InvalidJson("The request body must be a JSON object.", position=0)
    members = camel(value, "")
    if not batch:
        return _single(members, "", model)
    requests = listed(members.get("requests"))
    if not requests:
        raise MissingParameter("The parameter `requests` is required.", param="requests")
    if len(requests) > MOST_TEXTS:
        raise InvalidParameter(f"`requests` may hold at most {MOST_TEXTS}.", param="requests", max=MOST_TEXTS)
    whole_batch: Embedding | None = None
    for at, request in enumerate(requests):
        where = f"requests[{at}]"
        if not isinstance(request, dict):
            raise InvalidParameter(f"`{where}` must be an object.", param=where)
        one = _single(camel(request, f"{where}."), f"{where}.", model)
        if whole_batch is None:
            whole_batch = one
        elif (one.dimensions, one.extras) != (whole_batch.dimensions, whole_batch.extras):
            raise InvalidParameter("All requests of a batch must want the same.", param=where)
        else:
            whole_batch.texts += one.texts
    assert whole_batch is not None
    return whole_batch


def _single(members: dict[str, Any], where: str, model: str) -> Embedding:
    named = members.pop("model", None)
    if named is not None and model and named not in (model, f"models/{model}"):
        raise InvalidParameter(f"`{where}model` must be the model of the address.", param=f"{where}model")
    content = members.pop("content", None)
    if content is None:
        raise MissingParameter(f"`{where}content` is required.", param=f"{where}content")
    if not isinstance(content, dict):
        raise InvalidParameter(f"`{where}content` must be an object.", param=f"{where}content")
    texts: list[str] = []
    for part in listed(content.get("parts")):
        text = part.get("text") if isinstance(part, dict) else None
        if not isinstance(text, str):
            raise UnsupportedCapability("Only text can be embedded.", capability="embedding")
        texts.append(text)
    if not texts:
        raise MissingParameter(f"`{where}content.parts` is required.", param=f"{where}content.parts")
    dimensions = members.pop("outputDimensionality", None)
    if dimensions is not None and (whole(dimensions) or 0) < 1:
        name = f"{where}outputDimensionality"
        raise InvalidParameter(f"`{name}` must be a whole number, at least 1.", param=name, min=1)
    return Embedding(["\n".join(texts)], whole(dimensions), members)


def render_request(embedding: Embedding, model: str) -> bytes:
    """The body for `:batchEmbedContents`, which takes one text as well as many."""
    more = dict(embedding.extras)
    if embedding.dimensions is not None:
        more["outputDimensionality"] = embedding.dimensions
    return msgspec.json.encode(
        {
            "requests": [
                {"model": f"models/{model}", "content": {"parts": [{"text": text}]}, **more} for text in embedding.texts
            ]
        }
    )


def parse_response(body: bytes) -> Embedded:
    """A provider's answer, of one or of many. Raises UpstreamError."""
    try:
        value = msgspec.json.decode(body)
    except UNREADABLE:
        raise UpstreamError(reason="bad_response") from None
    if not isinstance(value, dict) or fault_in(value) is not None:
        raise UpstreamError(reason="bad_response")
    found = value.get("embeddings", [value["embedding"]] if "embedding" in value else None)
    if not isinstance(found, list) or not all(
        isinstance(item, dict) and isinstance(item.get("values"), list) for item in found
    ):
        raise UpstreamError(reason="bad_response")
    usage = read_usage(value.get("usageMetadata")).usage
    return Embedded([item["values"] for item in found], usage.prompt if usage is not None else None)


def render_response(embedded: Embedded, *, batch: bool) -> bytes:
    """The answer to a customer."""
    vectors = [{"values": vector} for vector in embedded.vectors]
    value: dict[str, Any] = {"embeddings": vectors} if batch else {"embedding": vectors[0] if vectors else {}}
    if embedded.tokens is not None:
        value["usageMetadata"] = {"promptTokenCount": embedded.tokens, "totalTokenCount": embedded.tokens}
    return msgspec.json.encode(value)
