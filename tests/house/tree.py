"""The files of the repository as the house tests look at them."""

from __future__ import annotations

import ast
import os
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APPS = ("accounts", "billing", "catalog", "chats", "gateway")
NOT_OURS = {".git", ".venv", "var", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"}


@cache
def files() -> tuple[Path, ...]:
    """Every file that belongs to the repository, relative to its root."""
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in NOT_OURS]
        found += [Path(folder, name).relative_to(ROOT) for name in names if not name.endswith(".pyc")]
    return tuple(sorted(found))


@cache
def modules(*folders: str) -> tuple[Path, ...]:
    """The Python modules below `folders` (all of the repository when none is named), migrations left out."""
    return tuple(
        file
        for file in files()
        if file.suffix == ".py" and "migrations" not in file.parts and (not folders or file.parts[0] in folders)
    )


@cache
def text(file: Path) -> str:
    """What the file says; empty for a file that is not text."""
    try:
        return (ROOT / file).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


@cache
def syntax(file: Path) -> ast.Module:
    """The parsed module."""
    return ast.parse(text(file), filename=str(file))


def lines_with(file: Path, words: tuple[str, ...]) -> list[str]:
    """`path:number` of every line that contains one of the words."""
    return [
        f"{file}:{number}"
        for number, line in enumerate(text(file).splitlines(), start=1)
        if any(word in line for word in words)
    ]
