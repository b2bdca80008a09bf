"""What customers refer to by id is put into the request; what is kept so that it can be; what no provider may keep."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway import errors
from gateway.dialects.openai_responses.history import (
    input_items,
    item_list,
    output_items,
    previous_id,
    references,
    stateless,
    wants_background,
    wants_storing,
    with_history,
    with_items,
)
from gateway.dialects.openai_responses.keeping import Keeper, final_response
from gateway.dialects.openai_responses.offering import without_native_tools
from gateway.dialects.openai_responses.request import parse, peek, retarget
from tests.gateway.dialects.recordings import WIRE, split

ANSWER = (WIRE / "openai_responses" / "tool_calls.response.json").read_bytes()
STREAM = (WIRE / "openai_responses" / "parallel_tool_calls.sse").read_bytes()


def asking(input: Any = "And now?", **members: Any) -> bytes:  # noqa: A002
    return json.dumps({"model": "m", "input": input, **members}).encode()


def test_a_conversation_goes_on_from_what_was_kept() -> None:
    first = asking([{"role": "user", "content": "Weather?"}])
    kept = [*input_items(first, "resp_1"), *output_items(ANSWER)]
    results = [
        {"type": item["type"] + "_output", "call_id": item["call_id"], "output": "ok"}
        for item in kept
        if "call_id" in item
    ]
    body = asking(results, previous_response_id="resp_1", temperature=0.5)
    assert previous_id(body) == "resp_1"
    assert peek(body).fault is not None, "nobody may forget to resolve it"
    whole = with_history(body, kept)
    assert peek(whole).fault is None
    assert previous_id(whole) is None
    request = parse(whole)
    assert [message.role for message in request.messages] == ["user", "assistant", "user"]
    assert request.temperature == 0.5
    retarget(whole, model="theirs", ask_usage=False, max_output=None)


def test_what_only_whoever_stored_it_could_read_is_not_sent_again() -> None:
    items: list[dict[str, Any]] = [
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": []},
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "gAAAA", "status": None},
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {}},
    ]
    value = json.loads(with_history(asking(previous_response_id="resp_1"), items))
    assert value["input"] == [
        {"type": "message", "role": "assistant", "content": []},
        {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "gAAAA"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {}},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "And now?"}]},
    ]


def test_everything_else_keeps_its_bytes() -> None:
    body = b'{ "model" : "m", "x":{"y" : 1.50e0}, "previous_response_id":"resp_1", "input":[ {"id":"msg_1"} ] }'
    assert with_history(body, []) == b'{"model":"m","x":{"y" : 1.50e0},"input":[{"id":"msg_1"}]}'


@pytest.mark.parametrize("body", [b"", b"[]", b'{"a":', b'{"input":"a","input":"b"}'])
def test_a_body_that_cannot_be_read_is_refused(body: bytes) -> None:
    for work in (lambda: with_history(body, []), lambda: input_items(body), lambda: references(body)):
        with pytest.raises(errors.InvalidJson):
            work()
    assert previous_id(body) is None
    assert wants_storing(body)
    assert not wants_background(body)


def test_references_are_replaced_by_what_they_refer_to() -> None:
    body = asking([{"type": "item_reference", "id": "msg_1"}, {"id": "msg_2"}, {"role": "user", "content": "x"}])
    assert references(body) == ["msg_1", "msg_2"]
    known = {"msg_1": {"type": "message", "id": "msg_1", "role": "assistant", "content": "Hi"}}
    half = with_items(body, known)
    assert references(half) == ["msg_2"]
    assert json.loads(half)["input"][0] == {"type": "message", "role": "assistant", "content": "Hi"}
    assert peek(half).fault is not None


def test_input_is_kept_in_full_form_with_ids() -> None:
    (item,) = input_items(asking("Hello"), "resp_1")
    assert item["type"] == "message"
    assert item["id"].startswith("msg_")
    assert item["content"] == [{"type": "input_text", "text": "Hello"}]
    items = input_items(
        asking(
            [
                {"role": "assistant", "content": "Hi"},
                {"type": "function_call_output", "call_id": "c", "output": "x"},
                {"type": "message", "id": "msg_own", "role": "user", "content": [{"type": "input_text", "text": "y"}]},
            ]
        ),
        "resp_1",
    )
    assert items[0]["content"] == [{"type": "output_text", "text": "Hi"}]
    assert items[1]["id"].startswith("fco_")
    assert items[2]["id"] == "msg_own"
    assert all(item["status"] == "completed" for item in items)
    assert len({item["id"] for item in items}) == 3
    assert items != input_items(asking("Hello"), "resp_2"), "ids are of one response"


def test_items_are_listed_in_pages() -> None:
    items = [{"id": f"msg_{number}"} for number in range(5)]
    page = item_list(items, limit=2)
    assert [item["id"] for item in page["data"]] == ["msg_4", "msg_3"]
    assert (page["first_id"], page["last_id"], page["has_more"]) == ("msg_4", "msg_3", True)
    rest = item_list(items, limit=3, after="msg_3")
    assert [item["id"] for item in rest["data"]] == ["msg_2", "msg_1", "msg_0"]
    assert not rest["has_more"]
    assert [item["id"] for item in item_list(items, ascending=True)["data"]] == [item["id"] for item in items]
    assert item_list([]) == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}


def test_no_provider_keeps_what_customers_would_share_there() -> None:
    body = asking(store=True, background=True, include=["file_search_call.results"], stream=True)
    assert wants_storing(body)
    assert wants_background(body)
    value = json.loads(stateless(body, encrypted=True))
    assert value["store"] is False
    assert "background" not in value
    assert value["include"] == ["file_search_call.results", "reasoning.encrypted_content"]
    assert value["stream"] is True
    plain = json.loads(stateless(asking(), encrypted=False))
    assert "include" not in plain
    assert not wants_storing(stateless(body, encrypted=False))


def test_tools_that_nobody_sells_can_be_taken_out() -> None:
    own = {"type": "function", "name": "f", "parameters": None, "strict": False}
    web = {"type": "web_search"}
    choice = {"type": "allowed_tools", "mode": "auto", "tools": [web, {"type": "function", "name": "f"}]}
    body, dropped = without_native_tools(asking(tools=[web, own], tool_choice=choice))
    value = json.loads(body)
    assert dropped == ["tools.web_search"]
    assert value["tools"] == [own]
    assert value["tool_choice"]["tools"] == [{"type": "function", "name": "f"}]
    for untouched in (asking(tools=[own]), asking()):
        assert without_native_tools(untouched) == (untouched, [])
    with pytest.raises(errors.UnsupportedParameter):
        without_native_tools(asking(tools=[web], tool_choice=web))
    only, _ = without_native_tools(asking(tools=[web], tool_choice={**choice, "tools": [web]}))
    assert json.loads(only)["tool_choice"] == "none"


@pytest.mark.parametrize("size", [1, 7, 1000, 10**6])
def test_the_final_response_is_kept_from_a_stream_cut_anywhere(size: int) -> None:
    keeper = Keeper()
    for at in range(0, len(STREAM), size):
        keeper.feed(STREAM[at : at + size])
    assert keeper.response is not None
    assert keeper.response["status"] == "completed"
    assert keeper.response == final_response(split(STREAM))
    assert len(keeper.response["output"]) == 6


def test_a_stream_that_broke_off_has_no_final_response() -> None:
    assert final_response(split(STREAM)[:-1]) is None
    assert final_response([b"event: response.completed\ndata: {broken\n\n", b": x\n\n"]) is None
    assert final_response([b'data: {"response":{"id":"r"},"type":"response.completed"}\n\n']) == {"id": "r"}
    assert final_response([b'data: {"type":"response.created","response":{"x":"response.completed"}}\n\n']) is None
