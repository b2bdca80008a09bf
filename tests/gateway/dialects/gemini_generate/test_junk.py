"""Recordings with anything in the place of anything: only our own errors come of it, and nothing is lost on the way."""

from __future__ import annotations

import contextlib
import json
from copy import deepcopy
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway import errors
from gateway.canonical import ErrorEvent
from gateway.dialects.gemini_generate import request, response, stream, usage
from tests.gateway.dialects.recordings import check_order

WIRE = Path(__file__).parents[3] / "wire" / "gemini_generate"
REQUESTS = [json.loads(path.read_bytes()) for path in sorted(WIRE.glob("*.request.json"))]
ANSWERS = [json.loads(path.read_bytes()) for path in sorted(WIRE.glob("*.response.json"))]
JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [
        None,
        True,
        -1,
        0,
        1.5,
        10**30,
        "",
        "x",
        "files/abc",
        [],
        [None],
        [[]],
        {},
        {"text": 1},
        [{"text": "x"}],
        {"a": {}},
    ]
)


def paths(value: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in a value, each as the keys that lead to it."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path for key, inside in items for path in ((*before, key), *paths(inside, (*before, key)))]


@st.composite
def spoiled(draw: st.DrawFn, recordings: list[Any]) -> bytes:
    value = deepcopy(draw(st.sampled_from(recordings)))
    for _ in range(draw(st.integers(1, 3))):
        *path, last = draw(st.sampled_from(paths(value)))
        inside = value
        for key in path:
            inside = inside[key]
        inside[last] = deepcopy(draw(JUNK))
        if not paths(value):
            break
    return json.dumps(value).encode()


@given(spoiled(REQUESTS))
def test_a_spoiled_request_is_refused_in_our_words_or_read(body: bytes) -> None:
    envelope = request.peek(body, model="m")
    if envelope.fault is not None:
        return
    measure = request.measure(body)
    assert measure.text_bytes == sum(len(text.encode()) for text in request.text_of(body))
    assert envelope.has_media == bool(measure.images or measure.document_bytes or measure.audio_bytes)
    request.retarget(body, model="g", ask_usage=True, max_output=5)
    try:
        asked = request.parse(body, model="m")
    except errors.ClientError:
        return
    for upstream in ("gemini-3-pro-preview", "gemini-2.5-flash"):
        with contextlib.suppress(errors.ClientError):
            assert request.peek(request.render(asked, upstream), model="m").fault is None


@given(spoiled(ANSWERS))
def test_a_spoiled_answer_is_read_as_far_as_it_goes(body: bytes) -> None:
    report = usage.read(body)
    watch, parser = usage.Watch(), stream.parser()
    raw = b"data: " + body + b"\n\n"
    watch.watch(raw)
    assert (watch.usage, watch.suspect) == (report.usage, report.suspect)
    assert (watch.produced, watch.error) == (report.produced, report.error)
    events = [*parser.feed(raw), *parser.finish()]
    check_order(events)
    renderer = stream.renderer("m")
    told = b"".join(renderer.feed(event) for event in events) + renderer.finish()
    assert told or isinstance(events[-1], ErrorEvent)
    with contextlib.suppress(errors.UpstreamError):
        completion = response.parse(body)
        assert response.parse(response.render(completion)).choices is not None
