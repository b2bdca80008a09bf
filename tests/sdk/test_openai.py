"""The official OpenAI SDK against a live server: what a customer's program sees."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.fakes.openai_recordings import completion, error
from tests.people import Person, newcomer
from tests.servers import LiveServer
from tests.shop import Shop

pytestmark = pytest.mark.parametrize("server", ["uvicorn", "daphne"], indirect=True)

WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius", "fahrenheit"]}},
            "required": ["city"],
        },
    },
}


def client(server: LiveServer, person: Person, base: str = "/v1/openai") -> OpenAI:
    """What the README tells people to write."""
    return OpenAI(api_key=person.secret, base_url=server.url + base, max_retries=0)


@pytest.mark.parametrize("base", ["/v1/openai", "/api/v1", "/v1"])
def test_an_answer_costs_what_its_usage_says(server: LiveServer, alice: Person, base: str) -> None:
    before = alice.balance.balance_nusd
    answer = client(server, alice, base).chat.completions.create(
        model="claude-haiku-4-5", messages=[{"role": "user", "content": "What is the capital of France?"}]
    )
    assert "Paris" in (answer.choices[0].message.content or "")
    assert answer.model == "claude-haiku-4-5"
    assert answer.usage
    expected = Decimal("0.80") * answer.usage.prompt_tokens + Decimal("4.00") * answer.usage.completion_tokens
    assert before - alice.balance.balance_nusd == expected * 1000  # USD a million tokens are 1000 nano-USD a token
    assert alice.usage[0].surface == {"/v1/openai": "openai", "/api/v1": "api", "/v1": "v1"}[base]


def test_a_stream_arrives_in_pieces_and_reports_usage_when_asked(server: LiveServer, alice: Person) -> None:
    stream = client(server, alice).chat.completions.create(
        model="gpt-5.2",
        messages=[{"role": "user", "content": "Count from one to five."}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    assert len(chunks) > 3
    assert chunks[-1].usage
    assert not chunks[-1].choices
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1] if chunk.choices)
    [record] = alice.usage
    assert record.output_tokens + record.reasoning_tokens == chunks[-1].usage.completion_tokens


def test_tools_are_called_and_their_results_used(server: LiveServer, alice: Person) -> None:
    door = client(server, alice)
    messages: list[Any] = [{"role": "user", "content": "What is the weather in Oslo?"}]
    first = door.chat.completions.create(model="gpt-4o", messages=messages, tools=[WEATHER]).choices[0]
    assert first.finish_reason == "tool_calls"
    assert first.message.tool_calls
    [call] = first.message.tool_calls
    assert call.type == "function"
    assert call.function.name == "get_weather"
    assert "Oslo" in json.loads(call.function.arguments)["city"]
    result = {"role": "tool", "tool_call_id": call.id, "content": '{"temperature": 7}'}
    messages += [first.message, result]
    second = door.chat.completions.create(model="gpt-4o", messages=messages, tools=[WEATHER])
    assert "7" in (second.choices[0].message.content or "")
    assert len(alice.usage) == 2


def test_tool_calls_are_streamed_in_fragments(server: LiveServer, alice: Person) -> None:
    stream = client(server, alice).chat.completions.create(
        model="gpt-4o",
        messages=[{"role": "user", "content": "What is the weather in Oslo?"}],
        tools=[WEATHER],
        stream=True,
    )
    fragments = [
        call.function.arguments or ""
        for chunk in stream
        for choice in chunk.choices
        for call in choice.delta.tool_calls or []
        if call.function
    ]
    assert len(fragments) > 1
    assert "Oslo" in json.loads("".join(fragments))["city"]


def test_a_json_schema_is_kept(server: LiveServer, alice: Person) -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
    answer = client(server, alice).chat.completions.create(
        model="gpt-4o",
        messages=[{"role": "user", "content": "Make up a person."}],
        response_format={"type": "json_schema", "json_schema": {"name": "person", "schema": schema, "strict": True}},
    )
    person = json.loads(answer.choices[0].message.content or "")
    assert set(person) == {"name", "age"}
    assert isinstance(person["age"], int)


def test_log_probabilities_arrive(server: LiveServer, alice: Person) -> None:
    answer = client(server, alice).chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "Hi"}], logprobs=True, top_logprobs=2
    )
    logprobs = answer.choices[0].logprobs
    assert logprobs
    assert logprobs.content
    assert len(logprobs.content[0].top_logprobs) == 2


def test_the_asynchronous_client_works_many_at_a_time(server: LiveServer, alice: Person) -> None:
    async def many() -> list[str]:
        async with AsyncOpenAI(api_key=alice.secret, base_url=server.url + "/v1/openai") as door:
            answers = await asyncio.gather(
                *(
                    door.chat.completions.create(
                        model="deepseek-v4-flash", messages=[{"role": "user", "content": f"What is {n} + {n}?"}]
                    )
                    for n in range(10)
                )
            )
            return [answer.choices[0].message.content or "" for answer in answers]

    found = asyncio.run(many())
    assert all(str(n + n) in text for n, text in enumerate(found))
    assert len(alice.usage) == 10


def test_an_asynchronous_stream_can_be_left(server: LiveServer, alice: Person) -> None:
    async def leave() -> str:
        async with AsyncOpenAI(api_key=alice.secret, base_url=server.url + "/v1/openai") as door:
            stream = await door.chat.completions.create(
                model="gpt-4o", messages=[{"role": "user", "content": "Tell me a long story."}], stream=True
            )
            async for chunk in stream:
                if chunk.choices and chunk.choices[0].delta.content:
                    await stream.close()
                    return chunk.choices[0].delta.content
        return ""

    assert asyncio.run(leave())


@pytest.mark.parametrize(
    ("status", "code", "raised"),
    [
        (400, "invalid_request_error", openai.BadRequestError),
        (429, "rate_limit_exceeded", openai.InternalServerError),  # the provider's limit is not the customer's
        (500, "server_error", openai.InternalServerError),
        (401, "invalid_api_key", openai.InternalServerError),  # nor is our key with the provider
    ],
)
def test_a_providers_refusal_raises_the_right_class(
    server: LiveServer, shop: Shop, alice: Person, status: int, code: str, raised: type[Exception]
) -> None:
    goods = shop.sell()
    goods.tape.play(error(status, "No.", type=code, code=code))
    with pytest.raises(raised):
        client(server, alice).chat.completions.create(model=goods.slug, messages=[{"role": "user", "content": "Hi"}])


def test_our_own_refusals_raise_the_right_classes_and_can_be_branched_on(server: LiveServer, alice: Person) -> None:
    ask: Any = {"messages": [{"role": "user", "content": "Hi"}]}
    door = client(server, alice)
    with pytest.raises(openai.NotFoundError) as unknown:
        door.chat.completions.create(model="gpt-4oo", **ask)
    assert unknown.value.code == "model_not_found"
    assert "gpt-4o" in unknown.value.body["meta"]["suggestions"]  # type: ignore[index]
    with pytest.raises(openai.BadRequestError) as long:
        door.chat.completions.create(model="gpt-4o", max_tokens=8000, **ask)
    assert long.value.code == "streaming_required"
    assert long.value.body["meta"] == {"max_tokens": 8000, "limit": 4096}  # type: ignore[index]
    assert long.value.body["doc_url"].endswith("/llm/long-generations")  # type: ignore[index]
    broke = client(server, newcomer("broke", usd=0))
    with pytest.raises(openai.APIStatusError) as money:
        broke.chat.completions.create(model="gpt-4o", **ask)
    assert (money.value.status_code, money.value.code) == (402, "insufficient_balance")  # type: ignore[attr-defined]
    nobody = OpenAI(api_key="tollgate_wrong", base_url=server.url + "/v1/openai", max_retries=0)
    with pytest.raises(openai.AuthenticationError) as key:
        nobody.chat.completions.create(model="gpt-4o", **ask)
    assert key.value.code == "invalid_api_key"
    assert key.value.request_id
    assert key.value.request_id.startswith("req_")
    assert alice.usage == []


def test_headers_tell_limits_cost_and_the_request(server: LiveServer, alice: Person) -> None:
    raw = client(server, alice).chat.completions.with_raw_response.create(
        model="gpt-4o", messages=[{"role": "user", "content": "Hi"}]
    )
    assert raw.headers["x-ratelimit-limit-requests"] == "120"
    assert raw.headers["x-ratelimit-remaining-requests"] == "119"
    assert int(raw.headers["x-ratelimit-reset-requests"]) > 1_700_000_000
    assert raw.headers["x-request-id"] == raw.request_id == f"req_{alice.usage[0].id.hex}"
    assert Decimal(raw.headers["x-tollgate-cost-usd"]) == Decimal(alice.usage[0].charged_nusd).scaleb(-9)
    assert raw.parse().choices


def test_the_list_of_models_is_what_the_key_may_call(server: LiveServer, alice: Person, mallory: Person) -> None:
    everything = {model.id for model in client(server, alice).models.list()}
    assert {"claude-opus-4-7", "gpt-5.2", "gemini-3-pro", "deepseek-v4-flash", "nano-banana", "kling-2-6"} <= everything
    narrow = newcomer("narrow", models=["gpt-4o"])
    assert [model.id for model in client(server, narrow).models.list()] == ["gpt-4o"]
    assert client(server, narrow).models.retrieve("gpt-4o").id == "gpt-4o"
    with pytest.raises(openai.PermissionDeniedError):
        client(server, narrow).chat.completions.create(model="gpt-5.2", messages=[{"role": "user", "content": "Hi"}])
    with pytest.raises(openai.APIStatusError):
        client(server, narrow).models.retrieve("gpt-5.2")


def test_a_rate_limit_says_when_to_come_back(server: LiveServer, live: str) -> None:
    hasty = newcomer("hasty", rpm=3)
    door = client(server, hasty)
    for _ in range(3):
        door.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Hi"}])
    with pytest.raises(openai.RateLimitError) as limit:
        door.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Hi"}])
    assert limit.value.code == "rate_limit_per_key"
    headers = limit.value.response.headers
    assert 1 <= int(headers["retry-after"]) <= 60
    assert headers["x-ratelimit-remaining-requests"] == "0"
    assert headers["x-should-retry"] == "true"
    assert len(hasty.usage) == 3


def test_what_a_provider_answers_passes_through_whole(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell()
    goods.tape.play(completion("Grüße, 世界"))
    answer = client(server, alice).chat.completions.create(
        model=goods.slug, messages=[{"role": "user", "content": "Hi"}]
    )
    assert answer.choices[0].message.content == "Grüße, 世界"
    assert answer.system_fingerprint == "fp_recorded"
