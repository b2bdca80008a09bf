"""Responses requests to and from the canonical form, where the two are not the same thing said twice."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway import errors
from gateway.canonical import (
    Audio,
    Blob,
    Document,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    Source,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from gateway.canonical import ChatRequest as Request
from gateway.dialects import DIALECTS
from gateway.dialects.base import Dialect
from gateway.dialects.blobs import tie
from gateway.dialects.openai_responses.request import parse, render
from gateway.dialects.openai_responses.speaking import LONGEST_ID
from gateway.dialects.openai_responses.token_count import answer, read, render_count
from tests.gateway.dialects.openai_responses.asking import asking, calling, rendered, result, saying, user
from tests.gateway.dialects.recordings import WIRE, recordings

PIXEL = "iVBORw0KGgo="
OWN = Blob("openai", "encrypted", "gAAAAABpHkq7", "rs_1")
SIGNATURE = Blob("anthropic", "signature", "EqoBCkgIARABGAI=")
CODEX = (WIRE / "openai_responses" / "codex.request.json").read_bytes()


def test_a_flat_list_of_items_becomes_turns() -> None:
    request = parse(
        asking(
            user(),
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAAABpHkq7"},
            {"role": "assistant", "content": "Let me look."},
            calling("a", "weather"),
            calling("b", "now"),
            result("b"),
            result("a"),
            user("and?"),
        )
    )
    assert [message.role for message in request.messages] == ["user", "assistant", "user", "user"]
    assert request.messages[1].parts == [
        Reasoning("", blob=OWN),
        Text("Let me look."),
        ToolCall("a", "weather", "{}"),
        ToolCall("b", "now", "{}"),
    ]
    assert request.messages[2].parts == [
        ToolResult(call_id="b", parts=[Text("done")], name="now"),
        ToolResult(call_id="a", parts=[Text("done")], name="weather"),
    ]


def test_calls_one_after_another_are_turns_of_their_own() -> None:
    request = parse(asking(user(), calling("a"), result("a"), calling("b"), result("b")))
    assert [message.role for message in request.messages] == ["user", "assistant", "user", "assistant", "user"]


@pytest.mark.parametrize(
    "items",
    [
        [user(), result("a")],
        [user(), calling("a"), result("b")],
        [user(), calling("a"), result("a"), result("a")],
        [user(), calling("a"), user("never mind")],
        [user(), calling("a")],
        [user(), calling("a"), calling("b"), result("a"), {"role": "assistant", "content": "so"}],
    ],
)
def test_tool_calls_and_results_that_do_not_pair_are_refused(items: list[dict[str, Any]]) -> None:
    with pytest.raises(errors.InvalidParameter):
        parse(asking(*items))


@pytest.mark.parametrize(
    "item",
    [
        {"type": "item_reference", "id": "msg_1"},
        {"id": "msg_1"},
        {"type": "compaction", "encrypted_content": "gAAAA"},
        {"type": "local_shell_call", "call_id": "c", "action": {}},
        {"type": "computer_call_output", "call_id": "c", "output": {"type": "computer_screenshot"}},
    ],
    ids=lambda item: item.get("type", "bare"),
)
def test_what_only_the_provider_can_read_is_refused_in_translation(item: dict[str, Any]) -> None:
    with pytest.raises(errors.UnsupportedParameter):
        parse(asking(user(), item))


@pytest.mark.parametrize(
    "item",
    [
        {"type": "of_tomorrow"},
        {"type": "message", "role": "user", "content": [{"type": "telepathy"}]},
        {"type": "message", "role": "user", "content": [{"type": "input_image"}]},
        {"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": "ftp://x"}]},
        {"type": "message", "role": "user", "content": [{"type": "input_audio"}]},
        {"type": "message", "role": "user", "content": [{"type": "input_file"}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": 5}]},
        {"type": "message", "role": "assistant", "content": [{"type": "input_image", "image_url": "https://x.y/z"}]},
        {"type": "function_call", "name": "f", "arguments": "{}"},
        {"type": "function_call", "call_id": "c", "name": "f"},
        {"type": "function_call_output", "output": "x"},
    ],
    ids=json.dumps,
)
def test_items_that_nobody_can_read_are_refused_with_their_place(item: dict[str, Any]) -> None:
    with pytest.raises(errors.ClientError) as caught:
        parse(asking(user(), item))
    assert "input[1]" in (caught.value.param or "")


@pytest.mark.parametrize(
    "members",
    [
        {"tool_choice": "sometimes"},
        {"tool_choice": {"type": "function"}},
        {"tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": ["x"]}},
        {"text": {"format": {"type": "xml"}}},
        {"text": {"format": {"type": "json_schema", "schema": {}}}},
        {"tools": [{"name": "f"}]},
        {"tools": [{"type": "function"}]},
        {"tools": [{"type": "function", "name": "f", "parameters": "{}"}]},
        {"reasoning": {"effort": 5}},
        {"user": 5},
        {"top_logprobs": 1.5},
    ],
    ids=json.dumps,
)
def test_members_that_only_a_translation_reads_are_checked_by_it(members: dict[str, Any]) -> None:
    with pytest.raises(errors.ClientError):
        parse(asking(**members))


def test_a_duplicated_member_is_refused_in_translation_too() -> None:
    with pytest.raises(errors.InvalidJson):
        parse(b'{"model":"m","input":"x","stream":false,"stream":true}')


@pytest.mark.parametrize(
    ("reasoning", "thinking"),
    [
        ({"effort": "low"}, Thinking("low")),
        ({"effort": "high", "summary": "auto"}, Thinking("high", shown=True)),
        ({"summary": "detailed"}, Thinking(shown=True)),
        ({"effort": None, "summary": None}, None),
        ({}, None),
    ],
)
def test_the_wish_to_think_is_understood(reasoning: dict[str, Any], thinking: Thinking | None) -> None:
    assert parse(asking(reasoning=reasoning)).thinking == thinking


@pytest.mark.parametrize(
    ("thinking", "reasoning"),
    [
        (Thinking("high"), {"effort": "high"}),
        (Thinking(budget=1500, shown=True), {"effort": "medium", "summary": "auto"}),
        (Thinking(budget=0, shown=True), {"effort": "none"}),
        (Thinking(), None),
    ],
)
def test_a_budget_becomes_an_effort(thinking: Thinking, reasoning: dict[str, Any] | None) -> None:
    assert rendered(saying(Text("x"), thinking=thinking)).get("reasoning") == reasoning


@pytest.mark.parametrize(
    ("model", "asked"),
    [
        ("gpt-5.1-2025-11-13", True),
        ("openai/o4-mini", True),
        ("gpt-4.1", False),
        ("gpt-5-chat-latest", False),
        ("gpt-4o", False),
    ],
)
def test_reasoning_is_asked_for_in_a_form_that_can_come_back(model: str, asked: bool) -> None:
    value = rendered(saying(Text("x")), model)
    assert ("reasoning.encrypted_content" in value.get("include", [])) == asked
    assert value["store"] is False, "and nothing is left with the provider"


def test_log_probabilities_are_asked_for_by_their_name_here() -> None:
    value = rendered(saying(Text("x"), logprobs=True, top_logprobs=3))
    assert (value["include"], value["top_logprobs"]) == (["message.output_text.logprobs"], 3)
    assert parse(asking(include=["message.output_text.logprobs"])).logprobs


def test_what_the_other_dialect_of_the_same_maker_calls_otherwise_is_carried() -> None:
    chat = json.dumps(
        {
            "model": "m",
            "messages": [{"role": "developer", "content": "d"}, {"role": "user", "content": "x"}],
            "verbosity": "low",
            "prompt_cache_key": "k",
            "reasoning_effort": "high",
            "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "strict": True}},
        }
    ).encode()
    request = DIALECTS["openai_chat"].request.parse(chat)
    value = rendered(request)
    assert value["text"] == {
        "format": {"type": "json_schema", "name": "n", "schema": {}, "strict": True},
        "verbosity": "low",
    }
    assert value["prompt_cache_key"] == "k"
    assert [item["role"] for item in value["input"]] == ["developer", "user"]
    assert request.dropped == []
    back = json.loads(DIALECTS["openai_chat"].request.render(parse(json.dumps(value).encode()), "m"))
    assert (back["verbosity"], back["reasoning_effort"]) == ("low", "high")


def test_what_a_tool_showed_and_how_it_failed_is_kept() -> None:
    request = Request(
        "m",
        [
            Message("assistant", [ToolCall("a", "look", ""), ToolCall("b", "sh", "ls", custom=True)]),
            Message(
                "user",
                [
                    ToolResult(
                        call_id="a", parts=[Text("map"), Image(source=Source(data=PIXEL, media_type="image/png"))]
                    ),
                    ToolResult(call_id="b", parts=[Text("no file")], is_error=True, custom=True),
                    Text("what is it?"),
                ],
            ),
        ],
    )
    first, second, shown, failed, asked = rendered(request)["input"]
    assert (first["type"], first["arguments"]) == ("function_call", "{}")
    assert (second["type"], second["input"]) == ("custom_tool_call", "ls")
    assert [part["type"] for part in shown["output"]] == ["input_text", "input_image"]
    assert failed == {"type": "custom_tool_call_output", "call_id": "b", "output": "Error: no file"}
    assert asked == {"type": "message", "role": "user", "content": "what is it?"}


def test_media_have_their_places() -> None:
    value = rendered(
        saying(
            Document(source=Source(data="SGkh", media_type="text/plain"), name="note.txt"),
            Document(source=Source(data="JVBERg==", media_type="application/pdf")),
            Document(source=Source(url="https://example.com/a.pdf", media_type="application/pdf"), name="a.pdf"),
            Audio(source=Source(data="AAAA", media_type="audio/mpeg")),
            Image(source=Source(file_id="file-1", origin="openai"), detail="low"),
        )
    )
    text, file, linked, audio, image = value["input"][0]["content"]
    assert text == {"type": "input_text", "text": "note.txt\n\nHi!"}
    assert file == {
        "type": "input_file",
        "filename": "document.pdf",
        "file_data": "data:application/pdf;base64,JVBERg==",
    }
    assert linked == {"type": "input_file", "file_url": "https://example.com/a.pdf"}
    assert audio["input_audio"] == {"data": "AAAA", "format": "mp3"}
    assert image == {"type": "input_image", "file_id": "file-1", "detail": "low"}


@pytest.mark.parametrize(
    "part",
    [
        Document(source=Source(file_id="file_1", origin="anthropic")),
        Image(source=Source(file_id="file_1", origin="anthropic")),
        Audio(source=Source(url="https://example.com/a.mp3")),
        Document(source=Source(url="https://example.com/a.mp4", media_type="video/mp4")),
    ],
)
def test_media_that_this_wire_cannot_carry_are_refused(part: Part) -> None:
    with pytest.raises((errors.InvalidMedia, errors.UnsupportedCapability)):
        render(saying(part), "theirs")


@pytest.mark.parametrize(
    ("members", "param"),
    [({"n": 2}, "n"), ({"stop": ("END",)}, "stop")],
)
def test_what_would_change_the_answer_is_refused(members: dict[str, Any], param: str) -> None:
    with pytest.raises(errors.UnsupportedParameter) as caught:
        render(saying(Text("x"), **members), "theirs")
    assert caught.value.param == param


def test_what_is_left_out_is_said() -> None:
    request = saying(
        Text("x", cache="5m"),
        top_k=40,
        seed=1,
        presence_penalty=0.5,
        logit_bias={"1": 1},
        max_output=5,
        extras={"anthropic_messages": {"container": "c"}, "openai_responses": {"of_tomorrow": 1}},
    )
    value = rendered(request)
    assert value["of_tomorrow"] == 1
    assert value["max_output_tokens"] == 16, "the provider refuses less"
    assert sorted(request.dropped) == [
        "cache_control",
        "container",
        "logit_bias",
        "max_output",
        "presence_penalty",
        "seed",
        "top_k",
    ]


def test_instructions_stay_instructions_and_foreign_ones_become_a_message() -> None:
    value = rendered(parse(asking(user(), instructions="Be brief.")))
    assert value["instructions"] == "Be brief."
    assert [item["role"] for item in value["input"]] == ["user"]
    foreign = Request("m", [Message("system", [Text("Be brief.")]), Message("user", [Text("x")])])
    assert [item["role"] for item in rendered(foreign)["input"]] == ["system", "user"]


def test_a_provider_gets_its_own_reasoning_back_and_no_other() -> None:
    tied = tie("toolu_1", [Reasoning("hm", blob=SIGNATURE)], Blob("gemini", "signature", "Cv=="))
    request = parse(asking(user(), calling(tied), result(tied)))
    thought, call = request.messages[1].parts
    assert thought == Reasoning("hm", blob=SIGNATURE)
    assert isinstance(call, ToolCall)
    assert (call.id, call.blob) == ("toolu_1", Blob("gemini", "signature", "Cv=="))
    request.messages[1].parts = [Reasoning("own", blob=OWN), thought, Reasoning("bare"), Refusal("No."), call]
    reasoning, refusal, wire, answered = rendered(request)["input"][1:]
    assert reasoning == {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "own"}],
        "encrypted_content": "gAAAAABpHkq7",
    }
    assert refusal["content"] == [{"type": "refusal", "refusal": "No."}]
    assert wire["call_id"] == answered["call_id"] == "toolu_1"


def test_a_long_id_is_cut_alike_in_call_and_result() -> None:
    long = "call_" + "x" * 100
    call, answered = rendered(parse(asking(user(), calling(long), result(long))))["input"][1:]
    assert call["call_id"] == answered["call_id"]
    assert len(call["call_id"]) <= LONGEST_ID


@pytest.mark.parametrize(("dialect", "body"), recordings(".request.json"))
def test_any_request_that_this_provider_can_be_asked_is_a_sound_one(dialect: Dialect, body: bytes) -> None:
    request = dialect.request.parse(body)
    try:
        value = rendered(request)
    except (errors.UnsupportedParameter, errors.UnsupportedCapability, errors.InvalidMedia):
        return  # said to the customer, who can mend it
    assert value["input"]
    parse(json.dumps(value).encode())


def test_the_tokens_of_a_prompt_can_be_asked_for() -> None:
    value = json.loads(render_count(parse(CODEX), "theirs"))
    assert value.keys() <= {"model", "input", "instructions", "parallel_tool_calls", "reasoning"} | {
        "text",
        "tool_choice",
        "tools",
    }
    assert value["instructions"] == "You are Codex, a coding agent."
    assert read(answer(321)) == 321
    for wrong in (b"", b"[]", b'{"input_tokens":-1}', b'{"input_tokens":"1"}'):
        with pytest.raises(errors.UpstreamError):
            read(wrong)
