"""The documents say what the code does: every error code has a page, and every page a code."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from gateway.errors import CODES
from tests.house import tree


def test_every_error_code_has_a_page_and_every_page_a_code() -> None:
    pages = {file.stem for file in tree.files() if file.parts[:2] == ("docs", "errors") and file.suffix == ".md"}
    assert pages == set(CODES)


@pytest.mark.parametrize("code", sorted(CODES))
def test_the_page_of_a_code_says_which_status_it_comes_with(code: str) -> None:
    page = tree.text(Path("docs", "errors", f"{code}.md"))
    assert code in page.splitlines()[0]
    assert str(CODES[code].status) in page
    assert f"`{code}`" in tree.text(Path("docs/errors.md"))


def test_decisions_are_numbered_without_gaps_and_have_a_title() -> None:
    decisions = sorted(file for file in tree.files() if file.parts[:2] == ("docs", "decisions"))
    assert [file.name[:3] for file in decisions] == [f"{number:03}" for number in range(1, len(decisions) + 1)]
    for file in decisions:
        assert tree.text(file).startswith(f"# {file.name[:3]} · ")


def test_every_dependency_has_its_reason() -> None:
    reasons = tree.text(Path("docs/decisions/002-dependencies.md")).lower()
    project = tomllib.loads(tree.text(Path("pyproject.toml")))["project"]
    for wish in project["dependencies"] + project["optional-dependencies"]["dev"]:
        name = wish.split(">")[0].split("[")[0].lower()
        bare = name.removeprefix("pytest-").removeprefix("types-").removesuffix("-stubs")
        assert name in reasons or bare in reasons, name
