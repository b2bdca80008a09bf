"""The official Anthropic SDK against a live server, with models of any company behind it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import anthropic
import httpx
import pytest
from anthropic import Anthropic

from tests.fakes.openai_recordings import completion, error, usage
from tests.fakes.recordings import Recording
from tests.people import Person, newcomer
from tests.servers import LiveServer
from tests.shop import Shop

WEATHER: Any = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
HELLO: Any = [{"role": "user", "content": "What is the capital of France?"}]


def client(server: LiveServer, person: Person) -> Anthropic:
    """What a customer of ours writes."""
    return Anthropic(api_key=person.secret, base_url=server.url, max_retries=0)


@pytest.mark.parametrize("server", ["uvicorn", "daphne"], indirect=True)
@pytest.mark.parametrize("model", ["claude-haiku-4-5", "gpt-4o", "deepseek-v4-flash"])
def test_any_model_answers_an_anthropic_client(server: LiveServer, alice: Person, model: str) -> None:
    before = alice.balance.balance_nusd
    answer = client(server, alice).messages.create(model=model, max_tokens=200, messages=HELLO)
    assert "Paris" in answer.content[0].text  # type: ignore[union-attr]
    assert (answer.model, answer.role, answer.stop_reason) == (model, "assistant", "end_turn")
    [record] = alice.usage
    assert answer.usage.input_tokens == record.input_tokens
    assert answer.usage.output_tokens == record.output_tokens
    assert before - alice.balance.balance_nusd == record.charged_nusd > 0
    assert record.surface == "anthropic"


@pytest.mark.parametrize("server", ["uvicorn", "daphne"], indirect=True)
def test_a_stream_is_assembled_by_the_sdk(server: LiveServer, alice: Person) -> None:
    with client(server, alice).messages.stream(model="gpt-5.2", max_tokens=300, messages=HELLO) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert "Paris" in text
    assert final.stop_reason == "end_turn"
    [record] = alice.usage
    assert final.usage.output_tokens == record.output_tokens + record.reasoning_tokens
    assert record.streamed


def test_tools_go_round(server: LiveServer, alice: Person) -> None:
    door = client(server, alice)
    messages: list[Any] = [{"role": "user", "content": "What is the weather in Oslo?"}]
    first = door.messages.create(model="claude-haiku-4-5", max_tokens=300, messages=messages, tools=[WEATHER])
    assert first.stop_reason == "tool_use"
    [call] = [block for block in first.content if block.type == "tool_use"]
    assert "Oslo" in call.input["city"]  # type: ignore[operator,index]
    messages += [
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "7 degrees"}]},
    ]
    second = door.messages.create(model="claude-haiku-4-5", max_tokens=300, messages=messages, tools=[WEATHER])
    assert "7" in second.content[0].text  # type: ignore[union-attr]


def test_a_messages_provider_is_passed_through_with_its_caches_billed_by_class(
    server: LiveServer, shop: Shop, alice: Person
) -> None:
    rates = {
        "input": "0.000005",
        "output": "0.000025",
        "cached_input": "0.0000005",
        "cache_write_5m": "0.00000625",
        "cache_write_1h": "0.00001",
    }
    goods = shop.sell(rates=rates, dialect="anthropic_messages", adapter="anthropic", upstream_id="claude-x-20260101")
    told = {
        "input_tokens": 100,
        "cache_read_input_tokens": 50_000,
        "cache_creation_input_tokens": 3_000,
        "cache_creation": {"ephemeral_5m_input_tokens": 2_000, "ephemeral_1h_input_tokens": 1_000},
        "output_tokens": 800,
    }
    goods.tape.play(
        Recording.json(
            {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "model": "claude-x-20260101",
                "content": [
                    {"type": "thinking", "thinking": "Hm", "signature": "c2ln"},
                    {"type": "text", "text": "Hi"},
                ],
                "stop_reason": "end_turn",
                "stop_sequence": None,
                "usage": told,
            }
        )
    )
    answer = client(server, alice).messages.create(
        model=goods.slug, max_tokens=1000, messages=HELLO, extra_headers={"anthropic-beta": "some-beta-2026"}
    )
    assert answer.model == goods.slug
    assert answer.content[0].signature == "c2ln"  # type: ignore[union-attr]
    [record] = alice.usage
    # 100 × 5 + 50 000 × 0.5 + 2 000 × 6.25 + 1 000 × 10 + 800 × 25, each per million.
    assert Decimal(record.charged_nusd).scaleb(-9) == Decimal("0.068")
    request = goods.tape.requests[0]
    assert request.path == "/v1/v1/messages" or request.path.endswith("/v1/messages")
    assert request.header("anthropic-beta") == "some-beta-2026"
    assert request.header("x-api-key")
    assert request.header("authorization") is None


def test_errors_come_in_anthropics_shape_and_class(server: LiveServer, shop: Shop, alice: Person) -> None:
    door = client(server, alice)
    with pytest.raises(anthropic.NotFoundError) as unknown:
        door.messages.create(model="claude-nonsense", max_tokens=10, messages=HELLO)
    body: Any = unknown.value.body
    assert body["type"] == "error"
    assert body["error"]["type"] == "not_found_error"
    assert body["error"]["details"]["error_code"] == "model_not_found"
    assert unknown.value.response.headers["request-id"] == body["request_id"]
    with pytest.raises(anthropic.AuthenticationError):
        Anthropic(api_key="tollgate_no", base_url=server.url, max_retries=0).messages.create(
            model="gpt-4o", max_tokens=10, messages=HELLO
        )
    broke = client(server, newcomer("broke", usd=0))
    with pytest.raises(anthropic.APIStatusError) as money:
        broke.messages.create(model="gpt-4o", max_tokens=10, messages=HELLO)
    assert money.value.status_code == 402
    goods = shop.sell()
    goods.tape.play(error(503, type="service_unavailable_error"))
    with pytest.raises(anthropic.APIStatusError) as busy:
        door.messages.create(model=goods.slug, max_tokens=10, messages=HELLO)
    assert busy.value.status_code == 529
    answer = httpx.post(f"{server.url}/v1/messages", headers=alice.headers, json={"model": "gpt-4o", "messages": HELLO})
    assert answer.status_code == 400
    assert answer.json()["error"]["details"]["error_code"] == "missing_parameter"


def test_a_long_answer_need_not_stream_here(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell()
    goods.tape.play(completion(report=usage(5, 5)))
    answer = client(server, alice).messages.create(model=goods.slug, max_tokens=32_000, messages=HELLO, timeout=60)
    assert answer.content


def test_tokens_are_counted_by_the_provider_or_estimated_aloud(server: LiveServer, shop: Shop, alice: Person) -> None:
    door = client(server, alice)
    before = alice.balance
    raw = door.messages.with_raw_response.count_tokens(model="gpt-4o", messages=HELLO)
    assert raw.headers["x-tollgate-token-count"] == "estimated"
    assert 5 <= raw.parse().input_tokens <= 30
    assert alice.usage == []
    goods = shop.sell(dialect="anthropic_messages", adapter="anthropic", upstream_id="claude-x")
    goods.tape.play(Recording.json({"input_tokens": 14}))
    raw = door.messages.with_raw_response.count_tokens(model=goods.slug, messages=HELLO)
    assert raw.parse().input_tokens == 14
    assert "x-tollgate-token-count" not in raw.headers
    assert goods.tape.requests[0].path.endswith("/v1/messages/count_tokens")
    [record] = alice.usage
    assert (record.charged_nusd, record.operation) == (0, "messages.count_tokens")
    assert alice.balance == before


def test_the_list_of_models_has_anthropics_shape(server: LiveServer, alice: Person) -> None:
    page = client(server, alice).models.list(limit=5)
    assert len(page.data) == 5
    assert page.has_more
    assert page.data[0].type == "model"
