"""Which tools a question calls for, and with what arguments."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from gateway.providers.simulator import knowledge, schemas
from gateway.providers.simulator.conversation import Conversation, Dice, Options, Tool, ToolCall
from gateway.providers.simulator.hints import PLACE_LIKE, Hints

FITS = 3  # points from which a tool suits a question
MOST = 4  # calls at once
IN_NAME, IN_VALUES, IN_DESCRIPTION = 3, 2, 1
IDLE = frozenset(knowledge.KNOWN["idle_words"])  # words that say nothing about what a tool does


def choose(conversation: Conversation, options: Options, hints: Hints) -> tuple[ToolCall, ...]:
    """The calls to make now; empty when the answer should be text.

    After tool results the answer is text, unless a call is required. With several places in the question and one
    fitting tool that takes a place, it is called once for each.
    """
    tools = [tool for tool in options.tools if options.allowed is None or tool.name in options.allowed]
    if not tools or options.tool_choice == "none":
        return ()
    if conversation.results and options.tool_choice != "required":
        return ()
    scored = sorted(((_score(tool, hints.question), -at, tool) for at, tool in enumerate(tools)), reverse=True)
    best = scored[0][0]
    if options.tool_choice == "required" and best < FITS:
        return (_call(scored[0][2], hints),)
    fitting = [tool for score, _, tool in scored if score >= FITS and 2 * score >= best]
    if not fitting:
        return ()
    if not options.parallel:
        return (_call(fitting[0], hints),)
    if len(fitting) == 1 and len(places := _places(fitting[0], hints)) > 1:
        return tuple(_call(fitting[0], hints.preferring(place)) for place in places[:MOST])
    in_order = sorted(fitting[:MOST], key=options.tools.index)
    return tuple(_call(tool, hints) for tool in in_order)


def _score(tool: Tool, question: str) -> int:
    asked = _stems(question)
    score = IN_NAME * len(asked & _stems(tool.name)) + IN_DESCRIPTION * len(asked & _stems(tool.description))
    properties = (tool.schema or {}).get("properties")
    for name, inner in properties.items() if isinstance(properties, Mapping) else ():
        described = inner if isinstance(inner, Mapping) else {}
        values = " ".join(value for value in described.get("enum") or () if isinstance(value, str))
        score += IN_VALUES * len(asked & _stems(values))
        score += IN_DESCRIPTION * len(asked & _stems(f"{name} {described.get('description', '')}"))
    return score


def _stems(text: str) -> set[str]:
    words = re.findall(r"[a-z]{2,}|[^\W\d_a-zA-Z]{2,}", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).lower())
    return {re.sub(r"(?:ing|ed|es|s|e)$", "", word) if len(word) > 4 else word for word in words if word not in IDLE}


def _places(tool: Tool, hints: Hints) -> tuple[str, ...]:
    """The places for which the tool would have to be called one by one."""
    schema = tool.schema or {}
    required = [name for name in schema.get("required") or () if isinstance(name, str)]
    properties = schema.get("properties")
    taken = [
        name
        for name, inner in (properties.items() if isinstance(properties, Mapping) else ())
        if isinstance(inner, Mapping) and inner.get("type") == "string" and PLACE_LIKE.search(name.lower())
    ]
    if len(taken) != 1 or (required and required != taken and taken[0] not in required):
        return ()
    return hints.names


def _call(tool: Tool, hints: Hints) -> ToolCall:
    if tool.schema is None:
        written = hints.quotations[0] if hints.quotations else hints.question.strip() or hints.answer
        return ToolCall(_id(tool, written, hints.dice), tool.name, written, free_form=True)
    arguments = schemas.instance({"type": "object", **tool.schema}, hints, sparing=True)
    written = json.dumps(arguments, ensure_ascii=False)
    return ToolCall(_id(tool, written, hints.dice), tool.name, written)


def _id(tool: Tool, arguments: str, dice: Dice) -> str:
    return "call_" + dice.word((tool.name, arguments), 24)
