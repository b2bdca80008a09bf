"""`thinkingConfig`: how much a model is asked to think, in words or in tokens. Sending both is refused."""

from __future__ import annotations

from typing import Any

from gateway.canonical import ChatRequest, Thinking
from gateway.dialects.effort import budget_of, effort_of, nearest
from gateway.dialects.gemini_generate.generations import Generation
from gateway.dialects.gemini_generate.inspecting import whole
from gateway.dialects.gemini_generate.spelling import camel
from gateway.errors import InvalidParameter

_WHERE = "generationConfig.thinkingConfig"
DYNAMIC = -1  # the model's own choice of a budget


def parse_thinking(value: Any) -> Thinking | None:
    """What a customer asked for. Raises InvalidParameter."""
    if value is None:
        return None
    members = camel(value, f"{_WHERE}.")
    level, budget = members.get("thinkingLevel"), members.get("thinkingBudget")
    shown = members.get("includeThoughts", False)  # this wire tells thoughts to those who ask
    if not isinstance(level, str | None):
        raise InvalidParameter(f"`{_WHERE}.thinkingLevel` must be a string.", param=f"{_WHERE}.thinkingLevel")
    if budget is not None and whole(budget) is None:
        raise InvalidParameter(f"`{_WHERE}.thinkingBudget` must be a whole number.", param=f"{_WHERE}.thinkingBudget")
    if not isinstance(shown, bool):
        raise InvalidParameter(f"`{_WHERE}.includeThoughts` must be true or false.", param=f"{_WHERE}.includeThoughts")
    effort = level.lower() if level and not level.endswith("_UNSPECIFIED") else None
    return Thinking(effort, whole(budget), shown)


def render_thinking(request: ChatRequest, able: Generation) -> dict[str, Any]:
    """The `thinkingConfig` for a model; empty when there is nothing to say. What a model cannot be told is dropped."""
    wanted = request.thinking
    if wanted is None:
        return {}
    config: dict[str, Any] = {}
    if able.levels and not (able.budgets and wanted.effort is None):
        effort = effort_of(wanted)
        if effort is not None:
            if effort == "medium" and able.levels == ("low", "high"):
                effort = "high"  # what the first model with levels takes it for
            config["thinkingLevel"] = nearest(effort, able.levels).upper()
    elif able.budgets:
        budget = budget_of(wanted)
        if budget is not None:
            config["thinkingBudget"] = _within(budget, able)
        elif wanted.budget is not None:
            config["thinkingBudget"] = DYNAMIC
    else:
        request.drop("thinking")
        return {}
    if wanted.shown is not None or effort_of(wanted) != "none":
        config["includeThoughts"] = wanted.shown is not False
    return config


def _within(budget: int, able: Generation) -> int:
    assert able.budgets is not None
    least, most = able.budgets
    if budget == 0 and able.may_rest:
        return 0
    return max(least, min(budget, most))
