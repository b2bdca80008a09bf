"""The official Anthropic client against the running simulator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
from anthropic.types import Message

from tests.gateway.simulator.asking import CLOCK, WEATHER

TOOLS: list[Any] = [
    {"name": tool.name, "description": tool.description, "input_schema": tool.schema} for tool in (WEATHER, CLOCK)
]
PIXEL = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
PDF = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjQ="}
SONNET = "claude-sonnet-4-6"
MANUAL = "The machine has a red lever and a green lever. " * 300


@pytest.fixture
def bob(base_url: str) -> Iterator[anthropic.Anthropic]:
    root = base_url.removesuffix("/v1")
    with anthropic.Anthropic(api_key="sk-bob", base_url=root, max_retries=0, timeout=20) as client:
        yield client


def ask(client: anthropic.Anthropic, question: Any, **fields: Any) -> Message:
    """One question, one whole answer."""
    messages = question if isinstance(question, list) else [{"role": "user", "content": question}]
    answer = client.messages.create(**{"model": SONNET, "max_tokens": 4000, "messages": messages, **fields})
    assert isinstance(answer, Message)
    return answer


def said(message: Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def test_a_whole_answer_is_a_message(bob: anthropic.Anthropic) -> None:
    raw = bob.messages.with_raw_response.create(
        model=SONNET, max_tokens=100, messages=[{"role": "user", "content": "What is the capital of France?"}]
    )
    message = raw.parse()
    assert said(message) == "The capital of France is Paris."
    assert (message.type, message.role, message.model) == ("message", "assistant", SONNET)
    assert (message.stop_reason, message.stop_sequence) == ("end_turn", None)
    assert message.usage.input_tokens > 5 < message.usage.output_tokens
    assert message._request_id == raw.headers["request-id"]
    assert raw.headers["anthropic-organization-id"] == "simulator"


def test_a_stream_is_the_same_message_in_pieces(bob: anthropic.Anthropic) -> None:
    whole = ask(bob, "Tell me about tea", system="Be brief.")
    messages: Any = [{"role": "user", "content": "Tell me about tea"}]
    with bob.messages.stream(model=SONNET, max_tokens=4000, messages=messages, system="Be brief.") as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == said(final) == said(whole)
    assert final.usage.output_tokens == whole.usage.output_tokens
    assert (final.id, final.stop_reason) == (whole.id, whole.stop_reason)


def test_a_conversation_with_tools_and_thoughts_runs_to_its_end(bob: anthropic.Anthropic) -> None:
    question: Any = {"role": "user", "content": "What's the weather in Paris and London?"}
    thinking: Any = {"type": "enabled", "budget_tokens": 1024}
    with bob.messages.stream(
        model=SONNET,
        max_tokens=4000,
        messages=[question],
        tools=TOOLS,
        thinking=thinking,
    ) as stream:
        first = stream.get_final_message()
    assert [block.type for block in first.content] == ["thinking", "tool_use", "tool_use"]
    assert first.stop_reason == "tool_use"
    calls = [block for block in first.content if block.type == "tool_use"]
    assert [call.input for call in calls] == [{"city": "Paris"}, {"city": "London"}]
    results = [
        {"type": "tool_result", "tool_use_id": calls[0].id, "content": '{"degrees": 21}'},
        {"type": "tool_result", "tool_use_id": calls[1].id, "content": "no signal", "is_error": True},
    ]
    history = [question, {"role": "assistant", "content": first.content}, {"role": "user", "content": results}]
    second = ask(bob, history, tools=TOOLS, thinking=thinking)
    assert said(second).startswith("According to get_weather: degrees is 21. get_weather failed: no signal.")

    forged = first.model_dump(mode="json", exclude_none=True)["content"]
    forged[0]["signature"] = forged[0]["signature"][:-8] + "AAAAAAA="
    with pytest.raises(anthropic.BadRequestError, match="Invalid `signature` in `thinking` block"):
        ask(bob, [question, {"role": "assistant", "content": forged}, history[2]], tools=TOOLS, thinking=thinking)
    with pytest.raises(anthropic.BadRequestError, match="must start with a thinking block"):
        ask(bob, [question, {"role": "assistant", "content": forged[1:]}, history[2]], tools=TOOLS, thinking=thinking)


def test_a_signature_belongs_to_its_own_thought(bob: anthropic.Anthropic) -> None:
    thinking = {"type": "enabled", "budget_tokens": 1024}
    answer = ask(bob, "Why is the sky blue?", thinking=thinking).model_dump(mode="json", exclude_none=True)
    block = answer["content"][0]
    swapped = [{**block, "thinking": block["thinking"] + " And more."}, answer["content"][1]]
    history: list[Any] = [
        {"role": "user", "content": "Why is the sky blue?"},
        {"role": "assistant", "content": swapped},
    ]
    with pytest.raises(anthropic.BadRequestError, match=r"messages\.1\.content\.0: Invalid `signature`"):
        ask(bob, [*history, {"role": "user", "content": "Thanks"}])
    history[1]["content"] = answer["content"]
    assert said(ask(bob, [*history, {"role": "user", "content": "Thanks"}])).startswith("You're welcome")


@pytest.mark.parametrize("seal", ["redacted_thinking", "omitted"])
def test_thoughts_that_cannot_be_read_come_back_all_the_same(bob: anthropic.Anthropic, seal: str) -> None:
    thinking = {"type": "adaptive", "display": "omitted" if seal == "omitted" else "summarized"}
    question = "Why is the sky blue?" + (" TRIGGER_REDACTED_THINKING" if seal != "omitted" else "")
    answer = ask(bob, question, thinking=thinking)
    block: Any = answer.content[0]
    assert answer.usage.output_tokens_details
    assert answer.usage.output_tokens_details.thinking_tokens > 0
    history = [{"role": "user", "content": question}, {"role": "assistant", "content": answer.content}]
    ask(bob, [*history, {"role": "user", "content": "Thanks"}])
    broken = block.model_dump(mode="json", exclude_none=True)
    if seal == "omitted":
        assert block.thinking == ""
        broken["signature"] = broken["signature"][:-4] + "AAA="
    else:
        broken["data"] = "AAAA"
    history[1] = {"role": "assistant", "content": [broken, {"type": "text", "text": said(answer)}]}
    with pytest.raises(anthropic.BadRequestError, match="Invalid"):
        ask(bob, [*history, {"role": "user", "content": "Thanks"}])


def test_a_bigger_budget_thinks_more_and_no_budget_not_at_all(bob: anthropic.Anthropic) -> None:
    def thought(**fields: Any) -> int:
        details = ask(bob, "Why is the sky blue?", max_tokens=32_000, **fields).usage.output_tokens_details
        return details.thinking_tokens if details else 0

    budgets = (1024, 8192, 31_999)
    small, middle, large = (thought(thinking={"type": "enabled", "budget_tokens": budget}) for budget in budgets)
    assert 0 < small < middle < large
    assert thought() == thought(thinking={"type": "disabled"}) == 0


def test_what_is_marked_is_written_to_the_cache_and_read_from_it(base_url: str) -> None:
    root = base_url.removesuffix("/v1")
    with anthropic.Anthropic(api_key="sk-cache", base_url=root, max_retries=0) as client:

        def usage(question: str, ttl: str) -> tuple[int, int, int, int]:
            block = {"type": "text", "text": f"{ttl} {MANUAL}", "cache_control": {"type": "ephemeral", "ttl": ttl}}
            told = ask(client, question, system=[block]).usage
            assert told.cache_creation
            written = told.cache_creation
            assert told.cache_creation_input_tokens == (
                written.ephemeral_5m_input_tokens + written.ephemeral_1h_input_tokens
            )
            return (
                told.input_tokens,
                written.ephemeral_5m_input_tokens,
                written.ephemeral_1h_input_tokens,
                told.cache_read_input_tokens or 0,
            )

        rest, short, long, read = usage("What does the red lever do?", "5m")
        assert 0 < rest < 30 < 1024 < short
        assert (long, read) == (0, 0)
        assert usage("What does the red lever do?", "5m") == (rest, 0, 0, short)
        _, none, hour, _ = usage("What does the green lever do?", "1h")
        assert none == 0
        assert hour > 1024
        assert ask(client, MANUAL).usage.cache_creation_input_tokens == 0


def test_a_conversation_that_grows_reads_what_it_wrote_and_writes_the_rest(base_url: str) -> None:
    root = base_url.removesuffix("/v1")
    with anthropic.Anthropic(api_key="sk-grow", base_url=root, max_retries=0) as client:
        mark = {"cache_control": {"type": "ephemeral"}}
        first = {"role": "user", "content": [{"type": "text", "text": MANUAL, **mark}]}
        one = ask(client, [first]).usage
        plain = {"role": "user", "content": [{"type": "text", "text": MANUAL}]}
        more = {"role": "user", "content": [{"type": "text", "text": MANUAL + "?", **mark}]}
        two = ask(client, [plain, {"role": "assistant", "content": "I see."}, more]).usage
    assert two.cache_read_input_tokens == one.cache_creation_input_tokens
    assert two.cache_creation_input_tokens
    assert one.cache_creation_input_tokens
    assert two.cache_creation_input_tokens > one.cache_creation_input_tokens


def test_pictures_and_documents_are_seen(bob: anthropic.Anthropic) -> None:
    content = [
        {"type": "image", "source": PIXEL},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/cat.png"}},
        {"type": "document", "source": PDF, "title": "report"},
        {"type": "text", "text": "What is in them?"},
    ]
    told = said(ask(bob, [{"role": "user", "content": content}]))
    assert told.startswith("I see 2 pictures. I have read 1 document (report).")


def test_the_answer_ends_where_it_was_told_to(bob: anthropic.Anthropic) -> None:
    stopped = ask(bob, "Count from 1 to 20", stop_sequences=["7", "5"])
    assert (said(stopped), stopped.stop_reason, stopped.stop_sequence) == ("1, 2, 3, 4, ", "stop_sequence", "5")
    cut = ask(bob, "Write a long essay about rivers", max_tokens=64)
    assert (cut.usage.output_tokens, cut.stop_reason) == (64, "max_tokens")


def test_a_structured_answer_is_an_instance_of_the_schema(bob: anthropic.Anthropic) -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
    config = {"format": {"type": "json_schema", "schema": schema}}
    told = json.loads(said(ask(bob, "Alice is 31 years old.", output_config=config)))
    assert set(told) == {"name", "age"}
    assert isinstance(told["age"], int)


def test_a_tool_is_forced_or_forbidden_or_alone(bob: anthropic.Anthropic) -> None:
    forced = ask(bob, "Hello", tools=TOOLS, tool_choice={"type": "tool", "name": "get_time"})
    assert [block.name for block in forced.content if block.type == "tool_use"] == ["get_time"]
    question = "What's the weather in Paris and London?"
    assert ask(bob, question, tools=TOOLS, tool_choice={"type": "none"}).stop_reason == "end_turn"
    alone = ask(bob, question, tools=TOOLS, tool_choice={"type": "auto", "disable_parallel_tool_use": True})
    assert [block.type for block in alone.content] == ["tool_use"]


def test_tokens_are_counted_as_they_are_charged(bob: anthropic.Anthropic) -> None:
    messages: Any = [{"role": "user", "content": "What's the weather in Paris?"}]
    counted = bob.messages.count_tokens(model=SONNET, messages=messages, tools=TOOLS, system="Be brief.")
    assert counted.input_tokens == ask(bob, messages, tools=TOOLS, system="Be brief.").usage.input_tokens


def test_the_models_are_listed_in_anthropics_shape(bob: anthropic.Anthropic) -> None:
    listed = [model.id for model in bob.models.list(limit=2)]
    assert "claude-sonnet-4-6" in listed
    assert len(listed) > 2  # the client turned the pages
    assert bob.models.retrieve(SONNET).display_name == "Claude Sonnet 4 6"
    with pytest.raises(anthropic.NotFoundError):
        bob.models.retrieve("unknown-model")


def test_errors_are_the_right_exceptions(bob: anthropic.Anthropic, base_url: str) -> None:
    for status, kind in {
        400: anthropic.BadRequestError,
        403: anthropic.PermissionDeniedError,
        429: anthropic.RateLimitError,
        529: anthropic.InternalServerError,
    }.items():
        with pytest.raises(kind) as refused:
            ask(bob, f"Hello [[fault: http-{status}]]")
        told: Any = refused.value.body
        assert told["type"] == "error"
    messages: Any = [{"role": "user", "content": "Hello [[fault: error-in-stream after=1 status=529]]"}]
    with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
        list(bob.messages.create(model=SONNET, max_tokens=100, messages=messages, stream=True))
    root = base_url.removesuffix("/v1")
    mallory = anthropic.Anthropic(api_key="invalid-key", base_url=root, max_retries=0)
    with mallory, pytest.raises(anthropic.AuthenticationError):
        ask(mallory, "Hello")


def test_a_refusal_and_a_filter_say_so(bob: anthropic.Anthropic) -> None:
    refused = ask(bob, "Hello [[fault: refusal]]")
    assert (refused.content, refused.stop_reason) == ([], "refusal")
    filtered = ask(bob, "Tell me about tea [[fault: content-filter after=3]]")
    assert (filtered.usage.output_tokens, filtered.stop_reason) == (3, "refusal")
