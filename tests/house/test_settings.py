"""Settings: documented, typed, loud; secrets are random, kept, and demanded in production."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gateway import kept_secrets
from tests.house import tree

READ = re.compile(
    r"\b(?:env\.(?:text|boolean|integer|decimal|words|choice|secret)|_secret)\(\s*\"(?P<name>[A-Z0-9_]+)\"", re.DOTALL
)
ROW = re.compile(r"^\| `(?P<name>[A-Z0-9_]+)` \|", re.MULTILINE)
LONG_SECRET = "0123456789abcdef0123456789abcdef"


def settings_in(directory: Path, expression: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What a fresh process makes of these environment variables."""
    return subprocess.run(
        [sys.executable, "-c", f"from gateway import settings; print({expression})"],
        cwd=tree.ROOT,
        env={"PATH": os.environ["PATH"], "VAR_DIR": str(directory), **environment},
        capture_output=True,
        text=True,
    )


def test_every_setting_is_documented_and_every_documented_setting_exists() -> None:
    read = {match["name"] for file in tree.modules(*tree.APPS) for match in READ.finditer(tree.text(file))}
    documented = {match["name"] for match in ROW.finditer(tree.text(Path("docs/settings.md")))}
    assert read - documented == set()
    assert documented - read == set()


def test_no_module_reads_the_environment_behind_the_readers_back() -> None:
    behind = re.compile(r"os\.environ\.get\(|os\.getenv\(")
    assert [str(file) for file in tree.modules(*tree.APPS) if behind.search(tree.text(file))] == ["gateway/env.py"]


@pytest.mark.parametrize("missing", ["SECRET_KEY", "API_KEY_PEPPER", "CREDENTIAL_KEY"])
def test_production_does_not_start_without_a_secret(tmp_path: Path, missing: str) -> None:
    secrets = {name: LONG_SECRET for name in kept_secrets.NAMES if name != missing}
    urls = {"DATABASE_URL": "postgresql://postgres@db/tollgate", "REDIS_URL": "redis://redis/0"}
    for given in ({}, {missing: "short"}):
        done = settings_in(tmp_path, "1", PRODUCTION="1", **secrets, **urls, **given)
        assert done.returncode != 0
        assert f"{missing} must be set to at least 32 characters" in done.stderr
    assert not list(tmp_path.iterdir())  # and none was made up
    assert settings_in(tmp_path, "1", PRODUCTION="1", **secrets, **urls, **{missing: LONG_SECRET}).returncode == 0


@pytest.mark.parametrize("missing", ["DATABASE_URL", "REDIS_URL"])
def test_production_does_not_fall_back_on_an_embedded_server(tmp_path: Path, missing: str) -> None:
    given = dict.fromkeys(kept_secrets.NAMES, LONG_SECRET)
    given |= {"DATABASE_URL": "postgresql://postgres@db/tollgate", "REDIS_URL": "redis://redis/0"}
    del given[missing]
    done = settings_in(tmp_path, "1", PRODUCTION="1", **given)
    assert done.returncode != 0
    assert "must be set in production" in done.stderr


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{LONG_SECRET}\n")
    done = settings_in(tmp_path, "settings.SECRET_KEY", SECRET_KEY_FILE=str(tmp_path / "key"))
    assert done.stdout.strip() == LONG_SECRET


def test_made_secrets_are_random_kept_and_ours_alone(tmp_path: Path) -> None:
    first, other = (settings_in(tmp_path / name, "settings.SECRET_KEY").stdout.strip() for name in ("one", "two"))
    assert len(first) >= 32
    assert first != other
    assert settings_in(tmp_path / "one", "settings.SECRET_KEY").stdout.strip() == first
    assert (tmp_path / "one" / "secrets.env").stat().st_mode & 0o777 == 0o600


def test_many_first_processes_agree_on_one_secret(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from gateway.kept_secrets import recall;"
        "print(recall(pathlib.Path(sys.argv[1]), 'SECRET_KEY'))"
    )
    racers = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "var")], cwd=tree.ROOT, stdout=subprocess.PIPE)
        for _ in range(6)
    ]
    assert len({racer.communicate()[0] for racer in racers}) == 1
    assert [file.name for file in (tmp_path / "var").iterdir()] == ["secrets.env"]


@pytest.mark.parametrize(
    ("name", "value"), [("DEBUG", "perhaps"), ("LOG_LEVEL", "loud"), ("DATABASE_URL", "mysql://root@localhost/x")]
)
def test_a_value_that_makes_no_sense_stops_the_start(tmp_path: Path, name: str, value: str) -> None:
    done = settings_in(tmp_path, "1", **{name: value})
    assert done.returncode != 0
    assert name in done.stderr
