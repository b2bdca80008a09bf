"""The official Google client against the running simulator."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest
from google import genai
from google.genai import errors, types

from tests.gateway.simulator.asking import CLOCK, WEATHER

FLASH, THREE = "gemini-2.5-flash", "gemini-3-flash"
TOOLS: Any = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(name=tool.name, description=tool.description, parameters_json_schema=tool.schema)
        for tool in (WEATHER, CLOCK)
    ]
)
BY_HAND = types.AutomaticFunctionCallingConfig(disable=True)


@pytest.fixture(params=["v1", "v1beta"])
def carol(base_url: str, request: pytest.FixtureRequest) -> Iterator[genai.Client]:
    options: Any = {"base_url": base_url.removesuffix("/v1"), "api_version": request.param, "timeout": 20_000}
    with genai.Client(api_key="sk-carol", http_options=options) as client:
        yield client


def ask(client: genai.Client, contents: Any, model: str = FLASH, **config: Any) -> types.GenerateContentResponse:
    """One whole answer."""
    options = types.GenerateContentConfig(**config)
    return client.models.generate_content(model=model, contents=contents, config=options)


def usage(answer: types.GenerateContentResponse) -> types.GenerateContentResponseUsageMetadata:
    assert answer.usage_metadata
    return answer.usage_metadata


def test_a_whole_answer_is_a_response(carol: genai.Client) -> None:
    answer = ask(carol, "What is the capital of France?", system_instruction="Be brief.")
    assert answer.text == "The capital of France is Paris."
    assert answer.candidates
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    told = usage(answer)
    assert told.total_token_count == sum(
        count or 0 for count in (told.prompt_token_count, told.candidates_token_count, told.thoughts_token_count)
    )
    assert (answer.model_version, bool(answer.response_id)) == (FLASH, True)


def test_a_stream_is_the_same_answer_in_pieces(carol: genai.Client) -> None:
    whole = ask(carol, "Tell me about tea")
    chunks = list(carol.models.generate_content_stream(model=FLASH, contents="Tell me about tea"))
    assert "".join(chunk.text or "" for chunk in chunks) == whole.text
    assert usage(chunks[-1]) == usage(whole)
    assert chunks[-1].candidates
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP
    assert not any(chunk.candidates[0].finish_reason for chunk in chunks[:-1] if chunk.candidates)
    counts = [usage(chunk).candidates_token_count or 0 for chunk in chunks]
    assert counts == sorted(counts)


@pytest.mark.parametrize("model", [FLASH, THREE])
def test_a_conversation_with_functions_runs_to_its_end(carol: genai.Client, model: str) -> None:
    question = types.Content(role="user", parts=[types.Part(text="What's the weather in Paris and London?")])
    config: Any = {"tools": [TOOLS], "automatic_function_calling": BY_HAND, "model": model}
    first = ask(carol, [question], **config)
    assert first.candidates
    said = first.candidates[0].content
    assert said
    assert said.parts
    calls = [part.function_call for part in said.parts if part.function_call]
    assert [call.args for call in calls] == [{"city": "Paris"}, {"city": "London"}]
    assert [bool(part.thought_signature) for part in said.parts] == [True, False]
    assert all(bool(call.id) == (model == THREE) for call in calls)
    results = [
        types.Part(
            function_response=types.FunctionResponse(id=call.id, name=call.name or "", response={"degrees": degrees})
        )
        for call, degrees in zip(calls, (21, 16), strict=True)
    ]
    answered = types.Content(role="user", parts=results)
    second = ask(carol, [question, said, answered], **config)
    told = second.text or ""
    assert told.startswith("According to get_weather: degrees is 21. According to get_weather: degrees is 16.")
    signature = said.parts[0].thought_signature or b""
    for forged in (signature[:-2] + b"\0\0", signature[:-1]):
        changed = said.model_copy(deep=True)
        assert changed.parts
        changed.parts[0].thought_signature = forged
        with pytest.raises(errors.ClientError, match="Thought signature is not valid"):
            ask(carol, [question, changed, answered], **config)
    swapped = said.model_copy(deep=True)
    assert swapped.parts
    swapped.parts[1].thought_signature = signature
    with pytest.raises(errors.ClientError, match="Thought signature is not valid"):
        ask(carol, [question, swapped, answered], **config)
    with pytest.raises(errors.ClientError, match="number of function response parts"):
        ask(carol, [question, said, types.Content(role="user", parts=results[:1])], **config)


def test_a_newer_model_wants_its_signature_back_or_the_documented_dummy(carol: genai.Client) -> None:
    question = types.Content(role="user", parts=[types.Part(text="What's the weather in Paris?")])
    call = types.Part(function_call=types.FunctionCall(name="get_weather", args={"city": "Paris"}))
    result = types.Part.from_function_response(name="get_weather", response={"result": "sunny"})
    answered = types.Content(role="user", parts=[result])
    config: Any = {"tools": [TOOLS], "automatic_function_calling": BY_HAND}

    def told(model: str) -> str:
        return ask(carol, [question, types.Content(role="model", parts=[call]), answered], model, **config).text or ""

    assert told(FLASH).startswith("According to get_weather: sunny.")
    with pytest.raises(errors.ClientError, match="missing a thought_signature"):
        told(THREE)
    call.thought_signature = b"skip_thought_signature_validator"
    assert told(THREE).startswith("According to get_weather: sunny.")


def test_thoughts_are_shown_when_asked_for_and_counted_always(carol: genai.Client) -> None:
    def thinking(budget: int, *, shown: bool = False) -> types.GenerateContentResponse:
        config = types.ThinkingConfig(thinking_budget=budget, include_thoughts=shown)
        return ask(carol, "Why is the sky blue?", thinking_config=config)

    small, large = (usage(thinking(budget)).thoughts_token_count or 0 for budget in (1024, 24_576))
    assert 0 < small < large
    assert usage(thinking(0)).thoughts_token_count is None
    assert usage(thinking(-1)).thoughts_token_count
    shown = thinking(1024, shown=True)
    assert shown.candidates
    assert shown.candidates[0].content
    parts = shown.candidates[0].content.parts or []
    assert [part.thought for part in parts] == [True, None]
    assert "Let me think." in (parts[0].text or "")
    assert shown.text == thinking(1024).text
    levels = [
        usage(ask(carol, "Why?", THREE, thinking_config={"thinking_level": level})).thoughts_token_count or 0
        for level in ("MINIMAL", "HIGH")
    ]
    assert 0 < levels[0] < levels[1]


def test_pictures_documents_and_recordings_are_seen(carol: genai.Client) -> None:
    parts = [
        types.Part.from_bytes(data=b"\xff\xfe\xfb", mime_type="image/png"),
        types.Part.from_uri(file_uri="https://example.com/cat.jpg", mime_type="image/jpeg"),
        types.Part.from_bytes(data=b"%PDF-1.4", mime_type="application/pdf"),
        types.Part.from_bytes(data=b"RIFF", mime_type="audio/wav"),
        types.Part(text="What is in them?"),
    ]
    answer = ask(carol, [types.Content(role="user", parts=parts)])
    assert (answer.text or "").startswith("I see 2 pictures. I have read 1 document. I hear 1 recording.")
    details = {row.modality: row.token_count for row in usage(answer).prompt_tokens_details or []}
    assert details[types.MediaModality.IMAGE] == 2 * 258


def test_the_answer_ends_where_it_was_told_to(carol: genai.Client) -> None:
    none = types.ThinkingConfig(thinking_budget=0)
    stopped = ask(carol, "Count from 1 to 20", stop_sequences=["5"], thinking_config=none)
    assert stopped.text == "1, 2, 3, 4, "
    cut = ask(carol, "Write a long essay about rivers", max_output_tokens=64)
    told = usage(cut)
    assert cut.candidates
    assert cut.candidates[0].finish_reason == types.FinishReason.MAX_TOKENS
    assert (told.candidates_token_count or 0) + (told.thoughts_token_count or 0) == 64


def test_several_candidates_come_side_by_side(carol: genai.Client) -> None:
    whole = ask(carol, "Tell me about tea", candidate_count=3)
    assert [candidate.index for candidate in whole.candidates or []] == [0, 1, 2]


def test_structured_answers_fit_their_schemas(carol: genai.Client) -> None:
    schema = {
        "type": "OBJECT",
        "properties": {"name": {"type": "STRING"}, "age": {"type": "INTEGER", "nullable": True}},
        "required": ["name", "age"],
    }
    told = ask(carol, "Alice is 31.", response_mime_type="application/json", response_schema=schema).text
    assert set(json.loads(told or "")) == {"name", "age"}
    plain = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    other = ask(carol, "Alice is 31.", response_mime_type="application/json", response_json_schema=plain).text
    assert set(json.loads(other or "")) == {"name"}
    word = {"type": "STRING", "enum": ["warm", "cold"]}
    assert ask(carol, "Is it cold?", response_mime_type="text/x.enum", response_schema=word).text in ("warm", "cold")


def test_functions_are_forced_or_forbidden(carol: genai.Client) -> None:
    def called(mode: str, *only: str) -> list[str | None]:
        config: Any = {"mode": mode, "allowed_function_names": list(only) or None}
        choice: Any = {"function_calling_config": config}
        answer = ask(carol, "Hello", tools=[TOOLS], tool_config=choice, automatic_function_calling=BY_HAND)
        return [call.name for call in answer.function_calls or []]

    assert called("ANY", "get_time") == ["get_time"]
    assert len(called("ANY")) == 1
    assert called("NONE") == called("AUTO") == []


def test_a_long_prefix_that_was_seen_before_is_cached(carol: genai.Client) -> None:
    manual = f"{carol._api_client._http_options.api_version} " + "The machine has a red lever. " * 400
    ask(carol, "Which lever?", system_instruction=manual)
    told = usage(ask(carol, "What lever?", system_instruction=manual))
    assert told.cached_content_token_count
    assert 1024 <= told.cached_content_token_count < (told.prompt_token_count or 0)


def test_tokens_are_counted_as_they_are_charged(carol: genai.Client) -> None:
    counted = carol.models.count_tokens(model=FLASH, contents="What is the capital of France?")
    assert counted.total_tokens == usage(ask(carol, "What is the capital of France?")).prompt_token_count


def test_embeddings_are_near_for_near_texts(carol: genai.Client) -> None:
    texts: Any = ["the cat sat on the mat", "a cat sat on a mat", "quarterly revenue in euros"]
    answer = carol.models.embed_content(
        model="gemini-embedding-001", contents=texts, config={"output_dimensionality": 768}
    )
    cat, mat, money = (row.values or [] for row in answer.embeddings or [])
    assert len(cat) == 768
    assert abs(math.hypot(*cat) - 1) < 1e-4
    near, far = (sum(a * b for a, b in zip(cat, other, strict=True)) for other in (mat, money))
    assert near > 0.4 > abs(far)


def test_the_models_are_listed_in_googles_shape(carol: genai.Client) -> None:
    listed = [model.name for model in carol.models.list(config={"page_size": 2})]
    assert {"models/gemini-2.5-flash", "models/gemini-embedding-001"} <= set(listed)
    assert carol.models.get(model=FLASH).input_token_limit == 1_048_576


def test_a_refusal_is_an_answer_without_candidates(carol: genai.Client) -> None:
    for answer in (
        ask(carol, "Hello [[fault: refusal]]"),
        *carol.models.generate_content_stream(model=FLASH, contents="Hello [[fault: refusal]]"),
    ):
        assert answer.candidates is None
        assert answer.prompt_feedback
        assert answer.prompt_feedback.block_reason == types.BlockedReason.PROHIBITED_CONTENT
    filtered = ask(carol, "Tell me about tea [[fault: content-filter after=3]]")
    assert filtered.candidates
    assert filtered.candidates[0].finish_reason == types.FinishReason.SAFETY


def test_errors_are_the_right_exceptions(carol: genai.Client, base_url: str) -> None:
    for status, word in {400: "INVALID_ARGUMENT", 403: "PERMISSION_DENIED", 404: "NOT_FOUND"}.items():
        with pytest.raises(errors.ClientError) as refused:
            ask(carol, f"Hello [[fault: http-{status}]]")
        assert (refused.value.code, refused.value.status) == (status, word)
    with pytest.raises(errors.ServerError, match="UNAVAILABLE"):
        ask(carol, "Hello [[fault: http-503]]")
    with pytest.raises(errors.ServerError):
        list(carol.models.generate_content_stream(model=FLASH, contents="Hi [[fault: error-in-stream after=0]]"))
    with pytest.raises(errors.ClientError, match="is not found for API version v1beta"):
        ask(carol, "Hello", "unknown-model")
    options: Any = {"base_url": base_url.removesuffix("/v1")}
    mallory = genai.Client(api_key="invalid-key", http_options=options)
    with mallory, pytest.raises(errors.ClientError, match="API key not valid") as nobody:
        ask(mallory, "Hello")
    assert nobody.value.code == 400
