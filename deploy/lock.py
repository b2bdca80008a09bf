"""Whether deploy/requirements.lock is in step with pyproject.toml. Needs no network: `python -m deploy.lock`."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(\[[^]]*])?==(?P<version>[^ ;\\]+)")
ASKED = re.compile(r"^(    # via |    #   )tollgate \(pyproject\.toml\)$")


def differences(project: str, lock: str) -> list[str]:
    """What is wrong, one sentence each: a wish without a pin, a pin that breaks a wish, a pin nobody wishes for."""
    pins: dict[str, str] = {}
    asked: set[str] = set()
    name = ""
    for line in lock.splitlines():
        if pin := PIN.match(line):
            name = canonicalize_name(pin["name"])
            pins[name] = pin["version"]
        elif ASKED.match(line):
            asked.add(name)
    table = tomllib.loads(project)["project"]
    wishes = [Requirement(text) for text in table["dependencies"] + table["optional-dependencies"]["dev"]]
    found = []
    for wish in wishes:
        name = canonicalize_name(wish.name)
        if name not in pins or name not in asked:
            found.append(f"pyproject.toml asks for {wish}; the lock file does not know.")
        elif not wish.specifier.contains(pins[name], prereleases=True):
            found.append(f"pyproject.toml asks for {wish}; the lock file pins {pins[name]}.")
    for name in sorted(asked - {canonicalize_name(wish.name) for wish in wishes}):
        found.append(f"The lock file pins {name} for pyproject.toml, which does not ask for it.")
    return found


def main() -> int:
    lock = (ROOT / "deploy" / "requirements.lock").read_text(encoding="utf-8")
    found = differences((ROOT / "pyproject.toml").read_text(encoding="utf-8"), lock)
    for sentence in found:
        sys.stderr.write(f"{sentence}\n")
    if found:
        sys.stderr.write("Run `make lock`.\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
