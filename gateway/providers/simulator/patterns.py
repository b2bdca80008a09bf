"""A text that matches a regular expression, for JSON Schema's `pattern`."""

from __future__ import annotations

import re
import string
from typing import Any

try:
    from re import _parser  # type: ignore[attr-defined]  # the standard library's own reader of patterns
except ImportError:  # pragma: no cover — other Python implementations
    _parser = None

CATEGORIES = {"CATEGORY_DIGIT": string.digits, "CATEGORY_WORD": string.ascii_lowercase, "CATEGORY_SPACE": " "}
EVERYTHING = string.ascii_lowercase + string.digits + string.ascii_uppercase + "-_ .:/@#"


def matching(pattern: str, *, shortest: int = 0, longest: int | None = None) -> str | None:
    """A text in which the pattern is found, with so many characters; None when that is beyond this small generator.

    Open repeats (`+`, `*`) are tried once, then as often as the shortest wanted text needs.
    """
    if _parser is None:
        return None
    for repeats in dict.fromkeys((1, max(1, shortest // 2), max(1, shortest), 0)):
        try:
            text = "".join(_generate(part, repeats, {}) for part in _parser.parse(pattern))
            if re.search(pattern, text) and shortest <= len(text) and (longest is None or len(text) <= longest):
                return text
        except (re.error, ValueError, OverflowError, RecursionError, StopIteration, LookupError):
            continue
    return None


def _generate(part: Any, repeats: int, groups: dict[int, str]) -> str:
    operation, argument = str(part[0]), part[1]
    if operation == "LITERAL":
        return chr(argument)
    if operation == "NOT_LITERAL":
        return next(letter for letter in EVERYTHING if ord(letter) != argument)
    if operation == "ANY":
        return "a"
    if operation == "IN":
        return _member(argument)
    if operation in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        least, most, inner = argument
        times = max(least, min(int(most), repeats))
        return "".join("".join(_generate(item, repeats, groups) for item in inner) for _ in range(times))
    if operation == "SUBPATTERN":
        text = "".join(_generate(item, repeats, groups) for item in argument[3])
        if argument[0] is not None:
            groups[argument[0]] = text
        return text
    if operation == "ATOMIC_GROUP":
        return "".join(_generate(item, repeats, groups) for item in argument)
    if operation == "BRANCH":
        return "".join(_generate(item, repeats, groups) for item in argument[1][0])
    if operation == "GROUPREF":
        return groups[argument]
    if operation in ("AT", "ASSERT_NOT"):
        return ""
    if operation == "ASSERT":
        return ""  # what is looked for must come from the rest of the pattern; the final check tells
    raise ValueError(operation)


def _member(members: Any) -> str:
    allowed, negated = "", False
    for operation, argument in members:
        name = str(operation)
        if name == "NEGATE":
            negated = True
        elif name == "LITERAL":
            allowed += chr(argument)
        elif name == "RANGE":
            low, high = argument
            allowed += "".join(chr(code) for code in range(low, min(high, low + 127) + 1))
        elif name == "CATEGORY":
            allowed += _category(str(argument))
    if negated:
        return next(letter for letter in EVERYTHING if letter not in allowed)
    return allowed[0]


def _category(name: str) -> str:
    if "_NOT_" in name:
        kept = CATEGORIES.get(name.replace("_NOT_", "_"), "")
        return "".join(
            letter for letter in EVERYTHING if letter not in kept and not (kept.isalpha() and letter.isalnum())
        )
    return CATEGORIES.get(name, "")


def fits(pattern: str, text: str) -> bool:
    """Whether the pattern is found in the text; False for patterns that cannot be read."""
    try:
        return bool(re.search(pattern, text))
    except re.error:
        return False
