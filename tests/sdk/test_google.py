"""The official Google SDK against a live server, with models of any company behind it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from google import genai
from google.genai import errors, types

from tests.fakes.recordings import Recording
from tests.people import Person, newcomer
from tests.servers import LiveServer
from tests.shop import Shop

HELLO = "What is the capital of France?"


def client(server: LiveServer, person: Person) -> genai.Client:
    """What a customer of ours writes."""
    return genai.Client(api_key=person.secret, http_options=types.HttpOptions(base_url=server.url))


@pytest.mark.parametrize("server", ["uvicorn", "daphne"], indirect=True)
@pytest.mark.parametrize("model", ["gemini-2.5-pro", "gpt-4o", "claude-haiku-4-5"])
def test_any_model_answers_a_google_client(server: LiveServer, alice: Person, model: str) -> None:
    before = alice.balance.balance_nusd
    door = client(server, alice)  # it closes when nobody holds it
    answer = door.models.generate_content(model=model, contents=HELLO)
    assert "Paris" in (answer.text or "")
    [record] = alice.usage
    usage = answer.usage_metadata
    assert usage
    assert usage.prompt_token_count == record.input_tokens
    assert (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0) == (
        record.output_tokens + record.reasoning_tokens
    )
    assert before - alice.balance.balance_nusd == record.charged_nusd > 0


@pytest.mark.parametrize("server", ["uvicorn", "daphne"], indirect=True)
def test_a_stream_comes_in_pieces(server: LiveServer, alice: Person) -> None:
    door = client(server, alice)
    pieces = list(door.models.generate_content_stream(model="gemini-2.5-flash", contents=HELLO))
    assert "Paris" in "".join(piece.text or "" for piece in pieces)
    assert len(pieces) > 1
    assert alice.usage[0].streamed


def test_tools_go_round(server: LiveServer, alice: Person) -> None:
    door = client(server, alice)
    weather = types.Tool(
        function_declarations=[
            types.FunctionDeclaration(
                name="get_weather",
                description="The weather in a city.",
                parameters_json_schema={
                    "type": "object",
                    "properties": {"city": {"type": "string"}},
                    "required": ["city"],
                },
            )
        ]
    )
    config = types.GenerateContentConfig(tools=[weather])
    question = types.Content(role="user", parts=[types.Part(text="What is the weather in Oslo?")])
    first = door.models.generate_content(model="gemini-2.5-pro", contents=[question], config=config)
    assert first.function_calls
    [call] = first.function_calls
    assert call.args
    assert "Oslo" in call.args["city"]
    assert first.candidates
    assert first.candidates[0].content
    result = types.Part.from_function_response(name="get_weather", response={"temperature": 7})
    contents: Any = [question, first.candidates[0].content, types.Content(role="user", parts=[result])]
    second = door.models.generate_content(model="gemini-2.5-pro", contents=contents, config=config)
    assert "7" in (second.text or "")


def test_a_gemini_provider_is_passed_through(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell(dialect="gemini_generate", adapter="google", upstream_id="gemini-x-preview", platform="gemini")
    body = {
        "candidates": [
            {
                "content": {"role": "model", "parts": [{"text": "Hi", "thoughtSignature": "c2ln"}]},
                "finishReason": "STOP",
                "index": 0,
            }
        ],
        "usageMetadata": {
            "promptTokenCount": 10,
            "candidatesTokenCount": 2,
            "thoughtsTokenCount": 3,
            "totalTokenCount": 15,
        },
        "modelVersion": "gemini-x-preview",
        "responseId": "abc",
        "aFieldOfTomorrow": {"kept": True},
    }
    goods.tape.play(Recording.json(body))
    answer = httpx.post(
        f"{server.url}/v1beta/models/{goods.slug}:generateContent",
        headers={"x-goog-api-key": alice.secret},
        json={"contents": [{"parts": [{"text": "Hello"}]}]},
    )
    assert answer.status_code == 200
    assert answer.json() == {**body, "modelVersion": goods.slug}
    assert goods.tape.requests[0].path.endswith("/models/gemini-x-preview:generateContent")
    assert goods.tape.requests[0].header("x-goog-api-key")
    assert alice.usage[0].charged_nusd == 10 * 10_000 + 5 * 50_000


@pytest.mark.parametrize("base", ["/v1beta", "/api/v1beta", "/v1"])
def test_the_key_may_come_in_any_way_that_google_knows(server: LiveServer, alice: Person, base: str) -> None:
    address = f"{server.url}{base}/models/gemini-2.5-flash:generateContent"
    body = {"contents": [{"parts": [{"text": HELLO}]}]}
    assert httpx.post(address, headers={"x-goog-api-key": alice.secret}, json=body).status_code == 200
    assert httpx.post(address, headers=alice.headers, json=body).status_code == 200
    expected = 401 if base == "/v1" else 200
    assert httpx.post(f"{address}?key={alice.secret}", json=body).status_code == expected


def test_a_stream_without_alt_is_one_growing_array(server: LiveServer, alice: Person) -> None:
    body = {"contents": [{"parts": [{"text": HELLO}]}]}
    address = f"{server.url}/v1beta/models/gemini-2.5-flash:streamGenerateContent"
    answer = httpx.post(address, headers=alice.headers, json=body)
    assert answer.headers["content-type"].startswith("application/json")
    parts = answer.json()
    assert isinstance(parts, list)
    assert "Paris" in "".join(part["candidates"][0]["content"]["parts"][0].get("text", "") for part in parts)
    refused = httpx.post(address.replace("2.5-flash", "nothing"), headers=alice.headers, json=body)
    assert refused.status_code == 404
    assert refused.json()[0]["error"]["status"] == "NOT_FOUND"


def test_errors_come_in_googles_shape(server: LiveServer, alice: Person) -> None:
    door = client(server, alice)
    with pytest.raises(errors.ClientError) as unknown:
        door.models.generate_content(model="gemini-nothing", contents=HELLO)
    assert unknown.value.code == 404
    assert unknown.value.status == "NOT_FOUND"
    broke = client(server, newcomer("broke", usd=0))
    with pytest.raises(errors.ClientError) as money:
        broke.models.generate_content(model="gemini-2.5-flash", contents=HELLO)
    assert money.value.code == 402
    answer = httpx.post(f"{server.url}/v1beta/models/gemini-2.5-flash:doSomething", headers=alice.headers, json={})
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == 404


def test_tokens_are_counted_and_models_listed(server: LiveServer, alice: Person) -> None:
    door = client(server, alice)
    counted = door.models.count_tokens(model="gemini-2.5-flash", contents=HELLO)
    assert counted.total_tokens
    assert 4 <= counted.total_tokens <= 40
    names = [model.name for model in door.models.list()]
    assert "models/gemini-2.5-pro" in names
