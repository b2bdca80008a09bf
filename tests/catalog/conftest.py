"""The catalogue as shipped, files of later releases, and a model that an operator added."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catalog import loading, shipped
from catalog.models import AIModel, Kind, Platform


@pytest.fixture
def catalogue(db: None) -> loading.Report:
    """The shipped catalogue, loaded."""
    return loading.load()


@pytest.fixture
def edited_file(tmp_path: Path) -> Callable[[Callable[[dict[str, Any]], None]], Path]:
    """A copy of the shipped file, changed by a function: what a later release might ship."""

    def edit(change: Callable[[dict[str, Any]], None]) -> Path:
        content = json.loads(shipped.FILE.read_text(encoding="utf-8"))
        change(content)
        path = tmp_path / "catalog.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    return edit


def shipped_model(content: dict[str, Any], slug: str) -> dict[str, Any]:
    """One model of a catalogue file."""
    found: dict[str, Any] = next(item for item in content["models"] if item["slug"] == slug)
    return found


@pytest.fixture
def parrot(db: None) -> AIModel:
    """A chat model of the operator's own, with neither a price nor an endpoint."""
    return AIModel.objects.create(
        slug="parrot-1", display_name="Parrot 1", vendor="aviary", kind=Kind.CHAT, platform=Platform.OPENAI
    )
