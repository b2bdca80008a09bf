"""Log-probabilities of this wire and of OpenAI's, which is the canonical form: a list with one entry for each token."""

from __future__ import annotations

from typing import Any


def read_logprobs(value: object) -> list[dict[str, Any]]:
    """OpenAI's entries from `logprobsResult`."""
    if not isinstance(value, dict):
        return []
    chosen, top = value.get("chosenCandidates"), value.get("topCandidates")
    others = top if isinstance(top, list) else []
    found = []
    for at, token in enumerate(chosen if isinstance(chosen, list) else ()):
        if not isinstance(token, dict):
            continue
        beside = others[at].get("candidates") if at < len(others) and isinstance(others[at], dict) else None
        ranked = [_read(other) for other in beside if isinstance(other, dict)] if isinstance(beside, list) else []
        found.append({**_read(token), "top_logprobs": ranked})
    return found


def _read(token: dict[str, Any]) -> dict[str, Any]:
    word, probability = token.get("token"), token.get("logProbability")
    text = word if isinstance(word, str) else ""
    known = isinstance(probability, int | float) and not isinstance(probability, bool)
    return {
        "token": text,
        "logprob": probability if known else 0,  # left out when it is nothing
        "bytes": list(text.encode("utf-8", "replace")),
    }


def render_logprobs(tokens: list[Any]) -> dict[str, Any]:
    """`logprobsResult` from OpenAI's entries."""
    known = [token for token in tokens if isinstance(token, dict)]
    value: dict[str, Any] = {"chosenCandidates": [_render(token) for token in known]}
    ranked = [token.get("top_logprobs") or [] for token in known]
    if any(ranked):
        value["topCandidates"] = [
            {"candidates": [_render(other) for other in others if isinstance(other, dict)]} for others in ranked
        ]
    return value


def _render(token: dict[str, Any]) -> dict[str, Any]:
    return {"token": token.get("token", ""), "logProbability": token.get("logprob", 0)}
