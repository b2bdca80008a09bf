"""The official OpenAI SDK and the Responses API against a live server."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from gateway.models import StoredResponse
from tests.fakes import responses_recordings as recordings
from tests.people import Person, newcomer, nothing_happened
from tests.servers import LiveServer
from tests.shop import Shop, eventually

pytestmark = pytest.mark.parametrize("server", ["uvicorn", "daphne"], indirect=True)

OURS = re.compile(r"resp_[0-9a-f]{48}")
WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
RESPONSES: Any = {"dialect": "openai_responses", "capabilities": ["reasoning"]}


def client(server: LiveServer, person: Person, base: str = "/v1") -> OpenAI:
    """What docs/responses.md tells people to write."""
    return OpenAI(api_key=person.secret, base_url=server.url + base, max_retries=0)


@pytest.mark.parametrize("base", ["/v1", "/v1/openai", "/api/v1", "", "/backend-api/codex"])
def test_a_response_is_created_kept_and_found_under_our_id(server: LiveServer, alice: Person, base: str) -> None:
    door = client(server, alice, base)
    answer = door.responses.create(model="gpt-5.2", input="What is the capital of France?", instructions="Be brief.")
    assert OURS.fullmatch(answer.id)
    assert "Paris" in answer.output_text
    assert (answer.model, answer.status, answer.instructions) == ("gpt-5.2", "completed", "Be brief.")
    assert door.responses.retrieve(answer.id).to_dict() == answer.to_dict()
    [record] = alice.usage
    assert answer.usage
    assert record.output_tokens + record.reasoning_tokens == answer.usage.output_tokens
    assert record.operation == "responses"


def test_a_model_of_another_company_answers_too(server: LiveServer, alice: Person) -> None:
    answer = client(server, alice).responses.create(model="claude-haiku-4-5", input="What is the capital of France?")
    assert "Paris" in answer.output_text
    assert OURS.fullmatch(answer.id)


def test_every_event_of_a_stream_has_our_id_and_its_end_is_kept(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell(**RESPONSES)
    goods.tape.play(recordings.stream())
    door = client(server, alice)
    events = list(door.responses.create(model=goods.slug, input="Hi", stream=True, metadata={"a": "b"}))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    lives: list[Any] = [event for event in events if hasattr(event, "response")]
    assert [event.type for event in lives] == ["response.created", "response.in_progress", "response.completed"]
    assert len({event.response.id for event in lives}) == 1
    assert {event.response.model for event in lives} == {goods.slug}
    assert all(event.response.store for event in lives)
    assert all(event.response.metadata == {"a": "b"} for event in lives)
    assert OURS.fullmatch(lives[0].response.id)
    kept = door.responses.retrieve(lives[0].response.id)
    assert kept.output_text == "Hello there."
    assert kept.to_dict() == lives[-1].response.to_dict()
    asked = goods.tape.requests[0].json()
    assert asked["store"] is False  # customers share an account with each provider
    assert asked["include"] == ["reasoning.encrypted_content"]
    assert len(alice.usage) == 1


def test_a_conversation_goes_on_from_an_id_and_leaves_instructions_behind(
    server: LiveServer, shop: Shop, alice: Person
) -> None:
    goods = shop.sell(**RESPONSES)
    first, second, third = ([recordings.reasoning(f"sealed-{n}"), recordings.message(f"Answer {n}.")] for n in "123")
    goods.tape.play(*(recordings.whole(output=output) for output in (first, second, third)))
    door = client(server, alice)
    one = door.responses.create(model=goods.slug, input="One?", instructions="Speak like a pirate.")
    two = door.responses.create(model=goods.slug, input="Two?", previous_response_id=one.id)
    three = door.responses.create(model=goods.slug, input="Three?", previous_response_id=two.id)
    assert (two.previous_response_id, three.previous_response_id) == (one.id, two.id)
    asked = goods.tape.requests[2].json()
    assert "previous_response_id" not in asked
    assert "instructions" not in asked
    said = [
        item.get("encrypted_content")
        or (item["content"] if isinstance(item["content"], str) else item["content"][0]["text"])
        for item in asked["input"]
    ]
    assert said == ["One?", "sealed-1", "Answer 1.", "Two?", "sealed-2", "Answer 2.", "Three?"]
    items = door.responses.input_items.list(three.id, order="asc", limit=3)
    assert [item.to_dict().get("type") for item in items.data] == ["message", "reasoning", "message"]
    assert len(list(items)) == 7  # the SDK turns the pages
    assert len(alice.usage) == 3
    door.responses.delete(one.id)
    with pytest.raises(openai.NotFoundError):
        door.responses.create(model=goods.slug, input="Four?", previous_response_id=three.id)
    assert len(goods.tape.requests) == 3


def test_items_that_were_kept_can_be_referred_to(
    server: LiveServer, shop: Shop, alice: Person, mallory: Person
) -> None:
    goods = shop.sell(**RESPONSES)
    goods.tape.play(recordings.whole("First."), recordings.whole("Second."))
    door = client(server, alice)
    item_id = f"msg_{alice.organization.slug}"
    one = door.responses.create(model=goods.slug, input="One?")
    StoredResponse.objects.filter(pk=one.id).update(item_ids=[item_id])
    row = StoredResponse.objects.get(pk=one.id)
    row.response = bytes(row.response).replace(b"msg_recorded", item_id.encode())
    row.save()
    ask: Any = {
        "model": goods.slug,
        "input": [{"type": "item_reference", "id": item_id}, {"role": "user", "content": "?"}],
    }
    with pytest.raises(openai.BadRequestError):
        client(server, mallory).responses.create(**ask)
    door.responses.create(**ask)
    assert goods.tape.requests[1].json()["input"][0]["content"][0]["text"] == "First."


def test_nobody_else_finds_goes_on_from_or_deletes_a_response(
    server: LiveServer, shop: Shop, alice: Person, bob: Person, mallory: Person
) -> None:
    goods = shop.sell(**RESPONSES)
    goods.tape.play(recordings.whole("Secret."))
    kept = client(server, alice).responses.create(model=goods.slug, input="Hi")
    assert client(server, bob).responses.retrieve(kept.id).output_text == "Secret."  # of the same organization
    before, stranger = mallory.balance, client(server, mallory)
    for attempt in (
        lambda: stranger.responses.retrieve(kept.id),
        lambda: stranger.responses.delete(kept.id),
        lambda: stranger.responses.cancel(kept.id),
        lambda: stranger.responses.input_items.list(kept.id),
        lambda: stranger.responses.create(model=goods.slug, input="Hi", previous_response_id=kept.id),
        lambda: stranger.responses.create(model=goods.slug, input="Hi", previous_response_id=kept.id, stream=True),
        lambda: stranger.responses.retrieve("resp_%00"),
    ):
        with pytest.raises(openai.NotFoundError) as refusal:
            attempt()  # type: ignore[no-untyped-call]
        assert refusal.value.code == "resource_not_found"
        assert "Secret" not in str(refusal.value.body)
    assert len(goods.tape.requests) == 1
    assert nothing_happened(mallory, before=before)
    client(server, alice).responses.delete(kept.id)
    with pytest.raises(openai.NotFoundError):
        client(server, alice).responses.retrieve(kept.id)


def test_what_shall_not_be_stored_is_not(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell(**RESPONSES)
    sealed = recordings.reasoning("sealed-by-the-provider")
    goods.tape.play(
        recordings.whole(output=[sealed, recordings.message("One.")]), recordings.whole("Two."), recordings.stream()
    )
    door, ask = client(server, alice), {"model": goods.slug, "store": False}
    one = door.responses.create(**ask, input="One?", include=["reasoning.encrypted_content"])  # type: ignore[call-overload]
    assert one.output[0].encrypted_content == "sealed-by-the-provider"
    assert one.store is False
    door.responses.create(**ask, input=[*one.output, {"role": "user", "content": "Two?"}])  # type: ignore[call-overload]
    assert goods.tape.requests[1].json()["input"][0]["encrypted_content"] == "sealed-by-the-provider"
    list(door.responses.create(**ask, input="Three?", stream=True))  # type: ignore[call-overload]
    assert not StoredResponse.objects.filter(organization=alice.organization).exists()
    with pytest.raises(openai.NotFoundError):
        door.responses.retrieve(one.id)


def test_tools_are_called_in_a_stream_and_their_results_used(server: LiveServer, alice: Person) -> None:
    door = client(server, alice)
    with door.responses.stream(model="gpt-5.2", input="What is the weather in Oslo?", tools=[WEATHER]) as stream:
        for _ in stream:
            pass
        first = stream.get_final_response()
    [call] = [item for item in first.output if item.type == "function_call"]
    assert "Oslo" in json.loads(call.arguments)["city"]
    result: Any = {"type": "function_call_output", "call_id": call.call_id, "output": '{"temperature": 7}'}
    second = door.responses.create(model="gpt-5.2", input=[result], previous_response_id=first.id, tools=[WEATHER])
    assert "7" in second.output_text
    assert len(alice.usage) == 2


def test_a_structured_answer_keeps_to_its_schema(server: LiveServer, alice: Person) -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
    answer = client(server, alice).responses.create(
        model="gpt-5.2",
        input="Make up a person.",
        text={"format": {"type": "json_schema", "name": "person", "schema": schema, "strict": True}},
    )
    assert set(json.loads(answer.output_text)) == {"name", "age"}


def test_a_failure_inside_a_stream_is_an_event_with_our_id(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell(**RESPONSES)
    goods.tape.play(recordings.stream(("Hel", "lo"), broken=True))
    events: list[Any] = list(client(server, alice).responses.create(model=goods.slug, input="Hi", stream=True))
    assert events[-1].type == "response.failed"
    assert events[-1].response.id == events[0].response.id
    assert events[-1].response.error.code == "server_error"
    assert events[-1].sequence_number == events[-2].sequence_number + 1
    assert client(server, alice).responses.retrieve(events[0].response.id).status == "failed"
    [record] = alice.usage
    assert record.outcome == "failed"


def test_tokens_are_counted_for_nothing(server: LiveServer, alice: Person) -> None:
    before = alice.balance
    counted = client(server, alice).responses.input_tokens.count(model="gpt-5.2", input="Tell me a joke, please.")
    assert 3 <= counted.input_tokens <= 30
    assert nothing_happened(alice, before=before)


def test_refusals_have_the_shape_that_the_sdk_reads(server: LiveServer, alice: Person) -> None:
    before, door = alice.balance, client(server, alice)
    with pytest.raises(openai.BadRequestError) as prompt:
        door.responses.create(model="gpt-5.2", prompt={"id": "pmpt_1"}, input="Hi")
    assert (prompt.value.code, prompt.value.param) == ("unsupported_parameter", "prompt")
    with pytest.raises(openai.BadRequestError) as odd:
        door.responses.create(model="gpt-5.2", input="Hi", previous_response_id="chatcmpl-1")
    assert odd.value.param == "previous_response_id"
    with pytest.raises(openai.NotFoundError):
        door.responses.create(model="gpt-5.22", input="Hi")
    with pytest.raises(openai.APIStatusError) as money:
        client(server, newcomer("broke", usd=0)).responses.create(model="gpt-5.2", input="Hi")
    assert money.value.status_code == 402
    assert nothing_happened(alice, before=before)
    forgotten = httpx.get(f"{server.url}/v1/responses")
    assert (forgotten.status_code, forgotten.headers["upgrade"]) == (426, "websocket")
    assert forgotten.json()["error"]["type"] == "invalid_request_error"
    wrong = httpx.put(f"{server.url}/v1/responses", headers=alice.headers)
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (405, "endpoint_not_supported")


def test_tools_that_a_provider_runs_itself_are_left_out_and_named(
    server: LiveServer, shop: Shop, alice: Person
) -> None:
    goods = shop.sell(**RESPONSES)
    goods.tape.play(recordings.whole())
    raw = client(server, alice).responses.with_raw_response.create(
        model=goods.slug, input="Hi", tools=[{"type": "web_search"}, WEATHER]
    )
    assert raw.headers["x-tollgate-dropped"] == "tools.web_search"
    assert [tool["type"] for tool in goods.tape.requests[0].json()["tools"]] == ["function"]


def test_a_background_response_is_worked_on_without_its_customer(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell(**RESPONSES)
    goods.tape.play(recordings.stream())
    door = client(server, alice)
    queued = door.responses.create(model=goods.slug, input="Hi", background=True)
    assert queued.status == "queued"
    done = eventually(lambda: (found := door.responses.retrieve(queued.id)).status == "completed" and found)
    assert (done.id, done.output_text, done.background) == (queued.id, "Hello there.", True)
    asked = goods.tape.requests[0].json()
    assert (asked["stream"], asked["store"]) == (True, False)
    assert "background" not in asked
    eventually(lambda: len(alice.usage) == 1)
    assert door.responses.cancel(queued.id).status == "completed"
    assert not alice.open_holds
