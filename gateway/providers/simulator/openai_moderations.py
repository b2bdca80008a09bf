"""OpenAI's moderations: a text is flagged for the words that stand in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.providers.simulator import openai_fields as fields
from gateway.providers.simulator import wishes
from gateway.providers.simulator.conversation import Dice, fingerprint_of
from gateway.providers.simulator.openai_errors import invalid
from gateway.providers.simulator.playing import Whole

CATEGORIES: Mapping[str, tuple[str, ...]] = {
    "harassment": ("idiot", "stupid", "loser"),
    "harassment/threatening": ("i will hurt you",),
    "hate": ("i hate them all",),
    "hate/threatening": (),
    "illicit": ("buy drugs", "counterfeit"),
    "illicit/violent": ("build a bomb",),
    "self-harm": ("hurt myself",),
    "self-harm/instructions": (),
    "self-harm/intent": ("hurt myself",),
    "sexual": ("pornographic",),
    "sexual/minors": (),
    "violence": ("kill", "murder", "i will hurt you", "bomb"),
    "violence/graphic": ("gore",),
}
USUAL = "omni-moderation-latest"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be judged: one text or more, or one with `pictures`."""

    model: str
    texts: tuple[str, ...]
    pictures: bool


def parse(value: Mapping[str, Any]) -> Asked:
    """The request; Refusal for what OpenAI refuses."""
    given = value.get("input")
    if given is None:
        raise fields.missing("input")
    model = fields.text(value, "model", "model") or USUAL
    if isinstance(given, str):
        return Asked(model, (given,), pictures=False)
    if not isinstance(given, list) or not given:
        raise invalid("Invalid 'input': expected a text, or an array of texts or of parts.", param="input")
    if all(isinstance(one, str) for one in given):
        return Asked(model, tuple(given), pictures=False)
    parts = [fields.record(part, f"input[{at}]") for at, part in enumerate(given)]
    for at, part in enumerate(parts):
        fields.one_of(part.get("type"), f"input[{at}].type", ("text", "image_url"))
    text = "\n".join(str(part.get("text")) for part in parts if part["type"] == "text")
    return Asked(model, (text,), pictures=any(part["type"] == "image_url" for part in parts))


def answer(asked: Asked) -> Whole:
    """The moderation object: one result for each text."""
    results = [_result(wishes.unspoken(text).lower(), asked) for text in asked.texts]
    value = {"id": f"modr-{fingerprint_of(asked.texts)[:24]}", "model": asked.model, "results": results}
    return Whole(json.dumps(value, indent=2).encode(), tokens=1)


def _result(text: str, asked: Asked) -> dict[str, Any]:
    found = {name: any(word in text for word in words) for name, words in CATEGORIES.items()}
    dice = Dice(text)
    scores = {name: (90_000 + dice.roll(name, 9_999)) if hit else dice.roll(name, 500) for name, hit in found.items()}
    kinds = ["text", "image"] if asked.pictures else ["text"]
    return {
        "flagged": any(found.values()),
        "categories": found,
        "category_scores": {name: score / 100_000 for name, score in scores.items()},
        "category_applied_input_types": dict.fromkeys(found, kinds),
    }
