"""`"usage": {"include": true}`: what a call cost, inside the usage of its answer or stream."""

from __future__ import annotations

import json

import pytest

from tests.fakes.openai_recordings import chunk, completion, stream, usage
from tests.fakes.recordings import Recording
from tests.people import Person
from tests.servers import LiveServer
from tests.shop import Shop, ask, chat, events_of, text_of

SURFACES = ["/v1/openai/chat/completions", "/api/v1/chat/completions", "/v1/chat/completions", "/chat/completions"]
ASKING = {"usage": {"include": True}}


@pytest.mark.parametrize("path", SURFACES)
def test_an_answer_tells_its_cost_to_those_who_ask(server: LiveServer, shop: Shop, alice: Person, path: str) -> None:
    goods = shop.sell()
    goods.tape.play(completion(report=usage(24, 10)), completion(report=usage(24, 10)))
    told = ask(server, alice, chat(goods.slug, max_tokens=50, **ASKING), path=path)
    assert told.json()["usage"]["cost"] == 0.00074
    assert '"cost":0.00074' in told.text
    assert told.headers["x-tollgate-cost-usd"] == "0.00074"
    silent = ask(server, alice, chat(goods.slug, max_tokens=50), path=path)
    assert "cost" not in silent.json()["usage"]
    rest = told.json()
    del rest["usage"]["cost"]
    assert rest == silent.json()
    assert [set(request.json()) for request in goods.tape.requests] == [{"model", "messages", "max_tokens"}] * 2


@pytest.mark.parametrize("path", [*SURFACES, "/v1/llm/chat/completions"])
def test_a_stream_tells_its_cost_in_its_usage(server: LiveServer, shop: Shop, alice: Person, path: str) -> None:
    goods = shop.sell()
    goods.tape.play(stream(["Pa", "ris"], report=usage(24, 10)))
    answer = ask(server, alice, chat(goods.slug, stream=True, **ASKING), path=path)
    *events, last, done = events_of(answer)
    assert done == "[DONE]"
    assert last["usage"] == {**usage(24, 10), "cost": 0.00074}
    assert last["choices"] == []
    assert text_of(events) == "Paris"
    [request] = goods.tape.requests
    assert "usage" not in request.json()
    assert request.json()["stream_options"] == {"include_usage": True}
    assert alice.usage[0].charged_nusd == 740_000


def test_usage_that_its_provider_told_early_is_told_again_with_its_cost(
    server: LiveServer, shop: Shop, alice: Person
) -> None:
    goods = shop.sell()
    events: list[object] = [chunk({"content": "Hi"}), chunk({}, finish="stop", report=usage(24, 10))]
    goods.tape.play(Recording.sse(events))
    *_, last, done = events_of(ask(server, alice, chat(goods.slug, stream=True, **ASKING)))
    assert done == "[DONE]"
    assert last["usage"]["cost"] == 0.00074
    assert last["usage"]["total_tokens"] == 34
    assert (last["model"], last["object"]) == (goods.slug, "chat.completion.chunk")


def test_an_estimate_is_told_where_the_provider_reports_nothing(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell()
    goods.tape.play(completion("Paris.", with_usage=False), stream(["Paris."], with_usage=False))
    whole = ask(server, alice, chat(goods.slug, **ASKING)).json()
    streamed = events_of(ask(server, alice, chat(goods.slug, stream=True, **ASKING)))[-2]
    charged = [record.charged_nusd / 10**9 for record in alice.usage]
    assert [whole["usage"]["cost"], streamed["usage"]["cost"]] == charged
    assert {record.usage_source for record in alice.usage} == {"estimated"}


def test_a_translated_answer_tells_its_cost_too(server: LiveServer, alice: Person) -> None:
    body = chat("claude-haiku-4-5", **ASKING)
    whole = ask(server, alice, body)
    streamed = events_of(ask(server, alice, {**body, "stream": True}))[-2]
    charged = [record.charged_nusd / 10**9 for record in alice.usage]
    assert [whole.json()["usage"]["cost"], streamed["usage"]["cost"]] == charged
    assert "x-tollgate-dropped" not in whole.headers


def test_declining_is_ours_too_and_other_words_are_the_providers(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell()
    goods.tape.always(completion())
    for wish in ({"include": False}, {"other": 1}, "yes", None):
        answer = ask(server, alice, chat(goods.slug, usage=wish))
        assert "cost" not in answer.json()["usage"]
    sent = [request.json().get("usage", "absent") for request in goods.tape.requests]
    assert sent == ["absent", {"other": 1}, "yes", None]


def test_what_a_provider_calls_cost_is_replaced_by_ours(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell()
    goods.tape.play(completion(report={**usage(24, 10), "cost": 0.5}))
    answer = ask(server, alice, chat(goods.slug, **ASKING))
    assert answer.json()["usage"]["cost"] == 0.00074


def test_the_word_inside_a_message_asks_for_nothing(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell()
    goods.tape.play(completion())
    text = json.dumps(ASKING)
    answer = ask(server, alice, chat(goods.slug, text))
    assert "cost" not in answer.json()["usage"]
    assert goods.tape.requests[0].json()["messages"][0]["content"] == text
