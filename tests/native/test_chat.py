"""Chat completions in the native envelope: the examples of spec 000 and 001, and every field of the answer."""

from __future__ import annotations

import json
from decimal import Decimal

import httpx
import pytest

from tests.fakes.openai_recordings import chunk, completion, error, stream, usage
from tests.fakes.recordings import Recording
from tests.native.manners import COMPLETIONS, HELLO, data, post, refused
from tests.people import Person, newcomer, nothing_happened
from tests.servers import LiveServer
from tests.shop import Shop, chat, events_of, text_of


def test_the_curl_example_is_answered(server: LiveServer, alice: Person) -> None:
    answer = httpx.post(
        f"{server.url}/v1/llm/chat/completions",
        headers={"X-API-Key": alice.secret, "Content-Type": "application/json"},
        content="""{
            "messages": [{"role": "user", "content": "Explain how transformers work"}],
            "model": "claude-haiku-4-5"
          }""",
    )
    found = data(answer)
    assert found["model"] == "claude-haiku-4-5"
    assert len(found["content"]) > 20
    [record] = alice.usage
    # $0.80 and $4.00 for a million tokens: 20 % below the vendor's list.
    cost = record.input_tokens * Decimal("0.0000008") + record.output_tokens * Decimal("0.000004")
    assert Decimal(str(found["cost_usd"])) == cost == Decimal(record.charged_nusd).scaleb(-9)


def test_the_full_chat_completion_example_prints_its_figures(server: LiveServer, alice: Person) -> None:
    body = {
        "messages": [
            {"role": "system", "content": "You are a helpful AI assistant."},
            {"role": "user", "content": "What is gradient descent?"},
        ],
        "model": "claude-sonnet-4-6",
        "temperature": 0.7,
        "max_tokens": 1000,
        "top_p": 0.9,
    }
    found = data(post(server, alice, COMPLETIONS, body))
    printed = f"Tokens used: {found['tokens_used']}  cost: ${found['cost_usd']:.6f}"
    assert printed.startswith("Tokens used: ")
    assert found["content"]


def test_without_a_model_the_default_one_answers(server: LiveServer, alice: Person) -> None:
    for body in ({"messages": HELLO}, {"messages": HELLO, "model": None}, {"model": None, "messages": HELLO}):
        assert data(post(server, alice, COMPLETIONS, body))["model"] == "claude-haiku-4-5"
    assert {record.model for record in alice.usage} == {"claude-haiku-4-5"}


def test_every_figure_of_an_answer_is_told_once_and_exactly(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell(rates={"input": "0.00001", "cached_input": "0.000001", "output": "0.00005"})
    goods.tape.play(completion("Paris.", report=usage(100, 40, cached=80, reasoning=30)))
    answer = post(server, alice, COMPLETIONS, chat(goods.slug))
    found = data(answer)
    balance = found.pop("balance_usd")
    assert found.pop("request_id") == f"req_{alice.usage[0].id.hex}" == answer.headers["x-request-id"]
    assert found == {
        "content": "Paris.",
        "model": goods.slug,
        "tokens_used": 140,
        "prompt_tokens": 100,
        "completion_tokens": 40,
        "cached_tokens": 80,
        "reasoning_tokens": 30,
        "cost_usd": 0.00228,  # 20 × 0.00001 + 80 × 0.000001 + 40 × 0.00005
        "finish_reason": "stop",
    }
    assert '"cost_usd":0.00228,"balance_usd":24.99772,' in answer.text
    assert balance == 24.99772
    assert alice.balance.balance_nusd == 24_997_720_000


def test_tiny_amounts_are_plain_digits(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell(rates={"input": "0.0000000001", "output": "0.0000000001"})
    goods.tape.play(completion("x", report=usage(1, 1)))
    answer = post(server, alice, COMPLETIONS, chat(goods.slug))
    assert '"cost_usd":0.00000001,"balance_usd":24.99999999,' in answer.text


def test_a_stream_is_openais_event_by_event(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell()
    goods.tape.play(stream(["Pa", "ris"], report=usage(24, 10)), stream(["Pa", "ris"], report=usage(24, 10)))
    ours = post(server, alice, COMPLETIONS, chat(goods.slug, stream=True))
    theirs = post(server, alice, "/v1/openai/chat/completions", chat(goods.slug, stream=True))
    assert ours.headers["content-type"].startswith("text/event-stream")
    assert ours.content == theirs.content
    assert text_of(events_of(ours)) == "Paris"
    assert [record.charged_nusd for record in alice.usage] == [740_000, 740_000]


def test_a_long_whole_answer_must_be_streamed(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell()
    before = alice.balance
    failure = refused(post(server, alice, COMPLETIONS, chat(goods.slug, max_tokens=8000)), 400, "streaming_required")
    assert failure["meta"] == {"max_tokens": 8000, "limit": 4096}
    assert failure["type"] == "invalid_request_error"
    assert failure["doc_url"].endswith("/llm/long-generations")
    assert nothing_happened(alice, before=before)
    goods.tape.play(completion(), stream())
    data(post(server, alice, COMPLETIONS, chat(goods.slug, max_tokens=4096)))
    assert post(server, alice, COMPLETIONS, chat(goods.slug, max_tokens=8000, stream=True)).status_code == 200


def test_several_choices_are_all_handed_over(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell()
    choices = [
        {"index": at, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        for at, text in enumerate(("one", "two"))
    ]
    value = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": choices, "usage": usage()}
    goods.tape.play(Recording.json(value))
    found = data(post(server, alice, COMPLETIONS, chat(goods.slug, n=2)))
    assert found["content"] == "one"
    assert found["choices"] == [{"content": text, "finish_reason": "stop"} for text in ("one", "two")]


def test_tool_calls_reach_the_client(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell()
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
    goods.tape.play(completion(None, finish="tool_calls", tool_calls=[call]))
    found = data(post(server, alice, COMPLETIONS, chat(goods.slug)))
    assert (found["content"], found["finish_reason"], found["tool_calls"]) == ("", "tool_calls", [call])


def test_a_call_that_nobody_answers_costs_nothing(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell()
    before = alice.balance
    goods.tape.play(error(500), Recording.json({"choices": []}))
    refused(post(server, alice, COMPLETIONS, chat(goods.slug)), 502, "upstream_error")
    refused(post(server, alice, COMPLETIONS, chat(goods.slug)), 502, "upstream_error")
    assert alice.balance == before


def test_a_stream_that_breaks_tells_so_inside(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell()
    events: list[object] = [chunk({"role": "assistant", "content": ""}), chunk({"content": "Half a"})]
    goods.tape.play(Recording.sse(events, done=False))
    answer = post(server, alice, COMPLETIONS, chat(goods.slug, stream=True))
    *_, last = events_of(answer)
    assert last["error"]["code"] == "upstream_error"
    assert "[DONE]" not in answer.text


@pytest.mark.parametrize("header", ["x-api-key", "authorization"])
def test_both_headers_carry_the_key(server: LiveServer, alice: Person, header: str) -> None:
    value = f"Bearer {alice.secret}" if header == "authorization" else alice.secret
    answer = httpx.post(server.url + COMPLETIONS, headers={header: value}, json={"messages": HELLO})
    assert data(answer)["content"]


def test_the_rate_limit_is_told_in_whole_seconds(server: LiveServer, live: str) -> None:
    hasty = newcomer("hasty", rpm=1)
    data(post(server, hasty, COMPLETIONS, {"messages": HELLO}))
    failure = refused(post(server, hasty, COMPLETIONS, {"messages": HELLO}), 429, "rate_limit_per_key")
    assert json.loads(json.dumps(failure["meta"]))["limit"] == 1
    assert len(hasty.usage) == 1


def test_an_empty_wallet_is_told_what_is_missing(server: LiveServer, live: str) -> None:
    broke = newcomer("broke", usd=0)
    failure = refused(post(server, broke, COMPLETIONS, {"messages": HELLO}), 402, "insufficient_balance")
    assert failure["type"] == "billing_error"
    assert failure["meta"]["balance_usd"] == "0"
