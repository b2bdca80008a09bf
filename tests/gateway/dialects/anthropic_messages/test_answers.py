"""Answers told to Anthropic's clients, whole and streamed, and what survives the way there and back."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import anthropic
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.usage import Usage
from gateway import errors
from gateway.canonical import (
    Blob,
    BlockDelta,
    BlockEnd,
    BlockStart,
    Choice,
    ChoiceEnd,
    Completion,
    End,
    ErrorEvent,
    Event,
    Fault,
    Image,
    Part,
    Reasoning,
    Refusal,
    Source,
    Start,
    Text,
    ToolCall,
    UsageReport,
)
from gateway.dialects import DIALECTS
from gateway.dialects.anthropic_messages.hearing import Parser
from gateway.dialects.anthropic_messages.request import parse as parse_request
from gateway.dialects.anthropic_messages.request import render as render_request
from gateway.dialects.anthropic_messages.response import beside_text, parse, render
from gateway.dialects.anthropic_messages.stream import ending, failure
from gateway.dialects.anthropic_messages.telling import Renderer
from gateway.dialects.anthropic_messages.usage import Watch
from gateway.dialects.assembly import as_events
from gateway.dialects.blobs import seal
from tests.gateway.dialects.recordings import WIRE, assembled, check_order, parsed, split

ANTHROPIC, OPENAI = DIALECTS["anthropic_messages"], DIALECTS["openai_chat"]
RECORDED = WIRE / "anthropic_messages"
USAGE = Usage(input=10, cached_input=3, output=4, reasoning=1)
SIGNED = Reasoning("hm", blob=Blob("anthropic", "signature", "EqoBCkgIARABGAI="))
FOREIGN = Blob("gemini", "signature", "CvcBAVSoXO4")
ENCRYPTED = Blob("openai", "encrypted", "gAAAAABo", "rs_1")

# Everything opaque that a model may have said, of any provider.
OPAQUE: list[Part] = [
    SIGNED,
    Reasoning("", blob=Blob("anthropic", "signature", "EqoC")),
    Reasoning("", blob=Blob("anthropic", "redacted", "EmwK")),
    Reasoning("thought", blob=FOREIGN),
    Reasoning("", blob=ENCRYPTED),
    Text("so", blob=FOREIGN),
    ToolCall("call_1", "f", '{"a":1}', blob=FOREIGN),
]


def answer(*parts: Part, **members: Any) -> Completion:
    finish = "tool_calls" if any(isinstance(part, ToolCall) for part in parts) else "stop"
    choice = Choice(list(parts), finish, **members)  # type: ignore[arg-type]
    return Completion("msg_1", "ours", [choice], USAGE)


def told(events: Iterable[Event], **options: Any) -> bytes:
    renderer = Renderer("ours", **options)
    return b"".join([*(renderer.feed(event) for event in events), renderer.finish()])


def names(content: bytes) -> list[str]:
    return [json.loads(raw.split(b"data: ", 1)[1])["type"] for raw in split(content)]


def client(content: bytes) -> anthropic.Anthropic:
    def respond(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=content)

    transport = httpx2.Client(transport=httpx2.MockTransport(respond))
    return anthropic.Anthropic(api_key="x", base_url="http://tape", http_client=transport, max_retries=0)


def heard(content: bytes) -> anthropic.types.Message:
    """What Anthropic's own client makes of a stream."""
    asked: Any = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
    with client(content).messages.stream(**asked) as stream:
        return stream.get_final_message()


def test_events_come_in_the_order_that_clients_count_on() -> None:
    content = told(as_events(answer(SIGNED, Text("so"), ToolCall("t", "f", "{}"))), prompt_tokens=12)
    block = ["content_block_start", "content_block_delta", "content_block_stop"]
    signed = [*block[:2], "content_block_delta", "content_block_stop"]
    assert names(content) == ["message_start", "ping", *signed, *block, *block, "message_delta", "message_stop"]
    first, *_, last, _ = (json.loads(raw.split(b"data: ", 1)[1]) for raw in split(content))
    assert first["message"]["usage"]["input_tokens"] == 12, "an estimate, until the provider says"
    assert first["message"]["content"] == []
    assert last["delta"] == {"stop_reason": "tool_use", "stop_sequence": None}
    assert (last["usage"]["input_tokens"], last["usage"]["cache_read_input_tokens"]) == (10, 3)
    assert (last["usage"]["output_tokens"], last["usage"]["output_tokens_details"]["thinking_tokens"]) == (5, 1)


@pytest.mark.parametrize("path", sorted((WIRE / "openai_chat").glob("*.sse")), ids=lambda path: path.stem)
def test_anthropics_client_hears_chat_completions(path: Any) -> None:
    if path.name.startswith("error_"):
        return
    events = parsed(OPENAI, split(path.read_bytes()))
    first = assembled(events).choices[0]
    message = heard(told(events))
    assert message.model == "ours"
    calls = [part for part in first.parts if isinstance(part, ToolCall) and not part.custom]
    found = [block for block in message.content if block.type == "tool_use"]
    assert [block.input for block in found][: len(calls)] == [json.loads(call.arguments or "{}") for call in calls]
    words = "".join(part.text for part in first.parts if isinstance(part, Text | Refusal))
    assert "".join(block.text for block in message.content if block.type == "text") == words
    assert message.stop_reason in ("end_turn", "max_tokens", "tool_use", "refusal")


@pytest.mark.parametrize("path", sorted(RECORDED.glob("*.sse")), ids=lambda path: path.stem)
def test_a_stream_told_again_is_to_the_client_what_the_providers_was(path: Any) -> None:
    if path.name.startswith("error_"):
        return
    theirs = heard(path.read_bytes()).to_dict()
    ours = heard(told(parsed(ANTHROPIC, split(path.read_bytes())))).to_dict()
    for name in ("content", "stop_reason", "stop_sequence", "stop_details", "id"):
        assert ours.get(name) == theirs.get(name)
    for name in ("input_tokens", "output_tokens", "cache_read_input_tokens"):
        assert (ours["usage"][name] or 0) == (theirs["usage"].get(name) or 0)  # type: ignore[index, attr-defined]


def test_parallel_calls_that_overlap_are_told_one_after_another_and_not_held_back() -> None:
    renderer = Renderer("ours")
    said = [
        renderer.feed(event)
        for event in (
            Start("msg_1"),
            BlockStart(0, ToolCall("a", "f")),
            BlockStart(1, ToolCall("b", "g")),
            BlockDelta(1, '{"b":2}'),
            BlockDelta(0, '{"a":'),
            BlockDelta(0, "1}"),
            BlockEnd(0),
            BlockEnd(1),
            ChoiceEnd("tool_calls"),
            End(),
        )
    ]
    assert b'{\\"a\\":' in said[4], "the open one streams as it comes"
    assert said[3] == b""
    message = heard(b"".join(said))
    assert [(block.id, block.input) for block in message.content if block.type == "tool_use"] == [
        ("a", {"a": 1}),
        ("b", {"b": 2}),
    ]


def test_a_refusal_is_read_by_clients_that_know_only_text() -> None:
    value = json.loads(render(answer(Refusal("No."))))
    assert (value["stop_reason"], value["content"]) == ("refusal", [{"type": "text", "text": "No."}])
    message = heard(told(as_events(answer(Refusal("No.")))))
    assert message.stop_reason == "refusal"
    own = parse((RECORDED / "refusal.response.json").read_bytes())
    assert isinstance(own.choices[0].parts[-1], Refusal)
    assert json.loads(OPENAI.response.render(own))["choices"][0]["message"]["refusal"] == "I can't help with that."


def test_only_one_choice_is_told_and_an_empty_answer_is_whole() -> None:
    two = Completion("msg_1", "ours", [Choice([Text("red")], "stop"), Choice([Text("blue")], "length")], USAGE)
    assert json.loads(render(two))["content"] == [{"type": "text", "text": "red"}]
    assert [block.type for block in heard(told(as_events(two))).content] == ["text"]
    assert heard(told(as_events(two))).stop_reason == "end_turn"
    assert names(told([])) == ["message_start", "ping", "message_delta", "message_stop"]
    picture = Image(Source(data="iVBORw0KGgo=", media_type="image/png"))
    assert json.loads(render(answer(picture)))["content"][0]["source"]["media_type"] == "image/png"
    assert b"iVBORw0KGgo=" in told(as_events(answer(picture)))


def test_opaque_blobs_survive_this_surface_whole_and_streamed() -> None:
    completion = answer(*OPAQUE)
    whole = json.loads(render(completion))["content"]
    streamed = [block.to_dict() for block in heard(told(as_events(completion))).content]
    assert [{**block, "input": {"a": 1}} if "input" in block else block for block in streamed] == whole
    turns = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": whole},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": whole[-1]["id"], "content": "ok"}]},
    ]
    again = parse_request(json.dumps({"model": "m", "max_tokens": 9, "messages": turns}).encode())
    assert again.messages[1].parts == OPAQUE
    assert again.messages[2].parts[0].call_id == "call_1"  # type: ignore[attr-defined]


def test_a_signature_comes_back_to_its_provider_through_chat_completions() -> None:
    provider = parse((RECORDED / "thinking.response.json").read_bytes())
    provider.choices[0].parts.append(ToolCall("toolu_1", "f", "{}"))
    message = json.loads(OPENAI.response.render(provider))["choices"][0]["message"]
    calls = message["tool_calls"]
    for kept in (message, {"role": "assistant", "content": message["content"], "tool_calls": calls}):
        turns = [{"role": "user", "content": "x"}, kept]
        turns.append({"role": "tool", "tool_call_id": calls[0]["id"], "content": "ok"})
        request = OPENAI.request.parse(json.dumps({"model": "m", "messages": turns}).encode())
        blocks = json.loads(render_request(request, "claude-sonnet-4-5"))["messages"][1]["content"]
        recorded = json.loads((RECORDED / "thinking.response.json").read_bytes())["content"]
        assert [block for block in blocks if "thinking" in block["type"]] == recorded[:3]
        assert blocks[-1]["id"] == "toolu_1"


def test_blocks_of_the_providers_own_tools_are_kept_whole() -> None:
    start = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
    found = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
    wire = [
        {"type": "message_start", "message": {"id": "msg_1", "model": "m", "usage": {"input_tokens": 5}}},
        {"type": "content_block_start", "index": 0, "content_block": start},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": piece}}
            for piece in ("", '{"query":', '"oslo"}')
        ),
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": found},
        {"type": "content_block_stop", "index": 1},
        {"type": "message_delta", "delta": {"stop_reason": "pause_turn"}, "usage": {"output_tokens": 9}},
        {"type": "message_stop"},
    ]
    events = parsed(ANTHROPIC, [b"data: " + json.dumps(event).encode() + b"\n\n" for event in wire])
    check_order(events)
    expected = [{**start, "input": {"query": "oslo"}}, found]
    assert [part.extras["anthropic_messages"]["block"] for part in assembled(events).choices[0].parts] == expected
    message = heard(told(events))
    assert [block.to_dict() for block in message.content] == expected
    assert message.stop_reason == "pause_turn"
    chat = OPENAI.stream.renderer("ours")
    assert b"oslo" not in b"".join([*(chat.feed(event) for event in events), chat.finish()])


def test_arguments_that_come_with_the_start_of_a_block_are_not_lost() -> None:
    call = {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}
    parser = Parser()
    wire = [
        {"type": "content_block_start", "index": 0, "content_block": call},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
    ]
    events = [event for one in wire for event in parser.feed(b"data: " + json.dumps(one).encode() + b"\n\n")]
    completion = assembled([*events, *parser.finish()])
    assert completion.choices[0].parts == [ToolCall("t", "f", '{"a":1}')]
    assert completion.choices[0].finish == "tool_calls"


def test_arguments_that_are_streamed_too_are_not_said_twice() -> None:
    raws = split((RECORDED / "tool_use.sse").read_bytes())
    given = [raw.replace(b'"input":{},"caller"', b'"input":{"city":"Oslo"},"caller"') for raw in raws]
    assert given != raws
    assert parsed(ANTHROPIC, given) == parsed(ANTHROPIC, raws)


def test_an_error_ends_everything() -> None:
    renderer = Renderer("ours")
    renderer.feed(Start())
    assert renderer.feed(ErrorEvent(Fault("server"))) == b""
    assert renderer.feed(BlockStart(0, Text("x"))) == renderer.finish() == b""
    content = (RECORDED / "error_overloaded.sse").read_bytes()
    assert isinstance(parsed(ANTHROPIC, split(content))[-1], ErrorEvent)
    parser = Parser()
    assert isinstance(parser.feed(b"data: {oops\n\n")[-1], ErrorEvent)
    assert parser.feed(split(content)[0]) == parser.finish() == []


def test_our_failure_is_raised_by_anthropics_client() -> None:
    start = split((RECORDED / "plain.sse").read_bytes())[:4]
    error = errors.UpstreamUnavailable(reason="overloaded")
    with pytest.raises(anthropic.APIStatusError) as caught:
        heard(b"".join(start) + failure(error, "req_1", "https://docs.example"))
    assert caught.value.body["error"]["details"]["error_code"] == "upstream_unavailable"  # type: ignore[index]


def test_an_answer_that_is_cut_is_still_an_answer_to_the_client() -> None:
    raws = split((RECORDED / "thinking.sse").read_bytes())
    for count in range(len(raws) - 2):
        watch = Watch()
        for raw in raws[:count]:
            watch.watch(raw)
        watch.finish = "length"  # as the relay notes it before it asks for the ending
        message = heard(b"".join(raws[:count]) + ending(watch, reason="length", usage=USAGE, model="ours"))
        assert message.stop_reason == "max_tokens"
        assert (message.usage.input_tokens, message.usage.output_tokens) == (10, 5)


def test_an_ending_closes_what_is_open_and_says_nothing_twice() -> None:
    raws = split((RECORDED / "thinking.sse").read_bytes())
    last = ["message_delta", "message_stop"]
    expected = {
        0: ["message_start", *last],
        1: last,
        3: ["content_block_stop", *last],
        7: last,
        8: ["content_block_stop", *last],
        len(raws) - 1: ["message_stop"],
    }
    for count, wanted in expected.items():
        watch = Watch()
        for raw in raws[:count]:
            watch.watch(raw)
        said = ending(watch, reason="length", usage=None)
        assert names(said) == wanted
        if 0 < count < len(raws) - 1:
            assert b'"cache_read_input_tokens":10' in said, "what is known of the prompt is told"


@pytest.mark.parametrize("body", [b"", b"[]", b'{"content":"x"}', b'{"type":"error","error":{"type":"api_error"}}'])
def test_what_is_no_answer_is_the_providers_fault(body: bytes) -> None:
    with pytest.raises(errors.UpstreamError):
        parse(body)


PARTS = st.lists(
    st.one_of(
        st.builds(Text, st.text(min_size=1), blob=st.none() | st.just(FOREIGN)),
        st.builds(Reasoning, st.text(min_size=1), blob=st.sampled_from([None, SIGNED.blob, FOREIGN, ENCRYPTED])),
        st.builds(Reasoning, st.just(""), blob=st.sampled_from([SIGNED.blob, FOREIGN, ENCRYPTED])),
        st.builds(ToolCall, st.just("t"), st.just("f"), st.just('{"a":[1,"x"]}'), blob=st.none() | st.just(FOREIGN)),
    ),
    max_size=6,
)


@given(PARTS, st.sampled_from(["stop", "length", "content_filter"]), st.none() | st.just("END"))
def test_any_answer_means_the_same_whole_and_streamed(parts: list[Part], finish: Any, sequence: str | None) -> None:
    if any(isinstance(part, ToolCall) for part in parts):
        finish = "tool_calls"
    completion = Completion("msg_1", "ours", [Choice(parts, finish, stop_sequence=sequence)], USAGE)
    content = told(as_events(completion))
    streamed = assembled(parsed(ANTHROPIC, split(content)))
    assert [untied(part) for part in beside_text(streamed.choices[0].parts)] == [untied(part) for part in parts]
    assert streamed.choices[0].finish == finish
    assert streamed.usage == USAGE
    whole = parse(render(completion))
    assert [untied(part) for part in whole.choices[0].parts] == [untied(part) for part in parts]
    watch = Watch()
    for raw in split(content):
        watch.watch(raw)
    assert watch.usage == USAGE
    heard(content)


def untied(part: Part) -> tuple[object, ...]:
    """A part without the place where its blob rides: answers are read by providers' rules, requests by customers'."""
    text = getattr(part, "text", "") or getattr(part, "arguments", "")
    return (type(part), text, None if isinstance(part, ToolCall) else part.blob)


@given(st.binary(max_size=200), st.integers(0, 40))
def test_a_stream_with_garbage_in_it_neither_raises_nor_loses_what_was_seen(garbage: bytes, place: int) -> None:
    content = (RECORDED / "cache_classes.sse").read_bytes()
    raws = split(content)
    watch, parser = Watch(), Parser()
    for at, raw in enumerate(raws):
        if at == place % len(raws):
            watch.watch(garbage)
            parser.feed(garbage)
        watch.watch(raw)
        parser.feed(raw)
    assert watch.usage == Usage(input=100, cached_input=50_000, cache_write_5m=2_000, cache_write_1h=1_000, output=800)


def test_usage_in_the_middle_of_a_stream_is_the_last_word_until_the_next() -> None:
    events = [Start("msg_1", usage=Usage(input=3)), UsageReport(Usage(input=3, output=1)), ChoiceEnd("stop"), End()]
    assert b'"usage":{"input_tokens":3' in split(told(events))[0]
    assert heard(told(events)).usage.output_tokens == 1
    assert seal(FOREIGN) not in told(events).decode()
