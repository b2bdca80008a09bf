"""The one core of the simulator: a conversation and what is wanted of it → the whole answer, in no wire format.

Everything is a function of the request's content: the same conversation, model and seed give the same answer.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace

from gateway.providers.simulator import prose, schemas, splitting, talk, toolcalls
from gateway.providers.simulator.conversation import (
    Answer,
    Conversation,
    Dice,
    Finish,
    Options,
    Plan,
    ToolCall,
    fingerprint_of,
)
from gateway.providers.simulator.hints import Hints

PER_MESSAGE, PRIMING = 3, 3  # tokens around each message and before the answer, as OpenAI counts them
PER_CALL = 4  # tokens that a tool call takes besides its name and arguments
THINKS = re.compile(r"(^|[-_/.])(o[134]|r1|think\w*|reason\w*|m[123](\.\d)?)($|[-_.:])|gpt-[56]", re.IGNORECASE)
SHOWS_ITS_THOUGHTS = re.compile(r"deepseek|qwq|minimax|glm|grok.*think", re.IGNORECASE)
EFFORTS = {"none": 0, "minimal": 8, "low": 32, "medium": 64, "high": 160, "xhigh": 320, "max": 480}
BUDGET_USED = 48  # of a budget for thought, so many parts are left for each one that is used
KEYS = re.compile(
    r"\b(?:keys?|fields?|properties|property|attributes?)\b(?: named| called)?[:\s]+"
    r"([\"'`]?\w+[\"'`]?(?:(?:\s*,\s*(?:and\s+)?|\s+and\s+)[\"'`]?\w+[\"'`]?)*)"
)


def answer(conversation: Conversation, options: Options) -> Plan:
    """What this make-believe model says. `cached_tokens` is left 0: only the memory of earlier prompts knows."""
    seed = fingerprint_of(conversation, options.model, options.seed)  # a lower limit cuts the same answer shorter
    answers = tuple(_choice(conversation, options, Dice(f"{seed}/{index}")) for index in range(options.choices))
    prompt = _prompt(conversation, options)
    reasoning = sum(len(one.reasoning) for one in answers)
    return Plan(
        id=Dice(fingerprint_of(conversation, options)).word("id", 29),
        model=options.model,
        fingerprint="fp_" + fingerprint_of(options.model, options.seed)[:10],
        answers=answers,
        prompt=prompt,
        prompt_tokens=_weigh(conversation, prompt),
        completion_tokens=reasoning + sum(_weight(one) for one in answers),
        reasoning_tokens=reasoning,
        shows_reasoning=bool(SHOWS_ITS_THOUGHTS.search(options.model)),
    )


def prompt_tokens(conversation: Conversation, options: Options) -> int:
    """How many tokens the model would read."""
    return _weigh(conversation, _prompt(conversation, options))


def thinks(model: str) -> bool:
    """Whether a model of that name reasons before it answers."""
    return bool(THINKS.search(model))


def _choice(conversation: Conversation, options: Options, dice: Dice) -> Answer:
    spoken = talk.reply(conversation, options, dice)
    reasoning = _reasoning(conversation, options, dice)
    left = None if options.max_tokens is None else max(0, options.max_tokens - len(reasoning))
    hints = Hints(conversation.question, spoken, dice)
    if calls := toolcalls.choose(conversation, options, hints):
        return _called(calls, reasoning, left)
    if options.shape == "schema":
        spoken = json.dumps(schemas.instance(options.schema or {}, hints), ensure_ascii=False)
    elif options.shape == "json":
        spoken = json.dumps(_object(conversation, hints), ensure_ascii=False)
    finish: Finish = "stop"
    cut, stopped = min(
        ((at, stop) for stop in options.stop if stop and (at := spoken.find(stop)) >= 0), default=(len(spoken), None)
    )
    text = splitting.split(spoken[:cut])
    if left is not None and len(text) > left:
        text, finish, stopped = text[:left], "length", None
    return Answer(text=tuple(text), reasoning=reasoning, finish=finish, stopped=stopped)


def _reasoning(conversation: Conversation, options: Options, dice: Dice) -> tuple[str, ...]:
    """The thoughts before the answer; never more than half of what may be said in all, so that an answer remains."""
    if options.thinking is not None:
        wanted = min(options.thinking, EFFORTS["minimal"] + options.thinking // BUDGET_USED)
    elif thinks(options.model) or options.effort:
        wanted = EFFORTS.get(options.effort or "medium", EFFORTS["medium"])
    else:
        wanted = 0
    if not wanted:
        return ()
    wanted += dice.roll("thinking", wanted // 2 + 1)
    if options.thinking is not None:
        wanted = min(wanted, options.thinking)
    if options.max_tokens is not None:
        wanted = min(wanted, options.max_tokens // 2)
    topic = prose.topic_of(conversation.question)
    tokens = splitting.split(f"The user asks about {topic}. Let me think. ")
    told = prose.sentences(topic, dice)
    while len(tokens) < wanted:
        tokens += splitting.split(next(told) + " ")
    return tuple(tokens[:wanted])


def _called(calls: tuple[ToolCall, ...], reasoning: tuple[str, ...], left: int | None) -> Answer:
    """Tool calls within the limit; the call in which the limit falls keeps only the beginning of its arguments."""
    kept: list[ToolCall] = []
    for call in calls:
        head, written = splitting.count(call.name) + PER_CALL, splitting.split(call.arguments)
        if left is not None and head + len(written) > left:
            if head < left:
                kept.append(replace(call, arguments="".join(written[: left - head])))
            return Answer(reasoning=reasoning, tool_calls=tuple(kept), finish="length")
        left = None if left is None else left - head - len(written)
        kept.append(call)
    return Answer(reasoning=reasoning, tool_calls=tuple(kept), finish="tool_calls")


def _weigh(conversation: Conversation, prompt: tuple[str, ...]) -> int:
    """Tokens of a prompt with what is attached to it and what frames its messages."""
    attached = sum(attachment.tokens for turn in conversation.turns for attachment in turn.attachments)
    return len(prompt) + attached + PER_MESSAGE * len(conversation.turns) + PRIMING


def _weight(one: Answer) -> int:
    """Tokens of an answer without its reasoning."""
    calls = sum(splitting.count(call.name) + PER_CALL + splitting.count(call.arguments) for call in one.tool_calls)
    return len(one.text) + calls + (splitting.count(one.refusal) if one.refusal else 0)


def _object(conversation: Conversation, hints: Hints) -> dict[str, object]:
    """A JSON object with the keys that the conversation asks for, else an answer and its topic."""
    told = f"{conversation.instructions}\n{conversation.question}"
    for candidate in re.findall(r"\{[^{}]{2,600}\}", told):
        try:
            example = json.loads(candidate)
        except ValueError:
            continue
        return {key: value if not isinstance(value, str) else hints.text(key) for key, value in example.items()}
    if match := KEYS.search(told):
        return {key: hints.value(key) for key in re.findall(r"\w+", match[1]) if key != "and"}
    return {"answer": hints.answer, "topic": prose.topic_of(hints.question)}


def _prompt(conversation: Conversation, options: Options) -> tuple[str, ...]:
    """Every token of text that the model would read, tools and schema first: the order in which prefixes are cached."""
    parts = [json.dumps([tool.name, tool.description, tool.schema], default=str) for tool in options.tools]
    if options.schema:
        parts.append(json.dumps(options.schema, default=str))
    for turn in conversation.turns:
        parts.append(turn.text)
        parts += [f"{call.name} {call.arguments}" for call in turn.tool_calls]
    return tuple(token for part in parts for token in splitting.split(part))
