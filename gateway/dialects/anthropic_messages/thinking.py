"""How much a model of this provider is asked to think: by effort where it decides itself, else by budget."""

from __future__ import annotations

from typing import Any

from gateway.canonical import ChatRequest, Thinking
from gateway.dialects.anthropic_messages.generations import Generation
from gateway.dialects.anthropic_messages.retargeting import LEAST_BUDGET
from gateway.dialects.effort import budget_of, effort_of, nearest


def think(request: ChatRequest, members: dict[str, Any], turns: list[dict[str, Any]], able: Generation) -> None:
    """Write `thinking` and `output_config.effort` into the members of a request.

    Thinking is left out, and named as dropped, where the provider would refuse it: beside a tool that must be called,
    within a limit that leaves no room for the least budget, and (with a budget) in the middle of a tool loop whose
    thinking is not there, because another model began it.
    """
    wanted = request.thinking
    if wanted is None:
        return
    if wanted.budget == 0 or (wanted.budget is None and wanted.effort == "none"):
        members["thinking"] = {"type": "disabled"}
        return
    if members.get("tool_choice", {}).get("type") in ("any", "tool"):
        request.drop("thinking")
        return
    display = {} if wanted.shown is None else {"display": "summarized" if wanted.shown else "omitted"}
    if able.efforts and not (able.budget and wanted.budget is not None and wanted.budget > 0):
        members["thinking"] = {"type": "adaptive", **display}
        effort = effort_of(wanted)
        if effort is not None:
            members["output_config"] = {"effort": nearest(effort, able.efforts)}
        return
    budget = _budget(request, members, wanted)
    if budget is None or _lacks_thinking(turns):
        request.drop("thinking")
        return
    members["thinking"] = {"type": "enabled", "budget_tokens": budget, **display}


def _budget(request: ChatRequest, members: dict[str, Any], wanted: Thinking) -> int | None:
    """The budget, smaller than the limit. Without a limit of the customer's the limit makes room for it; a customer's
    own limit stays, because it bounds what the call may cost."""
    budget = max(LEAST_BUDGET, budget_of(wanted) or LEAST_BUDGET)
    if request.max_output is None:
        members["max_tokens"] += budget
        return budget
    limit = request.max_output
    if limit <= LEAST_BUDGET:
        return None
    return budget if budget < limit else max(LEAST_BUDGET, limit // 2)


def _lacks_thinking(turns: list[dict[str, Any]]) -> bool:
    """Whether the model is in the middle of a tool loop and the turn that called the tools does not begin with
    thinking."""
    if len(turns) < 2 or turns[-1]["content"][0]["type"] != "tool_result":
        return False
    return turns[-2]["content"][0]["type"] not in ("thinking", "redacted_thinking")
