"""OpenAI's embeddings: vectors that are always the same for one text, and near one another for texts that share words.

Each word adds its own fixed pattern to the vector (feature hashing), so similarity search works in demos.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import struct
from collections.abc import Mapping
from typing import Any

from gateway.providers.simulator import openai_fields as fields
from gateway.providers.simulator import splitting
from gateway.providers.simulator.faults import Faults, spoil
from gateway.providers.simulator.openai_errors import Refusal, invalid
from gateway.providers.simulator.playing import Whole

DIMENSIONS = {"text-embedding-3-large": 3072, "gemini-embedding-001": 3072}
USUAL_DIMENSIONS = 1536
FIXED = ("text-embedding-ada-002",)  # models whose vectors cannot be shortened
MOST_INPUTS, MOST_TOKENS = 2048, 8192
MARKS = 24  # places in the vector that a word leaves its mark on
CHAT = re.compile(r"^(gpt-|o[134](-|$)|claude|grok|chatgpt)", re.IGNORECASE)


def texts(value: Mapping[str, Any]) -> list[str]:
    """The inputs as texts (token numbers become words of their own); Refusal for what OpenAI refuses."""
    given = value.get("input")
    if given is None:
        raise fields.missing("input")
    inputs: list[Any] = given if isinstance(given, list) and not _is_tokens(given) else [given]
    if not inputs or len(inputs) > MOST_INPUTS:
        told = f"Expected an array with length between 1 and {MOST_INPUTS}, but got {len(inputs)} instead."
        raise invalid(f"Invalid 'input': {told}", param="input", code="invalid_value")
    found = []
    for at, one in enumerate(inputs):
        if isinstance(one, list) and _is_tokens(one):
            one = "".join(f" #{token}" for token in one)
        if not isinstance(one, str) or not one:
            raise invalid(
                "'$.input' is invalid. Please check the API reference: https://platform.openai.com/docs/api-reference."
            )
        tokens = splitting.count(one) if "#" not in one else len(one.split())
        if tokens > MOST_TOKENS:
            raise invalid(
                f"Invalid 'input[{at}]': maximum context length is {MOST_TOKENS} tokens, but {tokens} were given.",
                param="input",
                code="context_length_exceeded",
            )
        found.append(one)
    return found


def answer(value: Mapping[str, Any], faults: Faults) -> Whole:
    """The embeddings object for a request; Refusal for what OpenAI refuses."""
    model = str(value.get("model"))
    if CHAT.match(model):
        raise Refusal(403, f"You are not allowed to generate embeddings from this model: {model}.")
    written = fields.one_of(value.get("encoding_format") or "float", "encoding_format", ("float", "base64"))
    size = DIMENSIONS.get(model, USUAL_DIMENSIONS)
    wanted = fields.whole(value, "dimensions", "dimensions", least=1, most=size)
    if wanted is not None and model in FIXED:
        raise invalid("This model does not support specifying dimensions.", param="dimensions")
    inputs = texts(value)
    data = []
    for index, text in enumerate(inputs):
        made = vector(text, size, wanted or size)
        shown = base64.b64encode(struct.pack(f"<{len(made)}f", *made)).decode() if written == "base64" else made
        data.append({"object": "embedding", "index": index, "embedding": shown})
    reply: dict[str, Any] = {"object": "list", "data": data, "model": model}
    if "no-usage" not in faults:
        tokens = sum(splitting.count(text) for text in inputs)
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        wrong = faults.get("wrong-usage")
        reply["usage"] = spoil(usage, wrong.settings.get("kind", "negative")) if wrong else usage
    return Whole(json.dumps(reply, ensure_ascii=False, indent=2).encode(errors="replace"), tokens=1)


def vector(text: str, size: int, wanted: int) -> list[float]:
    """A vector of length 1 with `size` dimensions, cut to the first `wanted` and stretched to length 1 again."""
    places = [0.0] * size
    words = re.findall(r"\w+", text.lower()) or [text]
    for word in words:
        digest = hashlib.shake_128(word.encode(errors="replace")).digest(MARKS * 3)
        for at in range(0, len(digest), 3):
            places[int.from_bytes(digest[at : at + 2], "big") % size] += 1.0 if digest[at + 2] & 1 else -1.0
    whole = hashlib.shake_128(text.encode(errors="replace")).digest(wanted)
    kept = [place + (byte - 127.5) / 2_000 for place, byte in zip(places[:wanted], whole, strict=True)]
    length = math.sqrt(sum(place * place for place in kept)) or 1.0
    return [round(place / length, 8) for place in kept]


def _is_tokens(value: list[Any]) -> bool:
    return bool(value) and all(isinstance(one, int) and not isinstance(one, bool) and one >= 0 for one in value)
