"""Every dialect of a customer with every one of a provider, over real sockets: the same answer, tokens and price."""

from __future__ import annotations

from typing import Any

import pytest

from tests.people import Person
from tests.servers import LiveServer
from tests.shop import eventually
from tests.tongues import TONGUES
from tests.translating import PROVIDERS, Customer, Heard, price, split, translated

PAIRS = [(ear, mouth) for ear in TONGUES for mouth in PROVIDERS]
QUESTION = "What is the capital of France?"

pytestmark = pytest.mark.parametrize(("ear", "mouth"), PAIRS)


@pytest.fixture
def customer(server: LiveServer, alice: Person, ear: str, mouth: str) -> Customer:
    """Alice, who speaks `ear`, and a model whose only provider speaks `mouth`."""
    return Customer(server.url, alice.headers, TONGUES[ear], translated(mouth))


def booked(alice: Person, customer: Customer, *heard: Heard) -> None:
    """Every answer has exactly one record, reports the tokens of that record, and cost what they cost."""
    records = eventually(lambda: alice.usage if len(alice.usage) == len(heard) else None)
    for record, answer in zip(records, heard, strict=True):
        assert answer.usage == customer.tongue.told(record)
        assert answer.model == record.model == customer.slug
        assert (record.outcome, record.usage_source) == ("completed", "reported")
        assert record.charged_nusd == record.cost_nusd == price(record) > 0
    spent = sum(record.charged_nusd for record in records)
    assert alice.balance.balance_nusd == 25_000_000_000 - spent
    assert alice.balance.held_nusd == 0


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_question_is_answered(alice: Person, customer: Customer, stream: bool) -> None:
    heard = customer.ask(customer.tongue.user(QUESTION), stream=stream)
    assert "Paris" in heard.text
    assert heard.finish == customer.tongue.stop
    assert not heard.calls
    booked(alice, customer, heard)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_tool_is_called_and_its_result_used(alice: Person, customer: Customer, stream: bool) -> None:
    tongue = customer.tongue
    turns = tongue.user("What is the weather in Oslo and in Rome?")
    first = customer.ask(turns, tool=True, stream=stream)
    assert [(call.name, call.arguments) for call in first.calls] == [
        ("get_weather", {"city": "Oslo"}),
        ("get_weather", {"city": "Rome"}),
    ]
    assert first.finish == tongue.tools
    turns = [*turns, *first.turns]
    for call, said in zip(first.calls, ("7 degrees", "21 degrees"), strict=True):
        turns += tongue.result(call, said)
    second = customer.ask(turns, tool=True, stream=stream)
    assert second.text.startswith("According to get_weather: 7 degrees. According to get_weather: 21 degrees.")
    assert second.finish == tongue.stop
    booked(alice, customer, first, second)


def test_instructions_and_pictures_arrive(alice: Person, customer: Customer) -> None:
    turns = customer.tongue.user(QUESTION, picture=True)
    heard = customer.ask(turns, system="Answer in all caps.")
    assert heard.text.startswith("I SEE 1 PICTURE.")
    assert "PARIS" in heard.text
    booked(alice, customer, heard)


def test_an_answer_that_is_cut_says_so(alice: Person, customer: Customer) -> None:
    heard = customer.ask(customer.tongue.user("Write a long essay about rivers."), limit=100)
    assert heard.finish == customer.tongue.length
    booked(alice, customer, heard)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_thoughts_come_back_as_the_provider_sealed_them(
    alice: Person, customer: Customer, ear: str, mouth: str, stream: bool
) -> None:
    """The simulator refuses a signature that was changed, moved or lost."""
    tongue, wishes = customer.tongue, {"tool": True, "think": True, "stream": stream}
    turns = tongue.user("What is the weather in Oslo?")
    first = customer.ask(turns, **wishes)
    assert first.thoughts or (mouth == "openai_responses" and ear in ("openai_chat", "anthropic_messages"))
    [call] = first.calls
    turns = [*turns, *first.turns, *tongue.result(call, "7 degrees")]
    second = customer.ask(turns, **wishes)
    assert "7 degrees" in second.text
    turns = [*turns, *second.turns, *tongue.user("What is the weather in Rome?")]
    third = customer.ask(turns, **wishes)
    assert third.calls[0].arguments == {"city": "Rome"}
    booked(alice, customer, first, second, third)


def test_a_prompt_that_was_cached_is_told_and_billed_as_such(alice: Person, customer: Customer, mouth: str) -> None:
    turns = customer.tongue.user("The red lever opens the gate. " * 400 + QUESTION)
    heard = [customer.ask(turns) for _ in range(2)]
    booked(alice, customer, *heard)
    assert bool(alice.usage[1].cached_input_tokens) is (mouth != "anthropic_messages")  # it caches what is marked


def test_an_error_inside_a_stream_has_the_customers_own_shape(alice: Person, customer: Customer) -> None:
    turns = customer.tongue.user(f"{QUESTION} [[fault: error-in-stream after=2 status=503]]")
    answer = customer.send(turns, stream=True)
    assert answer.status_code == 200
    error = shape_of_error(customer, answer.text)
    assert "upstream" in str(error) or "unavailable" in str(error)
    [record] = eventually(lambda: alice.usage)
    assert record.outcome != "completed"
    assert eventually(lambda: alice.balance.held_nusd == 0)
    assert alice.balance.balance_nusd == 25_000_000_000 - record.charged_nusd


def shape_of_error(customer: Customer, text: str) -> Any:
    """The error of a stream that broke, read as its dialect writes it."""
    heard = customer.tongue.pieces(split(text))
    assert heard.error, text
    return heard.error


def test_what_a_provider_cannot_be_told_is_said_aloud(customer: Customer, ear: str, mouth: str) -> None:
    """Only chat completions know a logit_bias; only Messages and Gemini know top_k."""
    wishes: dict[str, Any] = {
        "openai_chat": {"logit_bias": {"50256": -100}},
        "openai_responses": {"max_tool_calls": 3},
        "anthropic_messages": {"top_k": 5},
        "gemini_generate": {"safetySettings": []},
    }
    carried = ear == mouth or (ear, mouth) == ("anthropic_messages", "gemini_generate")
    answer = customer.send(customer.tongue.user(QUESTION), more=wishes[ear])
    assert answer.status_code == 200, answer.text
    [name] = wishes[ear]
    assert (name in answer.headers.get("x-tollgate-dropped", "")) is not carried
