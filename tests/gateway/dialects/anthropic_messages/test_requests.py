"""Requests to and from the canonical form, where the two are not the same thing said twice."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from gateway import errors
from gateway.canonical import (
    Audio,
    Blob,
    ChatRequest,
    Document,
    Format,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    Source,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from gateway.dialects.anthropic_messages.request import parse, render
from gateway.dialects.anthropic_messages.speaking import identity

SIGNATURE = Blob("anthropic", "signature", "EqoBCkgIARABGAI=")
THOUGHT = Blob("gemini", "signature", "CvcBAVSoXO4")
CLAUDE = "claude-sonnet-4-5"


def asking(*messages: Message, **members: Any) -> ChatRequest:
    return ChatRequest("ours", list(messages) or [Message("user", [Text("hei")])], **members)


def rendered(request: ChatRequest, model: str = CLAUDE) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(render(request, model))
    assert value["model"] == model
    return value


def user(*parts: Part) -> Message:
    return Message("user", list(parts))


def said(*parts: Part) -> Message:
    return Message("assistant", list(parts))


def test_a_limit_that_nobody_named_is_the_models_own_or_the_default() -> None:
    assert rendered(asking())["max_tokens"] == 4096
    request = asking(extras={"anthropic_messages": {"max_tokens": 64000}})
    assert rendered(request)["max_tokens"] == 64000
    assert rendered(asking(max_output=7, extras=request.extras))["max_tokens"] == 7
    assert request.dropped == []


def test_instructions_go_to_the_system_prompt_and_turns_of_one_role_become_one() -> None:
    request = asking(
        Message("system", [Text("Be terse.")]),
        user(Text("a")),
        Message("system", [Text("And kind.", cache="1h")]),
        user(Text("b")),
        said(Text("c")),
        said(Refusal("d"), Text(" ")),
    )
    value = rendered(request)
    assert value["system"] == [
        {"type": "text", "text": "Be terse."},
        {"type": "text", "text": "And kind.", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
    ]
    assert value["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "c"}, {"type": "text", "text": "d"}]},
    ]


def test_what_this_provider_refuses_to_read_is_mended() -> None:
    value = rendered(asking(Message("system", [Text("Only instructions.")])))
    assert (value["messages"], "system" in value) == ([{"role": "user", "content": "Only instructions."}], False)
    value = rendered(asking(said(Text("I began. \n"))))
    assert value["messages"] == [{"role": "user", "content": "."}, {"role": "assistant", "content": "I began."}]
    with pytest.raises(errors.InvalidParameter):
        render(asking(user(Text("  "))), CLAUDE)


def test_tool_results_come_first_with_errors_and_pictures() -> None:
    request = asking(
        user(Text("Look")),
        said(
            ToolCall("call.1", "look", '{"at": 1.0}'), ToolCall("call_2", "now", ""), ToolCall("call_3", "bad", "{oops")
        ),
        user(
            Text("Well?"),
            ToolResult(call_id="call.1", parts=[Text("seen"), Image(Source(url="https://example.com/a"))]),
        ),
        user(ToolResult(call_id="call_2", is_error=True), ToolResult(call_id="call_3", parts=[Text("no")])),
    )
    raw = render(request, CLAUDE)
    assert b'"input":{"at": 1.0}' in raw, "arguments are passed on byte for byte"
    first, second = json.loads(raw)["messages"][1:]
    assert first["content"][1:] == [
        {"type": "tool_use", "id": "call_2", "name": "now", "input": {}},
        {"type": "tool_use", "id": "call_3", "name": "bad", "input": {"INVALID_JSON": "{oops"}},
    ]
    made = first["content"][0]["id"]
    assert made == identity("call.1") != identity("call:1")
    picture = {"type": "image", "source": {"type": "url", "url": "https://example.com/a"}}
    assert second["content"] == [
        {"type": "tool_result", "tool_use_id": made, "content": [{"type": "text", "text": "seen"}, picture]},
        {"type": "tool_result", "tool_use_id": "call_2", "is_error": True},
        {"type": "tool_result", "tool_use_id": "call_3", "content": "no"},
        {"type": "text", "text": "Well?"},
    ]


def test_broken_arguments_come_back_as_the_model_wrote_them() -> None:
    request = asking(user(Text("x")), said(ToolCall("t", "f", "{oops")), user(ToolResult(call_id="t")))
    assert parse(render(request, CLAUDE)).messages[1].parts == [ToolCall("t", "f", "{oops")]


@pytest.mark.parametrize(
    ("choice", "parallel", "wire", "names"),
    [
        (None, None, None, "abc"),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}, "abc"),
        (ToolChoice("none"), False, {"type": "none"}, "abc"),
        (ToolChoice("required"), None, {"type": "any"}, "abc"),
        (
            ToolChoice("required", ("b",)),
            False,
            {"type": "tool", "name": "b", "disable_parallel_tool_use": True},
            "abc",
        ),
        (ToolChoice("required", ("a", "c")), None, {"type": "any"}, "ac"),
        (ToolChoice("auto", ("c",)), True, {"type": "auto"}, "c"),
    ],
)
def test_tool_choice_in_all_variants(choice: Any, parallel: bool | None, wire: Any, names: str) -> None:
    tools = [Tool(name, schema={"properties": {}}) for name in "abc"]
    value = rendered(asking(tools=tools, tool_choice=choice, parallel_tools=parallel))
    assert value.get("tool_choice") == wire
    assert "".join(tool["name"] for tool in value["tools"]) == names
    assert value["tools"][0]["input_schema"] == {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    "members",
    [
        {"n": 2},
        {"logprobs": True},
        {"modalities": ("text", "audio")},
        {"tools": [Tool("web_search", "native", extras={"openai_responses": {"tool": {}}})]},
        {"tools": [Tool("sql", "custom")]},
    ],
)
def test_what_would_change_the_answer_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises((errors.UnsupportedParameter, errors.UnsupportedCapability)):
        render(asking(**members), CLAUDE)


@pytest.mark.parametrize(
    "part",
    [
        Audio(Source(data="UklGRg==", media_type="audio/wav")),
        Document(Source(data="AAAA", media_type="video/mp4")),
        Document(Source(data="AAAA", media_type="application/zip")),
        Document(Source(file_id="file-1", origin="openai")),
        Image(Source(file_id="files/1", origin="gemini")),
    ],
)
def test_media_that_cannot_be_shown_are_refused(part: Part) -> None:
    with pytest.raises((errors.UnsupportedCapability, errors.InvalidMedia)):
        render(asking(user(part)), CLAUDE)


def test_what_does_not_change_the_meaning_is_dropped_and_said_to_be() -> None:
    request = asking(
        user(Image(Source(data="iVBORw0KGgo=", media_type="image/jpg"), detail="high")),
        seed=1,
        presence_penalty=0.5,
        frequency_penalty=0.0,
        logit_bias={"1": 1.0},
        metadata={"a": "b"},
        service_tier="flex",
        temperature=1.5,
        stop=("\n", "END"),
        user="alice",
        extras={"openai": {"store": True}},
    )
    value = rendered(request)
    assert value["temperature"] == 1
    assert value["stop_sequences"] == ["END"]
    assert value["metadata"] == {"user_id": "alice"}
    assert value["messages"][0]["content"][0]["source"]["media_type"] == "image/jpeg"
    assert sorted(request.dropped) == [
        *(
            "detail",
            "logit_bias",
            "metadata",
            "presence_penalty",
            "seed",
            "service_tier",
            "stop",
            "store",
            "temperature",
        )
    ]


@pytest.mark.parametrize(
    ("model", "sent", "dropped"),
    [
        ("claude-3-7-sonnet-20250219", {"temperature": 0.5, "top_p": 0.9, "top_k": 5}, []),
        ("claude-sonnet-4-20250514", {"temperature": 0.5, "top_p": 0.9, "top_k": 5}, []),
        ("claude-sonnet-4-6", {"temperature": 0.5, "top_k": 5}, ["top_p"]),
        ("claude-opus-4-7", {}, ["temperature", "top_p", "top_k"]),
        ("anthropic/claude-haiku-5.5", {}, ["temperature", "top_p", "top_k"]),
        ("claude-newest", {}, ["temperature", "top_p", "top_k"]),
        ("MiniMax-M2.5", {"temperature": 0.5, "top_p": 0.9, "top_k": 5}, []),
    ],
)
def test_each_generation_gets_the_sampling_that_it_takes(model: str, sent: dict[str, Any], dropped: list[str]) -> None:
    request = asking(temperature=0.5, top_p=0.9, top_k=5)
    value = rendered(request, model)
    assert {name: value[name] for name in ("temperature", "top_p", "top_k") if name in value} == sent
    assert request.dropped == dropped


@pytest.mark.parametrize(
    ("model", "thinking", "limit", "wire", "effort", "most"),
    [
        (CLAUDE, Thinking("high"), None, {"type": "enabled", "budget_tokens": 4096}, None, 8192),
        (CLAUDE, Thinking("minimal"), 4096, {"type": "enabled", "budget_tokens": 1024}, None, 4096),
        (CLAUDE, Thinking(budget=9000), 8000, {"type": "enabled", "budget_tokens": 4000}, None, 8000),
        (CLAUDE, Thinking(budget=8000), 8000, {"type": "enabled", "budget_tokens": 4000}, None, 8000),
        (CLAUDE, Thinking(budget=7999), 8000, {"type": "enabled", "budget_tokens": 7999}, None, 8000),
        (CLAUDE, Thinking("high"), 1024, None, None, 1024),
        (CLAUDE, Thinking("none"), 100, {"type": "disabled"}, None, 100),
        (CLAUDE, Thinking(budget=0), 100, {"type": "disabled"}, None, 100),
        ("claude-sonnet-4-6", Thinking(budget=2000), 9999, {"type": "enabled", "budget_tokens": 2000}, None, 9999),
        ("claude-sonnet-4-6", Thinking("xhigh"), 9999, {"type": "adaptive"}, "high", 9999),
        ("claude-opus-4-7", Thinking("xhigh"), 9999, {"type": "adaptive"}, "xhigh", 9999),
        ("claude-opus-4-7", Thinking("minimal"), 9999, {"type": "adaptive"}, "low", 9999),
        ("claude-opus-5-5", Thinking(budget=2000), 9999, {"type": "adaptive"}, "medium", 9999),
        ("claude-opus-5-5", Thinking(shown=True), 9, {"type": "adaptive", "display": "summarized"}, None, 9),
    ],
)
def test_effort_and_budget_become_what_the_model_takes(
    model: str, thinking: Thinking, limit: int | None, wire: Any, effort: str | None, most: int
) -> None:
    request = asking(thinking=thinking, max_output=limit)
    value = rendered(request, model)
    assert value.get("thinking") == wire
    assert value.get("output_config", {}).get("effort") == effort
    assert value["max_tokens"] == most
    assert ("thinking" in request.dropped) is (wire is None)


def test_thinking_yields_where_the_provider_would_refuse_it() -> None:
    forced = asking(thinking=Thinking("high"), tools=[Tool("f")], tool_choice=ToolChoice("required"), temperature=0.5)
    value = rendered(forced)
    assert "thinking" not in value
    assert (value["temperature"], forced.dropped) == (0.5, ["thinking"])
    loop = [user(Text("x")), said(ToolCall("t", "f", "{}")), user(ToolResult(call_id="t"))]
    foreign = asking(*loop, thinking=Thinking("high"))
    assert "thinking" not in rendered(foreign)
    assert foreign.dropped == ["thinking"]
    assert "thinking" in rendered(asking(*loop, thinking=Thinking("high")), "claude-opus-4-7")
    loop[1].parts.insert(0, Reasoning("hm", blob=SIGNATURE))
    request = asking(*loop, thinking=Thinking("high"), temperature=0.5)
    assert "thinking" in rendered(request)
    assert request.dropped == ["temperature"], "thinking needs the temperature left alone"


def test_only_this_providers_own_thinking_goes_back_to_it() -> None:
    parts: list[Part] = [
        Reasoning("signed", blob=SIGNATURE),
        Reasoning("", blob=Blob("anthropic", "redacted", "Emw")),
        Reasoning("foreign", blob=THOUGHT),
        Reasoning("bare"),
        Text("so"),
    ]
    assert rendered(asking(user(Text("x")), said(*parts)))["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "signed", "signature": SIGNATURE.data},
        {"type": "redacted_thinking", "data": "Emw"},
        {"type": "text", "text": "so"},
    ]


def test_a_schema_is_closed_and_asked_for_in_words_where_there_is_no_member() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "object", "default": {"type": "object"}}}}
    value = rendered(asking(format=Format("json_schema", schema)))
    inner = {"type": "object", "default": {"type": "object"}, "additionalProperties": False}
    closed = {"type": "object", "properties": {"a": inner}, "additionalProperties": False}
    assert value["output_config"] == {"format": {"type": "json_schema", "schema": closed}}
    worded = rendered(asking(format=Format("json_schema", schema)), "MiniMax-M2")
    assert json.dumps(schema, separators=(",", ":")) in worded["system"]
    assert "JSON object" in rendered(asking(format=Format("json")))["system"]
    with pytest.raises(errors.UnsupportedParameter):
        render(asking(format=Format("json_schema", schema, strict=True)), "MiniMax-M2")


def test_no_more_breakpoints_than_four() -> None:
    request = asking(
        Message("system", [Text("s", cache="")]),
        user(*(Text(str(at), cache="5m") for at in range(4))),
        tools=[Tool("f", cache="1h")],
    )
    value = rendered(request)
    assert "cache_control" not in json.dumps([value["tools"], value["system"]])
    assert json.dumps(value["messages"]).count("cache_control") == 4
    assert request.dropped == ["cache_control"]


def test_documents_are_shown_in_the_providers_ways() -> None:
    text = base64.b64encode("# blåbær".encode()).decode()
    request = asking(
        user(
            Document(Source(data="JVBERi0=", media_type="application/pdf"), "a.pdf"),
            Document(Source(data=text, media_type="text/markdown")),
            Document(Source(url="https://example.com/b.pdf")),
        )
    )
    assert [block["source"] for block in rendered(request)["messages"][0]["content"]] == [
        {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
        {"type": "text", "media_type": "text/plain", "data": "# blåbær"},
        {"type": "url", "url": "https://example.com/b.pdf"},
    ]
