"""Conversations that customers send in this dialect, for providers that speak another."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway import errors
from gateway.canonical import Text, ToolResult
from gateway.dialects.anthropic_messages.request import parse, render
from gateway.dialects.openai_chat import request as openai_chat
from tests.gateway.dialects.recordings import WIRE


def body(*messages: dict[str, Any], **members: Any) -> bytes:
    return json.dumps({"model": "ours", "max_tokens": 99, "messages": list(messages), **members}).encode()


def test_results_of_one_turn_stand_together_and_know_their_tool() -> None:
    call = {"type": "tool_use", "name": "f", "input": {}}
    request = parse(
        body(
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": [{**call, "id": "a"}, {**call, "id": "b"}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "1"}]},
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "b"}, {"type": "text", "text": "now?"}],
            },
        )
    )
    assert request.messages[2].parts == [
        ToolResult(call_id="a", parts=[Text("1")], name="f"),
        ToolResult(call_id="b", name="f"),
        Text("now?"),
    ]
    assert len(request.messages) == 3


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a"}]}],
        [{"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}]}],
        [
            {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}]},
            {"role": "user", "content": "never mind"},
        ],
        [{"role": "user", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}]}],
        [{"role": "assistant", "content": [{"type": "image", "source": {"type": "url", "url": "https://x"}}]}],
        [{"role": "user", "content": [{"type": "image", "source": {"type": "base64", "data": "AAAA"}}]}],
        [{"role": "user", "content": [{"type": "text"}]}],
        [{"role": "user", "content": [{}]}],
    ],
)
def test_conversations_that_do_not_fit_together_are_refused(messages: list[dict[str, Any]]) -> None:
    with pytest.raises((errors.InvalidParameter, errors.MissingParameter)):
        parse(body(*messages))


@pytest.mark.parametrize("name", ["container", "mcp_servers"])
def test_what_only_this_provider_runs_is_refused_when_it_is_asked_of_another(name: str) -> None:
    with pytest.raises(errors.UnsupportedParameter) as caught:
        parse(body({"role": "user", "content": "x"}, **{name: ["x"]}))
    assert caught.value.param == name


def test_another_dialect_names_what_it_leaves_out_and_refuses_what_it_cannot_read() -> None:
    recorded = (WIRE / "anthropic_messages" / "server_tools_before.request.json").read_bytes()
    request = parse(recorded)
    wire = json.loads(openai_chat.render(request, "theirs"))
    assert wire["messages"][1]["content"] == "I search.Norway won."
    assert request.dropped == ["server_tool_use", "web_search_tool_result"]
    upload = {"type": "container_upload", "file_id": "file_1"}
    with pytest.raises(errors.InvalidMedia):
        openai_chat.render(parse(body({"role": "user", "content": [upload]})), "theirs")


def test_a_search_result_is_read_by_everybody() -> None:
    found = {
        "type": "search_result",
        "title": "T",
        "source": "https://s",
        "content": [{"type": "text", "text": "words"}],
    }
    request = parse(body({"role": "user", "content": [found]}))
    assert json.loads(openai_chat.render(request, "theirs"))["messages"][0]["content"] == "T\nhttps://s\n\nwords"
    assert json.loads(render(request, "theirs"))["messages"][0]["content"] == [found]
