"""OpenAI's Responses, asked by the official client."""

from __future__ import annotations

import json
from typing import Any

import openai
import pydantic
import pytest
from openai.types.responses import Response

from tests.gateway.simulator.asking import CLOCK, WEATHER

TOOLS: list[Any] = [
    {"type": "function", "name": tool.name, "description": tool.description, "parameters": tool.schema}
    for tool in (WEATHER, CLOCK)
]
TINY = "data:image/png;base64,iVBORw0KGgo="


def ask(client: openai.OpenAI, given: Any, **fields: Any) -> Response:
    """One whole answer."""
    answer = client.responses.create(**{"model": "gpt-4o", "input": given, "store": False, **fields})
    assert isinstance(answer, Response)
    return answer


def test_a_whole_answer_is_a_response(alice: openai.OpenAI) -> None:
    answer = ask(alice, "What is the capital of France?", instructions="Be brief.", metadata={"purpose": "test"})
    assert answer.output_text == "The capital of France is Paris."
    assert (answer.status, answer.error, answer.incomplete_details) == ("completed", None, None)
    assert (answer.instructions, answer.metadata, answer.store) == ("Be brief.", {"purpose": "test"}, False)  # type: ignore[attr-defined]
    assert answer.usage
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens


def test_a_stream_is_put_together_by_the_client(alice: openai.OpenAI) -> None:
    whole = ask(alice, "Tell me about tea")
    with alice.responses.stream(model="gpt-4o", input="Tell me about tea", store=False) as stream:
        told = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        final = stream.get_final_response()
    assert told == final.output_text == whole.output_text
    assert final.usage == whole.usage


def test_a_conversation_with_reasoning_and_tools_runs_to_its_end(alice: openai.OpenAI) -> None:
    question = {"role": "user", "content": "What's the weather in Paris and London?"}
    include = ["reasoning.encrypted_content"]
    asked: dict[str, Any] = {"model": "gpt-5", "tools": TOOLS, "include": include, "reasoning": {"summary": "auto"}}
    first = ask(alice, [question], **asked)
    assert [item.type for item in first.output] == ["reasoning", "function_call", "function_call"]
    reasoning: Any = first.output[0]
    assert "Let me think." in reasoning.summary[0].text
    calls: list[Any] = [item for item in first.output if item.type == "function_call"]
    assert [json.loads(call.arguments) for call in calls] == [{"city": "Paris"}, {"city": "London"}]
    said = [item.model_dump(exclude_none=True) for item in first.output]
    results = [{"type": "function_call_output", "call_id": call.call_id, "output": '{"degrees": 21}'} for call in calls]
    second = ask(alice, [question, *said, *results], **asked)
    assert second.output_text.startswith("According to get_weather: degrees is 21.")

    changed = {**said[0], "encrypted_content": said[0]["encrypted_content"][:-8] + "AAAAAAA="}
    elsewhere = {**said[0], "id": "rs_0123"}
    for forged, reason in ((changed, "could not be decrypted"), (elsewhere, "did not match the target item id")):
        with pytest.raises(openai.BadRequestError, match=reason) as refused:
            ask(alice, [question, forged, *said[1:], *results], **asked)
        assert refused.value.code == "invalid_encrypted_content"
    bare = {key: value for key, value in said[0].items() if key != "encrypted_content"}
    with pytest.raises(openai.NotFoundError, match="Items are not persisted"):
        ask(alice, [question, bare, *said[1:], *results], **asked)


def test_reasoning_without_its_content_or_summary_is_still_counted(alice: openai.OpenAI) -> None:
    answer = ask(alice, "Why is the sky blue?", model="o3", reasoning={"effort": "high"})
    reasoning: Any = answer.output[0]
    assert (reasoning.type, reasoning.summary, reasoning.encrypted_content) == ("reasoning", [], None)
    assert answer.usage
    assert answer.usage.output_tokens > answer.usage.output_tokens_details.reasoning_tokens > 160


class Participant(pydantic.BaseModel):
    name: str
    role: str | None


def test_structured_answers_are_read_into_the_clients_own_classes(alice: openai.OpenAI) -> None:
    answer = alice.responses.parse(model="gpt-4o", input="Alice goes to a fair.", text_format=Participant, store=False)
    assert answer.output_parsed
    assert answer.output_parsed.name == "Alice"


def test_pictures_and_files_are_seen_and_limits_kept(alice: openai.OpenAI) -> None:
    parts = [
        {"type": "input_image", "image_url": TINY, "detail": "low"},
        {"type": "input_file", "filename": "report.pdf", "file_data": "data:application/pdf;base64,JVBERi0="},
        {"type": "input_text", "text": "What is in them?"},
    ]
    told = ask(alice, [{"role": "user", "content": parts}]).output_text
    assert told.startswith("I see 1 picture. I have read 1 document (report.pdf).")
    cut = ask(alice, "Write a long essay about rivers", max_output_tokens=64)
    assert cut.usage
    assert cut.incomplete_details
    assert (cut.status, cut.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert cut.usage.output_tokens == 64


def test_a_custom_tool_gets_its_input_as_text_and_returns(alice: openai.OpenAI) -> None:
    tool = {"type": "custom", "name": "run_shell", "description": "Runs a shell command"}
    question = {"role": "user", "content": "Run the shell command `ls -l`"}
    call: Any = ask(alice, [question], tools=[tool]).output[0]
    assert (call.type, call.name, call.input) == ("custom_tool_call", "run_shell", "ls -l")
    result = {"type": "custom_tool_call_output", "call_id": call.call_id, "output": "total 0"}
    answer = ask(alice, [question, call.model_dump(exclude_none=True), result], tools=[tool])
    assert answer.output_text.startswith("According to run_shell: total 0.")


def test_tools_are_forced_or_alone(alice: openai.OpenAI) -> None:
    forced: Any = ask(alice, "Hello", tools=TOOLS, tool_choice={"type": "function", "name": "get_time"}).output
    assert [item.name for item in forced] == ["get_time"]
    question = "What's the weather in Paris and London?"
    assert len(ask(alice, question, tools=TOOLS, parallel_tool_calls=False).output) == 1
    only = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "get_time"}]}
    allowed: Any = ask(alice, question, tools=TOOLS, tool_choice=only).output
    assert {item.name for item in allowed} == {"get_time"}


def test_logprobs_come_when_they_are_included(alice: openai.OpenAI) -> None:
    answer: Any = ask(alice, "Say one two", include=["message.output_text.logprobs"], top_logprobs=2)
    told = answer.output[0].content[0].logprobs
    assert "".join(token.token for token in told) == "one two"
    assert all(len(token.top_logprobs) == 2 for token in told)


def test_a_long_prefix_that_was_seen_in_chat_is_cached_here_as_well(base_url: str) -> None:
    manual = "The machine has a blue lever and a grey lever. " * 300
    with openai.OpenAI(api_key="sk-cache", base_url=base_url, max_retries=0) as client:
        messages: Any = [{"role": "system", "content": manual}, {"role": "user", "content": "Which lever is blue?"}]
        client.chat.completions.create(model="gpt-4o", messages=messages)
        usage = ask(client, "Which lever is grey?", instructions=manual).usage
    assert usage
    assert usage.input_tokens_details.cached_tokens >= 1024


def test_the_simulator_remembers_no_response(alice: openai.OpenAI) -> None:
    answer = ask(alice, "Hello", store=True)
    with pytest.raises(openai.BadRequestError) as refused:
        ask(alice, "Thanks", previous_response_id=answer.id)
    assert (refused.value.code, refused.value.param) == ("previous_response_not_found", "previous_response_id")
    with pytest.raises(openai.NotFoundError):
        alice.responses.retrieve(answer.id)


def test_an_error_in_the_middle_reaches_the_client(alice: openai.OpenAI) -> None:
    question = "Tell me about tea [[fault: error-in-stream after=2 code=rate_limit_exceeded]]"
    events = list(alice.responses.create(model="gpt-4o", input=question, stream=True))
    last: Any = events[-1]
    assert (last.type, last.code, last.sequence_number) == ("error", "rate_limit_exceeded", len(events) - 1)
    question = "Tell me about tea [[fault: error-in-stream after=2 form=failed]]"
    final: Any = list(alice.responses.create(model="gpt-4o", input=question, stream=True))[-1]
    assert (final.type, final.response.status) == ("response.failed", "failed")
    assert final.response.error.code == "server_error"
