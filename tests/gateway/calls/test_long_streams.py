"""Streams that outgrow what was set aside for them, that fall silent, or that come in odd pieces."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.fakes.openai_recordings import chunk, completion, error, stream, usage
from tests.fakes.recordings import Gate, Recording, Wait
from tests.people import Person, newcomer
from tests.servers import LiveServer
from tests.shop import Shop, ask, chat, events_of, text_of

WORDS = "alpha beta gamma delta epsilon zeta eta theta iota kappa "


def test_a_stream_longer_than_its_hold_sets_more_aside_and_is_charged_in_full(
    own_server: Any, shop: Shop, alice: Person
) -> None:
    server = own_server(HOLD_OUTPUT_TOKENS="64")
    goods = shop.sell()
    goods.tape.play(stream([WORDS, Wait(0.02)] * 40, report=usage(10, 500)))
    answer = ask(server, alice, chat(goods.slug, stream=True))
    assert text_of(events_of(answer)) == WORDS * 40
    [record] = alice.usage
    assert (record.outcome, record.charged_nusd) == ("completed", 100_000 + 500 * 50_000)


def test_a_stream_ends_honestly_when_the_wallet_is_empty(own_server: Any, shop: Shop, live: str) -> None:
    poor = newcomer("poor", usd="0.02")  # 400 tokens out
    server = own_server(HOLD_OUTPUT_TOKENS="64")
    goods = shop.sell()
    goods.tape.play(stream([WORDS, Wait(0.02)] * 200, report=usage(10, 3000)))
    answer = ask(server, poor, chat(goods.slug, stream=True, stream_options={"include_usage": True}))
    events = events_of(answer)
    assert events[-1] == "[DONE]"
    assert events[-3]["choices"][0]["finish_reason"] == "length"
    assert events[-2]["usage"]["completion_tokens"] > 100
    assert goods.tape.requests[0].wait_for_hang_up()
    [record] = poor.usage
    assert (record.outcome, record.finish, record.usage_source) == ("cut", "length", "estimated")
    assert record.charged_nusd > 15_000_000
    assert 0 <= poor.balance.balance_nusd < 5_000_000
    assert poor.balance.held_nusd == 0


def test_silence_is_filled_with_comments_that_no_client_mistakes_for_events(
    own_server: Any, shop: Shop, alice: Person
) -> None:
    server = own_server(KEEPALIVE_SECONDS="1")
    goods = shop.sell()
    goods.tape.play(stream(["Hello", Wait(2.5), " there"]))
    answer = ask(server, alice, chat(goods.slug, stream=True))
    assert answer.text.count(": keep-alive\n\n") == 2
    assert "ping" not in answer.text
    assert text_of(events_of(answer)) == "Hello there"


def test_an_error_after_the_first_comment_is_told_inside_the_stream(own_server: Any, shop: Shop, alice: Person) -> None:
    server = own_server(KEEPALIVE_SECONDS="1")
    goods = shop.sell()
    goods.tape.play(error(500).slow(first_byte=2))
    before = alice.balance
    answer = ask(server, alice, chat(goods.slug, stream=True))
    assert answer.status_code == 200
    assert answer.text.startswith(": keep-alive\n\n")
    [failure] = events_of(answer)
    assert failure["error"]["code"] == "upstream_error"
    assert alice.balance == before


def test_a_provider_that_falls_silent_for_good_is_given_up(own_server: Any, shop: Shop, alice: Person) -> None:
    server = own_server(KEEPALIVE_SECONDS="1", STREAM_IDLE_SECONDS="2")
    goods = shop.sell()
    goods.tape.play(stream(["Hello", Gate()]))
    answer = ask(server, alice, chat(goods.slug, stream=True))
    assert events_of(answer)[-1]["error"]["code"] == "upstream_timeout"
    assert goods.tape.requests[0].wait_for_hang_up()
    assert alice.usage[0].charged_nusd > 0


def test_a_provider_that_never_begins_is_given_up(own_server: Any, shop: Shop, alice: Person) -> None:
    server = own_server(STREAM_FIRST_BYTE_SECONDS="1", CALL_BUDGET_SECONDS="1")
    goods = shop.sell()
    goods.tape.play(stream().behind(Gate()), completion().behind(Gate()))
    before = alice.balance
    for streamed in (True, False):
        answer = ask(server, alice, chat(goods.slug, stream=streamed))
        assert (answer.status_code, answer.json()["error"]["code"]) == (504, "upstream_timeout")
    assert alice.balance == before


def test_a_provider_that_falls_silent_right_after_its_headers_is_given_up(
    own_server: Any, shop: Shop, alice: Person
) -> None:
    server = own_server(STREAM_FIRST_BYTE_SECONDS="1", CALL_BUDGET_SECONDS="1", KEEPALIVE_SECONDS="5")
    goods = shop.sell()
    opening = Recording.sse([chunk({"role": "assistant", "content": ""}), Gate()])
    goods.tape.play(opening, completion("Hello").hang(after=20))
    before = alice.balance
    for streamed in (True, False):
        answer = ask(server, alice, chat(goods.slug, stream=streamed))
        assert (answer.status_code, answer.json()["error"]["code"]) == (504, "upstream_timeout")
    assert all(request.wait_for_hang_up() for request in goods.tape.requests)
    assert alice.balance == before


def test_nobody_else_is_asked_once_content_has_passed(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell(tapes=2)
    goods.tapes[0].play(stream(["Hello"] * 30).cut(after=1500))
    answer = ask(server, alice, chat(goods.slug, stream=True))
    events = events_of(answer)
    assert text_of(events).startswith("Hello")
    assert events[-1]["error"]["meta"]["reason"] == "stream_broken"
    assert goods.tapes[1].requests == []


def test_an_opening_without_content_still_lets_another_provider_take_over(
    server: LiveServer, shop: Shop, alice: Person
) -> None:
    goods = shop.sell(tapes=2)
    goods.tapes[0].play(Recording.sse([chunk({"role": "assistant", "content": ""})], done=False).cut())
    goods.tapes[1].play(stream(["Hello"]))
    answer = ask(server, alice, chat(goods.slug, stream=True))
    assert text_of(events_of(answer)) == "Hello"
    assert answer.text.count('"role":') == 1


@pytest.mark.parametrize("wanted", [True, False])
def test_usage_is_always_asked_for_and_shown_only_to_who_asked(
    server: LiveServer, shop: Shop, alice: Person, wanted: bool
) -> None:
    goods = shop.sell()
    goods.tape.play(stream(["Hello"], report=usage(7, 3)))
    fields = {"stream_options": {"include_usage": True}} if wanted else {}
    answer = ask(server, alice, chat(goods.slug, stream=True, **fields))
    assert goods.tape.requests[0].json()["stream_options"] == {"include_usage": True}
    shown = [event for event in events_of(answer) if isinstance(event, dict) and not event["choices"]]
    assert [event["usage"]["prompt_tokens"] for event in shown] == ([7] if wanted else [])
    assert alice.usage[0].charged_nusd == 220_000


def test_the_stream_is_byte_identical_but_for_the_name_of_the_model(
    server: LiveServer, shop: Shop, alice: Person
) -> None:
    goods = shop.sell()
    recording = stream(["Grüße ", "世界", " \U0001f30d", '{"model":"gpt-4o-2024-08-06"}'])
    expected = recording.content().replace(b'"model": "gpt-4o-2024-08-06"', f'"model": "{goods.slug}"'.encode())
    for size in (1, 7, 4096):
        goods.tape.play(recording.in_pieces(size))
        body = chat(goods.slug, stream=True, stream_options={"include_usage": True})
        answer = ask(server, alice, body)
        assert answer.content.replace(b'"model":"', b'"model": "') == expected.replace(b'"model":"', b'"model": "')


def test_one_event_of_a_megabyte_passes_unharmed(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell()
    huge = "x" * 1_000_000
    goods.tape.play(stream([huge], report=usage(10, 10)).in_pieces(1000))
    answer = ask(server, alice, chat(goods.slug, stream=True))
    assert text_of(events_of(answer)) == huge


def test_a_stream_that_ends_without_its_last_word_but_with_a_reason_is_complete(
    server: LiveServer, shop: Shop, alice: Person
) -> None:
    goods = shop.sell()
    events = [chunk({"content": "Hello"}), chunk({}, finish="stop"), chunk(report=usage(5, 5))]
    goods.tape.play(Recording.sse(events, done=False))
    answer = ask(server, alice, chat(goods.slug, stream=True))
    assert text_of(events_of(answer)) == "Hello"
    assert (alice.usage[0].outcome, alice.usage[0].charged_nusd) == ("completed", 300_000)


def test_every_field_is_forwarded_unchanged(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell()
    goods.tape.play(completion())
    body = chat(
        goods.slug,
        max_tokens=100,
        seed=7,
        logprobs=True,
        a_field_of_tomorrow={"deep": [1, 2.50, None]},
        temperature=0.70,
    )
    raw = json.dumps(body, indent=3).encode()
    httpx.post(server.url + "/v1/chat/completions", headers=alice.headers, content=raw, timeout=30)
    expected = raw.replace(goods.slug.encode(), b"gpt-4o-2024-08-06", 1)
    assert goods.tape.requests[0].body == expected


def test_the_customer_sees_nothing_of_the_provider(server: LiveServer, shop: Shop, alice: Person) -> None:
    goods = shop.sell()
    secret = {"openai-organization": "org-ours", "x-ratelimit-remaining-tokens": "12", "set-cookie": "a=b"}
    goods.tape.play(completion(headers=secret))
    answer = ask(server, alice, chat(goods.slug))
    assert not set(secret) & set(answer.headers)
    assert "req_provider" not in str(answer.headers)
    request = goods.tape.requests[0]
    assert alice.secret not in str(request.headers)
    assert answer.json()["model"] == goods.slug
