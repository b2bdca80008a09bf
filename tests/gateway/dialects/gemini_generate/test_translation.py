"""Requests of this wire in the canonical form, and back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway import errors
from gateway.canonical import (
    Blob,
    ChatRequest,
    Document,
    Format,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    Source,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from gateway.dialects.gemini_generate import request

SIGNED = Blob("gemini", "signature", "U0lH")
FOREIGN = Blob("anthropic", "signature", "QUJD")


def parsed(*contents: dict[str, Any], **members: Any) -> ChatRequest:
    return request.parse(json.dumps({"contents": list(contents), **members}).encode(), model="m")


def wire(asked: ChatRequest, model: str = "gemini-3-pro-preview") -> dict[str, Any]:
    value: dict[str, Any] = json.loads(request.render(asked, model))
    return value


def asking(*messages: Message, **members: Any) -> ChatRequest:
    return ChatRequest("m", list(messages) or [Message("user", [Text("Hi")])], **members)


def user(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "parts": list(parts)}


def model(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}


def call(name: str, **members: Any) -> dict[str, Any]:
    return {"functionCall": {"name": name, "args": {}, **members}}


def result(name: str, value: str, **members: Any) -> dict[str, Any]:
    return {"functionResponse": {"name": name, "response": {"result": value}, **members}}


def test_two_calls_of_one_function_without_ids_are_paired_with_their_results_in_order() -> None:
    asked = parsed(
        user({"text": "Go"}),
        model(call("f"), call("f"), call("g")),
        user(result("g", "3"), result("f", "1"), result("f", "2")),
    )
    calls = [part for part in asked.messages[1].parts if isinstance(part, ToolCall)]
    results = [part for part in asked.messages[2].parts if isinstance(part, ToolResult)]
    assert len({made.id for made in calls}) == 3
    assert [made.call_id for made in results] == [calls[2].id, calls[0].id, calls[1].id]
    assert [[text.text for text in made.parts if isinstance(text, Text)] for made in results] == [["3"], ["1"], ["2"]]


def test_ids_that_clients_use_twice_are_made_unique_and_stay_paired() -> None:
    turns: list[dict[str, Any]] = []
    for _ in range(2):  # some write the function's name for an id, in every turn
        turns += [model(call("f", id="f"), call("f", id="f")), user(result("f", "a", id="f"), result("f", "b", id="f"))]
    asked = parsed(user({"text": "Go"}), *turns)
    calls = [part.id for message in asked.messages for part in message.parts if isinstance(part, ToolCall)]
    results = [part.call_id for message in asked.messages for part in message.parts if isinstance(part, ToolResult)]
    assert calls == results
    assert len(set(calls)) == 4


def test_an_id_alone_is_enough_to_pair_a_result() -> None:
    bare = {"functionResponse": {"id": "b", "response": {"result": "1"}}}
    asked = parsed(
        user({"text": "Go"}), model(call("f", id="a"), call("f", id="b")), user(bare, result("f", "2", id="a"))
    )
    results = [part for part in asked.messages[2].parts if isinstance(part, ToolResult)]
    assert [(made.call_id, made.name) for made in results] == [("b", "f"), ("a", "f")]


def test_of_two_calls_with_one_id_the_name_tells_which_is_meant() -> None:
    calls = model(call("f", id="x"), call("g", id="x"))
    asked = parsed(user({"text": "Go"}), calls, user(result("g", "2", id="x"), result("f", "1", id="x")))
    results = [part.name for part in asked.messages[2].parts if isinstance(part, ToolResult)]
    assert results == ["g", "f"]


def test_the_pieces_of_a_streamed_answer_that_clients_keep_are_one_turn() -> None:
    asked = parsed(
        user({"text": "Go"}),
        model({"text": "Hm", "thought": True}),
        model({"text": "mm", "thought": True}),
        model({"text": "Look"}),
        model({"text": "ing."}),
        model({"functionCall": {"name": "f", "args": {"x": 1}}, "thoughtSignature": "U0lH"}),
        model({"text": ""}),
        user(result("f", "1")),
        user({"text": "And?"}),
    )
    assert [message.role for message in asked.messages] == ["user", "assistant", "user"]
    thought, text, made = asked.messages[1].parts
    assert thought == Reasoning("Hmmm")
    assert text == Text("Looking.")
    assert isinstance(made, ToolCall)
    assert (made.arguments, made.blob) == ('{"x":1}', SIGNED)
    assert [type(part) for part in asked.messages[2].parts] == [ToolResult, Text]


@pytest.mark.parametrize(
    "contents",
    [
        [user({"text": "Go"}), model(call("f")), user({"text": "No."})],
        [user({"text": "Go"}), model(call("f"))],
        [user({"text": "Go"}), model(call("f"), call("f")), user(result("f", "1"))],
        [user(result("f", "1"))],
        [user({"text": "Go"}), model(call("f")), user(result("g", "1"))],
        [model(result("f", "1"))],
        [user(call("f"))],
        [user({})],
        [model({"functionCall": {"args": {}}})],
        [model({"functionCall": {"name": "f", "args": []}})],
    ],
)
def test_a_conversation_that_no_provider_would_take_is_refused(contents: list[dict[str, Any]]) -> None:
    with pytest.raises((errors.InvalidParameter, errors.MissingParameter)):
        parsed(*contents)


@pytest.mark.parametrize(
    ("response_", "text", "is_error"),
    [
        ({"result": "fine"}, "fine", False),
        ({"output": "fine"}, "fine", False),
        ({"result": {"a": 1}}, '{"result":{"a":1}}', False),
        ({"a": 1, "b": [2]}, '{"a":1,"b":[2]}', False),
        ({"error": "broken"}, "broken", True),
        ({"error": {"code": 5}}, '{"code":5}', True),
    ],
)
def test_what_a_function_said_is_understood_and_said_again(
    response_: dict[str, Any], text: str, is_error: bool
) -> None:
    asked = parsed(
        user({"text": "Go"}), model(call("f")), user({"functionResponse": {"name": "f", "response": response_}})
    )
    (made,) = asked.messages[2].parts
    assert isinstance(made, ToolResult)
    assert (made.parts, made.is_error) == ([Text(text)], is_error)
    said = wire(asked)["contents"][2]["parts"][0]["functionResponse"]["response"]
    assert said == (response_ if "output" not in response_ else {"result": "fine"})


def test_text_that_could_be_mistaken_for_a_wrapping_is_wrapped() -> None:
    for text in ('{"result":"x"}', '{"error":"x"}', "{}", "[1]", "{oops"):
        made = ToolResult(call_id="c", parts=[Text(text)], name="f")
        asked = asking(
            Message("user", [Text("Go")]), Message("assistant", [ToolCall("c", "f")]), Message("user", [made])
        )
        again = request.parse(request.render(asked, "m"))
        assert again.messages[2].parts == [made]


def test_older_models_see_what_a_tool_showed_beside_its_result() -> None:
    picture = Image(source=Source(data="iVBORw0KGgo=", media_type="image/png"))
    asked = asking(
        Message("user", [Text("Go")]),
        Message("assistant", [ToolCall("c", "f"), ToolCall("d", "g")]),
        Message(
            "user",
            [ToolResult(call_id="c", parts=[picture], name="f"), ToolResult(call_id="d", name="g"), Text("So?")],
        ),
    )
    shown = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}
    newer = wire(asked)["contents"][2]["parts"]
    assert newer[0]["functionResponse"]["parts"] == [shown]
    older = wire(asked, "gemini-2.5-flash")["contents"][2]["parts"]
    assert [next(iter(part)) for part in older] == ["functionResponse", "functionResponse", "inlineData", "text"]
    assert older[2] == shown


def test_url_safe_base64_of_googles_own_software_becomes_standard() -> None:
    asked = parsed(user({"inline_data": {"mime_type": "image/png", "data": "_9j_4AAQSkZJRg"}}))
    (image,) = asked.messages[0].parts
    assert isinstance(image, Image)
    assert image.source.data == "/9j/4AAQSkZJRg=="


def test_all_instructions_go_where_this_wire_wants_them() -> None:
    asked = asking(
        Message("system", [Text("One."), Text("Two.")]),
        Message("user", [Text("Hi")]),
        Message("system", [Text("Three.")]),
    )
    value = wire(asked)
    assert value["systemInstruction"] == {"parts": [{"text": "One."}, {"text": "Two."}, {"text": "Three."}]}
    assert value["contents"] == [{"role": "user", "parts": [{"text": "Hi"}]}]
    assert wire(asking(Message("system", [Text("Only.")])))["contents"][0]["role"] == "user"


def test_no_empty_part_and_no_empty_turn_is_sent() -> None:
    asked = asking(
        Message("user", [Text(""), Text("Hi")]), Message("assistant", [Text("")]), Message("user", [Text("Well?")])
    )
    assert wire(asked)["contents"] == [
        {"role": "user", "parts": [{"text": "Hi"}]},
        {"role": "user", "parts": [{"text": "Well?"}]},
    ]


def test_only_its_own_signatures_come_back_to_the_provider() -> None:
    said: list[Part] = [
        Reasoning("Mine.", blob=SIGNED),
        Reasoning("Theirs.", blob=FOREIGN),
        Reasoning("Nobody's."),
        Text("So.", blob=SIGNED),
        Refusal("No.", blob=FOREIGN),
        ToolCall("c", "f", '{"x": 1}', blob=FOREIGN),
    ]
    asked = asking(
        Message("user", [Text("Go")]),
        Message("assistant", said),
        Message("user", [ToolResult(call_id="c", parts=[Text("1")], name="f")]),
    )
    assert wire(asked, "gemini-2.5-pro")["contents"][1]["parts"] == [
        {"text": "Mine.", "thought": True, "thoughtSignature": "U0lH"},
        {"text": "Nobody's.", "thought": True},
        {"text": "So.", "thoughtSignature": "U0lH"},
        {"text": "No."},
        {"functionCall": {"id": "c", "name": "f", "args": {"x": 1}}},
    ]


def test_calls_of_another_model_are_marked_where_signatures_are_demanded() -> None:
    def signatures(blob: Blob | None, upstream: str) -> list[str | None]:
        calls: list[Part] = [ToolCall("c", "f", blob=blob), ToolCall("d", "f")]
        results: list[Part] = [ToolResult(call_id=name, parts=[Text("1")], name="f") for name in "cd"]
        asked = asking(Message("user", [Text("Go")]), Message("assistant", calls), Message("user", results))
        return [part.get("thoughtSignature") for part in wire(asked, upstream)["contents"][1]["parts"]]

    dummy = "skip_thought_signature_validator"
    assert signatures(None, "gemini-3-pro-preview") == [dummy, None]
    assert signatures(FOREIGN, "gemini-3-flash") == [dummy, None]
    assert signatures(SIGNED, "gemini-3-pro-preview") == ["U0lH", None]
    assert signatures(None, "gemini-2.5-flash") == [None, None]


def test_a_signature_that_lost_its_text_finds_it_again() -> None:
    said: list[Part] = [Reasoning("", blob=SIGNED), Text("So.")]
    asked = asking(Message("user", [Text("Go")]), Message("assistant", said), Message("user", [Text("And?")]))
    assert wire(asked)["contents"][1]["parts"] == [{"text": "So.", "thoughtSignature": "U0lH"}]
    said.pop()
    assert wire(asked)["contents"][1]["parts"] == [{"text": "", "thoughtSignature": "U0lH"}]


@pytest.mark.parametrize(
    ("upstream", "thinking", "config"),
    [
        ("gemini-3-pro-preview", Thinking("low"), {"thinkingLevel": "LOW", "includeThoughts": True}),
        ("gemini-3-pro-preview", Thinking("medium"), {"thinkingLevel": "HIGH", "includeThoughts": True}),
        ("gemini-3.1-pro", Thinking("medium"), {"thinkingLevel": "MEDIUM", "includeThoughts": True}),
        ("gemini-3.1-pro", Thinking("none"), {"thinkingLevel": "LOW"}),
        ("gemini-3-flash", Thinking("minimal", shown=False), {"thinkingLevel": "MINIMAL", "includeThoughts": False}),
        ("gemini-3-flash", Thinking(budget=30_000), {"thinkingLevel": "HIGH", "includeThoughts": True}),
        ("gemini-3-flash", Thinking(budget=-1), {"includeThoughts": True}),
        ("gemini-flash-latest", Thinking("xhigh"), {"thinkingLevel": "HIGH", "includeThoughts": True}),
        ("gemini-2.5-pro", Thinking("none"), {"thinkingBudget": 128}),
        ("gemini-2.5-pro", Thinking(budget=99_999), {"thinkingBudget": 32_768, "includeThoughts": True}),
        ("gemini-2.5-flash", Thinking("none"), {"thinkingBudget": 0}),
        ("gemini-2.5-flash", Thinking("high"), {"thinkingBudget": 4096, "includeThoughts": True}),
        ("gemini-2.5-flash-lite", Thinking("minimal"), {"thinkingBudget": 512, "includeThoughts": True}),
        ("gemini-2.5-flash", Thinking(budget=-1), {"thinkingBudget": -1, "includeThoughts": True}),
        ("gemini-2.5-flash", Thinking(), {"includeThoughts": True}),
        ("somebody-elses-model", Thinking("xhigh"), {"thinkingLevel": "XHIGH", "includeThoughts": True}),
        ("somebody-elses-model", Thinking(budget=7), {"thinkingBudget": 7, "includeThoughts": True}),
    ],
)
def test_each_generation_is_told_how_much_to_think_in_its_own_way(
    upstream: str, thinking: Thinking, config: dict[str, Any]
) -> None:
    asked = asking(thinking=thinking)
    assert wire(asked, upstream)["generationConfig"]["thinkingConfig"] == config
    assert asked.dropped == []


def test_models_that_do_not_think_are_not_asked_to() -> None:
    asked = asking(thinking=Thinking("high"))
    assert "generationConfig" not in wire(asked, "gemini-2.0-flash")
    assert asked.dropped == ["thinking"]


@pytest.mark.parametrize(
    ("choice", "calling"),
    [
        (ToolChoice("auto"), {"mode": "AUTO"}),
        (ToolChoice("none"), {"mode": "NONE"}),
        (ToolChoice("required"), {"mode": "ANY"}),
        (ToolChoice("required", ("f",)), {"mode": "ANY", "allowedFunctionNames": ["f"]}),
        (ToolChoice("auto", ("f", "g")), {"mode": "VALIDATED", "allowedFunctionNames": ["f", "g"]}),
    ],
)
def test_every_choice_of_tools_is_said_and_understood(choice: ToolChoice, calling: dict[str, Any]) -> None:
    value = wire(asking(tools=[Tool("f"), Tool("g")], tool_choice=choice))
    assert value["toolConfig"] == {"functionCallingConfig": calling}
    assert request.parse(json.dumps(value).encode()).tool_choice == choice


def test_what_this_wire_cannot_say_is_named_and_what_would_change_the_answer_is_refused() -> None:
    asked = asking(
        user="alice",
        metadata={"a": "b"},
        logit_bias={"1": 5},
        tools=[Tool("f", strict=True, cache="")],
        parallel_tools=False,
        service_tier="scale",
        extras={"openai": {"store": True}, "anthropic_messages": {"container": "x"}},
    )
    asked.messages[0].name = "alice"
    asked.messages[0].parts[0].cache = "5m"
    wire(asked)
    assert set(asked.dropped) == {
        *("user", "metadata", "logit_bias", "strict", "cache_control", "parallel_tool_calls", "service_tier"),
        *("store", "container", "name"),
    }
    refused: list[ChatRequest] = [
        asking(stop=("a", "b", "c", "d", "e", "f")),
        asking(n=9),
        asking(tools=[Tool("web_search", "native", extras={"openai": {"tool": {"type": "web_search"}}})]),
        asking(tools=[Tool("grammar", "custom")]),
    ]
    for wrong in refused:
        with pytest.raises((errors.UnsupportedParameter, errors.UnsupportedCapability)):
            wire(wrong)
    with pytest.raises(errors.InvalidMedia):
        wire(asking(Message("user", [Document(Source(file_id="file-1", origin="openai"))])))
    with pytest.raises(errors.UnsupportedParameter):
        parsed(user({"text": "Hi"}), generationConfig={"responseMimeType": "text/x.enum"})


@pytest.mark.parametrize(
    ("wanted", "config"),
    [
        (Format("text"), {"responseMimeType": "text/plain"}),
        (Format("json"), {"responseMimeType": "application/json"}),
        (
            Format("json_schema", {"type": "object"}),
            {"responseMimeType": "application/json", "responseJsonSchema": {"type": "object"}},
        ),
    ],
)
def test_the_form_of_the_answer_is_said_and_understood(wanted: Format, config: dict[str, Any]) -> None:
    value = wire(asking(format=wanted))
    assert value["generationConfig"] == config
    assert request.parse(json.dumps(value).encode()).format == wanted
