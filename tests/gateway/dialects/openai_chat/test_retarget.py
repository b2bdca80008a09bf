"""A request becomes a provider's by edits in place: the model, the wish for usage, the output limit; no other byte."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import errors
from gateway.dialects.openai_chat.request import retarget

SPACE = st.text(" \t\r\n", max_size=3)
KEYS = st.sampled_from(["model", "stream_options", "max_tokens", "include_usage", "messages", 'a"b', "\\", "ø👋", ""])
SCALARS = st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS | st.text() | st.sampled_from(['"model":"x"', "}", '{"model":']),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
OPTIONS = st.none() | st.dictionaries(
    st.sampled_from(["include_usage", "include_obfuscation", "x"]), st.booleans() | st.none() | VALUES, max_size=3
)


@st.composite
def spelled(draw: st.DrawFn, value: Any) -> str:
    """The JSON of a value in any whitespace, with any characters of its keys escaped."""
    if isinstance(value, dict):
        members = [
            draw(SPACE) + draw(key_of(name)) + draw(SPACE) + ":" + draw(SPACE) + draw(spelled(member)) + draw(SPACE)
            for name, member in value.items()
        ]
        return "{" + (",".join(members) or draw(SPACE)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(draw(SPACE) + draw(spelled(item)) + draw(SPACE) for item in value) + "]"
    return json.dumps(value, ensure_ascii=draw(st.booleans()))


@st.composite
def key_of(draw: st.DrawFn, name: str) -> str:
    if name.isascii() and name.isalpha() and draw(st.integers(0, 4)) == 0:
        at = draw(st.integers(0, len(name) - 1))
        return f'"{name[:at]}\\u{ord(name[at]):04x}{name[at + 1 :]}"'
    return json.dumps(name, ensure_ascii=draw(st.booleans()))


@st.composite
def requests(draw: st.DrawFn) -> tuple[dict[str, Any], bytes]:
    """A request of any content, and one spelling of it."""
    members: dict[str, Any] = draw(st.dictionaries(st.text(max_size=4), VALUES, max_size=4))
    members["model"] = draw(st.text(min_size=1))
    members["messages"] = draw(VALUES)
    for name, values in (
        ("stream_options", OPTIONS),
        ("max_tokens", st.none() | st.integers(1, 10**6)),
        ("max_completion_tokens", st.none() | st.integers(1, 10**6)),
    ):
        if draw(st.booleans()):
            members[name] = draw(values)
    order = draw(st.permutations(list(members)))
    value = {name: members[name] for name in order}
    text = draw(SPACE) + draw(spelled(value)) + draw(SPACE)
    return value, text.encode("utf-8", "surrogatepass")


def sound(text: bytes) -> bool:
    try:
        return "\\ud" not in text.decode().lower()
    except UnicodeDecodeError:
        return False


@given(
    requests().filter(lambda pair: sound(pair[1])), st.text(min_size=1), st.booleans(), st.none() | st.integers(1, 9**9)
)
def test_only_the_edited_members_change(
    pair: tuple[dict[str, Any], bytes], model: str, ask_usage: bool, max_output: int | None
) -> None:
    value, body = pair
    model = model.encode("utf-8", "replace").decode()
    changed = json.loads(retarget(body, model=model, ask_usage=ask_usage, max_output=max_output))
    expected = {**value, "model": model}
    if ask_usage:
        expected["stream_options"] = {**(value.get("stream_options") or {}), "include_usage": True}
    if max_output is not None:
        given_limits = [name for name in ("max_completion_tokens", "max_tokens") if value.get(name) is not None]
        for name in given_limits:
            expected[name] = min(value[name], max_output)
        if not given_limits:
            absent = [name for name in ("max_completion_tokens", "max_tokens") if name in value]
            expected[(absent or ["max_tokens"])[0]] = max_output
    assert changed == expected


@given(requests().filter(lambda pair: sound(pair[1])))
def test_every_other_byte_stays(pair: tuple[dict[str, Any], bytes]) -> None:
    value, body = pair
    marker = "§model§"
    changed = retarget(body, model=marker, ask_usage=False, max_output=None)
    encoded = json.dumps(marker, ensure_ascii=False).encode()
    at = changed.index(encoded)
    before, after = changed[:at], changed[at + len(encoded) :]
    assert body.startswith(before)
    assert body.endswith(after)
    assert json.loads(body[len(before) : len(body) - len(after)]) == value["model"]


def test_a_model_inside_the_request_is_not_the_model() -> None:
    body = (
        b'{"tools":[{"model":"a"}], "metadata":{"model" : "b"},'
        b'"x":"\\"model\\":\\"c\\"", "mod\\u0065l" : "d" ,"y":"model"}'
    )
    assert retarget(body, model="z", ask_usage=False, max_output=None) == body.replace(b'"d"', b'"z"')


def test_a_model_that_is_right_already_stays_as_it_is_spelled() -> None:
    body = b'{ "model": "m\\u0069ni", "messages": [] }'
    assert retarget(body, model="mini", ask_usage=False, max_output=None) is body


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{%s}", '{"stream_options":{"include_usage":true},%s}'),
        ('{%s,"stream_options":null}', '{%s,"stream_options":{"include_usage":true}}'),
        ('{%s,"stream_options": { } }', '{%s,"stream_options": {"include_usage":true } }'),
        ('{%s,"stream_options":{"x":1}}', '{%s,"stream_options":{"include_usage":true,"x":1}}'),
        ('{%s,"stream_options":{"include_usage": false}}', '{%s,"stream_options":{"include_usage": true}}'),
        ('{%s,"stream_options":{"include_usage":null}}', '{%s,"stream_options":{"include_usage":true}}'),
        ('{%s,"stream_options":{"x":{"include_usage":false},"include_usage":true}}', None),
    ],
)
def test_usage_is_asked_for_wherever_the_wish_belongs(before: str, after: str | None) -> None:
    members = '"model":"m","messages":[{"stream_options":null}],"stream":true'
    body = (before % members).encode()
    assert retarget(body, model=None, ask_usage=True, max_output=None) == ((after or before) % members).encode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{%s}", '{"max_tokens":50,%s}'),
        ('{%s,"max_tokens":99}', '{%s,"max_tokens":50}'),
        ('{%s,"max_tokens":9}', None),
        ('{%s,"max_tokens":9,"max_completion_tokens":99}', '{%s,"max_tokens":9,"max_completion_tokens":50}'),
        ('{%s,"max_tokens":null}', '{%s,"max_tokens":50}'),
        ('{%s,"max_tokens":null,"max_completion_tokens":null}', '{%s,"max_tokens":null,"max_completion_tokens":50}'),
        ('{%s,"max_tokens":7e9}', '{%s,"max_tokens":50}'),
    ],
)
def test_the_output_is_limited_and_never_raised(before: str, after: str | None) -> None:
    members = '"model":"m","messages":[]'
    body = (before % members).encode()
    assert retarget(body, model=None, ask_usage=False, max_output=50) == ((after or before) % members).encode()


def test_a_provider_may_call_the_output_limit_otherwise() -> None:
    changed = retarget(b'{"model":"m"}', model=None, ask_usage=False, max_output=5, limit_member="max_tokens")
    assert changed == b'{"max_tokens":5,"model":"m"}'


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"cheap","model":"dear"}',
        b'{"model":"cheap","messages":[],"\\u006dodel":"dear"}',
        b'{"model":"m","max_tokens":1,"x":[1,2,3],"max_tokens":1}',
        b'{"x":1,"model":"cheap","x":[1,2],"model":"dear"}',
        b'{"x":"a,\\"y\\":1","model":"cheap","x":"a","y":1}',
        b'{"a":1,"model":"A","a":"23456789012","model":"B"}',
        b'{"model":"m","stream_options":{"include_usage":false,"include_usage":true}}',
    ],
)
def test_a_member_that_stands_twice_is_refused_because_two_readers_may_see_two_requests(body: bytes) -> None:
    with pytest.raises(errors.InvalidJson) as caught:
        retarget(body, model="z", ask_usage=True, max_output=None)
    assert 0 < int(str(caught.value.meta["position"])) < len(body)
