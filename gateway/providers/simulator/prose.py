"""Text of any length about any topic: sentences that differ from one another and keep to the point."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway.providers.simulator.conversation import Dice

FILLER = re.compile(
    r"^(?:please|kindly|ok|okay|hey|hi|hello|so|and|now|then|can you|could you|would you|will you|i want(?: you)? to|"
    r"i'd like(?: you)? to|i need(?: you)? to|help me(?: to)?|let's|tell me|tell us|explain(?: to me)?|describe|"
    r"discuss|define|compare|write|compose|create|generate|give|make|produce|draft|show|list|name|continue|talk|answer|"
    r"me|us|a|an|the|some|one|two|three|four|five|six|seven|eight|nine|ten|\d+|very|really|long|short|brief|detailed|quick|simple|few|more|"
    r"words?|sentences?|paragraphs?|lines?|pages?|essay|story|article|poem|text|report|blog post|post|letter|"
    r"speech|summary|about|on|of|for|with|what(?:'s| is| are| was| were| does| do)|who(?:'s| is| are| was)|"
    r"how|why|when|where|which|do|does|did|is|are|was|were|can|should|you|i|know|think(?: hard)?|in detail)\b[\s,:]*",
    re.IGNORECASE,
)
ASPECTS = (
    "history", "everyday use", "cost", "human side", "future", "outer limit", "first principle", "most common mistake",
    "best example", "practical side", "scale", "open question", "rule of thumb", "hidden detail", "first step",
    "long view",
)  # fmt: skip
SENTENCES = (
    "The {aspect} of {topic} is where most people begin.",
    "A look at the {aspect} makes {topic} simpler than expected.",
    "There are three things to say about the {aspect} of {topic}: it grows, it changes, and it rewards patience.",
    "Many have asked what the {aspect} means for {topic}, and the answers differ.",
    "A good way to understand {topic} is to follow the {aspect} step by step.",
    "Seen from the {aspect}, the subject of {topic} connects things that are usually kept apart.",
    "It helps to keep one example of {topic} in mind while thinking about the {aspect}.",
    "The {aspect} explains why so many people care about {topic}.",
    "Nobody should judge {topic} without having considered the {aspect}.",
    "In practice, {topic} and the {aspect} cannot be separated for long.",
    "Small changes in the {aspect} lead to large changes in {topic}.",
    "Whoever works with {topic} every day talks about the {aspect} first.",
    "The {aspect} also shows where {topic} must end.",
    "Two careful observers of {topic} can disagree about the {aspect} and both be right.",
    "What is written about the {aspect} of {topic} would fill a shelf, yet the core fits on a page.",
    "Among its neighbours, the subject of {topic} stands out by its {aspect}.",
)
OPENINGS = (
    "Here is what can be said about {topic}.",
    "{Topic}: a rewarding subject.",
    "Let us take {topic} one step at a time.",
    "A few words about {topic}.",
)
SHORT = (
    "The short version: whoever wants to understand {topic} looks at the {aspect} first and at the {other} second.",
    "In brief, two things decide about {topic}: the {aspect} and the {other}.",
    "What matters most about {topic} is the {aspect}; the {other} follows from it.",
)


def topic_of(question: str) -> str:
    """What a question is about, in at most ten words: `photosynthesis` for "Please explain photosynthesis to me!"."""
    sentences = [part for part in re.split(r"(?<=[.!?。？！])\s+|\n+", question.strip()) if part.strip()]
    asked = next((part for part in sentences if part.rstrip().endswith("?")), sentences[-1] if sentences else "")
    text = re.sub(r"[\s.!?。？！:;,]+$", "", asked.strip())
    text = re.sub(
        r"\b(?:to me|for me|please|in detail|in (?:about |at least )?\d+ words)$", "", text, flags=re.IGNORECASE
    ).strip()
    shortened = text
    while (rest := FILLER.sub("", shortened, count=1)) != shortened:
        shortened = rest
    words = (shortened or text).split()
    return " ".join(words[:10]) + ("…" if len(words) > 10 else "") if words else "this"


def paragraph(topic: str, dice: Dice) -> str:
    """Two or three sentences about the topic."""
    first = dice.roll("aspect", len(ASPECTS))
    other = ASPECTS[(first + 1 + dice.roll("other", len(ASPECTS) - 1)) % len(ASPECTS)]
    opening = dice.pick("opening", OPENINGS).format(topic=topic, Topic=_capital(topic))
    return f"{opening} " + dice.pick("short", SHORT).format(topic=topic, aspect=ASPECTS[first], other=other)


def sentences(topic: str, dice: Dice) -> Iterator[str]:
    """Sentences about the topic without end; none repeats before some 250 have been told."""
    start, step = dice.roll("start", len(ASPECTS)), 1 + 2 * dice.roll("step", 8)  # odd, so it visits every aspect
    number = 0
    while True:
        round_, at = divmod(number, len(ASPECTS))
        aspect = ASPECTS[(start + at * step) % len(ASPECTS)]
        sentence = SENTENCES[(start + at + round_) % len(SENTENCES)].format(topic=topic, aspect=aspect)
        again = number // (len(ASPECTS) * len(SENTENCES))
        yield (
            sentence
            if not again
            else f"Once more, for the {_ordinal(again + 1)} time: {sentence[0].lower()}{sentence[1:]}"
        )
        number += 1


def essay(topic: str, words: int, dice: Dice) -> str:
    """Paragraphs of five sentences with at least so many words."""
    parts, told = [f"{_capital(topic)}\n\n"], 0
    for number, sentence in enumerate(sentences(topic, dice), start=1):
        told += len(sentence.split())
        if told >= words:
            parts.append(sentence)
            break
        parts.append(sentence + ("\n\n" if number % 5 == 0 else " "))
    return "".join(parts)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _ordinal(number: int) -> str:
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
