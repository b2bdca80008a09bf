"""The bytes on the wire are those that OpenAI sends: shapes, order and framing."""

from __future__ import annotations

import httpx
import pytest

from tests.gateway.simulator.asking import body, events, streamed

FRAME = ["id", "object", "created", "model", "service_tier", "system_fingerprint", "choices"]


def test_a_stream_has_openais_chunks_in_openais_order(wire: httpx.Client) -> None:
    told = streamed(wire, "Say one two", stream_options={"include_usage": True})
    *chunks, done = told
    assert done == "[DONE]"
    assert all(list(chunk) == [*FRAME, "usage"] for chunk in chunks)
    choices = [chunk["choices"][0] for chunk in chunks[:-1]]
    assert [choice["delta"] for choice in choices] == [
        {"role": "assistant", "content": "", "refusal": None},
        {"content": "one"},
        {"content": " two"},
        {},
    ]
    assert [choice["finish_reason"] for choice in choices] == [None, None, None, "stop"]
    assert all(choice["index"] == 0 and choice["logprobs"] is None for choice in choices)
    assert all(chunk["usage"] is None for chunk in chunks[:-1])
    assert (chunks[-1]["choices"], chunks[-1]["usage"]["completion_tokens"]) == ([], 2)


def test_usage_comes_only_to_those_who_asked(wire: httpx.Client) -> None:
    *chunks, done = streamed(wire, "Say one two")
    assert done == "[DONE]"
    assert all(list(chunk) == FRAME and chunk["choices"] for chunk in chunks)


def test_tool_calls_stream_their_name_first_and_then_their_arguments(wire: httpx.Client) -> None:
    tools = [
        {
            "type": "function",
            "function": {
                "name": "get_weather",
                "description": "weather of a city",
                "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
            },
        }
    ]
    *chunks, _ = streamed(wire, "What's the weather in Paris and London?", tools=tools)
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[0] == {"role": "assistant", "content": None, "refusal": None}
    calls = [delta["tool_calls"][0] for delta in deltas[1:-1]]
    for index, city in enumerate(("Paris", "London")):
        first, *rest = [call for call in calls if call["index"] == index]
        assert (first["type"], first["function"]) == ("function", {"name": "get_weather", "arguments": ""})
        assert first["id"].startswith("call_")
        assert all(set(call) == {"index", "function"} and set(call["function"]) == {"arguments"} for call in rest)
        assert "".join(call["function"]["arguments"] for call in rest) == f'{{"city": "{city}"}}'
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_a_whole_answer_has_all_of_openais_fields(wire: httpx.Client) -> None:
    reply = wire.post("/chat/completions", json=body("Say hi there"))
    value = reply.json()
    assert list(value) == ["id", "object", "created", "model", "choices", "usage", "service_tier", "system_fingerprint"]
    assert value["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "hi there", "refusal": None, "annotations": []},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    assert reply.headers["content-type"] == "application/json"
    assert int(reply.headers["content-length"]) == len(reply.content)
    assert {"x-request-id", "openai-processing-ms", "openai-version", "x-ratelimit-limit-requests"} <= set(
        reply.headers
    )


def test_the_stream_is_announced_as_one(wire: httpx.Client) -> None:
    reply = wire.post("/chat/completions", json=body("Say hi", stream=True))
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert reply.headers["transfer-encoding"] == "chunked"


def test_the_same_request_gets_the_same_answer_and_id(wire: httpx.Client) -> None:
    first, second = (wire.post("/chat/completions", json=body("Tell me about tea", seed=7)).json() for _ in range(2))
    assert first | {"created": 0} == second | {"created": 0}


def test_the_seed_shows_in_the_fingerprint(wire: httpx.Client) -> None:
    prints = {
        wire.post("/chat/completions", json=body("Say hi", seed=seed)).json()["system_fingerprint"]
        for seed in (1, 1, 2)
    }
    assert len(prints) == 2


@pytest.mark.parametrize(
    "text", ["żółć 🎉 日本語", 'quotes " and \\ and \n lines', "\u2028 separators \u2029", "\x00\x1f"]
)
def test_any_character_survives_the_wire(wire: httpx.Client, text: str) -> None:
    told = streamed(wire, f"Repeat after me: {text}")
    whole = wire.post("/chat/completions", json=body(f"Repeat after me: {text}")).json()
    content = "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in told[:-1])
    assert content == whole["choices"][0]["message"]["content"] == text.strip()


def test_half_a_character_is_no_reason_to_fail(wire: httpx.Client) -> None:
    raw = b'{"model": "gpt-4o", "messages": [{"role": "user", "content": "Repeat after me: \\ud83d!"}], "stream": true}'
    reply = wire.post("/chat/completions", content=raw)
    assert reply.status_code == 200
    assert events(reply.content)[-1] == "[DONE]"


def test_the_front_door_is_open_and_the_other_doors_are_named(wire: httpx.Client) -> None:
    root = str(wire.base_url).removesuffix("/v1/")
    assert httpx.get(root).json()["object"] == "simulator"
    assert wire.get("/chat/completions").status_code == 405
    assert wire.post("/nothing").json()["error"]["message"] == "Invalid URL (POST /v1/nothing)"
    assert httpx.post(f"{root}/chat/completions", json=body("Say hi"), headers=wire.headers).status_code == 200
