"""Log probabilities: a token with its alternatives, the likeliest first; the token itself is always the likeliest."""

from __future__ import annotations

from typing import Any

from gateway.providers.simulator.conversation import Dice

WORDS = (" the", " a", ".", ",", " of", " and", " to", " is", "\n", " in", " it", " I", " you", " that", " for")


def logprob(dice: Dice, place: tuple[int, int], token: str, alternatives: int) -> dict[str, Any]:
    """What is told of one token; `place` is the choice and the token's number in it."""
    index, at = place
    first = -dice.roll(("logprob", index, at), 2_000) / 10_000
    others = [word for word in WORDS if word != token]
    shift = dice.roll(("others", index, at), len(others))
    top = [_probable(token, first)]
    for number in range(1, alternatives):
        word = others[(shift + number) % len(others)] + ("" if number < len(others) else str(number))
        top.append(_probable(word, round(first - 1.5 * number, 4)))
    return {**_probable(token, first), "top_logprobs": top[:alternatives]}


def _probable(token: str, probability: float) -> dict[str, Any]:
    return {"token": token, "logprob": probability, "bytes": list(token.encode(errors="replace"))}
