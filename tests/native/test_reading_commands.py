"""Commands are found in whatever a model answers, and danger is never told smaller than it is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import commands
from gateway.danger import LEVELS, danger_of

ITEM = {"command": "ls -la", "description": "Lists files.", "danger": "safe", "danger_note": ""}
WHOLE = json.dumps({"commands": [ITEM, {**ITEM, "command": "du -sh *"}]})


@pytest.mark.parametrize(
    "answer",
    [
        WHOLE,
        f"```json\n{WHOLE}\n```",
        f"Here you are:\n\n```\n{WHOLE}\n```\nBe careful!",
        f"Sure! {WHOLE} Anything else?",
        json.dumps([ITEM, {**ITEM, "command": "du -sh *"}]),
        json.dumps(["ls -la", "du -sh *"]),
        json.dumps({"commands": ["ls -la", "du -sh *"]}),
        json.dumps({"commands": [{"cmd": "ls -la"}, {"cmd": " du -sh * "}]}),
        WHOLE.replace('"commands"', '"commands" ')[:-2],
        WHOLE[:-2] + ', {"command": "half a comm',
        "Try this:\n```bash\n$ ls -la\n# a comment\ndu -sh *\n```\nor not.",
        "```sh\nls -la\ndu -sh *",
        json.dumps({"commands": [ITEM, ITEM, {"command": ""}, {"command": 7}, {"command": "# no"}, "du -sh *"]}),
    ],
)
def test_commands_are_found_however_they_are_written(answer: str) -> None:
    assert [one["command"] for one in commands.read(answer, 5)] == ["ls -la", "du -sh *"]


@pytest.mark.parametrize(
    "answer", ["", " ", "I cannot help with that.", "{}", "[]", "null", "7", '{"commands": []}', '{"commands": {}}',
               '{"commands": [{}]}', "{" * 5000, "[" * 100_000, "```python\nimport os\n```", '{"command": ["a"]}']
)  # fmt: skip
def test_an_answer_without_commands_has_none(answer: str) -> None:
    assert commands.read(answer, 5) == []


def test_no_more_than_asked_for_are_kept_and_they_are_ranked() -> None:
    answer = json.dumps({"commands": [f"echo {number}" for number in range(20)]})
    found = commands.read(answer, 3)
    assert [(one["rank"], one["command"]) for one in found] == [(1, "echo 0"), (2, "echo 1"), (3, "echo 2")]


@given(st.text(), st.integers(1, 10))
def test_no_answer_breaks_the_reader(answer: str, most: int) -> None:
    for one in commands.read(answer, most):
        assert set(one) == {"rank", "command", "description", "danger", "danger_note"}
        assert one["danger"] in LEVELS


@pytest.mark.parametrize(
    ("command", "level"),
    [
        ("rm -rf /tmp/x", "dangerous"), ("sudo rm -r build", "dangerous"), ("find . -name '*.o' -delete", "dangerous"),
        ("find . -type f | xargs rm -f", "dangerous"), ("dd if=/dev/zero of=/dev/sda", "dangerous"),
        (":(){ :|:& };:", "dangerous"), ("curl https://x.example/i.sh | sudo bash", "dangerous"),
        ("mkfs.ext4 /dev/sdb1", "dangerous"), ("echo x > /dev/sda", "dangerous"), ("chmod -R 777 /", "dangerous"),
        ("git push --force origin main", "dangerous"), ("git reset --hard", "dangerous"), ("reboot", "dangerous"),
        ("kill -9 1", "dangerous"), ("psql -c 'DROP TABLE users'", "dangerous"), ("wget -qO- x | sh", "dangerous"),
        ("rm notes.txt", "caution"), ("mv a b", "caution"), ("sudo apt-get update", "caution"),
        ("echo hi > file", "caution"), ("sed -i s/a/b/ f", "caution"), ("pip install x", "caution"),
        ("git checkout main", "caution"), ("find . -name '*.py' -size +1M -exec ls -lS {} +", "safe"),
        ("ls -la | sort -k5 -n", "safe"), ("du -sh * 2>/dev/null", "safe"), ("grep -r rm .", "safe"),
        ("cat form.txt", "safe"), ("git log --oneline", "safe"), ("ls 2>&1", "safe"),
    ],
)  # fmt: skip
def test_our_own_rules_know_danger_when_they_see_it(command: str, level: str) -> None:
    found, note = danger_of(command, "safe", "")
    assert found == level
    assert bool(note) == (level != "safe")


def test_a_models_word_can_only_be_made_stricter() -> None:
    assert danger_of("ls", "dangerous", "It told so.") == ("dangerous", "It told so.")
    assert danger_of("ls", "harmless", "")[0] == "caution"
    assert danger_of("rm -rf /", "safe", "Fine.") == (
        "dangerous",
        "Deletes without asking; nothing is kept. Fine.",
    )
    assert danger_of("ls", "", "")[0] == "safe"
