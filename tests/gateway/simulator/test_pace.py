"""The simulator speaks at a believable pace, unless it is told otherwise."""

from __future__ import annotations

import time

import httpx
import pytest

from gateway.providers.simulator import wishes
from gateway.providers.simulator.app import Simulator
from gateway.providers.simulator.conversation import Dice
from gateway.providers.simulator.pace import Pace
from tests.gateway.simulator.asking import body
from tests.gateway.simulator.conftest import serving


def test_a_natural_pace_is_that_of_a_model_of_today() -> None:
    for seed in map(str, range(50)):
        dice = Dice(seed)
        gaps = [Pace().between(dice, number) for number in range(400)]
        assert 0.15 <= Pace().opening(dice, 0) < 0.3
        assert 55 <= len(gaps) / sum(gaps) <= 130
        assert len(set(gaps)) > 50


def test_thinking_takes_time() -> None:
    assert Pace().opening(Dice("x"), 500) > Pace().opening(Dice("x"), 0) + 0.4


@pytest.mark.parametrize(
    ("words", "pace"),
    [
        ("natural", Pace()),
        ("instant", Pace(first=0, rate=0)),
        ("500", Pace(rate=500)),
        ("200 first=1.5", Pace(first=1.5, rate=200)),
        ("instant, first=0.2", Pace(first=0.2, rate=0)),
    ],
)
def test_a_pace_is_read_from_words(words: str, pace: Pace) -> None:
    assert Pace.read(words) == pace


@pytest.mark.parametrize("words", ["fast", "-1", "nan", "first=", "inf"])
def test_nonsense_is_no_pace(words: str) -> None:
    with pytest.raises(ValueError, match=r"could not convert|is no pace"):
        Pace.read(words)


def test_a_natural_stream_takes_its_time() -> None:
    with serving(Simulator()) as url, httpx.Client(base_url=url, headers={"authorization": "Bearer k"}) as client:
        started = time.monotonic()
        with client.stream("POST", "/chat/completions", json=body("count to 10", stream=True)) as reply:
            pieces = reply.iter_raw()
            first = next(pieces)
            waited = time.monotonic() - started
            rest = b"".join(pieces)
        took = time.monotonic() - started
        assert first.startswith(b"data: ")
        assert rest.endswith(b"data: [DONE]\n\n")
        assert waited >= 0.15
        assert took - waited >= 19 / 130  # 19 tokens


def test_a_request_may_hurry_the_simulator_and_the_phrase_beats_the_header() -> None:
    assert wishes.read({}, "Hello", Pace(rate=9)).pace == Pace(rate=9)
    assert wishes.read({"x-simulator-pace": "instant"}, "Hello", Pace()).pace == Pace(first=0, rate=0)
    assert wishes.read({"x-simulator-pace": "instant"}, "Hello [[pace: 70]]", Pace()).pace == Pace(rate=70)


def test_what_is_offered_can_be_restricted() -> None:
    with serving(Simulator(pace=Pace(first=0, rate=0), models=("mine",))) as url:
        client = httpx.Client(base_url=url, headers={"authorization": "Bearer k"})
        assert [model["id"] for model in client.get("/models").json()["data"]] == ["mine"]
        assert client.post("/chat/completions", json=body("Hello")).status_code == 404
        assert client.post("/chat/completions", json=body("Hello", model="mine")).status_code == 200
