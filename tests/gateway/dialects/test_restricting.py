"""What a model refuses is left out, or renamed, and no other byte changes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.dialects.restricting import restrict
from gateway.errors import InvalidJson

DROP = {"drop": ["temperature", "top_p"], "rename": {"max_tokens": "max_completion_tokens"}}


def test_a_refused_member_is_left_out_and_named() -> None:
    body, dropped = restrict(b'{"model": "x", "temperature": 0.7, "seed": 1.50}', DROP)
    assert json.loads(body) == {"model": "x", "seed": 1.5}
    assert b"1.50" in body
    assert dropped == ["temperature"]


def test_a_name_that_the_model_does_not_know_becomes_the_one_that_it_does() -> None:
    body, dropped = restrict(b'{ "max_tokens" : 5, "model":"x"}', DROP)
    assert body == b'{ "max_completion_tokens" : 5, "model":"x"}'
    assert dropped == []


def test_of_two_names_for_one_thing_the_known_one_stays() -> None:
    body, dropped = restrict(b'{"max_tokens":5,"max_completion_tokens":7}', DROP)
    assert json.loads(body) == {"max_completion_tokens": 7}
    assert dropped == ["max_tokens"]


def test_both_at_once() -> None:
    body, dropped = restrict(b'{"top_p":1,"max_tokens":5,"stop":null}', DROP)
    assert json.loads(body) == {"max_completion_tokens": 5, "stop": None}
    assert dropped == ["top_p"]


def test_nothing_is_left_out_where_the_request_makes_it_acceptable() -> None:
    rules = {**DROP, "drop_unless": {"reasoning_effort": ["none"]}}
    body = b'{"temperature":1,"reasoning_effort":"none"}'
    assert restrict(body, rules) == (body, [])
    assert restrict(body.replace(b"none", b"high"), rules)[1] == ["temperature"]


def test_the_words_inside_a_message_do_not_count() -> None:
    body = b'{"messages":[{"content":"\\"temperature\\": 3, \\"max_tokens\\": 4"}]}'
    assert restrict(body, DROP) == (body, [])


def test_a_member_that_stands_twice_is_refused() -> None:
    with pytest.raises(InvalidJson):
        restrict(b'{"temperature":1,"temperature":2}', DROP)


@given(
    st.dictionaries(
        st.sampled_from(["model", "temperature", "top_p", "max_tokens", "max_completion_tokens", "a", "ü", 'q"']),
        st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text(), max_size=3),
    ),
    st.sampled_from([None, 2]),
)
def test_whatever_the_request_only_the_named_members_change(members: dict[str, object], indent: int | None) -> None:
    body, dropped = restrict(json.dumps(members, indent=indent).encode(), DROP)
    left = {name: value for name, value in members.items() if name not in ("temperature", "top_p")}
    limit = left.pop("max_tokens", None) if "max_tokens" in left else ...
    if limit is not ...:
        left.setdefault("max_completion_tokens", limit)
    assert json.loads(body) == left
    assert set(dropped) >= {name for name in ("temperature", "top_p") if name in members}
