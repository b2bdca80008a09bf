"""What the simulator says: one text for one conversation, always the same for the same conversation."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from gateway.providers.simulator import arithmetic, knowledge, programs, prose
from gateway.providers.simulator.conversation import Conversation, Dice, Options

LONGEST = 16_000  # words of an essay that was asked for without a length and without max_tokens
LONGEST_OF_ALL = 131_072  # words of all choices together, whatever the limit
EXACTLY = re.compile(
    r"^(?:please\s+)?(?:just\s+|only\s+)?"
    r"(?:say|repeat(?: after me)?|echo|print|(?:reply|respond|answer)(?: only| just)? with(?: only| just| exactly)?"
    r"(?: the (?:single )?(?:word|text|phrase|string|following))?)"
    r"(?: exactly| only| just)?(?:(?: this)?\s*:\s*|\s+)(.+)$",
    re.IGNORECASE | re.DOTALL,
)
LONG = re.compile(
    r"\b(essay|story|article|long|lengthy|in (?:great )?detail|detailed|as (?:much|long) as (?:you can|possible)|"
    r"report|novel|chapter|never stop|keep (?:talking|writing)|speech|poem)\b",
    re.IGNORECASE,
)
REMEMBERED = re.compile(r"\bmy ((?:[a-z]+ ){0,2}[a-z]+) is ((?:(?! and my\b)[^.,;!?\n]){1,60})", re.IGNORECASE)
NAMED = re.compile(r"\b(?:i am|i'm|call me) ([A-Z][\w'-]{1,30})\b")
Responder = Callable[[Conversation, Options, Dice], str | None]


def reply(conversation: Conversation, options: Options, dice: Dice) -> str:
    """The answer in plain text, before any limit or stop sequence."""
    if conversation.results:
        text = _with_results(conversation)
    else:
        replies = (responder(conversation, options, dice) for responder in RESPONDERS)
        text = _with_attachments(conversation, next(reply for reply in replies if reply is not None))
    return _in_style(conversation.instructions, text)


def facts_told(conversation: Conversation) -> dict[str, str]:
    """What the user told about themselves: {"name": "Ada", "favourite colour": "green"}; later tellings win."""
    told: dict[str, str] = {}
    for said in (*conversation.earlier, conversation.question):
        if match := NAMED.search(said):
            told["name"] = match[1]
        told |= {
            key.lower(): value.strip() for key, value in REMEMBERED.findall(said) if not said.strip().endswith("?")
        }
    return told


# --- The responders, first come first served ------------------------------------------------------------


def _echo(conversation: Conversation, options: Options, dice: Dice) -> str | None:
    match = EXACTLY.match(conversation.question.strip())
    if not match or LONG.search(conversation.question):
        return None
    wanted = match[1].strip()
    for opening, closing in ('""', "''", "“”", "``", "«»"):
        if wanted.rstrip(".!").startswith(opening) and wanted.rstrip(".!").endswith(closing) and len(wanted) > 2:
            return wanted.rstrip(".!")[1:-1]
    return re.sub(r"\s+and nothing else\.?$", "", wanted)


def _title(conversation: Conversation, options: Options, dice: Dice) -> str | None:
    asked = f"{conversation.instructions}\n{conversation.question}"
    if not re.search(r"\b(generate|write|create|suggest|give|output)\b.{0,60}\btitle\b", asked, re.IGNORECASE):
        return None
    about = next((said for said in conversation.earlier if said), conversation.question)
    return prose.topic_of(about)[:60].strip().capitalize()


def _recall(conversation: Conversation, options: Options, dice: Dice) -> str | None:
    question = conversation.question.lower()
    if re.search(
        r"\bsummar|\brecap\b|what (did|have) (i|we) (say|said|ask|talk|discuss)|what was my (first|last|previous)",
        question,
    ):
        earlier = conversation.earlier
        if not earlier:
            return None
        if "first" in question:
            return f"Your first message was: “{_short(earlier[0])}”."
        if re.search(r"\b(last|previous)\b", question):
            return f"Your previous message was: “{_short(earlier[-1])}”."
        told = "; then ".join(f"“{_short(said)}”" for said in earlier[-8:])
        return f"Earlier you said {told}. That makes {len(earlier)} message{'s' if len(earlier) != 1 else ''} so far."
    if match := re.search(
        r"(?:what(?:'s| is| was)|do you (?:know|remember)|who am i|tell me) ?(?:my ([a-z ]{2,40}))?\??", question
    ):
        told_before = facts_told(conversation)
        wanted = (match[1] or ("name" if "who am i" in question else "")).strip()
        if wanted and (value := told_before.get(wanted)):
            return f"Your {wanted} is {value}."
    return None


def _count(conversation: Conversation, options: Options, dice: Dice) -> str | None:
    question = conversation.question
    if match := re.search(
        r"\bcount\b(?:[^.\d]{0,20}?from\s+(-?\d+))?[^.\d]{0,30}?\bto\s+(-?\d+)", question, re.IGNORECASE
    ):
        first, last = int(match[1] or 1), int(match[2])
        step = 1 if last >= first else -1
        return ", ".join(str(number) for number in range(first, last + step, step)[:20_000])
    if match := re.search(
        r"how many (letters|characters|words) (?:are )?(?:there )?in (.+?)\??$", question.strip(), re.IGNORECASE
    ):
        text = match[2].strip().strip("\"'“”`").removeprefix("the word ").strip("\"'“”`")
        unit = match[1].lower()
        number = len(text.split()) if unit == "words" else sum(c.isalpha() if unit == "letters" else 1 for c in text)
        return f"“{text}” has {number} {unit if number != 1 else unit[:-1]}."
    return None


def _greet(conversation: Conversation, options: Options, dice: Dice) -> str | None:
    question, name = conversation.question.strip(), facts_told(conversation).get("name")
    if greeting := knowledge.greeting(question, name):
        return greeting
    bare = re.sub(r"[^\w\s']", "", question.lower())
    if re.fullmatch(r"(many )?(thanks|thank you|thx|merci|danke|gracias)( (so|very) much| a lot)?", bare):
        return "You're welcome! Is there anything else?"
    if re.fullmatch(r"(good)?bye( bye)?|see you( later)?|ciao|ok bye", bare):
        return "Goodbye!"
    if re.search(r"\b(who|what) are you\b|\bwhat model\b|\bwhich model\b|\byour name\b", bare):
        return (
            f"I am {options.model}, played by Tollgate's simulator: all is as with the real model, except the wisdom."
        )
    if "how are you" in bare:
        return "Very well, thank you! What can I do for you?"
    if not conversation.earlier and (match := REMEMBERED.search(question)) and not question.endswith("?"):
        return (
            f"Nice to meet you, {match[2]}!"
            if match[1].lower() == "name"
            else f"I will remember that your {match[1]} is {match[2]}."
        )
    return f"Nice to meet you, {match[1]}!" if (match := NAMED.fullmatch(question.rstrip(".! "))) else None


def _know(conversation: Conversation, options: Options, dice: Dice) -> str | None:
    question = conversation.question
    if len(question) > 2_000:
        return None
    if known := knowledge.fact(question) or knowledge.translation(question):
        return known
    solved = arithmetic.solve(question)
    return f"{solved}." if solved else None


def _program(conversation: Conversation, options: Options, dice: Dice) -> str | None:
    question = conversation.question
    return programs.program(question, prose.topic_of(question)) if programs.asked_for(question) else None


def _list(conversation: Conversation, options: Options, dice: Dice) -> str | None:
    question = conversation.question
    number = re.search(r"\b(\d{1,3})\b", question) or re.search(
        r"\b(two|three|four|five|six|seven|eight|nine|ten)\b", question, re.IGNORECASE
    )
    if not re.search(r"\b(list|name|give me|tell me|what are)\b", question, re.IGNORECASE) or re.search(
        r"\bwords?\b", question
    ):
        return None
    members = knowledge.items(question)
    if number is None and members is None:
        return None
    wanted = min(int(arithmetic.WORDS.get(number[1].lower(), number[1])), 200) if number else 5
    topic = prose.topic_of(question)
    kinds = members or tuple(f"The {aspect} of {topic}" for aspect in prose.ASPECTS)
    return "\n".join(f"{place}. {kinds[(place - 1) % len(kinds)]}" for place in range(1, max(1, wanted) + 1))


def _essay(conversation: Conversation, options: Options, dice: Dice) -> str | None:
    question = conversation.question
    length = re.search(r"\b(\d{2,6})[\s-]*words?\b", question)
    if not length and not LONG.search(question):
        return None
    endless = re.search(r"as (much|long) as|never stop|keep (talking|writing)|novel", question, re.IGNORECASE)
    words = int(length[1]) if length else (options.max_tokens or 3_000) if endless else 350
    bound = min(options.max_tokens or LONGEST, LONGEST_OF_ALL // options.choices)
    return prose.essay(prose.topic_of(question), min(words, bound), dice)


def _anything(conversation: Conversation, options: Options, dice: Dice) -> str | None:
    if not conversation.question.strip():
        return "I am listening. What would you like to know?"
    told = prose.paragraph(prose.topic_of(conversation.question), dice)
    if conversation.earlier:
        told += f" Earlier you said “{_short(conversation.earlier[-1])}”, which belongs to the same picture."
    return told


RESPONDERS: tuple[Responder, ...] = (_echo, _title, _recall, _count, _greet, _know, _program, _list, _essay, _anything)


# --- What the rest of the conversation adds -----------------------------------------------------------------


def _with_attachments(conversation: Conversation, text: str) -> str:
    last = next((turn for turn in reversed(conversation.turns) if turn.role == "user"), conversation.last)
    seen = []
    for kind, verb in (("picture", "see"), ("document", "have read"), ("recording", "hear")):
        number = sum(attachment.kind == kind for attachment in last.attachments)
        if number:
            names = ", ".join(a.name for a in last.attachments if a.kind == kind and a.name)
            seen.append(
                f"I {verb} {number} {kind}{'s' if number != 1 else ''}" + (f" ({names})" if names else "") + "."
            )
    return " ".join([*seen, text]) if seen else text


def _with_results(conversation: Conversation) -> str:
    told = []
    for name, result in conversation.results:
        try:
            value = json.loads(result)
        except ValueError:
            value = result
        if isinstance(value, dict) and value.get("error"):
            told.append(f"{name} failed: {_plain(value['error'])}.")
        else:
            told.append(f"According to {name}: {_plain(value)}.")
    asked = prose.topic_of(conversation.question)
    return " ".join(told) + (f" That answers your question about {asked}." if asked != "this" else "")


def _plain(value: Any) -> str:
    """A value of JSON in words, at most some 600 characters."""
    if isinstance(value, dict):
        text = ", ".join(f"{str(key).replace('_', ' ')} is {_plain(item)}" for key, item in list(value.items())[:12])
    elif isinstance(value, list):
        text = ", ".join(_plain(item) for item in value[:12])
    elif isinstance(value, bool) or value is None:
        text = {True: "yes", False: "no", None: "nothing"}[value]
    else:
        text = str(value).strip().rstrip(".")
    return _short(text or "nothing", 600)


def _in_style(instructions: str, text: str) -> str:
    lowered = instructions.lower()
    if re.search(r"\b(one|single) word\b", lowered):
        text = re.sub(r"[.,!?]+$", "", text.split()[-1]) if text.split() else text
    elif re.search(r"\bone sentence\b|\bbrief|\bconcise", lowered) and "```" not in text:
        text = re.split(r"(?<=[.!?])\s", text, maxsplit=1)[0]
    if re.search(r"\b(all caps|upper ?case|capital letters)\b", lowered):
        text = text.upper()
    return text


def _short(text: str, length: int = 120) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"
