"""The simulator's answers are useful, use the conversation, and never change for the same request."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.providers.simulator import splitting
from gateway.providers.simulator.answering import answer
from gateway.providers.simulator.arithmetic import solve
from gateway.providers.simulator.conversation import Attachment, Conversation, Options, ToolCall, Turn
from tests.gateway.simulator.asking import plan, spoken


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is the capital of France?", "The capital of France is Paris."),
        ("capital of the United States?", "The capital of the United States is Washington, D.C."),
        ("hello", "Hello! How can I help you today?"),
        ("Привет!", "Здравствуйте! Чем могу помочь?"),
        ("Say this is a test", "this is a test"),
        ("Reply with exactly: OK", "OK"),
        ("Respond only with the word PONG", "PONG"),
        ('Repeat after me: "blue sky".', "blue sky"),
        ("count to 5", "1, 2, 3, 4, 5"),
        ("Count from 3 down to 1", "3, 2, 1"),
        ("What is 12 * (7 + 3)?", "12 * (7 + 3) = 120."),
        ("How many letters are in 'banana'?", "“banana” has 6 letters."),
        ("Translate hello to French", '"Hello" in French is "bonjour".'),
        ("List 3 planets", "1. Mercury\n2. Venus\n3. Earth"),
        ("Is 91 a prime?", "No, 91 is not a prime number."),
    ],
)
def test_plain_questions_get_their_answers(question: str, expected: str) -> None:
    assert spoken(question) == expected


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("what's 2+2", "2 + 2 = 4"),
        ("two plus two", "2 + 2 = 4"),
        ("15% of 80", "15% of 80 is 12"),
        ("the square root of 144", "The square root of 144 is 12"),
        ("the square root of 2", "The square root of 2 is about 1.4142"),
        ("10 / 4", "10 / 4 = 2.5"),
        ("1,000 times 3", "1000 * 3 = 3000"),
        ("7 divided by 0", None),
        ("9**9**9", None),
        ("the years 1914 and 1918", None),
        ("call 555-0100-", None),
    ],
)
def test_sums_are_solved_exactly_or_not_at_all(sentence: str, expected: str | None) -> None:
    assert solve(sentence) == expected


def test_an_unknown_question_is_answered_to_the_point() -> None:
    assert "photosynthesis" in spoken("Please explain photosynthesis to me!")
    assert "photosynthesis" not in spoken("Please explain glaciers to me!")


def test_what_was_said_earlier_is_remembered() -> None:
    said = ("My name is Bob and my favourite colour is green.", "Nice!", "I like rivers.", "So do I.")
    assert spoken(*said, "What is my name?") == "Your name is Bob."
    assert (
        spoken("My favourite colour is green.", "Nice!", "What's my favourite colour?")
        == "Your favourite colour is green."
    )
    assert spoken(*said, "Summarise our conversation.").startswith("Earlier you said “My name is Bob")
    assert "Earlier you said “I like rivers.”" in spoken(*said, "And what about lakes?")


def test_the_system_prompt_shapes_the_answer() -> None:
    assert spoken("Capital of Spain?", instructions="Answer in one word, in upper case.") == "MADRID"
    assert spoken("Tell me about tea.", instructions="Be brief.").count(".") == 1


def test_code_is_written_when_asked_for() -> None:
    python = spoken("Write a Python function that computes fibonacci numbers")
    block = re.search(r"```python\n(.*?)```", python, re.DOTALL)
    assert block
    names: dict[str, object] = {}
    exec(block[1], names)  # the simulator's own code, which must at least run
    fibonacci = names["fibonacci"]
    assert callable(fibonacci)
    assert fibonacci(10) == 55
    assert "```javascript" in spoken("Show me a JavaScript snippet that parses dates")


def test_long_texts_are_long_and_end_at_the_limit() -> None:
    assert len(spoken("Write an essay of 800 words about rivers").split()) >= 800
    cut = plan("Write a very long story about rivers, as long as you can", max_tokens=2_000)
    assert (cut.answers[0].finish, cut.completion_tokens, len(cut.answers[0].text)) == ("length", 2_000, 2_000)
    sentences = [part for part in re.split(r"(?<=\.)\s", spoken("Write an essay of 2000 words about rivers")) if part]
    assert len(set(sentences)) == len(sentences)


@pytest.mark.parametrize("limit", [1, 2, 7, 30])
def test_max_tokens_is_kept_exactly(limit: int) -> None:
    cut = plan("Write an essay about the sea", max_tokens=limit)
    whole = spoken("Write an essay about the sea")
    assert cut.completion_tokens == limit
    assert cut.answers[0].finish == "length"
    assert whole.startswith("".join(cut.answers[0].text))


def test_a_stop_sequence_ends_the_answer_before_it() -> None:
    stopped = plan("count to 10", stop=("5", "7"))
    assert ("".join(stopped.answers[0].text), stopped.answers[0].finish) == ("1, 2, 3, 4, ", "stop")


def test_the_same_request_gets_the_same_answer_and_another_seed_another_fingerprint() -> None:
    assert plan("Tell me about tea") == plan("Tell me about tea")
    assert plan("Tell me about tea", seed=1).fingerprint != plan("Tell me about tea", seed=2).fingerprint
    assert plan("Tell me about tea").id != plan("Tell me about coffee").id


def test_choices_differ_from_one_another() -> None:
    assert len({one.text for one in plan("Tell me about tea", choices=4).answers}) > 1


def test_attachments_are_acknowledged_and_weigh_something() -> None:
    pictures = (Attachment("picture", "", 85), Attachment("picture", "", 765))
    report = (Attachment("document", "report.pdf", 500),)
    asked = Conversation((Turn("user", "What is this?", pictures + report),))
    told = answer(asked, Options("gpt-4o"))
    text = "".join(told.answers[0].text)
    assert text.startswith("I see 2 pictures. I have read 1 document (report.pdf).")
    assert told.prompt_tokens >= 85 + 765 + 500


def test_tool_results_are_used() -> None:
    call = ToolCall("call_1", "get_weather", '{"city": "Paris"}')
    asked = (Turn("user", "What's the weather in Paris?"), Turn("assistant", "", tool_calls=(call,)))
    told = answer(
        Conversation((*asked, Turn("tool", '{"temperature": 21, "sky": "clear"}', call_id="call_1"))), Options("m")
    )
    assert "".join(told.answers[0].text).startswith("According to get_weather: temperature is 21, sky is clear.")
    failed = answer(Conversation((*asked, Turn("tool", '{"error": "no such city"}', call_id="call_1"))), Options("m"))
    assert "".join(failed.answers[0].text).startswith("get_weather failed: no such city.")


@pytest.mark.parametrize("model", ["o3", "o3-mini", "gpt-5.2", "deepseek-r1", "grok-4.1-thinking", "deepseek-reasoner"])
def test_reasoning_models_reason_as_hard_as_they_are_told(model: str) -> None:
    hard, easy = (
        plan("Why is the sky blue?", model=model, effort="high"),
        plan("Why is the sky blue?", model=model, effort="low"),
    )
    assert hard.reasoning_tokens > easy.reasoning_tokens > 0
    assert hard.completion_tokens == hard.reasoning_tokens + len(hard.answers[0].text)
    assert hard.shows_reasoning == ("deepseek" in model or "grok" in model)
    assert plan("Why is the sky blue?", model=model, effort="none").reasoning_tokens == 0


@pytest.mark.parametrize("model", ["gpt-4o", "claude-sonnet-4-6", "gemini-2.5-flash", "deepseek-chat", "grok-4-fast"])
def test_other_models_do_not_reason(model: str) -> None:
    assert plan("Why is the sky blue?", model=model).reasoning_tokens == 0


def test_reasoning_leaves_room_for_an_answer_within_the_limit() -> None:
    short = plan("Tell me about tea", model="o3", max_tokens=20)
    assert (short.completion_tokens, short.reasoning_tokens, short.answers[0].finish) == (20, 10, "length")


@given(st.text(max_size=300))
@settings(max_examples=150)
def test_tokens_are_pieces_of_the_text_and_never_more_than_its_bytes(text: str) -> None:
    tokens = splitting.split(text)
    assert "".join(tokens) == text
    assert splitting.count(text) == len(tokens) <= len(text.encode(errors="surrogatepass"))


@given(st.lists(st.text(max_size=80), min_size=1, max_size=4), st.integers(min_value=1, max_value=40))
@settings(max_examples=150)
def test_whatever_is_said_gets_an_answer_within_the_limit(said: list[str], limit: int) -> None:
    told = plan(*said, max_tokens=limit)
    assert 0 < told.completion_tokens <= limit or not "".join(said).strip()
    assert told.answers[0].finish in ("stop", "length")
