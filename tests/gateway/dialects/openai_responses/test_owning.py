"""A provider's response becomes ours: its id, what it repeats, and not a byte of anything else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.dialects.openai_responses import stream as wire
from gateway.dialects.openai_responses.owning import Claim, Claiming, claimed, replaced
from gateway.errors import InvalidJson, UpstreamError
from tests.fakes import responses_recordings as recordings

OURS = "resp_" + "0" * 48


def claim(**fields: Any) -> Claim:
    body = json.dumps({"model": "m", "input": "Hi", "instructions": "Be brief.", "temperature": 0.5}).encode()
    return Claim(id=OURS, model="m", created=1, body=body, **fields)


def through(claiming: Claiming, stream: bytes, size: int) -> bytes:
    parts = [claiming.feed(stream[at : at + size]) for at in range(0, len(stream), size)]
    return b"".join(parts) + claiming.finish()


def test_a_stream_may_be_cut_at_every_byte() -> None:
    stream = b": keep-alive\n\n" + recordings.stream(('a "response": b', "\u2028é")).content()
    whole = through(Claiming(claim()), stream, len(stream))
    for size in (1, 2, 3, 7, 64):
        assert through(Claiming(claim()), stream, size) == whole
    assert whole.startswith(b": keep-alive\n\n")
    assert whole.count(OURS.encode()) == 3
    assert recordings.ID.encode() not in whole


def test_deltas_keep_their_very_bytes_and_the_end_is_held_back() -> None:
    events = [step for step in recordings.stream().body if isinstance(step, bytes)]  # type: ignore[union-attr]
    claiming = Claiming(claim(previous="resp_before"))
    said = [claiming.feed(event) for event in events]
    assert said[2:-1] == events[2:-1]
    assert said[-1] == b""
    assert claiming.final is not None
    final = json.loads(claiming.final)
    assert (final["id"], final["previous_response_id"], final["store"]) == (OURS, "resp_before", True)
    assert (final["instructions"], final["model"]) == ("Be brief.", recordings.MODEL)
    claiming.not_kept()
    told = claiming.finish()
    assert json.loads(told.split(b"data: ")[1])["response"]["store"] is False
    assert claiming.finish() == b""


def test_what_the_provider_says_of_the_request_wins_where_it_says_anything() -> None:
    made = json.loads(claimed(json.dumps({"temperature": 0.7, "instructions": None}).encode(), claim()))
    assert (made["temperature"], made["instructions"], made["created_at"]) == (0.7, "Be brief.", 1)


def test_numbers_and_unknown_members_are_not_touched() -> None:
    raw = b'{"id":"x","odd": [1.0, 1e5, 12345678901234567890123],"usage":{"a":  1}}'
    made = claimed(raw, claim())
    assert b'"odd":[1.0, 1e5, 12345678901234567890123]' in made
    assert b'"usage":{"a":  1}' in made


@pytest.mark.parametrize("garbage", [b"", b"null", b"[]", b"{", b"\xff"])
def test_what_is_no_response_stays_as_it_is(garbage: bytes) -> None:
    assert claimed(garbage, claim()) == garbage
    raw = b'event: response.completed\ndata: {"response":' + garbage + b"}\n\n"
    assert through(Claiming(claim()), raw, 5) == raw


def test_a_failure_of_ours_goes_on_with_the_numbers_of_the_stream() -> None:
    events = [step for step in recordings.stream().body if isinstance(step, bytes)][:6]  # type: ignore[union-attr]
    claiming = Claiming(claim())
    for event in events:
        claiming.feed(event)
    claiming.feed(wire.failure(UpstreamError(), "req_1"))
    told = json.loads(claiming.finish().split(b"data: ")[1])
    assert told["sequence_number"] == 6
    assert (told["response"]["id"], told["response"]["status"], told["response"]["model"]) == (OURS, "failed", "m")
    assert told["response"]["metadata"]["request_id"] == "req_1"


def test_members_are_replaced_once_or_not_at_all() -> None:
    assert replaced(b'{"a": 1,"b":2}', {"b": b"3"}, without=("a",)) == b'{"b":3}'
    with pytest.raises(InvalidJson):
        replaced(b'{"a":1,"a":2}', {})
