"""What a request asks of the simulator itself: faults and pace, in headers or in the last thing that the user said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gateway.providers.simulator import faults, pace
from gateway.providers.simulator.conversation import Answer, Conversation, Finish, Plan
from gateway.providers.simulator.faults import Faults
from gateway.providers.simulator.pace import Pace

REFUSAL = "I'm sorry, but I can't help with that."
PACE_HEADER = "x-simulator-pace"
FILLING = "All work and no play makes this a very long event. "


@dataclass(frozen=True, slots=True)
class Wishes:
    """The faults to show and the pace to keep."""

    faults: Faults
    pace: Pace


def read(headers: Mapping[str, str], said: str, usual: Pace) -> Wishes:
    """The wishes of a request whose last words are `said`; ValueError for wishes that the simulator does not know."""
    wanted = headers.get(PACE_HEADER)
    if match := pace.PHRASE.search(said):
        wanted = match[1]
    return Wishes(faults.asked_for(headers.get(faults.HEADER), said), Pace.read(wanted) if wanted else usual)


def without_wishes(conversation: Conversation) -> Conversation:
    """The conversation as if the wishes had not been said: they are never talked about."""
    return Conversation(
        tuple(
            replace(turn, text=unspoken(turn.text)) if turn.role == "user" and "[[" in turn.text else turn
            for turn in conversation.turns
        )
    )


def unspoken(text: str) -> str:
    """A text without its wishes."""
    return faults.PHRASE.sub("", pace.PHRASE.sub("", text)).strip()


def obeyed(plan: Plan, wanted: Faults) -> Plan:
    """The plan with the faults that change what is said (the others change how it is sent)."""
    answers, tokens = plan.answers, plan.completion_tokens
    if "empty" in wanted:
        answers, tokens = tuple(Answer(finish="blank") for _ in answers), 0
    elif "refusal" in wanted:
        answers = tuple(Answer(refusal=REFUSAL) for _ in answers)
    elif filtered := wanted.get("content-filter"):
        finish: Finish = "content_filter"
        answers = tuple(Answer(text=one.text[: filtered.after(3)], finish=finish) for one in answers)
    elif huge := wanted.get("huge-event"):
        size = huge.size(1024 * 1024)
        event = (FILLING * (size // len(FILLING) + 1))[:size]
        answers, tokens = tuple(Answer(text=(event,)) for _ in answers), len(answers) * (size // 4)
    if other := wanted.get("other-model"):
        plan = replace(plan, model=other.settings.get("name", f"{plan.model}-2026-01-01"))
    if answers is plan.answers:
        return plan
    if "refusal" in wanted or "content-filter" in wanted:
        tokens = sum(len(one.text) or 10 for one in answers)
    return replace(plan, answers=answers, completion_tokens=tokens, reasoning_tokens=0)
