"""generate-commands over a socket: the example of spec 000, bad answers, and what they cost."""

from __future__ import annotations

import json

import pytest

from tests.fakes.openai_recordings import completion, error, usage
from tests.native.manners import data, post, refused
from tests.people import Person
from tests.servers import LiveServer
from tests.shop import Shop

PATH = "/v1/llm/generate-commands"
PROMPT = "find all Python files larger than 1MB and sort by size"
FOUND = {
    "commands": [
        {
            "command": "find . -name '*.py' -size +1M -exec ls -lS {} +",
            "description": "Lists large Python files.",
            "danger": "safe",
            "danger_note": "",
        },
        {"command": "rm -rf build", "description": "Cleans up.", "danger": "safe", "danger_note": ""},
    ]
}


def test_the_example_prints_ranked_commands(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell()
    goods.tape.play(completion(json.dumps(FOUND), report=usage(100, 40)))
    context = {"os": "linux", "shell": "zsh"}
    cmds = data(
        post(server, alice, PATH, {"prompt": PROMPT, "max_commands": 5, "model": goods.slug, "context": context})
    )
    lines = [f"[{c['danger']}] {c['command']}  # {c['description']}" for c in cmds["commands"]]
    assert lines == [
        "[safe] find . -name '*.py' -size +1M -exec ls -lS {} +  # Lists large Python files.",
        "[dangerous] rm -rf build  # Cleans up.",
    ]
    assert [c["rank"] for c in cmds["commands"]] == [1, 2]
    assert cmds["commands"][1]["danger_note"]
    assert cmds["cost_usd"] == 0.003
    assert cmds["model"] == goods.slug
    [request] = [request.json() for request in goods.tape.requests]
    assert "At most 5 commands" in request["messages"][0]["content"]
    assert PROMPT in request["messages"][1]["content"]
    assert '"shell": "zsh"' in request["messages"][1]["content"]
    assert "response_format" not in request
    [record] = alice.usage
    assert (record.operation, record.surface, record.charged_nusd) == ("commands", "llm", 3_000_000)


def test_a_model_that_can_is_held_to_a_schema(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell(capabilities=["structured_output"])
    goods.tape.play(completion(json.dumps(FOUND)))
    data(post(server, alice, PATH, {"prompt": PROMPT, "model": goods.slug}))
    [request] = [request.json() for request in goods.tape.requests]
    assert request["response_format"]["json_schema"]["strict"] is True


def test_without_a_model_the_default_one_is_asked(server: LiveServer, alice: Person) -> None:
    found = data(post(server, alice, PATH, {"prompt": PROMPT}))
    assert found["model"] == "claude-haiku-4-5"
    assert 1 <= found["count"] == len(found["commands"]) <= 5


@pytest.mark.parametrize("answer", ["I would rather not.", "", '{"commands": []}', "```python\nprint()\n```"])
def test_an_answer_without_commands_is_an_error_and_charged_as_what_it_was(
    server: LiveServer, shop: Shop, alice: Person, answer: str
) -> None:
    goods = shop.sell()
    goods.tape.play(completion(answer, report=usage(100, 40)))
    failure = refused(post(server, alice, PATH, {"prompt": PROMPT, "model": goods.slug}), 502, "upstream_error")
    assert failure["meta"]["reason"] == "no_output"
    assert failure["meta"]["charged"] == "0.003"
    assert [record.charged_nusd for record in alice.usage] == [3_000_000]
    assert alice.open_holds == []


def test_a_provider_that_fails_is_not_charged(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell()
    goods.tape.play(error(500))
    before = alice.balance
    failure = refused(post(server, alice, PATH, {"prompt": PROMPT, "model": goods.slug}), 502, "upstream_error")
    assert failure["meta"]["charged"] == "0"
    assert alice.balance == before
