"""What the README and the documents tell people to type can be typed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from django.core.management import get_commands, load_command_class

from tests.house import tree
from tests.people import Person
from tests.servers import LiveServer

DOCUMENTS = [file for file in tree.files() if file.suffix == ".md"]
OURS = {name for name, app in get_commands().items() if app in tree.APPS}


def test_every_make_command_that_is_told_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", tree.text(Path("Makefile")), re.MULTILINE))
    told = {
        word for file in DOCUMENTS for word in re.findall(r"(?:^ {4}|`)make ([a-z]+)\b", tree.text(file), re.MULTILINE)
    }
    assert {"up", "test"} <= told
    assert told <= targets


def test_every_variable_of_make_up_that_is_told_is_a_setting() -> None:
    told = set(re.findall(r"make up ((?:[A-Z_]+=\S+ ?)+)", tree.text(Path("README.md"))))
    names = {name for words in told for name in re.findall(r"([A-Z_]+)=", words)}
    assert names
    assert not [name for name in names if f"| `{name}` |" not in tree.text(Path("docs/settings.md"))]


def test_every_operators_command_that_is_told_exists() -> None:
    told = {
        (words[0], words[1])
        for file in DOCUMENTS
        for words in re.findall(r"(?:^|`|manage\.py |\n)manage(?:\.py)? ([a-z]+) ([a-z]+)\b", tree.text(file))
    }
    assert told
    for command, action in told:
        assert command in OURS, command
        parser = load_command_class(get_commands()[command], command).create_parser("manage.py", command)
        assert action in parser.format_help(), (command, action)


@pytest.mark.parametrize("command", sorted(OURS - {"up", "simulator"}))
def test_every_action_of_the_command_line_speaks_json(command: str) -> None:
    parser = load_command_class(get_commands()[command], command).create_parser("manage.py", command)
    choices = [action.choices for action in parser._subparsers._group_actions] if parser._subparsers else []
    actions = [action for each in choices for action in (each or {}).values()]
    assert actions
    for action in actions:
        assert "--json" in action.format_help()


def test_every_link_of_the_readme_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", tree.text(Path("README.md"))):
        assert (tree.ROOT / target).exists(), target


def test_the_first_call_in_python_works_as_printed(server: LiveServer, alice: Person) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", tree.text(Path("README.md")), re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", code.replace("http://127.0.0.1:8000", server.url)],
        env=os.environ | {"TOLLGATE_API_KEY": alice.secret},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "hello" in done.stdout.lower()
    assert [record.streamed for record in alice.usage] == [True]


def test_the_first_call_in_curl_and_node_asks_for_the_same(server: LiveServer, alice: Person) -> None:
    text = tree.text(Path("README.md"))
    (body,) = re.findall(r"-d '(\{.*?\})'", text)
    answer = httpx.post(f"{server.url}/v1/chat/completions", content=body, headers=alice.headers, timeout=30)
    assert answer.status_code == 200
    (node,) = re.findall(r"```js\n(.*?)```", text, re.DOTALL)
    asked = json.loads(body)
    assert f'model: "{asked["model"]}"' in node
    assert f'content: "{asked["messages"][0]["content"]}"' in node
