"""The lock file: in step with pyproject.toml, hashed, and what is installed."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

from deploy import lock
from tests.house import tree

PROJECT = tree.text(Path("pyproject.toml"))
LOCK = tree.text(Path("deploy/requirements.lock"))


def test_the_lock_file_is_in_step_with_the_project() -> None:
    assert lock.differences(PROJECT, LOCK) == []


def test_a_new_a_tightened_and_a_dropped_dependency_are_noticed() -> None:
    new = PROJECT.replace('"daphne>=', '"surely-not-locked>=1",\n    "daphne>=')
    assert [text for text in lock.differences(new, LOCK) if "surely-not-locked" in text]
    tightened = re.sub(r'"daphne>=[\d.]+"', '"daphne>=999"', PROJECT)
    assert [text for text in lock.differences(tightened, LOCK) if "daphne>=999" in text]
    dropped = re.sub(r'    "daphne>=[\d.]+",\n', "", PROJECT)
    assert [text for text in lock.differences(dropped, LOCK) if "pins daphne" in text]


def test_every_pin_carries_a_hash() -> None:
    stanzas = [part for part in re.split(r"\n(?=[A-Za-z0-9])", LOCK) if part.strip()]
    assert stanzas
    assert [stanza.splitlines()[0] for stanza in stanzas if "--hash=sha256:" not in stanza] == []


def test_what_is_installed_is_what_is_locked() -> None:
    pins = {match["name"]: match["version"] for line in LOCK.splitlines() if (match := lock.PIN.match(line))}
    assert {name: metadata.version(name) for name in pins} == pins
