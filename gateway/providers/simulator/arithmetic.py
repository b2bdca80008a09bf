"""Sums found in a sentence: "What is 12 * (7 + 3)?", "15% of 80", "two plus two", "the square root of 144"."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from fractions import Fraction
from math import isqrt

UP_TO_TWENTY = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
TENS = ("thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
WORDS = {word: str(number) for number, word in enumerate(UP_TO_TWENTY)} | {
    word: str(number) for number, word in zip(range(30, 100, 10), TENS, strict=True)
}
SIGNS = (
    (r"\bmultiplied by\b|\btimes\b|×|·|(?<=\d)\s*x\s*(?=\d)", "*"),
    (r"\bdivided by\b|\bover\b|÷", "/"),
    (r"\bplus\b|\badded to\b", "+"),
    (r"\bminus\b|−|–", "-"),
    (r"\bto the power of\b|\^", "**"),
    (r"\bsquared\b", "**2"),
    (r"\bcubed\b", "**3"),
    (r"(?<=\d),(?=\d{3}\b)", ""),
)
EXPRESSION = re.compile(r"[-(]*\d[\d.\s()]*(?:(?:\*\*|//|[-+*/%])[\s(]*-?[\d.\s()]+)+")
OPERATORS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.FloorDiv: lambda a, b: Fraction(a // b),
    ast.Mod: lambda a, b: a % b,
}
LARGEST_POWER = 512


def solve(sentence: str) -> str | None:
    """`12 * (7 + 3) = 120` for the sum in a sentence; None when there is none, or none that has an answer."""
    text = _in_signs(sentence)
    if match := re.search(r"(\d+(?:\.\d+)?)\s*(?:%|percent)\s+of\s+(\d+(?:\.\d+)?)", text):
        share, whole = match.groups()
        return f"{share}% of {whole} is {_written(Fraction(share) * Fraction(whole) / 100)}"
    if match := re.search(r"square root of (\d+)", text):
        number = int(match[1][:18])
        root = isqrt(number)
        told = str(root) if root * root == number else f"about {_written(Fraction(isqrt(number * 10**8), 10**4))}"
        return f"The square root of {number} is {told}"
    if match := re.search(r"\bis (\d{1,9}) (?:a |an )?(prime|even|odd)\b", text):
        number, kind = int(match[1]), match[2]
        holds = _is_prime(number) if kind == "prime" else number % 2 == (kind == "odd")
        told = "a prime number" if kind == "prime" else kind
        return f"Yes, {number} is {told}" if holds else f"No, {number} is not {told}"
    for match in EXPRESSION.finditer(text):
        expression = _balanced(match[0])
        try:
            value = _evaluate(ast.parse(expression, mode="eval").body)
        except (SyntaxError, ValueError, ZeroDivisionError, RecursionError):
            continue
        shown = re.sub(r"\s*(\*\*|//|[-+*/%])\s*", r" \1 ", expression) if "(" not in expression else expression
        return f"{shown.strip()} = {_written(value)}"
    return None


def _is_prime(number: int) -> bool:
    return number > 1 and all(number % divisor for divisor in range(2, isqrt(number) + 1))


def _in_signs(sentence: str) -> str:
    text = sentence.lower()
    for word, digits in WORDS.items():
        text = re.sub(rf"\b{word}\b", digits, text)
    for pattern, sign in SIGNS:
        text = re.sub(pattern, sign, text)
    return text


def _balanced(expression: str) -> str:
    """The expression without the closing brackets and points of the sentence around it."""
    text = expression.strip().rstrip(".").strip()
    while text.count(")") > text.count("(") and text.endswith(")"):
        text = text[:-1].rstrip()
    while text.count("(") > text.count(")") and text.startswith("("):
        text = text[1:].lstrip()
    return text


def _evaluate(node: ast.expr) -> Fraction:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return Fraction(str(node.value))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_evaluate(node.operand)
    if isinstance(node, ast.BinOp):
        left, right = _evaluate(node.left), _evaluate(node.right)
        if isinstance(node.op, ast.Pow):
            if right.denominator != 1 or abs(right) > LARGEST_POWER or abs(left) > 10**9:
                raise ValueError("too large a power")
            return left ** int(right)
        operator = OPERATORS.get(type(node.op))
        if operator is not None:
            return operator(left, right)
    raise ValueError("not a sum")


def _written(value: Fraction) -> str:
    """Whole numbers whole, others with at most four decimals."""
    if value.denominator == 1:
        return (
            str(value.numerator)
            if abs(value) < 10**40
            else f"about 10 to the power of {len(str(abs(value.numerator))) - 1}"
        )
    rounded = round(value, 4)
    scaled = abs(round(rounded * 10_000))
    text = f"{scaled // 10_000}.{scaled % 10_000:04d}".rstrip("0").rstrip(".")
    return ("-" if value < 0 else "") + text
