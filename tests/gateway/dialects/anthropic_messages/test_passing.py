"""Messages that pass through untouched: what the relay learns without decoding, and the few bytes that it edits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway import errors
from gateway.dialects.anthropic_messages import token_count
from gateway.dialects.anthropic_messages.request import measure, peek, peek_count, retarget, text_of
from gateway.dialects.anthropic_messages.response import rename
from gateway.dialects.anthropic_messages.stream import rename as rename_event

PIXEL = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}


def body(**members: Any) -> bytes:
    value = {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "hei"}], **members}
    return json.dumps({name: member for name, member in value.items() if member is not ...}).encode()


def user(*blocks: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(blocks)}]


def test_the_envelope_of_a_long_agents_request() -> None:
    envelope = peek(body(stream=True, max_tokens=32000, thinking={"type": "enabled", "budget_tokens": 31999}, tools=[]))
    assert (envelope.model, envelope.stream, envelope.max_output, envelope.choices) == ("m", True, 32000, 1)
    assert envelope.wants_usage, "usage is part of every stream of this dialect"
    assert envelope.fault is None


def test_a_limit_is_required_but_not_for_counting() -> None:
    content = body(max_tokens=...)
    fault = peek(content).fault
    assert isinstance(fault, errors.MissingParameter)
    assert fault.param == "max_tokens"
    counted = peek_count(content)
    assert counted.fault is None
    assert (counted.model, counted.max_output) == ("m", None)


def test_a_limit_of_nothing_fills_the_cache_and_is_no_fault() -> None:
    envelope = peek(body(max_tokens=0))
    assert envelope.fault is None
    assert envelope.max_output == 0


def test_a_whole_number_written_with_a_point_is_one() -> None:
    envelope = peek(body(max_tokens=...).replace(b"{", b'{"max_tokens":100.0,', 1))
    assert (envelope.max_output, envelope.fault) == (100, None)


@pytest.mark.parametrize(
    ("members", "param", "kind"),
    [
        ({"max_tokens": "many"}, "max_tokens", errors.InvalidParameter),
        ({"max_tokens": True}, "max_tokens", errors.InvalidParameter),
        ({"max_tokens": -1}, "max_tokens", errors.InvalidParameter),
        ({"max_tokens": 1.5}, "max_tokens", errors.InvalidParameter),
        ({"messages": ...}, "messages", errors.MissingParameter),
        ({"messages": []}, "messages", errors.InvalidParameter),
        ({"messages": "hei"}, "messages", errors.InvalidParameter),
        ({"messages": ["hei"]}, "messages[0]", errors.InvalidParameter),
        ({"messages": [{"content": "x"}]}, "messages[0].role", errors.MissingParameter),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role", errors.InvalidParameter),
        ({"messages": [{"role": "user"}]}, "messages[0].content", errors.MissingParameter),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0]", errors.InvalidParameter),
        ({"messages": [{"role": "user", "content": ["x"]}]}, "messages[0].content[0]", errors.InvalidParameter),
        ({"messages": [{"role": "user", "content": [{"type": 1}]}]}, "messages[0].content[0]", errors.InvalidParameter),
        ({"stream": "yes"}, "stream", errors.InvalidParameter),
        ({"system": 5}, "system", errors.InvalidParameter),
        ({"system": [5]}, "system", errors.InvalidParameter),
        ({"temperature": "hot"}, "temperature", errors.InvalidParameter),
        ({"top_k": 1.5}, "top_k", errors.InvalidParameter),
        ({"stop_sequences": "END"}, "stop_sequences", errors.InvalidParameter),
        ({"tools": {}}, "tools", errors.InvalidParameter),
        ({"thinking": "hard"}, "thinking", errors.InvalidParameter),
    ],
)
def test_what_is_wrong_waits_until_the_model_is_known(members: dict[str, Any], param: str, kind: type) -> None:
    envelope = peek(body(**members))
    assert envelope.model == "m"
    assert type(envelope.fault) is kind
    assert envelope.fault.param == param


@pytest.mark.parametrize(("model", "kind"), [(..., errors.MissingParameter), (5, errors.InvalidParameter)])
def test_a_request_without_a_model_is_refused_at_once(model: Any, kind: type[errors.GatewayError]) -> None:
    with pytest.raises(kind):
        peek(body(model=model))


@pytest.mark.parametrize(
    ("block", "media"),
    [
        ({"type": "text", "text": "image"}, False),
        ({"type": "image", "source": PIXEL}, True),
        ({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}, False),
        ({"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}}, True),
        ({"type": "document", "source": {"type": "content", "content": "x"}}, False),
        ({"type": "document", "source": {"type": "content", "content": [{"type": "image", "source": PIXEL}]}}, True),
        ({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "x"}]}, False),
        ({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "image", "source": PIXEL}]}, True),
        ({"type": "container_upload", "file_id": "file_1"}, True),
    ],
)
def test_media_are_noticed_wherever_they_stand(block: dict[str, Any], media: bool) -> None:
    content = body(messages=user(block))
    assert peek(content).fault is None
    assert peek(content).has_media is media
    weight = measure(content)
    assert bool(weight.images or weight.document_bytes) is media


def test_base64_is_no_text_and_arguments_are() -> None:
    content = body(
        system=[{"type": "text", "text": "sys"}],
        tools=[{"name": "f", "input_schema": {}}],
        messages=[
            *user({"type": "image", "source": PIXEL}),
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {"key": "value"}}]},
            *user({"type": "tool_result", "tool_use_id": "t", "content": "blåbær"}),
        ],
    )
    text = "\n".join(text_of(content))
    assert PIXEL["data"] not in text
    for wanted in ("sys", '{"key":"value"}', "blåbær", "input_schema", "assistant"):
        assert wanted in text
    assert measure(content).images == 1


def test_a_provider_gets_its_own_model_name_and_nothing_else_changes() -> None:
    content = b'{ "messages":[{"role":"user","content":"\\"model\\":1"}],\n "max_tokens" : 5 , "model" : "ours" }'
    changed = retarget(content, model="theirs", ask_usage=True, max_output=None)
    assert changed == content.replace(b'"ours"', b'"theirs"')
    assert retarget(content, model="ours", ask_usage=True, max_output=9) is content


def test_a_limit_is_only_ever_lowered() -> None:
    assert retarget(body(), model=None, ask_usage=False, max_output=99) == body(max_tokens=99)
    assert retarget(body(), model=None, ask_usage=False, max_output=101) == body()


@pytest.mark.parametrize(
    ("budget", "limit", "expected"),
    [
        (2048, 4096, {"type": "enabled", "budget_tokens": 2048}),
        (4096, 4096, {"type": "enabled", "budget_tokens": 2048}),
        (31999, 1500, {"type": "enabled", "budget_tokens": 1024}),
        (31999, 1024, {"type": "disabled"}),
    ],
)
def test_a_lowered_limit_stays_above_the_budget_for_thinking(budget: int, limit: int, expected: dict[str, Any]) -> None:
    content = body(max_tokens=32000, thinking={"type": "enabled", "budget_tokens": budget})
    changed = retarget(content, model=None, ask_usage=False, max_output=limit)
    assert json.loads(changed) == json.loads(content) | {"max_tokens": limit, "thinking": expected}


@pytest.mark.parametrize(
    "content",
    [
        b'{"model":"cheap","model":"dear","max_tokens":1,"messages":[{"role":"user","content":"x"}]}',
        b'{"model":"m","max_tokens":9,"thinking":{"budget_tokens":9,"budget_tokens":1},"messages":[]}',
    ],
)
def test_a_member_that_stands_twice_is_refused(content: bytes) -> None:
    with pytest.raises(errors.InvalidJson):
        retarget(content, model="x", ask_usage=False, max_output=1)


def test_only_the_model_of_the_message_itself_is_renamed() -> None:
    whole = b'{"content":[{"type":"tool_use","input":{"model":"a"}}],"id":"msg_1", "model": "theirs"}'
    assert rename(whole, "ours") == whole.replace(b'"theirs"', b'"ours"')
    head = b"event: message_start\ndata: "
    event = head + b'{"message":{"content":[{"model":"x"}],"model":"theirs"},"type":"message_start"}\n\n'
    assert rename_event(event, "ours") == event.replace(b'"theirs"', b'"ours"')
    head = b"event: content_block_start\ndata: "
    block = head + b'{"type":"content_block_start","content_block":{"model":"message_start"}}\n\n'
    assert rename_event(block, "ours") == block


def test_counting_is_asked_and_answered() -> None:
    content = body(max_tokens=..., tools=[{"name": "f", "input_schema": {"type": "object"}}], system="sys")
    wire = json.loads(token_count.render_count(token_count.parse(content), "theirs"))
    assert wire == json.loads(content) | {"model": "theirs"}
    assert token_count.read(token_count.answer(2095)) == 2095
    for wrong in (b"", b"[]", b"{}", b'{"input_tokens":-1}', b'{"input_tokens":"9"}'):
        with pytest.raises(errors.UpstreamError):
            token_count.read(wrong)
    with pytest.raises(errors.MissingParameter):
        token_count.parse(b'{"model":"m"}')
