"""Opaque blobs on their way through other dialects and home again, as clients carry them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from google.genai import types

from gateway.canonical import Blob, Choice, Completion, Part, Reasoning, Text, ToolCall
from gateway.dialects import DIALECTS
from gateway.dialects.assembly import as_events
from gateway.dialects.gemini_generate import array, request, response, stream
from tests.gateway.dialects.recordings import split

WIRE = Path(__file__).parents[3] / "wire" / "gemini_generate"
SIGNATURE = "CiQBVKhc7uOa3zU5N2Ztd9sQpT1oNtq8yV0bJm+4kR/5aXgvJmQKZgFUqFzuTc9P2vX0Jw=="
FOREIGN = Blob("anthropic", "signature", "EqQBCgIYAhIM+/8=")


def echo_chat(answer: dict[str, Any]) -> dict[str, Any]:
    """What a client of chat completions sends on its next turn; it forgets all but what OpenAI's own client keeps."""
    message = answer["choices"][0]["message"]
    kept = {name: message[name] for name in ("role", "content", "tool_calls") if message.get(name)}
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "1"} for call in message.get("tool_calls", ())]
    return {"model": "m", "messages": [{"role": "user", "content": "Go"}, kept, *results]}


def echo_messages(answer: dict[str, Any]) -> dict[str, Any]:
    results = [
        {"type": "tool_result", "tool_use_id": block["id"], "content": "1"}
        for block in answer["content"]
        if block["type"] == "tool_use"
    ]
    turns = [
        {"role": "user", "content": "Go"},
        {"role": "assistant", "content": answer["content"]},
        {"role": "user", "content": results or "And?"},
    ]
    return {"model": "m", "max_tokens": 100, "messages": turns}


@pytest.mark.parametrize(("surface", "echo"), [("openai_chat", echo_chat), ("anthropic_messages", echo_messages)])
def test_the_signature_of_a_call_comes_home_through_other_surfaces(surface: str, echo: Any) -> None:
    completion = response.parse((WIRE / "parallel_calls.response.json").read_bytes())
    other = DIALECTS[surface]
    asked = other.request.parse(json.dumps(echo(json.loads(other.response.render(completion)))).encode())
    parts = json.loads(request.render(asked, "gemini-3-pro-preview"))["contents"][1]["parts"]
    calls = [part for part in parts if "functionCall" in part]
    assert [part.get("thoughtSignature") for part in calls] == [SIGNATURE, None, None]
    assert calls[1]["functionCall"]["args"] == {"city": "Oslo", "days": [1, 2], "exact": 1.5}
    identities = [part["functionCall"]["id"] for part in calls]
    results = json.loads(request.render(asked, "gemini-3-pro-preview"))["contents"][2]["parts"]
    assert [part["functionResponse"]["id"] for part in results] == identities
    assert len(set(identities)) == 3


def test_the_signature_of_a_text_comes_home_through_messages() -> None:
    completion = response.parse((WIRE / "thoughts.response.json").read_bytes())
    other = DIALECTS["anthropic_messages"]
    asked = other.request.parse(json.dumps(echo_messages(json.loads(other.response.render(completion)))).encode())
    parts = json.loads(request.render(asked, "gemini-3-pro-preview"))["contents"][1]["parts"]
    assert {"text": "Four.", "thoughtSignature": SIGNATURE} in parts


def test_the_signature_of_a_text_comes_home_through_chat_completions_to_clients_that_keep_details() -> None:
    completion = response.parse((WIRE / "thoughts.response.json").read_bytes())
    other = DIALECTS["openai_chat"]
    message = json.loads(other.response.render(completion))["choices"][0]["message"]
    turns = [{"role": "user", "content": "Go"}, message, {"role": "user", "content": "And?"}]
    asked = other.request.parse(json.dumps({"model": "m", "messages": turns}).encode())
    parts = json.loads(request.render(asked, "gemini-3-pro-preview"))["contents"][1]["parts"]
    assert {"text": "Four.", "thoughtSignature": SIGNATURE} in parts


def foreign_answer() -> Completion:
    """What a model of another provider said: it thought in words, then in secret, then called a tool."""
    said: list[Part] = [
        Reasoning("Let me see.", blob=FOREIGN),
        Reasoning("", blob=Blob("anthropic", "redacted", "UkVEQUNURUQ=")),
        Text("Looking."),
        ToolCall("toolu_1", "f", '{"x":1}'),
    ]
    return Completion("msg_1", "ours", [Choice(said, "tool_calls", "tool_use")])


def echo_gemini(contents: list[dict[str, Any]]) -> bytes:
    """The next turn of Google's own client: it decodes signatures and encodes them again, URL-safe."""
    turns: list[dict[str, Any]] = [{"role": "user", "parts": [{"text": "Go"}]}]
    results: list[dict[str, Any]] = []
    for content in contents:
        kept = types.Content.model_validate(content).model_dump(mode="json", by_alias=True, exclude_none=True)
        turns.append(kept)
        results += [
            {
                "functionResponse": {
                    **{key: part["functionCall"][key] for key in ("id", "name")},
                    "response": {"result": "1"},
                }
            }
            for part in kept["parts"]
            if "functionCall" in part
        ]
    return json.dumps({"contents": [*turns, {"role": "user", "parts": results}]}).encode()


def thoughts_of(body: bytes) -> list[tuple[str, Blob | None]]:
    asked = request.parse(body, model="m")
    (call,) = [part for part in asked.messages[1].parts if isinstance(part, ToolCall)]
    assert call.id == "toolu_1"
    return [(part.text, part.blob) for part in asked.messages[1].parts if isinstance(part, Reasoning)]


def test_foreign_reasoning_comes_home_through_googles_own_client_whole_and_streamed() -> None:
    completion = foreign_answer()
    wanted = [(part.text, part.blob) for part in completion.choices[0].parts if isinstance(part, Reasoning)]
    whole = json.loads(response.render(completion))
    assert thoughts_of(echo_gemini([whole["candidates"][0]["content"]])) == wanted

    renderer, framing = stream.renderer("ours"), array.ArrayFraming()
    out = b"".join(framing.feed(renderer.feed(event)) for event in as_events(completion)) + framing.finish()
    pieces = [chunk["candidates"][0]["content"] for chunk in json.loads(out)]
    assert thoughts_of(echo_gemini(pieces)) == wanted


def test_foreign_reasoning_comes_home_though_the_client_forgets_thoughts() -> None:
    content = json.loads(response.render(foreign_answer()))["candidates"][0]["content"]
    content["parts"] = [part for part in content["parts"] if not part.get("thought")]
    assert [blob for _, blob in thoughts_of(echo_gemini([content]))] == [
        FOREIGN,
        Blob("anthropic", "redacted", "UkVEQUNURUQ="),
    ]


@pytest.mark.parametrize("path", sorted(WIRE.glob("*.response.json")), ids=lambda path: path.stem)
def test_googles_own_client_understands_what_we_write(path: Path) -> None:
    completion = response.parse(path.read_bytes())
    written = types.GenerateContentResponse.model_validate_json(response.render(completion))
    recorded = types.GenerateContentResponse.model_validate_json(path.read_bytes())
    assert written.model_version == recorded.model_version
    assert written.usage_metadata is not None
    assert recorded.usage_metadata is not None
    assert written.usage_metadata.total_token_count == recorded.usage_metadata.total_token_count
    if recorded.candidates:
        assert written.text == recorded.text
        assert written.candidates is not None
        assert written.candidates[0].finish_reason == recorded.candidates[0].finish_reason
        assert len(written.function_calls or ()) == len(recorded.function_calls or ())
    else:
        assert written.prompt_feedback == recorded.prompt_feedback


@pytest.mark.parametrize("surface", sorted(DIALECTS.keys() - {"gemini_generate"}))
@pytest.mark.parametrize("path", sorted(WIRE.glob("[!e]*.sse")), ids=lambda path: path.stem)
def test_a_stream_reads_the_same_to_clients_of_other_surfaces(path: Path, surface: str) -> None:
    other = DIALECTS[surface]
    renderer, parser = other.stream.renderer("ours"), stream.parser()
    out = b""
    for raw in split(path.read_bytes()):
        out += b"".join(renderer.feed(event) for event in parser.feed(raw))
    out += b"".join(renderer.feed(event) for event in parser.finish()) + renderer.finish()
    watch, hearing = other.usage.Watch(), stream.parser()
    raws = split(out)
    for raw in raws:
        watch.watch(raw)
    assert watch.produced
    assert watch.finish
    assert watch.error is None
    heard = other.stream.parser()
    told = [event for raw in raws for event in heard.feed(raw)]
    calls = [event.part.name for event in told if isinstance(getattr(event, "part", None), ToolCall)]  # type: ignore[union-attr]
    wanted = [event for raw in split(path.read_bytes()) for event in hearing.feed(raw)]
    assert calls == [event.part.name for event in wanted if isinstance(getattr(event, "part", None), ToolCall)]  # type: ignore[union-attr]
