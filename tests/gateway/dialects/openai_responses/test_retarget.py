"""A request becomes a provider's by edits in place: the model, the output limit, and nothing of other providers."""

from __future__ import annotations

import json

import pytest

from gateway import errors
from gateway.canonical import Blob, Reasoning
from gateway.dialects.blobs import seal, tie
from gateway.dialects.openai_responses.request import retarget

SEALED = seal(Blob("anthropic", "signature", "EqoBCkgIARABGAI="))
OWN = Blob("openai", "encrypted", "gAAAAABpHkq7", "rs_1")


def test_a_model_inside_the_request_is_not_the_model() -> None:
    body = (
        b'{"tools":[{"model":"a"}], "metadata":{"model" : "b"},'
        b'"input":"\\"model\\":\\"c\\"", "mod\\u0065l" : "d" ,"y":"model"}'
    )
    assert retarget(body, model="z", ask_usage=True, max_output=None) == body.replace(b'"d"', b'"z"')


def test_a_model_that_is_right_already_stays_as_it_is_spelled() -> None:
    body = b'{ "model": "m\\u0069ni", "input": [] }'
    assert retarget(body, model="mini", ask_usage=False, max_output=None) is body


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{%s}", '{"max_output_tokens":50,%s}'),
        ('{%s,"max_output_tokens":99}', '{%s,"max_output_tokens":50}'),
        ('{%s,"max_output_tokens":9}', None),
        ('{%s,"max_output_tokens":null}', '{%s,"max_output_tokens":50}'),
        ('{%s,"max_output_tokens":7e9}', '{%s,"max_output_tokens":50}'),
    ],
)
def test_the_output_is_limited_and_never_raised(before: str, after: str | None) -> None:
    members = '"model":"m","input":[{"max_output_tokens":1}]'
    body = (before % members).encode()
    assert retarget(body, model=None, ask_usage=False, max_output=50) == ((after or before) % members).encode()


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"cheap","model":"dear"}',
        b'{"model":"cheap","input":[],"\\u006dodel":"dear"}',
        b'{"model":"m","max_output_tokens":1,"x":[1,2,3],"max_output_tokens":1}',
        b'{"input":"a","model":"m","input":"b"}',
    ],
)
def test_a_member_that_stands_twice_is_refused_because_two_readers_may_see_two_requests(body: bytes) -> None:
    with pytest.raises(errors.InvalidJson) as caught:
        retarget(body, model="z", ask_usage=True, max_output=None)
    assert 0 < int(str(caught.value.meta["position"])) < len(body)


@pytest.mark.parametrize(
    "member", ['"previous_response_id":"resp_1"', '"conversation":"conv_1"', '"prompt":{"id":"pmpt_1"}']
)
def test_state_that_customers_would_share_at_the_provider_never_gets_there(member: str) -> None:
    with pytest.raises(errors.UnsupportedParameter):
        retarget(f'{{"model":"m","input":"x",{member}}}'.encode(), model="z", ask_usage=False, max_output=None)


def test_what_other_providers_left_behind_is_taken_out_and_only_that() -> None:
    tied = tie("toolu_1", [Reasoning("hm", blob=Blob("gemini", "signature", "Cv=="))])
    kept = {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "gAAAAABother"}
    items = [
        {"role": "user", "content": "look"},
        {"type": "reasoning", "id": "rs_a", "summary": [], "encrypted_content": SEALED},
        {"type": "reasoning", "id": "rs_b", "summary": [], "encrypted_content": seal(OWN)},
        kept,
        {"type": "function_call", "call_id": tied, "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": tied, "output": "x"},
    ]
    body = json.dumps({"model": "m", "input": items, "metadata": {"b": " c"}}, indent=1).encode()
    changed = retarget(body, model=None, ask_usage=False, max_output=None)
    value = json.loads(changed)
    assert value["input"] == [
        items[0],
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAAABpHkq7"},
        kept,
        {"type": "function_call", "call_id": "toolu_1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "toolu_1", "output": "x"},
    ]
    start = body.index(b'"metadata"')
    assert changed.endswith(body[start:]), "the rest keeps its bytes"


@pytest.mark.parametrize("text", [SEALED, json.dumps([SEALED])])
def test_words_that_look_sealed_stay(text: str) -> None:
    body = json.dumps({"model": "m", "input": [{"role": "user", "content": text}]}).encode()
    assert retarget(body, model=None, ask_usage=False, max_output=None) == body
    body = json.dumps({"model": "m", "input": text}).encode()
    assert retarget(body, model=None, ask_usage=False, max_output=None) == body
