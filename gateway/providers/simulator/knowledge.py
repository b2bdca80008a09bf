"""The little that the simulator knows: capitals, a few facts, short lists, a few translations, greetings.

All of it lies in knowledge.json. Keys of facts, lists and greetings are regular expressions over the question in
lower case.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

KNOWN = json.loads(Path(__file__).with_name("knowledge.json").read_text(encoding="utf-8"))
CAPITALS: dict[str, str] = KNOWN["capitals"]
FACTS: list[tuple[str, str]] = KNOWN["facts"]
LISTS: dict[str, list[str]] = KNOWN["lists"]
TRANSLATIONS: dict[str, dict[str, str]] = KNOWN["translations"]
GREETINGS: dict[str, str] = KNOWN["greetings"]
AFTER_GREETING = r"there|all|everyone|again|world|simulator|how are you(?: today)?"


def capital(question: str) -> str | None:
    """`The capital of France is Paris.` for a question about a capital; None when it is about something else."""
    lowered = question.lower()
    if "capital" not in lowered:
        return None
    for country in sorted(CAPITALS, key=len, reverse=True):
        if re.search(rf"\b{re.escape(country)}\b", lowered):
            name = country.title().replace("The ", "the ").replace("Uk", "UK").replace("Usa", "USA")
            return f"The capital of {name} is {CAPITALS[country]}" + ("" if CAPITALS[country].endswith(".") else ".")
    for country, city in CAPITALS.items():
        if re.search(rf"\b{re.escape(city.lower())}\b", lowered):
            return f"{city} is the capital of {country.title().replace('The ', 'the ')}."
    return None


def fact(question: str) -> str | None:
    """A known fact that the question asks for; None when there is none."""
    lowered = question.lower()
    return capital(question) or next((told for pattern, told in FACTS if re.search(pattern, lowered)), None)


def items(question: str) -> list[str] | None:
    """Members of the kind of thing that the question names; None for kinds that are not known."""
    lowered = question.lower()
    return next((members for kind, members in LISTS.items() if re.search(rf"\b{kind}", lowered)), None)


def translation(question: str) -> str | None:
    """A word in another language; None when the question asks for none or for one that is not known."""
    lowered = question.lower()
    for language, words in TRANSLATIONS.items():
        if re.search(rf"\b(in|into|to) {language}\b", lowered):
            for english, foreign in sorted(words.items(), key=lambda pair: -len(pair[0])):
                if re.search(rf"\b{english}\b", lowered):
                    return f'"{english.capitalize()}" in {language.capitalize()} is "{foreign}".'
    return None


def greeting(question: str, name: str | None) -> str | None:
    """A greeting for a greeting, in its language; None when the question is more than a greeting."""
    bare = re.sub(r"[!.,?¡¿…]+", " ", question.lower()).strip()
    if not bare:
        return None
    for pattern, reply in GREETINGS.items():
        if re.fullmatch(rf"(?:{pattern})(?:\s+(?:{AFTER_GREETING}))*", bare):
            return reply.format(name=f", {name}" if name else "")
    return None
