"""Gemini on the wire: the two framings of a stream, both spellings of names, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.gateway.simulator.asking import WEATHER
from tests.gateway.simulator.test_refusals import ANYTHING

KEY = {"x-goog-api-key": "sk-carol"}
FLASH, PRO, THREE = "gemini-2.5-flash", "gemini-2.5-pro", "gemini-3-pro"
DECLARED = {"name": "get_weather", "description": WEATHER.description, "parametersJsonSchema": WEATHER.schema}
TOOLS = [{"functionDeclarations": [DECLARED]}]


def body(question: str = "Hello", **fields: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": question}]}], **fields}


def post(wire: httpx.Client, asked: Any, verb: str = "generateContent", model: str = FLASH) -> httpx.Response:
    root = str(wire.base_url).removesuffix("/v1/")
    return httpx.post(f"{root}/v1beta/models/{model}:{verb}", json=asked, headers=KEY, timeout=20)


def test_events_end_their_lines_as_google_does_and_have_no_names(wire: httpx.Client) -> None:
    reply = post(wire, body("Say one two"), "streamGenerateContent?alt=sse")
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    lines = reply.content.split(b"\r\n\r\n")
    assert lines.pop() == b""
    assert all(line.startswith(b"data: {") for line in lines)
    told = [json.loads(line[6:]) for line in lines]
    assert all(chunk["usageMetadata"]["promptTokenCount"] for chunk in told)
    assert [chunk["candidates"][0].get("finishReason") for chunk in told] == [None, None, "STOP"]
    assert told[-1]["candidates"][0]["content"]["parts"][0]["text"] == ""
    assert told[-1]["candidates"][0]["content"]["parts"][0]["thoughtSignature"]


def test_without_alt_the_stream_is_one_array_in_pieces(wire: httpx.Client) -> None:
    reply = post(wire, body("Say one two"), "streamGenerateContent")
    assert reply.headers["content-type"] == "application/json; charset=UTF-8"
    events = post(wire, body("Say one two"), "streamGenerateContent?alt=sse").content.split(b"\r\n\r\n")[:-1]
    assert reply.json() == [json.loads(line[6:]) for line in events]


def test_errors_of_an_array_stand_in_an_array(wire: httpx.Client) -> None:
    refused = post(wire, body("[[fault: http-429 retry-after=7]]"), "streamGenerateContent").json()
    assert refused[0]["error"]["status"] == "RESOURCE_EXHAUSTED"
    assert refused[0]["error"]["details"][0]["retryDelay"] == "7s"
    assert post(wire, {}, "streamGenerateContent").json()[0]["error"]["code"] == 400
    assert post(wire, {}, "streamGenerateContent?alt=sse").json()["error"]["code"] == 400
    late = post(wire, body("Tea? [[fault: error-in-stream after=2]]"), "streamGenerateContent").json()
    assert ["error" in element for element in late] == [False, False, True]


def test_a_call_comes_in_one_piece_with_a_signature_that_says_so(wire: httpx.Client) -> None:
    asked = body("What's the weather in Paris?", tools=TOOLS)
    *calls, end = post(wire, asked, "streamGenerateContent").json()
    (part,) = calls[0]["candidates"][0]["content"]["parts"]
    assert part["functionCall"] == {"name": "get_weather", "args": {"city": "Paris"}}
    assert end["candidates"][0]["finishReason"] == "STOP"
    assert "parts" not in end["candidates"][0]["content"]


def test_both_spellings_are_read(wire: httpx.Client) -> None:
    snake = {
        "contents": [{"role": "user", "parts": [{"inline_data": {"mime_type": "image/png", "data": "__77"}}]}],
        "system_instruction": {"parts": [{"text": "Be brief."}]},
        "generation_config": {"max_output_tokens": 50, "thinking_config": {"thinking_budget": 0}},
    }
    camel = {
        "contents": [{"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": "//77"}}]}],
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "generationConfig": {"maxOutputTokens": 50, "thinkingConfig": {"thinkingBudget": 0}},
    }
    assert post(wire, snake).json() == post(wire, camel).json()


def generation(**fields: Any) -> dict[str, Any]:
    return {"generationConfig": fields}


def parts(*given: Any, role: str = "user") -> dict[str, Any]:
    return {"contents": [{"role": role, "parts": list(given)}]}


CALLED = {"functionCall": {"name": "f", "args": {}}}
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    (FLASH, {"contents": None}, "contents is not specified"),
    (FLASH, {"messages": []}, 'Unknown name "messages"'),
    (FLASH, {"contents": [{"role": "king", "parts": [{"text": "x"}]}]}, "Please use a valid role"),
    (FLASH, {"contents": [{"role": "user", "parts": []}]}, "must not be empty"),
    (FLASH, parts({}), "must have one initialized field"),
    (FLASH, parts({"text": "x", "inlineData": {}}), "must have one initialized field"),
    (FLASH, parts({"text": "x", "type": "text"}), 'Unknown name "type"'),
    (FLASH, parts({"inlineData": {"mimeType": "image/png", "data": "!"}}), "Base64 decoding failed"),
    (FLASH, parts({"functionResponse": {"name": "f", "response": {}}}), "number of function response parts"),
    (FLASH, parts(CALLED, role="model"), "number of function response parts"),
    (FLASH, parts({"text": "x", "thoughtSignature": "AAAA"}, role="model"), "Thought signature is not valid"),
    (FLASH, generation(temperature=2.5), "must be in the range [0, 2]"),
    (FLASH, generation(maxOutputTokens=0), "must be at least 1"),
    (FLASH, generation(maxTokens=5), 'Unknown name "maxTokens"'),
    (FLASH, generation(stopSequences=list("abcdef")), "At most 5 stop sequences"),
    (FLASH, generation(candidateCount=9), "candidateCount must be in the range"),
    (FLASH, generation(thinkingConfig={"thinkingBudget": 30_000}), "The thinking budget 30000 is invalid"),
    (FLASH, generation(thinkingConfig={"thinkingLevel": "LOW"}), "Thinking level is not supported"),
    (PRO, generation(thinkingConfig={"thinkingBudget": 0}), "only works in thinking mode"),
    (THREE, generation(thinkingConfig={"thinkingLevel": "MEDIUM"}), "Thinking level MEDIUM is not supported"),
    (THREE, generation(thinkingConfig={"thinkingLevel": "LOW", "thinkingBudget": 128}), "only one of thinking budget"),
    (FLASH, generation(responseMimeType="text/html"), "Unsupported response mime type"),
    (FLASH, generation(responseSchema={"type": "OBJECT"}), "only supported with response mime type"),
    (
        FLASH,
        generation(responseMimeType="application/json", responseSchema={"type": "OBJECT", "oneOf": []}),
        'Unknown name "oneOf"',
    ),
    (FLASH, {"tools": TOOLS, **generation(responseMimeType="application/json")}, "is unsupported"),
    (FLASH, {"tools": [{"type": "function"}]}, 'Unknown name "type"'),
    (FLASH, {"tools": [{"functionDeclarations": [{"name": "9"}]}]}, "Invalid function name"),
    (FLASH, {"tools": [{"functionDeclarations": [DECLARED, DECLARED]}]}, "Duplicate function declaration"),
    (FLASH, {"toolConfig": {"functionCallingConfig": {"mode": "SOME"}}}, "Invalid value at"),
    (FLASH, {"cachedContent": "cachedContents/1"}, "CachedContent not found"),
    (FLASH, parts({"text": "[[fault: earthquake]]"}), "does not understand the wish"),
]


@pytest.mark.parametrize(("model", "fields", "told"), REFUSED, ids=[json.dumps(row[1])[:50] for row in REFUSED])
def test_what_google_refuses_is_refused(wire: httpx.Client, model: str, fields: dict[str, Any], told: str) -> None:
    reply = post(wire, {key: value for key, value in (body() | fields).items() if value is not None}, model=model)
    error = reply.json()["error"]
    assert (reply.status_code, error["code"], error["status"]) == (400, 400, "INVALID_ARGUMENT")
    assert told in error["message"]


def test_the_key_may_stand_in_three_places_and_must_stand_in_one(wire: httpx.Client) -> None:
    url = f"{str(wire.base_url).removesuffix('/v1/')}/v1beta/models/{FLASH}:generateContent"
    for asked, headers in ((url, KEY), (f"{url}?key=sk-carol", {}), (url, {"authorization": "Bearer sk-carol"})):
        assert httpx.post(asked, json=body(), headers=headers).status_code == 200
    nobody = httpx.post(url, json=body())
    assert (nobody.status_code, nobody.json()["error"]["status"]) == (403, "PERMISSION_DENIED")
    refused = httpx.post(url, json=body(), headers={"x-goog-api-key": "invalid"}).json()["error"]
    assert refused["details"][0]["reason"] == "API_KEY_INVALID"
    assert httpx.get(url, headers=KEY).status_code == 405
    assert httpx.post(url.replace("generate", "degenerate"), json=body(), headers=KEY).status_code == 404


def test_embeddings_come_one_by_one_as_well(wire: httpx.Client) -> None:
    one = {"content": {"parts": [{"text": "tea"}]}, "outputDimensionality": 4}
    model = "gemini-embedding-001"
    values = post(wire, one, "embedContent", model).json()["embedding"]["values"]
    assert len(values) == 4
    batch = {"requests": [{**one, "model": f"models/{model}"}]}
    assert post(wire, batch, "batchEmbedContents", model).json()["embeddings"] == [{"values": values}]
    wrong = {"requests": [{**one, "model": "models/other"}]}
    assert "must match" in post(wire, wrong, "batchEmbedContents", model).json()["error"]["message"]
    assert post(wire, one, "embedContent", FLASH).status_code == 404
    assert post(wire, body(), "generateContent", model).status_code == 404


@pytest.mark.parametrize(
    "fault", ["no-finish", "no-usage", "wrong-usage", "empty finish=OTHER", "comments", "other-model"]
)
def test_faults_of_the_stream_work_in_this_dialect_too(wire: httpx.Client, fault: str) -> None:
    text = post(wire, body(f"Tell me about tea [[fault: {fault}]]"), "streamGenerateContent?alt=sse").text
    assert ('"finishReason":"STOP"' in text) == (fault not in ("no-finish", "empty finish=OTHER"))
    assert ('"finishReason":"OTHER"' in text) == (fault == "empty finish=OTHER")
    assert ("usageMetadata" in text) == (fault != "no-usage")
    assert ('"promptTokenCount":-' in text) == (fault == "wrong-usage")
    assert (": SIMULATOR" in text) == (fault == "comments")
    assert (f'"modelVersion":"{FLASH}"' in text) == (fault != "other-model")


FIELDS = st.sampled_from(["contents", "systemInstruction", "tools", "toolConfig", "generationConfig"])
INNER = st.dictionaries(st.sampled_from(["parts", "role", "functionDeclarations", "responseSchema"]), ANYTHING)


@given(st.dictionaries(FIELDS, ANYTHING | INNER | st.lists(INNER, max_size=2), max_size=4))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_request_makes_it_fail(wire: httpx.Client, fields: dict[str, Any]) -> None:
    reply = wire.post(f"/models/{FLASH}:generateContent", json=body() | fields, headers=KEY)
    assert reply.status_code in (200, 400), reply.text
