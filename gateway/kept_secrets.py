"""Secrets for a first run: random, made once per checkout, kept under var/. Production never asks this module."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

NAMES = ("SECRET_KEY", "API_KEY_PEPPER", "CREDENTIAL_KEY")


def recall(directory: Path, name: str) -> str:
    """The secret `name` out of `directory`/secrets.env; the file is made, readable by us alone, when it is missing.

    Several processes may be the first at once: one of them writes the file, whole, and all of them read it.
    Raises ImproperlyConfigured when it can be neither read nor written.
    """
    file = directory / "secrets.env"
    try:
        if not file.exists():
            _make(file)
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ImproperlyConfigured(
            f"{file} cannot be used ({error.strerror}). It belongs to whoever ran Tollgate here first: "
            f"run as that user, remove it, or set {name}."
        ) from error
    found = dict(line.split("=", 1) for line in lines if "=" in line)
    if not found.get(name):
        raise ImproperlyConfigured(f"{file} has no {name}. Add it, or set it in the environment.")
    return found[name]


def _make(file: Path) -> None:
    file.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    draft = file.with_name(f".secrets.{os.getpid()}.{secrets.token_hex(4)}")
    text = "".join(f"{name}={secrets.token_urlsafe(48)}\n" for name in NAMES)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as handle:
        handle.write(text)
    with contextlib.suppress(FileExistsError):  # another process was quicker; its file is as good
        os.link(draft, file)
    draft.unlink()
