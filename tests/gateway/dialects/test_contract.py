"""What every dialect promises, over its recordings: meaning survives, nothing raises, nothing that was seen is lost."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import errors
from gateway.canonical import ChatRequest, Completion, ErrorEvent, Event
from gateway.dialects import DIALECTS
from gateway.dialects.assembly import as_events
from gateway.dialects.base import Dialect, Kind
from tests.gateway.dialects import portable
from tests.gateway.dialects.recordings import assembled, check_order, parsed, recordings, split

REQUESTS = pytest.mark.parametrize(("dialect", "body"), recordings(".request.json"))
RESPONSES = pytest.mark.parametrize(("dialect", "body"), recordings(".response.json"))
STREAMS = pytest.mark.parametrize(("dialect", "content"), recordings(".sse"))
BROKEN = pytest.mark.parametrize(("dialect", "content"), recordings(".sse", errors=True))
EVERY = pytest.mark.parametrize("dialect", [pytest.param(dialect, id=name) for name, dialect in DIALECTS.items()])
ERRORS = [error("told to a test") for error in errors.CODES.values()]


def said(request: ChatRequest) -> ChatRequest:
    """A request without what rendering adds on purpose: usage is always asked for, and what is dropped is named."""
    return replace(request, wants_usage=False, dropped=[], model="m")


def test_every_dialect_has_recordings_of_every_kind() -> None:
    for name in DIALECTS:
        for found in (recordings(".request.json"), recordings(".response.json"), recordings(".sse")):
            assert any(param.values[0].name == name for param in found)


@REQUESTS
def test_a_sound_request_is_seen_without_fault(dialect: Dialect, body: bytes) -> None:
    envelope = dialect.request.peek(body)
    value = json.loads(body)
    assert envelope.fault is None
    assert envelope.size == len(body)
    assert envelope.model == value.get("model", envelope.model)
    assert envelope.stream == value.get("stream", envelope.stream)


@REQUESTS
def test_a_request_that_needs_no_change_passes_untouched(dialect: Dialect, body: bytes) -> None:
    assert dialect.request.retarget(body, model=None, ask_usage=False, max_output=None) == body


@REQUESTS
def test_a_request_under_another_model_differs_in_nothing_else(dialect: Dialect, body: bytes) -> None:
    changed = dialect.request.retarget(body, model="vendor/other-1", ask_usage=False, max_output=None)
    expected = json.loads(body)
    if "model" in expected:
        expected["model"] = "vendor/other-1"
    assert json.loads(changed) == expected


@REQUESTS
def test_the_text_of_a_request_is_weighed_in_full(dialect: Dialect, body: bytes) -> None:
    texts = list(dialect.request.text_of(body))
    measure = dialect.request.measure(body)
    assert measure.text_bytes == sum(len(text.encode()) for text in texts) > 0
    assert measure.messages > 0
    assert dialect.request.peek(body).has_media == bool(measure.images or measure.document_bytes or measure.audio_bytes)


@REQUESTS
def test_a_request_keeps_its_meaning(dialect: Dialect, body: bytes) -> None:
    request = dialect.request.parse(body)
    again = dialect.request.parse(dialect.request.render(request, request.model))
    assert said(again) == said(request)


@REQUESTS
def test_a_request_cut_anywhere_is_refused_as_invalid_json(dialect: Dialect, body: bytes) -> None:
    whole = len(body.rstrip())
    for end in range(whole):
        with pytest.raises(errors.InvalidJson):
            dialect.request.peek(body[:end])


@RESPONSES
def test_an_answer_under_our_name_differs_in_nothing_else(dialect: Dialect, body: bytes) -> None:
    renamed = dialect.response.rename(body, "our-name")
    theirs, ours = dialect.response.parse(body), dialect.response.parse(renamed)
    assert ours.model == "our-name"
    assert replace(ours, model=theirs.model) == theirs
    assert len(renamed) - len(body) == len("our-name") - len(theirs.model)


@RESPONSES
def test_an_answer_reports_its_usage_and_output(dialect: Dialect, body: bytes) -> None:
    report = dialect.usage.read(body)
    completion = dialect.response.parse(body)
    assert report.usage == completion.usage
    assert report.usage is not None
    assert report.usage.is_clean
    assert not report.suspect
    assert report.error is None
    assert report.finish == completion.choices[0].native_finish
    assert report.produced == any(choice.parts for choice in completion.choices)
    assert (report.id, report.model) == (completion.id, completion.model)


@RESPONSES
def test_an_answer_keeps_its_meaning(dialect: Dialect, body: bytes) -> None:
    completion = dialect.response.parse(body)
    assert dialect.response.parse(dialect.response.render(completion)) == completion


@RESPONSES
def test_a_cut_answer_is_read_without_raising(dialect: Dialect, body: bytes) -> None:
    for end in range(len(body.rstrip())):
        assert dialect.usage.read(body[:end]).usage is None
        assert dialect.response.rename(body[:end], "our-name") is not None
        with pytest.raises(errors.UpstreamError):
            dialect.response.parse(body[:end])


@RESPONSES
def test_an_answer_can_be_told_as_a_stream(dialect: Dialect, body: bytes) -> None:
    completion = dialect.response.parse(body)
    events = list(as_events(completion))
    check_order(events)
    assert assembled(events) == completion
    again = assembled(parsed(dialect, split(rendered(dialect, completion.model, events))))
    assert meaning(again) == meaning(completion)


def rendered(dialect: Dialect, model: str, events: list[Event]) -> bytes:
    renderer = dialect.stream.renderer(model)
    return b"".join([*(renderer.feed(event) for event in events), renderer.finish()])


def meaning(completion: Completion) -> Completion:
    """An answer without what a stream does not keep: how the provider spelled its reason."""
    choices = [replace(choice, native_finish=None) for choice in completion.choices]
    return replace(completion, choices=choices)


@EVERY
@given(request=portable.requests())
def test_any_request_that_all_wires_can_say_keeps_its_meaning(dialect: Dialect, request: ChatRequest) -> None:
    again = dialect.request.parse(dialect.request.render(request, "m"))
    assert portable.plain_request(again) == portable.plain_request(request)
    assert request.dropped == []


@EVERY
@given(completion=portable.answers())
def test_any_answer_that_all_wires_can_say_keeps_its_meaning(dialect: Dialect, completion: Completion) -> None:
    whole = dialect.response.parse(dialect.response.render(completion))
    assert portable.plain_answer(whole) == portable.plain_answer(completion)
    streamed = parsed(dialect, split(rendered(dialect, completion.model, list(as_events(completion)))))
    check_order(streamed)
    assert portable.plain_answer(assembled(streamed)) == portable.plain_answer(completion)


@STREAMS
def test_a_stream_keeps_the_order_of_events(dialect: Dialect, content: bytes) -> None:
    check_order(parsed(dialect, split(content)))


@STREAMS
def test_a_stream_keeps_its_meaning(dialect: Dialect, content: bytes) -> None:
    events = parsed(dialect, split(content))
    completion = assembled(events)
    again = parsed(dialect, split(rendered(dialect, completion.model, events)))
    check_order(again)
    assert meaning(assembled(again)) == meaning(completion)


@STREAMS
def test_a_stream_split_anywhere_is_the_same_stream(dialect: Dialect, content: bytes) -> None:
    raws = split(content)
    for size in (1, 2, 3, 7, 64, 1000):
        assert split(content, size) == raws
    assert b"".join(raws) == content


@STREAMS
@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
def test_line_ends_and_a_byte_order_mark_change_nothing(dialect: Dialect, content: bytes, newline: bytes) -> None:
    plain = content.replace(b"\r\n", b"\n")
    other = b"\xef\xbb\xbf" + plain.replace(b"\n", newline)
    assert parsed(dialect, split(other, 5)) == parsed(dialect, split(plain))
    kinds = [kind_of(dialect, raws) for raws in (split(other, 5), split(plain))]
    assert kinds[0] == kinds[1]


def kind_of(dialect: Dialect, raws: list[bytes]) -> list[Kind]:
    watch = dialect.usage.Watch()
    return [watch.watch(raw) for raw in raws]


@STREAMS
def test_json_over_several_data_lines_is_the_same_event(dialect: Dialect, content: bytes) -> None:
    plain = content.replace(b"\r\n", b"\n")
    spread = plain.replace(b',"', b',\ndata: "')
    assert parsed(dialect, split(spread)) == parsed(dialect, split(plain))
    renamed = [dialect.stream.rename(raw, "our-name") for raw in split(spread)]
    assert parsed(dialect, renamed) == parsed(dialect, [dialect.stream.rename(raw, "our-name") for raw in split(plain)])


@STREAMS
def test_a_watched_stream_tells_what_a_parsed_one_does(dialect: Dialect, content: bytes) -> None:
    watch = dialect.usage.Watch()
    raws = split(content)
    texts = []
    for raw in raws:
        watch.watch(raw)
        texts.append(watch.take_text())
    completion = assembled(parsed(dialect, raws))
    assert watch.usage == completion.usage
    assert watch.finish in [choice.native_finish for choice in completion.choices]
    assert watch.produced
    assert not watch.suspect
    assert watch.error is None
    assert (watch.id, watch.model) == (completion.id, completion.model)
    wanted = "".join(
        str(getattr(part, name, "")) for choice in completion.choices for part in choice.parts for name in TEXTS
    )
    assert sorted("".join(texts)) == sorted(wanted)
    assert watch.take_text() == ""


TEXTS = ("text", "name", "arguments", "transcript")


@STREAMS
def test_a_stream_cut_at_any_byte_never_raises_and_keeps_the_usage_it_saw(dialect: Dialect, content: bytes) -> None:
    raws = split(content)
    before = None
    watch, parser = dialect.usage.Watch(), dialect.stream.parser()
    for raw in raws:
        for end in range(0, len(raw), 3):
            piece = dialect.usage.Watch()
            piece.watch(raw[:end])
            list(dialect.stream.parser().feed(raw[:end]))
        watch.watch(raw)
        parser.feed(raw)
        assert before is None or watch.usage is not None
        before = watch.usage
    # An event that was cut, after everything that was whole.
    for end in range(1, len(raws[-1])):
        watch.watch(raws[-1][:end])
        assert watch.usage == before


@STREAMS
def test_a_stream_that_breaks_off_is_an_error_and_not_an_answer(dialect: Dialect, content: bytes) -> None:
    raws = split(content)
    watch = dialect.usage.Watch()
    for count in range(len(raws)):
        events = parsed(dialect, raws[:count])
        check_order(events)
        if watch.finish is None:
            assert isinstance(events[-1], ErrorEvent)
        watch.watch(raws[count])


@STREAMS
def test_an_event_under_our_name_differs_in_nothing_else(dialect: Dialect, content: bytes) -> None:
    for raw in split(content):
        watch = dialect.usage.Watch()
        watch.watch(raw)
        renamed = dialect.stream.rename(raw, "our-name")
        if watch.model is None:
            assert dialect.usage.Watch().watch(renamed) == dialect.usage.Watch().watch(raw)
        else:
            assert renamed.replace(b'"our-name"', json.dumps(watch.model).encode(), 1) == raw


@STREAMS
def test_a_stream_that_is_ended_early_ends_honestly(dialect: Dialect, content: bytes) -> None:
    raws = split(content)
    watch = dialect.usage.Watch()
    for count, raw in enumerate(raws):
        if watch.finish is not None:
            break
        ending = dialect.stream.ending(watch, reason="length", usage=None, model="our-name")
        events = parsed(dialect, [*raws[:count], *split(ending)])
        check_order(events)
        completion = assembled(events)
        assert {choice.finish for choice in completion.choices} == {"length"}
        watch.watch(raw)


@BROKEN
def test_an_error_in_a_stream_is_told(dialect: Dialect, content: bytes) -> None:
    watch = dialect.usage.Watch()
    kinds = [watch.watch(raw) for raw in split(content)]
    events = parsed(dialect, split(content))
    check_order(events)
    assert kinds[-1] is Kind.ERROR
    assert watch.error is not None
    assert events[-1] == ErrorEvent(watch.error)
    renderer = dialect.stream.renderer("m")
    for event in events:
        renderer.feed(event)
    assert renderer.finish() == b"", "no last word disguises a broken stream as a whole one"


@EVERY
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.code)
def test_our_errors_are_errors_to_this_dialect_whole_and_streamed(dialect: Dialect, error: errors.GatewayError) -> None:
    body = dialect.errors.render(error, request_id="req_1", docs_url="https://docs.example")
    assert json.loads(body)
    assert error.code in body.decode()
    assert "req_1" in body.decode()
    assert dialect.errors.parse(error.status, body).kind
    (raw,) = split(dialect.stream.failure(error, "req_1"))
    watch = dialect.usage.Watch()
    assert watch.watch(raw) is Kind.ERROR
    assert isinstance(parsed(dialect, [raw])[-1], ErrorEvent)


@EVERY
@given(
    status=st.integers(0, 999),
    body=st.binary()
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["error", "message", "code", "type", "detail", "choices", "usage", "status", "msg"]),
                inner,
            )
        ),
    ).map(lambda value: json.dumps(value).encode()),
)
def test_nothing_that_a_provider_sends_raises(dialect: Dialect, status: int, body: bytes) -> None:
    fault = dialect.errors.parse(status, body)
    assert fault.kind
    dialect.usage.read(body)
    dialect.response.rename(body, "m")
    raw = b"data: " + body + b"\n\n"
    dialect.stream.rename(raw, "m")
    watch = dialect.usage.Watch()
    watch.watch(raw)
    check_order(parsed(dialect, [raw]))
    with contextlib.suppress(errors.UpstreamError):
        dialect.response.parse(body)


@EVERY
@given(body=st.binary())
def test_nothing_that_a_customer_sends_raises_anything_but_our_errors(dialect: Dialect, body: bytes) -> None:
    with pytest.raises(errors.GatewayError):
        dialect.request.peek(body)
    with pytest.raises(errors.GatewayError):
        dialect.request.parse(body)


@EVERY
def test_nesting_without_end_is_refused(dialect: Dialect) -> None:
    for opening in (b"[", b'{"a":'):
        body = b'{"model":"m","messages":[{"role":"user","content":"x"}],"x":' + opening * 100_000
        with pytest.raises(errors.InvalidJson):
            dialect.request.peek(body)
        raw = b"data: " + opening * 100_000 + b"\n\n"
        dialect.usage.Watch().watch(raw)
        parsed(dialect, [raw])
        assert dialect.stream.rename(raw, "m") == raw
        dialect.usage.read(opening * 100_000)
        assert dialect.errors.parse(500, opening * 100_000).kind == "server"


@EVERY
def test_a_megabyte_in_one_event_passes(dialect: Dialect) -> None:
    events: list[Event] = list(as_events(assembled(parsed(dialect, split(first_stream(dialect))))))
    for event in events:
        if hasattr(event, "text") and event.text:
            event.text = "ø" * 1_000_000
    content = rendered(dialect, "m", events)
    assert len(content) > 1_000_000
    assert "ø" * 1_000_000 in str(assembled(parsed(dialect, split(content, 4096))))


def first_stream(dialect: Dialect) -> bytes:
    return next(param.values[1] for param in recordings(".sse") if param.values[0] is dialect)
