"""What a conversation offers for filling in forms: names, places, numbers, dates, files, quotations."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

from gateway.providers.simulator import knowledge, prose
from gateway.providers.simulator.conversation import Dice

DATE = re.compile(
    r"\b\d{4}-\d{2}-\d{2}\b|\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|\b(?:today|tomorrow|yesterday|tonight)\b|"
    r"\b(?:january|february|march|april|may|june|july|august|september|october|november|december)"
    r" \d{1,2}(?:, \d{4})?\b",
    re.IGNORECASE,
)
CAPITALIZED = re.compile(r"\b[A-Z][\w'’-]*[a-zé](?:(?: (?:de|of|da|del|la))? [A-Z][\w'’-]*[a-zé])*")
NOT_NAMES = frozenset(knowledge.KNOWN["not_names"])  # capitalized words that begin sentences, days and months
PLACES = frozenset(city.lower() for city in knowledge.CAPITALS.values()) | frozenset(
    name for shelf in ("city", "countr") for name in map(str.lower, knowledge.LISTS[shelf])
)
NUMBER = re.compile(r"(?<![\w.-])-?\d+(?:\.\d+)?(?![\w-])")
DEFAULTS = (
    (r"e_?mail", "ada@example.com"),
    (r"phone|mobile", "+1 555 0100"),
    (r"url|link|website|homepage|uri", "https://example.com/"),
    (r"first_?name|given", "Ada"),
    (r"last_?name|surname|family", "Lovelace"),
    (r"(^|_)(name|author|user|person|customer|sender|recipient|owner)($|_)|names$", "Ada Lovelace"),
    (r"country|nation", "France"),
    (r"city|town|location|place|destination|origin|region|address|venue", "Paris"),
    (r"currency", "USD"),
    (r"language|locale|lang$", "English"),
    (r"timezone|time_zone|tz$", "Europe/Paris"),
    (r"colou?r", "blue"),
    (r"unit", "celsius"),
    (r"date|day|deadline|when", "2026-01-15"),
    (r"time|hour", "12:00"),
    (r"(^|_)(path|file|filename|filepath|file_name|file_path)($|_)", "notes.txt"),
    (r"folder|dir|directory|cwd", "."),
    (r"command|cmd|shell|script", "echo hello"),
    (r"version", "1.0.0"),
    (r"symbol|ticker", "ACME"),
    (r"status|state", "open"),
)
TALKATIVE = re.compile(
    r"answer|response|reply|text|content|body|message|summary|description|explanation|reason|comment|note|review|output|result|"
    r"analysis|details|conclusion|thought|opinion|abstract|caption",
)
ASKING = re.compile(
    r"(^|_)(q|query|question|search|prompt|input|keywords?|term|topic|subject|instruction|request|task|pattern)($|_)"
)
PEOPLE = re.compile(r"name|person|participant|people|user|author|attendee|who")
PLACE_LIKE = re.compile(r"city|town|location|place|destination|region|address|country|capital")


@dataclass(frozen=True)
class Hints:
    """What the user asked (`question`) and what a plain answer would be (`answer`); `preferred` overrides names."""

    question: str
    answer: str
    dice: Dice
    preferred: tuple[str, ...] = field(default=())

    def preferring(self, name: str) -> Self:
        """The same hints with one name or place that comes first."""
        return replace(self, preferred=(name,))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Capitalized names in the question, in order; places known to the simulator also without capitals."""
        found: list[str] = []
        for match in CAPITALIZED.finditer(self.question):
            words = match[0].split()
            while words and words[0].lower() in NOT_NAMES:
                words = words[1:]
            if words and " ".join(words) not in found:
                found.append(" ".join(words))
        for word in re.findall(r"[a-zà-ÿ]+", self.question):
            if word in PLACES and word.title() not in found:
                found.append(word.title())
        return tuple(found)

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        """Numbers of the question, as written."""
        return tuple(NUMBER.findall(self.question))

    @cached_property
    def quotations(self) -> tuple[str, ...]:
        """What stands in quotation marks or backticks."""
        return tuple(
            next(filter(None, groups))
            for groups in re.findall(r'"([^"]+)"|“([^”]+)”|`([^`]+)`|\'([^\']{2,})\'', self.question)
        )

    def several(self, name: str) -> int:
        """How many items a list of that name should have: one for each name in the question, else two."""
        return max(2, min(len(self.names), 6)) if PEOPLE.search(name.lower()) or PLACE_LIKE.search(name.lower()) else 2

    def chosen(self, values: list[Any]) -> Any | None:
        """The one of these values that the question names; None when it names none."""
        lowered = self.question.lower()
        for value in sorted((value for value in values if isinstance(value, str) and value), key=len, reverse=True):
            if re.search(rf"(?<!\w){re.escape(value.lower().replace('_', ' '))}(?!\w)", lowered.replace("_", " ")):
                return value
        return None

    def number(self, name: str, at: int = 0) -> str | None:
        """A number for a field of that name: from the answer for results, else the question's, in their order."""
        if at == 0 and re.search(r"answer|result|total|sum$|value|count|output|product", name.lower()):
            from_answer = NUMBER.findall(self.answer.replace(",", ""))
            if from_answer:
                return str(from_answer[-1].rstrip("."))
        return self.numbers[at] if at < len(self.numbers) else None

    def found(self, name: str, description: str = "", at: int = 0) -> str | None:
        """A text that the conversation itself offers for a field of that name; None when it offers nothing."""
        field_name, described = name.lower(), f"{name} {description}".lower()
        candidates = self.preferred or self.names
        if re.search(r"e_?mail", field_name):
            return _first(r"[\w.+-]+@[\w-]+\.[\w.]+\w", self.question)
        if re.search(r"url|link|website|uri", field_name):
            return _first(r"https?://[^\s\"'<>)]+", self.question)
        if re.search(r"path|file", field_name):
            return _first(r"[\w./~-]*\w\.[a-zA-Z]\w{0,5}\b", self.question)
        if re.search(r"date|day|when|deadline", field_name) and (match := DATE.search(self.question)):
            return match[0]
        if PLACE_LIKE.search(field_name) or PEOPLE.search(field_name):
            return candidates[at % len(candidates)] if candidates else None
        if re.search(r"command|cmd|code|script|expression|formula", field_name) or TALKATIVE.search(field_name):
            return self.quotations[at % len(self.quotations)] if self.quotations else None
        if ASKING.search(field_name):
            return self.quotations[0] if self.quotations else self.question.strip()[:500] or None
        if PLACE_LIKE.search(described) and candidates:
            return candidates[at % len(candidates)]
        return None

    def text(self, name: str, description: str = "", at: int = 0) -> str:
        """A fitting text for a field of that name, never empty."""
        if found := self.found(name, description, at):
            return found
        lowered = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
        if TALKATIVE.search(lowered) and self.answer:
            return self.answer
        if default := next((value for pattern, value in DEFAULTS if re.search(pattern, lowered)), None):
            return default
        if re.search(r"(^|_)(id|uuid|key|token|code|ref|reference|sku)($|_)", lowered):
            return self.dice.word((name, at), 8).lower()
        topic = prose.topic_of(self.question)
        if re.search(r"title|heading|headline|label|tag|category|genre|kind|type", lowered):
            return topic[:1].upper() + topic[1:]
        return topic if at == 0 else f"{topic} ({prose.ASPECTS[at % len(prose.ASPECTS)]})"

    def value(self, name: str) -> str | int:
        """A value for a field of which only the name is known: a number where the name speaks of one."""
        if re.search(r"age$|count|number|quantity|year|price|amount|total|score|rating|length|size", name.lower()):
            number = self.number(name)
            return int(number) if number and number.lstrip("-").isdigit() else 1 + self.dice.roll(name, 99)
        return self.text(name)


def _first(pattern: str, text: str) -> str | None:
    match = re.search(pattern, text)
    return match[0] if match else None
