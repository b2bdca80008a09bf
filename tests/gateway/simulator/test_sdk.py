"""The official OpenAI client against the running simulator."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any

import openai
import pydantic
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionMessageParam

from tests.gateway.simulator.asking import CLOCK, WEATHER

CAPITAL: list[ChatCompletionMessageParam] = [{"role": "user", "content": "What is the capital of France?"}]
TOOLS: list[Any] = [
    {"type": "function", "function": {"name": tool.name, "description": tool.description, "parameters": tool.schema}}
    for tool in (WEATHER, CLOCK)
]
TINY = "data:image/png;base64,iVBORw0KGgo="


def ask(client: openai.OpenAI, question: str, **fields: Any) -> ChatCompletion:
    """One question, one whole answer."""
    messages = [{"role": "user", "content": question}]
    answer = client.chat.completions.create(**{"model": "gpt-4o", "messages": messages, **fields})
    assert isinstance(answer, ChatCompletion)
    return answer


def test_a_whole_answer_is_a_chat_completion(alice: openai.OpenAI) -> None:
    raw = alice.chat.completions.with_raw_response.create(model="gpt-4o", messages=CAPITAL)
    answer = raw.parse()
    assert answer.choices[0].message.content == "The capital of France is Paris."
    assert (answer.object, answer.model, answer.choices[0].finish_reason) == ("chat.completion", "gpt-4o", "stop")
    assert answer.usage
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert raw.headers["openai-organization"] == "simulator"
    assert answer._request_id == raw.headers["x-request-id"]


def test_a_stream_is_the_same_answer_in_pieces(alice: openai.OpenAI) -> None:
    options: Any = {"include_usage": True}
    chunks = list(alice.chat.completions.create(model="gpt-4o", messages=CAPITAL, stream=True, stream_options=options))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    whole = ask(alice, "What is the capital of France?")
    assert (text, chunks[-1].usage) == (whole.choices[0].message.content, whole.usage)
    assert {chunk.id for chunk in chunks} == {chunks[0].id}
    assert chunks[-2].choices[0].finish_reason == "stop"


def test_the_asynchronous_client_is_served_as_well(base_url: str) -> None:
    async def converse() -> tuple[str, str]:
        async with openai.AsyncOpenAI(api_key="sk-bob", base_url=base_url, max_retries=0) as bob:
            whole = await bob.chat.completions.create(model="gpt-4o", messages=CAPITAL)
            stream = await bob.chat.completions.create(model="gpt-4o", messages=CAPITAL, stream=True)
            pieces = [chunk.choices[0].delta.content or "" async for chunk in stream]
            return whole.choices[0].message.content or "", "".join(pieces)

    assert asyncio.run(converse()) == ("The capital of France is Paris.",) * 2


def test_a_conversation_with_tools_runs_to_its_end(alice: openai.OpenAI) -> None:
    question = "What's the weather in Paris and London?"
    first = ask(alice, question, tools=TOOLS).choices[0]
    assert (first.finish_reason, first.message.content) == ("tool_calls", None)
    calls: Any = first.message.tool_calls
    assert [json.loads(call.function.arguments) for call in calls] == [{"city": "Paris"}, {"city": "London"}]
    said = first.message.model_dump(exclude_none=True)
    results = [{"role": "tool", "tool_call_id": call.id, "content": '{"degrees": 21}'} for call in calls]
    messages: Any = [{"role": "user", "content": question}, said, *results]
    second = alice.chat.completions.create(model="gpt-4o", messages=messages, tools=TOOLS)
    assert (second.choices[0].message.content or "").startswith("According to get_weather: degrees is 21.")


def test_streamed_tool_calls_are_put_together_by_the_client(alice: openai.OpenAI) -> None:
    messages: Any = [{"role": "user", "content": "What's the weather in Paris and the time in Paris?"}]
    with alice.chat.completions.stream(model="gpt-4o", messages=messages, tools=TOOLS) as stream:
        final = stream.get_final_completion()
    calls: Any = final.choices[0].message.tool_calls
    assert [(call.function.name, json.loads(call.function.arguments)) for call in calls] == [
        ("get_weather", {"city": "Paris"}),
        ("get_time", {"place": "Paris"}),
    ]
    assert len({call.id for call in calls}) == 2


class Participant(pydantic.BaseModel):
    name: str
    role: str | None


class Event(pydantic.BaseModel):
    title: str
    date: str
    participants: list[Participant]


def test_structured_answers_are_read_into_the_clients_own_classes(alice: openai.OpenAI) -> None:
    messages: Any = [{"role": "user", "content": "Alice and Bob are going to a science fair on Friday."}]
    answer = alice.chat.completions.parse(model="gpt-4o", messages=messages, response_format=Event)
    event = answer.choices[0].message.parsed
    assert event
    assert event.date == "Friday"
    assert [person.name for person in event.participants] == ["Alice", "Bob"]


def test_json_mode_gives_an_object_with_the_keys_that_were_asked_for(alice: openai.OpenAI) -> None:
    question = "Give me JSON with the keys name, age and city for Alice from Oslo."
    told = ask(alice, question, response_format={"type": "json_object"}).choices[0].message.content
    assert set(json.loads(told or "")) == {"name", "age", "city"}


def test_logprobs_come_with_every_token(alice: openai.OpenAI) -> None:
    choice = ask(alice, "What is the capital of France?", logprobs=True, top_logprobs=3).choices[0]
    assert choice.logprobs
    tokens = choice.logprobs.content or []
    assert "".join(token.token for token in tokens) == choice.message.content
    for token in tokens:
        assert bytes(token.bytes or []).decode() == token.token
        assert token.top_logprobs[0].token == token.token
        assert len(token.top_logprobs) == 3
        assert sorted((top.logprob for top in token.top_logprobs), reverse=True) == [
            t.logprob for t in token.top_logprobs
        ]
        assert math.exp(token.logprob) <= 1
    chunks = list(
        alice.chat.completions.create(model="gpt-4o", messages=CAPITAL, stream=True, logprobs=True, top_logprobs=3)
    )
    streamed = [one for chunk in chunks if chunk.choices[0].logprobs for one in chunk.choices[0].logprobs.content or []]
    assert streamed == tokens


def test_several_choices_come_in_one_answer_and_side_by_side_in_a_stream(alice: openai.OpenAI) -> None:
    whole = ask(alice, "Tell me about tea", n=3)
    assert [choice.index for choice in whole.choices] == [0, 1, 2]
    told = ["", "", ""]
    messages: Any = [{"role": "user", "content": "Tell me about tea"}]
    for chunk in alice.chat.completions.create(model="gpt-4o", messages=messages, n=3, stream=True):
        told[chunk.choices[0].index] += chunk.choices[0].delta.content or ""
    assert told == [choice.message.content for choice in whole.choices]


def test_the_limit_is_kept_and_told(alice: openai.OpenAI) -> None:
    for field in ("max_tokens", "max_completion_tokens"):
        answer = ask(alice, "Write a long essay about rivers", **{field: 64})
        assert answer.usage
        assert (answer.usage.completion_tokens, answer.choices[0].finish_reason) == (64, "length")


def test_pictures_are_seen(alice: openai.OpenAI) -> None:
    parts = [{"type": "text", "text": "What is on them?"}, *[{"type": "image_url", "image_url": {"url": TINY}}] * 2]
    messages: Any = [{"role": "user", "content": parts}]
    answer = alice.chat.completions.create(model="gpt-4o", messages=messages)
    assert (answer.choices[0].message.content or "").startswith("I see 2 pictures.")


def test_reasoning_shows_in_the_usage_and_for_some_models_in_words(alice: openai.OpenAI) -> None:
    hidden = ask(alice, "Why is the sky blue?", model="o3", reasoning_effort="high")
    shown = ask(alice, "Why is the sky blue?", model="deepseek-reasoner")
    for answer in (hidden, shown):
        assert answer.usage
        assert answer.usage.completion_tokens_details
        assert answer.usage.completion_tokens > (answer.usage.completion_tokens_details.reasoning_tokens or 0) > 0
    assert not hasattr(hidden.choices[0].message, "reasoning_content")
    assert "Let me think." in shown.choices[0].message.reasoning_content  # type: ignore[attr-defined]
    messages: Any = [{"role": "user", "content": "Why is the sky blue?"}]
    chunks = alice.chat.completions.create(model="deepseek-reasoner", messages=messages, stream=True)
    thoughts = "".join(getattr(chunk.choices[0].delta, "reasoning_content", None) or "" for chunk in chunks)
    assert thoughts == shown.choices[0].message.reasoning_content  # type: ignore[attr-defined]


def test_a_long_prefix_that_was_seen_before_is_cached(base_url: str) -> None:
    manual = "The machine has a red lever and a green lever. " * 300
    with openai.OpenAI(api_key="sk-cache", base_url=base_url, max_retries=0) as client:
        counts = []
        for question in ("What does the red lever do?", "What does the green lever do?"):
            messages: Any = [{"role": "system", "content": manual}, {"role": "user", "content": question}]
            usage = client.chat.completions.create(model="gpt-4o", messages=messages).usage
            assert usage
            assert usage.prompt_tokens_details
            counts.append((usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens))
    assert counts[0][1] == 0
    assert counts[1][1] is not None
    assert 1024 <= counts[1][1] < counts[1][0]
    assert counts[1][1] % 128 == 0


def test_legacy_functions_are_answered_in_the_legacy_way(alice: openai.OpenAI) -> None:
    answer = ask(alice, "What's the weather in Oslo?", functions=[tool["function"] for tool in TOOLS]).choices[0]
    assert answer.finish_reason == "function_call"
    assert answer.message.function_call
    assert json.loads(answer.message.function_call.arguments) == {"city": "Oslo"}


def test_a_custom_tool_gets_its_input_as_text(alice: openai.OpenAI) -> None:
    tool = {"type": "custom", "custom": {"name": "run_shell", "description": "Runs a shell command"}}
    calls: Any = ask(alice, "Run the shell command `ls -l`", tools=[tool]).choices[0].message.tool_calls
    call = calls[0]
    assert (call.type, call.custom.name, call.custom.input) == ("custom", "run_shell", "ls -l")


def test_errors_are_the_right_exceptions(alice: openai.OpenAI, base_url: str) -> None:
    with pytest.raises(openai.NotFoundError, match="no-such-model") as unknown:
        ask(alice, "Hello", model="no-such-model")
    assert unknown.value.code == "model_not_found"
    with openai.OpenAI(api_key="invalid-key-of-mallory", base_url=base_url, max_retries=0) as mallory:
        with pytest.raises(openai.AuthenticationError, match="invalid-") as refused:
            ask(mallory, "Hello")
        assert "key-of-mallory" not in str(refused.value)
    for status, kind in {
        400: openai.BadRequestError,
        403: openai.PermissionDeniedError,
        429: openai.RateLimitError,
        500: openai.InternalServerError,
        503: openai.InternalServerError,
    }.items():
        with pytest.raises(kind):
            ask(alice, f"Hello [[fault: http-{status}]]")


def test_the_models_are_listed_and_found(alice: openai.OpenAI) -> None:
    assert "gpt-4o" in [model.id for model in alice.models.list()]
    assert alice.models.retrieve("deepseek-r1-0528").id == "deepseek-r1-0528"
    with pytest.raises(openai.NotFoundError):
        alice.models.retrieve("unknown-model")


def test_embeddings_are_near_for_near_texts_in_both_encodings(alice: openai.OpenAI) -> None:
    texts = ["the cat sat on the mat", "a cat sat on a mat", "quarterly revenue in euros"]
    floats = alice.embeddings.create(model="text-embedding-3-small", input=texts, encoding_format="float")
    usual = alice.embeddings.create(model="text-embedding-3-small", input=texts)
    cat, mat, money = (row.embedding for row in floats.data)
    assert [len(row.embedding) for row in floats.data] == [1536] * 3
    assert all(abs(a - b) < 1e-6 for a, b in zip(cat, usual.data[0].embedding, strict=True))
    assert abs(math.hypot(*cat) - 1) < 1e-4
    near, far = (sum(a * b for a, b in zip(cat, other, strict=True)) for other in (mat, money))
    assert near > 0.4 > abs(far)
    assert usual.usage.prompt_tokens == usual.usage.total_tokens > 0
    short = alice.embeddings.create(model="text-embedding-3-large", input=[[1, 2, 3]], dimensions=8)
    assert len(short.data[0].embedding) == 8
