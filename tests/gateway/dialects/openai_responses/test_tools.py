"""Tools: the customer's own, those that the provider runs, and which of them may be called."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway import errors
from gateway.canonical import Text, Tool, ToolChoice
from gateway.dialects import DIALECTS
from gateway.dialects.openai_responses.request import parse
from tests.gateway.dialects.openai_responses.asking import asking, rendered, saying, user
from tests.gateway.dialects.recordings import WIRE

CODEX = (WIRE / "openai_responses" / "codex.request.json").read_bytes()
WEB = {"type": "web_search"}
FUNCTION = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": False}


def test_agents_offer_the_providers_own_tools_and_are_served_without_them() -> None:
    for name, dialect in DIALECTS.items():
        request = parse(CODEX)
        assert [tool.name for tool in request.tools] == ["shell_command", "apply_patch"]
        if not name.startswith("openai"):
            request.tools = request.tools[:1]  # they have no tools that take free text
        body = dialect.request.render(request, "theirs")
        if name != "openai_responses":
            assert b"web_search" not in body
            assert {"tools.web_search", "tools.namespace", "input.web_search_call"} <= set(request.dropped)
            assert "client_metadata" in request.dropped
        else:
            assert b'{"type":"web_search","external_web_access":true}' in body
            assert request.dropped == []


@pytest.mark.parametrize(
    "members",
    [
        {"tools": [WEB, FUNCTION], "tool_choice": WEB},
        {"tools": [WEB], "tool_choice": "required"},
        {"tools": [WEB], "tool_choice": {"type": "mcp", "server_label": "x"}},
        {"tools": [WEB], "tool_choice": {"type": "allowed_tools", "mode": "required", "tools": [WEB]}},
    ],
    ids=json.dumps,
)
def test_a_tool_of_the_providers_that_must_be_called_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(errors.UnsupportedParameter) as caught:
        parse(asking(**members))
    assert caught.value.param == "tool_choice"


@pytest.mark.parametrize(
    ("value", "choice"),
    [
        (None, None),
        ("auto", ToolChoice("auto")),
        ("none", ToolChoice("none")),
        ("required", ToolChoice("required")),
        ({"type": "function", "name": "f"}, ToolChoice("required", ("f",))),
        ({"type": "custom", "name": "f"}, ToolChoice("required", ("f",))),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [WEB, {"type": "function", "name": "f"}]},
            ToolChoice("auto", ("f",)),
        ),
        ({"type": "allowed_tools", "mode": "auto", "tools": [WEB]}, ToolChoice("none")),
    ],
    ids=repr,
)
def test_which_tools_may_be_called_is_understood(value: Any, choice: ToolChoice | None) -> None:
    assert parse(asking(tools=[WEB, FUNCTION], tool_choice=value)).tool_choice == choice


def test_tools_that_come_among_the_items_count() -> None:
    item = {"type": "additional_tools", "role": "developer", "tools": [FUNCTION, WEB]}
    assert [tool.name for tool in parse(asking(item, user())).tools] == ["f"]


def test_a_tool_is_strict_only_where_somebody_says_so() -> None:
    tools = [{**FUNCTION, "strict": strict} for strict in (True, False, None)]
    request = parse(asking(tools=tools))
    assert [tool.strict for tool in request.tools] == [True, False, None]
    assert [tool.get("strict", "unsaid") for tool in rendered(request)["tools"]] == [True, False, "unsaid"]
    foreign = saying(Text("x"), tools=[Tool("f", schema={"type": "object"})])
    assert rendered(foreign)["tools"][0]["strict"] is False, "elsewhere not said is not strict"


def test_a_grammar_is_the_same_in_both_dialects_of_its_maker() -> None:
    flat = {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"}
    request = parse(asking(tools=[{"type": "custom", "name": "g", "format": flat}]))
    chat = json.loads(DIALECTS["openai_chat"].request.render(request, "m"))["tools"][0]["custom"]["format"]
    assert chat == {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: /.+/"}}
    assert rendered(request)["tools"][0]["format"] == flat
