"""Server-sent events: any chunking, any line ends, byte-exact."""

from __future__ import annotations

import itertools
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import sse

ALPHABET = st.sampled_from(
    [b"\n", b"\r", b"\r\n", b"\n\n", b"data: x", b"data:", b": c", b"event: e", "ø👋".encode(), b"{"]
)
STREAMS = st.lists(ALPHABET, max_size=40).map(b"".join)


def split(content: bytes, cuts: list[int]) -> tuple[list[bytes], bytes]:
    splitter = sse.Splitter()
    events: list[bytes] = []
    edges = [0, *sorted(cut % (len(content) + 1) for cut in cuts), len(content)]
    for start, end in itertools.pairwise(edges):
        events += splitter.feed(content[start:end])
    return events, splitter.rest()


def by_the_standard(content: bytes) -> list[bytes]:
    """The data of each event, as the WHATWG algorithm reads the whole text; an unfinished last event is left out."""
    text = content.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    found, data = [], []
    lines = text.split(b"\n")
    for line in lines[:-1]:
        if not line:
            if data:
                found.append(b"\n".join(data))
            data = []
        elif line.partition(b":")[0] == b"data":
            data.append(line.partition(b":")[2].removeprefix(b" "))
    return found


@given(STREAMS, st.lists(st.integers(0, 10_000), max_size=8))
def test_no_chunking_changes_the_events_or_a_byte(content: bytes, cuts: list[int]) -> None:
    whole, rest = split(content, [])
    assert split(content, cuts) == (whole, rest)
    assert b"".join(whole) + rest == content


@given(STREAMS)
def test_events_carry_what_the_standard_says(content: bytes) -> None:
    whole, _ = split(content, [])
    found = [data for raw in whole if (data := sse.data(raw)) is not None]
    # A CR that ends the stream may be half of a CRLF, so the event before it is still held back.
    expected = by_the_standard(content)
    assert found == expected or (content.endswith(b"\r") and found == expected[:-1])


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_an_event_cut_at_every_byte_arrives_whole(newline: bytes) -> None:
    events = [
        b'data: {"a":"\xc3\xb8\xf0\x9f\x91\x8b"}' + newline * 2,
        b": ping" + newline * 2,
        b"data: [DONE]" + newline * 2,
    ]
    content = b"".join(events)
    for size in range(1, len(content) + 1):
        splitter = sse.Splitter()
        found: list[bytes] = []
        for at in range(0, len(content), size):
            found += splitter.feed(content[at : at + size])
        assert (found, splitter.rest()) == (events, b"")


def test_an_event_is_handed_over_as_soon_as_its_last_byte_is_there() -> None:
    for newline in (b"\n", b"\r\n", b"\r"):
        assert sse.Splitter().feed(b"data: x" + newline * 2) == [b"data: x" + newline * 2]


def test_a_byte_order_mark_stays_with_the_first_event_and_is_not_read() -> None:
    splitter = sse.Splitter()
    (event,) = splitter.feed(b"\xef\xbb\xbfdata: x\n\n")
    assert event.startswith(b"\xef\xbb\xbf")
    assert sse.data(event) == b"x"


def test_several_data_lines_are_joined() -> None:
    assert sse.data(b'event: m\r\ndata: {"a":\r\ndata: 1}\r\n\r\n') == b'{"a":\n1}'
    assert sse.data(b"data\n\n") == b""
    assert sse.data(b"data:x\ndata:  y\n\n") == b"x\n y"


def test_comments_and_blank_lines_carry_no_data() -> None:
    assert sse.data(sse.KEEPALIVE) is None
    assert sse.data(b"\n\n") is None
    assert sse.data(b"event: ping\n\n") is None


def test_an_unterminated_last_event_is_the_rest() -> None:
    splitter = sse.Splitter()
    assert splitter.feed(b"data: a\n\ndata: b\n") == [b"data: a\n\n"]
    rest = splitter.rest()
    assert rest == b"data: b\n"
    assert sse.data(rest) == b"b"
    assert splitter.rest() == b""


def test_the_name_of_an_event_is_its_event_line() -> None:
    assert sse.name(b"event: message_start\ndata: {}\n\n") == "message_start"
    assert sse.name(b"data: {}\nevent: late\n\n") == "late"
    assert sse.name(b'data: {"event": 1}\n\n') == ""
    assert sse.name(b": c\n\n") == ""


@given(st.text().map(str.encode), st.sampled_from([None, "delta"]))
def test_what_is_rendered_is_read_again(data: bytes, name: str | None) -> None:
    raw = sse.render(data, name)
    (event,) = sse.Splitter().feed(raw)
    expected = b"\n".join(data.splitlines()) if data.splitlines() else data
    assert sse.data(event) == expected
    assert sse.name(event) == (name or "")


def test_a_megabyte_in_small_chunks_takes_no_quadratic_time() -> None:
    for newline in (b"\n", b"\r\n"):
        event = b"data: " + json.dumps({"b64": "A" * 4_000_000}).encode() + newline * 2
        splitter = sse.Splitter()
        begun = time.process_time()
        found: list[bytes] = []
        for at in range(0, len(event), 1024):
            found += splitter.feed(event[at : at + 1024])
        assert found == [event]
        assert time.process_time() - begun < 2  # 4000 rescans of megabytes would take a minute


def test_an_event_without_end_is_refused_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "LONGEST_EVENT", 1000)
    splitter = sse.Splitter()
    splitter.feed(b"data: " + b"x" * 900)
    with pytest.raises(sse.EventTooLong):
        splitter.feed(b"x" * 200)
