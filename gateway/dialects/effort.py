"""How hard a model thinks, in words and in tokens: some wires know only one, some models only the other."""

from __future__ import annotations

from gateway.canonical import Thinking

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")

# Tokens of thinking that stand for a word, for providers that want a number.
BUDGETS = {"none": 0, "minimal": 128, "low": 1024, "medium": 2048, "high": 4096, "xhigh": 8192, "max": 16384}


def budget_of(thinking: Thinking) -> int | None:
    """The budget in tokens; None: the model's own choice. -1, a wire's word for that, counts as None."""
    if thinking.budget is not None:
        return thinking.budget if thinking.budget >= 0 else None
    return BUDGETS.get(thinking.effort) if thinking.effort is not None else None


def effort_of(thinking: Thinking) -> str | None:
    """The effort in words; None: the model's own choice."""
    if thinking.effort is not None or thinking.budget is None or thinking.budget < 0:
        return thinking.effort
    if thinking.budget == 0:
        return "none"
    if thinking.budget <= BUDGETS["low"]:
        return "low"
    return "medium" if thinking.budget <= BUDGETS["medium"] else "high"


def nearest(effort: str, allowed: tuple[str, ...]) -> str:
    """The nearest of the words that a model knows; of two equally near the lower one. Unknown words stay."""
    if effort in allowed or effort not in EFFORTS or not allowed:
        return effort
    wanted = EFFORTS.index(effort)
    return min((word for word in allowed if word in EFFORTS), key=lambda word: abs(EFFORTS.index(word) - wanted))
