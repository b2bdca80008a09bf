"""Typed readers of the process environment.

Every reader fails loudly: a value that cannot be read stops the start, it is never guessed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}


def text(name: str, default: str = "") -> str:
    """The value of `name`, stripped; `default` when unset."""
    return os.environ.get(name, default).strip()


def boolean(name: str, default: bool = False) -> bool:
    """`1/true/yes/on` or `0/false/no/off`; anything else raises ImproperlyConfigured."""
    value = os.environ.get(name)
    if value is None:
        return default
    word = value.strip().lower()
    if word in TRUE:
        return True
    if word in FALSE:
        return False
    raise ImproperlyConfigured(f"{name} must be one of 1/0, true/false, yes/no, on/off; it is {value!r}.")


def integer(name: str, default: int, *, minimum: int | None = None) -> int:
    """A whole number, at least `minimum`; anything else raises ImproperlyConfigured."""
    value = os.environ.get(name)
    if value is None:
        return default
    try:
        number = int(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a whole number; it is {value!r}.") from error
    if minimum is not None and number < minimum:
        raise ImproperlyConfigured(f"{name} must be at least {minimum}; it is {number}.")
    return number


def decimal(name: str, default: str) -> Decimal:
    """A decimal number, exact; anything else (NaN too) raises ImproperlyConfigured."""
    value = os.environ.get(name, default)
    try:
        number = Decimal(value)
    except InvalidOperation as error:
        raise ImproperlyConfigured(f"{name} must be a decimal number; it is {value!r}.") from error
    if not number.is_finite():
        raise ImproperlyConfigured(f"{name} must be a finite number; it is {value!r}.")
    return number


def words(name: str, default: Sequence[str] = ()) -> list[str]:
    """A comma-separated list; empty items are dropped."""
    value = os.environ.get(name)
    if value is None:
        return list(default)
    return [word.strip() for word in value.split(",") if word.strip()]


def choice(name: str, default: str, allowed: Sequence[str]) -> str:
    """One word out of `allowed`; anything else raises ImproperlyConfigured."""
    value = text(name, default)
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(allowed)}; it is {value!r}.")
    return value


def secret(name: str, default: str = "") -> str:
    """A secret from `NAME`, or from the file that `NAME_FILE` names (container secrets)."""
    path = os.environ.get(f"{name}_FILE")
    if path:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE names a file that cannot be read: {error.strerror}.") from error
    return text(name, default)
