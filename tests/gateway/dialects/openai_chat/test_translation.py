"""Chat completions to and from the canonical form, where the two are not the same thing said twice."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from billing.usage import Usage
from gateway import errors, sse
from gateway.canonical import (
    Audio,
    Blob,
    BlockDelta,
    BlockEnd,
    BlockStart,
    Choice,
    Completion,
    Document,
    Event,
    Image,
    Message,
    Part,
    Reasoning,
    Source,
    Start,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from gateway.canonical import ChatRequest as Request
from gateway.dialects import DIALECTS
from gateway.dialects.assembly import as_events
from gateway.dialects.base import Dialect
from gateway.dialects.openai_chat.request import parse, render
from gateway.dialects.openai_chat.response import render as render_answer
from tests.gateway.dialects.recordings import recordings, split

CHAT_ANSWERS = [param for param in recordings(".response.json") if param.values[0].name == "openai_chat"]
PIXEL = "iVBORw0KGgo="
SIGNATURE = Blob("anthropic", "signature", "EqoBCkgIARABGAI=")
THOUGHT = Blob("gemini", "signature", "CvcBAVSoXO4")


def asking(*messages: dict[str, Any], **members: Any) -> bytes:
    return json.dumps({"model": "m", "messages": list(messages), **members}).encode()


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def calling(*ids: str, name: str = "f") -> dict[str, Any]:
    calls = [{"id": each, "type": "function", "function": {"name": name, "arguments": "{}"}} for each in ids]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def result(call_id: str, content: Any = "done") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def rendered(request: Request, **options: Any) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(render(request, "theirs", **options))
    assert value["model"] == "theirs"
    return value


def saying(*parts: Part, role: Any = "user", **members: Any) -> Request:
    return Request("m", [Message(role, list(parts))], **members)


def test_results_of_one_turn_become_parts_of_one_message_and_know_their_tool() -> None:
    request = parse(asking(user("go"), calling("a", "b", name="weather"), result("b"), result("a"), user("and?")))
    assert [message.role for message in request.messages] == ["user", "assistant", "user", "user"]
    assert request.messages[2].parts == [
        ToolResult(call_id="b", parts=[Text("done")], name="weather"),
        ToolResult(call_id="a", parts=[Text("done")], name="weather"),
    ]


def test_ids_may_return_in_a_later_turn() -> None:
    request = parse(asking(user("go"), calling("x"), result("x"), calling("x"), result("x")))
    assert len(request.messages) == 5


@pytest.mark.parametrize(
    "messages",
    [
        [user("go"), result("a")],
        [user("go"), calling("a"), result("b")],
        [user("go"), calling("a"), result("a"), result("a")],
        [user("go"), calling("a"), user("never mind")],
        [user("go"), calling("a")],
        [user("go"), calling("a", "b"), result("a"), user("so?")],
    ],
)
def test_tool_calls_and_results_that_do_not_pair_are_refused(messages: list[dict[str, Any]]) -> None:
    with pytest.raises(errors.InvalidParameter):
        parse(asking(*messages))


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"function_call": "auto"}, "function_call"),
        ({"web_search_options": {"search_context_size": "low"}}, "web_search_options"),
    ],
)
def test_what_has_no_counterpart_and_changes_the_answer_is_refused(members: dict[str, Any], param: str) -> None:
    with pytest.raises(errors.UnsupportedParameter) as caught:
        parse(asking(user("x"), **members))
    assert caught.value.param == param


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "telepathy", "telepathy": {}}],
        [{"type": "image_url", "image_url": {}}],
        [{"type": "image_url", "image_url": {"url": "ftp://example.com/a.png"}}],
        [{"type": "image_url", "image_url": {"url": "data:image/png;base64,???"}}],
        [{"type": "input_audio", "input_audio": {"data": "AAAA"}}],
        [{"type": "file", "file": "x"}],
        [{"type": "text"}],
        [{"type": "text", "text": 5}],
    ],
)
def test_content_that_nobody_can_read_is_refused(content: Any) -> None:
    with pytest.raises(errors.ClientError) as caught:
        parse(asking(user(content)))
    assert "messages[0].content[0]" in (caught.value.param or "")


@pytest.mark.parametrize(
    "members",
    [
        {"stop": [1]},
        {"stop": 5},
        {"seed": "1"},
        {"tool_choice": "sometimes"},
        {"tool_choice": {"type": "function"}},
        {"response_format": {"type": "xml"}},
        {"response_format": {"type": "json_schema", "json_schema": {"schema": 5, "name": "x"}}},
        {"tools": [{"type": "function"}]},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": "{}"}}]},
        {"tools": [{"type": "custom", "custom": {}}]},
        {"metadata": "x"},
        {"logit_bias": [1]},
        {"parallel_tool_calls": "no"},
        {"reasoning_effort": 5},
        {"modalities": [5]},
        {"user": 5},
    ],
    ids=json.dumps,
)
def test_members_that_only_a_translation_reads_are_checked_by_it(members: dict[str, Any]) -> None:
    with pytest.raises(errors.ClientError):
        parse(asking(user("x"), **members))


def test_a_duplicated_member_is_refused_in_translation_too() -> None:
    with pytest.raises(errors.InvalidJson):
        parse(b'{"model":"m","messages":[{"role":"user","content":"x"}],"stream":false,"stream":true}')


@pytest.mark.parametrize(
    ("members", "thinking"),
    [
        ({"reasoning_effort": "low"}, Thinking("low")),
        ({"reasoning": {"max_tokens": 2000, "exclude": True}}, Thinking(budget=2000, shown=False)),
        ({"reasoning": {"enabled": False}}, Thinking(budget=0)),
        ({"thinking": {"type": "enabled", "budget_tokens": 3000}}, Thinking(budget=3000)),
        ({"thinking": {"type": "disabled"}}, Thinking(budget=0)),
        ({}, None),
    ],
)
def test_the_wish_to_think_is_understood_in_every_spelling(members: dict[str, Any], thinking: Thinking | None) -> None:
    assert parse(asking(user("x"), **members)).thinking == thinking


def test_a_cache_mark_in_either_spelling_is_one() -> None:
    content = [
        {"type": "text", "text": "long", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        {"type": "text", "text": "short", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "own", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}},
        {"type": "text", "text": "none"},
    ]
    request = parse(asking(user(content)))
    assert [part.cache for part in request.messages[0].parts] == ["1h", "", "30m", None]
    wires = rendered(request)["messages"][0]["content"]
    assert wires[2]["prompt_cache_breakpoint"] == {"mode": "explicit", "ttl": "30m"}
    assert request.dropped == ["cache_control"]


def test_pictures_that_a_tool_showed_follow_its_message() -> None:
    request = Request(
        "m",
        [
            Message("assistant", [ToolCall("a", "look", "{}"), ToolCall("b", "read", "{}")]),
            Message(
                "user",
                [
                    ToolResult(call_id="a", parts=[Image(source=Source(data=PIXEL, media_type="image/png"))]),
                    ToolResult(call_id="b", parts=[Text("no file")], is_error=True),
                    Text("what is it?"),
                ],
            ),
        ],
    )
    assistant, first, second, after = rendered(request)["messages"]
    assert assistant["content"] is None
    assert (first["role"], first["tool_call_id"]) == ("tool", "a")
    assert (second["role"], second["content"]) == ("tool", "Error: no file")
    assert [part["type"] for part in after["content"]] == ["image_url", "text"]
    assert after["content"][0]["image_url"]["url"] == f"data:image/png;base64,{PIXEL}"


def test_a_text_document_is_read_out_and_others_are_attached() -> None:
    value = rendered(
        saying(
            Document(source=Source(data="SGkh", media_type="text/plain"), name="note.txt"),
            Document(source=Source(data="JVBERg==", media_type="application/pdf"), name="a.pdf"),
            Audio(source=Source(data="AAAA", media_type="audio/mpeg")),
        )
    )
    text, file, audio = value["messages"][0]["content"]
    assert text == {"type": "text", "text": "note.txt\n\nHi!"}
    assert file["file"] == {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="}
    assert audio["input_audio"] == {"data": "AAAA", "format": "mp3"}


@pytest.mark.parametrize(
    "part",
    [
        Document(source=Source(url="https://example.com/a.pdf", media_type="application/pdf")),
        Document(source=Source(file_id="file_1", origin="anthropic")),
        Image(source=Source(file_id="file_1", origin="anthropic")),
        Audio(source=Source(url="https://example.com/a.mp3")),
    ],
)
def test_media_that_this_wire_cannot_carry_are_refused(part: Part) -> None:
    with pytest.raises(errors.InvalidMedia):
        render(saying(part), "theirs")


def test_a_tool_of_another_provider_is_refused() -> None:
    request = saying(Text("x"), tools=[Tool("web_search", "native", extras={"anthropic_messages": {"tool": {}}})])
    with pytest.raises(errors.UnsupportedCapability):
        render(request, "theirs")


def test_more_stop_sequences_than_fit_are_refused_and_not_clamped() -> None:
    with pytest.raises(errors.UnsupportedParameter):
        render(saying(Text("x"), stop=("a", "b", "c", "d", "e")), "theirs")


def test_what_is_left_out_is_said() -> None:
    request = saying(
        Text("x", cache="5m"),
        top_k=40,
        metadata={"a": "b"},
        extras={"anthropic_messages": {"container": "c"}, "openai_chat": {"of_tomorrow": 1}},
    )
    value = rendered(request)
    assert value["of_tomorrow"] == 1
    assert sorted(request.dropped) == ["cache_control", "container", "metadata", "top_k"]
    assert not {"container", "top_k", "metadata", "cache_control"} & value.keys()


def test_metadata_travel_with_what_is_stored() -> None:
    request = saying(Text("x"), metadata={"a": "b"}, extras={"openai": {"store": True}})
    assert rendered(request)["metadata"] == {"a": "b"}
    assert request.dropped == []


def test_a_stream_always_asks_for_usage() -> None:
    value = rendered(saying(Text("x"), stream=True))
    assert (value["stream"], value["stream_options"]) == (True, {"include_usage": True})
    assert "stream_options" not in rendered(saying(Text("x")))


def test_a_providers_words_for_limit_and_reasoning_can_be_chosen() -> None:
    request = saying(Reasoning("hm"), Text("x"), role="assistant", max_output=5)
    value = rendered(request, limit_member="max_tokens", reasoning_member="reasoning_content")
    assert value["max_tokens"] == 5
    assert value["messages"][0]["reasoning_content"] == "hm"
    plain = rendered(request)
    assert plain["max_completion_tokens"] == 5
    assert plain["messages"][0] == {"role": "assistant", "content": "x"}


def test_nothing_is_said_of_tools_where_there_are_none() -> None:
    value = rendered(saying(Text("x"), tool_choice=ToolChoice("auto"), parallel_tools=False))
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & value.keys()


@pytest.mark.parametrize(
    ("thinking", "effort"),
    [(Thinking("high"), "high"), (Thinking(budget=1500), "medium"), (Thinking(budget=0), "none"), (Thinking(), None)],
)
def test_a_budget_becomes_an_effort(thinking: Thinking, effort: str | None) -> None:
    assert rendered(saying(Text("x"), thinking=thinking)).get("reasoning_effort") == effort


ANSWER = Completion(
    "c",
    "m",
    [
        Choice(
            [
                Reasoning("I must look.", blob=SIGNATURE),
                Text("Let me look."),
                ToolCall("toolu_1", "look", "{}", blob=THOUGHT),
                ToolCall("toolu_2", "look", "{}"),
            ],
            "tool_calls",
        )
    ],
)


@pytest.mark.parametrize("forgetful", [False, True], ids=["whole", "ids only"])
def test_opaque_reasoning_of_another_provider_returns_on_the_next_turn(forgetful: bool) -> None:
    """Clients that keep the whole message send it back; those that put a stream together keep text and tool calls."""
    message = json.loads(render_answer(ANSWER))["choices"][0]["message"]
    if forgetful:
        message = {name: message[name] for name in ("role", "content", "tool_calls")}
    answers = [result(call["id"]) for call in message["tool_calls"]]
    turn = parse(asking(user("look"), message, *answers)).messages
    assert turn[1].parts == ANSWER.choices[0].parts
    assert [part.call_id for part in turn[2].parts if isinstance(part, ToolResult)] == ["toolu_1", "toolu_2"]


def test_a_provider_never_sees_the_blobs_of_another() -> None:
    body = render(Request("m", [Message("assistant", ANSWER.choices[0].parts)]), "theirs").decode()
    assert SIGNATURE.data not in body
    assert "tollgate" not in body
    assert "reasoning" not in body
    assert '"toolu_1"' in body


def test_a_providers_own_reasoning_details_return_to_it_as_they_came() -> None:
    details = [{"type": "reasoning.encrypted", "data": "gAAAAAB", "id": "rs_1", "format": "openai-responses-v1"}]
    message = {"role": "assistant", "content": "x", "reasoning_details": details}
    request = parse(asking(user("a"), message, user("b")))
    assert rendered(request)["messages"][1]["reasoning_details"] == details


@pytest.mark.parametrize(("dialect", "body"), CHAT_ANSWERS)
def test_what_we_render_is_an_answer_to_the_official_client(dialect: Dialect, body: bytes) -> None:
    completion = dialect.response.parse(body)
    answer = ChatCompletion.model_validate_json(dialect.response.render(completion), strict=True)
    assert answer.choices[0].message.role == "assistant"
    renderer = dialect.stream.renderer("m", id="chatcmpl-9", created=1741570283)
    raws = b"".join([*map(renderer.feed, as_events(completion)), renderer.finish()])
    chunks = [data for raw in split(raws) if (data := sse.data(raw)) != b"[DONE]"]
    for data in chunks:
        # The client's type of a streamed call knows functions only; it reads custom ones without checking them.
        known = (data or b"").replace(b'"type":"custom"', b'"type":"function"')
        chunk = ChatCompletionChunk.model_validate_json(known, strict=True)
        assert (chunk.id, chunk.created, chunk.model) == ("chatcmpl-9", 1741570283, "m")
    assert split(raws)[-1] == b"data: [DONE]\n\n"


def test_usage_is_hidden_from_those_who_did_not_ask() -> None:
    renderer = DIALECTS["openai_chat"].stream.renderer("m", usage=False)
    raws = b"".join([*map(renderer.feed, as_events(Completion("c", "m", ANSWER.choices, Usage(input=1, output=1))))])
    assert b'"usage"' not in raws
    assert raws.endswith(b"data: [DONE]\n\n")


def test_arguments_are_streamed_as_they_come_under_their_own_index() -> None:
    renderer = DIALECTS["openai_chat"].stream.renderer("m")
    renderer.feed(Start("c", "m"))
    script: list[tuple[Event, dict[str, Any]]] = [
        (BlockStart(0, ToolCall("a", "f")), {"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}}),
        (BlockDelta(0, '{"x'), {"index": 0, "function": {"arguments": '{"x'}}),
        (BlockStart(1, ToolCall("b", "g")), {"index": 1, "id": "b", "function": {"name": "g", "arguments": ""}}),
        (BlockDelta(1, "{}"), {"index": 1, "function": {"arguments": "{}"}}),
        (BlockDelta(0, '":1}'), {"index": 0, "function": {"arguments": '":1}'}}),
    ]
    for event, expected in script:
        (raw,) = split(renderer.feed(event))
        (call,) = json.loads(sse.data(raw) or b"")["choices"][0]["delta"]["tool_calls"]
        assert {name: value for name, value in call.items() if name != "type"} == expected


def test_a_call_without_arguments_ends_as_an_empty_object() -> None:
    renderer = DIALECTS["openai_chat"].stream.renderer("m")
    raws = b"".join(map(renderer.feed, [Start(), BlockStart(0, ToolCall("a", "f")), BlockEnd(0)]))
    assert json.loads(sse.data(split(raws)[-1]) or b"")["choices"][0]["delta"]["tool_calls"] == [
        {"index": 0, "function": {"arguments": "{}"}}
    ]
