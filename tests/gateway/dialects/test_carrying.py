"""What all dialects share: opaque blobs, media, effort, overlapping blocks, members in place."""

from __future__ import annotations

import base64
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import errors
from gateway.canonical import (
    Blob,
    BlockDelta,
    BlockEnd,
    BlockStart,
    ChoiceEnd,
    Event,
    Reasoning,
    Source,
    Start,
    Thinking,
    ToolCall,
)
from gateway.dialects.blobs import LONGEST_TIE, opened, seal, tie, unseal, untie
from gateway.dialects.effort import budget_of, effort_of, nearest
from gateway.dialects.media import data_url, source_of, standard
from gateway.dialects.members import UNREADABLE, DuplicateMember, members
from gateway.dialects.ordering import InOrder

BLOBS = st.builds(Blob, st.text(), st.text(), st.text(), st.text())


@given(BLOBS)
def test_a_sealed_blob_opens_as_it_was(blob: Blob) -> None:
    sealed = seal(blob)
    assert unseal(sealed) == blob
    assert base64.urlsafe_b64decode(sealed), "slots that want base64 get base64"


@given(st.text() | st.binary().map(lambda raw: base64.b64encode(raw).decode()))
def test_what_was_not_sealed_is_the_dialects_own(text: str) -> None:
    assert unseal(text) is None
    assert opened(text, origin="gemini", kind="signature") == Blob("gemini", "signature", text)
    assert untie(text)[1:] == ([], None)


@given(
    st.from_regex(r"[A-Za-z0-9_-]{1,40}", fullmatch=True),
    st.lists(st.tuples(st.text(), BLOBS), max_size=3),
    st.none() | BLOBS,
)
def test_blobs_tied_to_an_id_come_off_as_they_were(
    call_id: str, thoughts: list[tuple[str, Blob]], own: Blob | None
) -> None:
    reasoning = [Reasoning(text, blob=blob) for text, blob in thoughts]
    tied = tie(call_id, reasoning, own)
    assert untie(tied) == (call_id, reasoning, own)
    assert re.fullmatch("[A-Za-z0-9_-]+", tied), "ids stay ids"


def test_a_blob_that_is_too_long_for_an_id_stays_behind() -> None:
    blob = Blob("anthropic", "signature", "A" * LONGEST_TIE)
    assert tie("call_1", [Reasoning("", blob=blob)]) == "call_1"


def test_a_forged_seal_is_no_blob() -> None:
    start = seal(Blob("a", "b", "c"))[:12]
    for forged in (start, start + "!!!!", start + base64.urlsafe_b64encode(b'["a"]').decode(), start + "AAAA"):
        assert unseal(forged) is None
        assert untie(f"call_tg_{forged}")[1:] == ([], None)


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("https://example.com/a.png", Source(url="https://example.com/a.png")),
        ("data:image/png;base64,iVBORw0KGgo=", Source(data="iVBORw0KGgo=", media_type="image/png")),
        ("data:image/PNG;base64,iVBORw0KGgo", Source(data="iVBORw0KGgo=", media_type="image/png")),
        ("data:text/plain;charset=utf-8,a%20b", Source(data="YSBi", media_type="text/plain")),
        ("data:image/gif;name=x;base64,_-_-", Source(data="/+/+", media_type="image/gif")),
        ("data:;base64,QUFB\n", Source(data="QUFB", media_type="text/plain")),
    ],
)
def test_addresses_of_media_are_understood(address: str, source: Source) -> None:
    assert source_of(address, "p") == source
    assert source_of(data_url(source), "p") == source


@pytest.mark.parametrize(
    "address",
    ["", "a.png", "file:///etc/passwd", "gs://bucket/a", "data:image/png;base64,", "data:image/png;base64,A", "data:x"],
)
def test_addresses_that_lead_nowhere_are_refused(address: str) -> None:
    with pytest.raises(errors.InvalidMedia) as caught:
        source_of(address, "messages[0]")
    assert caught.value.param == "messages[0]"


@given(st.binary(min_size=1))
def test_every_spelling_of_base64_is_the_standard_one(raw: bytes) -> None:
    wanted = base64.b64encode(raw).decode()
    for text in (wanted, wanted.rstrip("="), base64.urlsafe_b64encode(raw).decode(), wanted[:5] + "\r\n" + wanted[5:]):
        assert standard(text, "p") == wanted


def test_effort_and_budget_stand_for_each_other() -> None:
    assert budget_of(Thinking("high")) == 4096
    assert budget_of(Thinking("high", 99)) == 99
    assert budget_of(Thinking(budget=-1)) is None
    assert budget_of(Thinking("unheard-of")) is None
    assert [effort_of(Thinking(budget=budget)) for budget in (0, 1, 1024, 2048, 31999)] == [
        "none",
        "low",
        "low",
        "medium",
        "high",
    ]
    assert effort_of(Thinking(budget=-1)) is None
    assert nearest("xhigh", ("low", "medium", "high")) == "high"
    assert nearest("minimal", ("none", "low")) == "none"
    assert nearest("low", ("low", "high")) == "low"


def test_overlapping_blocks_are_put_one_after_another_and_the_open_one_is_not_held_back() -> None:
    order = InOrder()
    said: list[Event] = []
    script: list[tuple[Event, int]] = [
        (Start(), 1),
        (BlockStart(0, ToolCall("a", "f")), 2),
        (BlockDelta(0, "1"), 3),
        (BlockStart(1, ToolCall("b", "f")), 3),
        (BlockDelta(1, "x"), 3),
        (BlockDelta(0, "2"), 4),
        (BlockStart(2, ToolCall("c", "f")), 4),
        (BlockDelta(2, "p"), 4),
        (BlockEnd(2), 4),
        (BlockEnd(0), 7),  # its end, and what block 1 said so far
        (BlockDelta(1, "y"), 8),
        (BlockEnd(1), 12),  # its end, and all of block 2
        (ChoiceEnd("tool_calls"), 13),
    ]
    for event, count in script:
        said += order.feed(event)
        assert len(said) == count
    assert [event.block for event in said if isinstance(event, BlockStart)] == [0, 1, 2]
    open_block = None
    for event in said:
        if isinstance(event, BlockStart):
            assert open_block is None
            open_block = event.block
        elif isinstance(event, BlockEnd):
            assert open_block == event.block
            open_block = None


def test_blocks_that_nobody_closed_are_closed_by_the_end_of_the_choice() -> None:
    order = InOrder()
    said: list[Event] = []
    for event in (BlockStart(0, ToolCall()), BlockStart(1, ToolCall()), BlockDelta(1, "x"), ChoiceEnd("stop")):
        said += order.feed(event)
    assert [type(event) for event in said] == [BlockStart, BlockEnd, BlockStart, BlockDelta, BlockEnd, ChoiceEnd]


def test_events_in_order_pass_as_they_are() -> None:
    events: list[Event] = [Start(), BlockStart(0, ToolCall()), BlockDelta(0, "x"), BlockEnd(0), ChoiceEnd("stop")]
    order = InOrder()
    assert [said for event in events for said in order.feed(event)] == events


def test_members_are_found_where_they_stand() -> None:
    body = b' { "a" : [1, {"b": 2}] ,\n"\\u0062":"x" } '
    found = members(body)
    assert {name: json.loads(body[start:end]) for name, (start, end) in found.items()} == {"a": [1, {"b": 2}], "b": "x"}
    assert members(b"{}") == members(b" { } ") == {}
    assert members(b'{"a":1}', offset=100) == {"a": (105, 106)}


@pytest.mark.parametrize("body", [b"[]", b"", b"{", b'{"a":}', b"\xff", b'{"a":' * 50_000])
def test_members_of_what_is_no_object_are_not_found(body: bytes) -> None:
    with pytest.raises(UNREADABLE):
        members(body)


def test_a_duplicate_is_told_from_a_member_that_only_looks_like_one() -> None:
    with pytest.raises(DuplicateMember):
        members(b'{"a":1,"a":1}')
    assert members(b'{"a":"\\"a\\":1","b":{"a":1}}').keys() == {"a", "b"}
