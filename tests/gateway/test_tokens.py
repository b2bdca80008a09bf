"""Counting tokens offline: against the vocabulary itself, hostile texts, bounds, and texts that arrive in pieces."""

from __future__ import annotations

import hashlib
import random
import socket
import string
import time
from dataclasses import dataclass

import pytest
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import tokens
from gateway.tokens import Family, Tally

PROSE = "The river was slow that year, and the ferryman counted 12,345 crossings; нікто не платил. 渡し守は眠った。\n\n"
CODE = 'def area(r: float) -> float:\n    """Of a circle."""\n    return 3.14159 * r ** 2  # m²\n'


@dataclass(frozen=True)
class Prompt:
    """What a prompt weighs."""

    text_bytes: int = 0
    images: int = 0
    document_bytes: int = 0
    audio_bytes: int = 0


def exact(text: str, family: str = "o200k") -> int:
    tokens.prepare()
    return len(tiktoken.get_encoding(f"{family}_base").encode_ordinary(text))


def test_both_vocabularies_are_the_published_ones_and_their_origin_is_told() -> None:
    published = {
        "9b5ad71b2ce5302211f9c61530b329a4922fc6a4": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
        "fb374d419588a4632f3f557e76b4b70aebbca790": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    }
    readme = (tokens.VOCABULARIES / "README.md").read_text()
    for name, digest in published.items():
        assert hashlib.sha256((tokens.VOCABULARIES / name).read_bytes()).hexdigest() == digest
        assert name in readme
        assert digest in readme
    assert "MIT" in readme


@pytest.mark.parametrize(("family", "expected"), [("o200k", 2), ("cl100k", 2)])
def test_a_greeting_has_two_tokens_and_needs_no_network(
    family: Family, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*_: object) -> None:
        raise AssertionError("asked the network")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    tokens._vocabulary.cache_clear()

    assert tokens.count(["Hello world"], family=family) == expected


def test_the_families_are_different_vocabularies() -> None:
    text = [PROSE * 20]

    assert tokens.count(text, family="o200k") < tokens.count(text, family="cl100k")


def test_nothing_has_no_tokens() -> None:
    assert tokens.count([]) == tokens.count([""]) == tokens.count(iter(["", ""])) == 0


def test_several_texts_count_each_for_itself() -> None:
    assert tokens.count([PROSE, CODE]) == exact(PROSE) + exact(CODE)


@pytest.mark.parametrize("text", ["<|endoftext|>", "<|endofprompt|><|fim_prefix|>", "a <|im_start|>system"])
def test_text_that_looks_like_a_control_token_is_ordinary_text(text: str) -> None:
    assert tokens.count([text]) > 3


def test_half_a_character_does_not_stop_the_count() -> None:
    assert tokens.count(["\ud83d", "ok\udc00"]) >= 2


@pytest.mark.parametrize("text", [PROSE * 400, CODE * 400, (PROSE + CODE) * 300], ids=["prose", "code", "both"])
def test_a_long_text_with_words_is_counted_exactly(text: str) -> None:
    assert len(text) > 3 * tokens.SLICE
    assert tokens.count([text]) == exact(text)


@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        " " * 1_000_000,
        "\n" * 1_000_000,
        "=" * 1_000_000,
        "\0" * 300_000,
        "😀" * 100_000,
        "a\u0301" * 100_000,
        "".join(random.Random(7).choices(string.ascii_letters, k=1_000_000)),
    ],
    ids=["letter", "space", "line", "sign", "zero", "emoji", "accents", "letters"],
)
def test_an_unbroken_run_is_counted_in_time_that_grows_with_its_length(text: str) -> None:
    """A megabyte costs what its slices cost, no more."""
    tokens.prepare()
    begin = time.process_time()
    counted = tokens.count([text])
    spent = time.process_time() - begin

    slices = len(text) // tokens.SLICE + 1
    begin = time.process_time()
    for _ in range(slices):
        tokens.count([text[: tokens.SLICE]])
    assert spent < 3 * (time.process_time() - begin) + 0.2
    assert 0 < counted <= len(text.encode())


def test_cutting_a_run_adds_a_token_a_cut_at_most() -> None:
    text = "abcdefgh" * 10_000

    assert exact(text) <= tokens.count([text]) <= exact(text) + len(text) // tokens.SLICE + 1


@given(st.text(max_size=300))
def test_a_text_never_has_more_tokens_than_bytes(text: str) -> None:
    assert tokens.count([text]) <= len(text.encode("utf-8", "replace"))


@pytest.mark.parametrize("text", [PROSE * 50, CODE * 50, "😀" * 3_000, '{}[]\\"' * 2_000, "7" * 9_000])
def test_a_bound_is_above_the_count_with_and_without_the_text(text: str) -> None:
    weight = Prompt(text_bytes=len(text.encode()))

    loose, tight = tokens.bound(weight), tokens.bound(weight, [text])

    assert tokens.count([text]) <= tight
    assert len(text.encode()) <= loose


def test_a_counted_bound_is_fifteen_percent_and_a_frame_above_the_count() -> None:
    text = "word " * 1_000
    counted = tokens.count([text, "hello"])

    bound = tokens.bound(Prompt(text_bytes=5_005), iter([text, "hello"]))

    assert bound == counted + (counted * 15 + 99) // 100 + 2 * tokens.FRAME_TEXT + tokens.FRAME


def test_the_bytes_cap_a_count_with_its_margin() -> None:
    """A text whose every byte is a token needs no margin on top."""
    text = "".join(chr(random.Random(seed).randrange(0x1F300, 0x1F9FF)) for seed in range(200))
    weight = Prompt(text_bytes=tokens.count([text]))

    assert tokens.bound(weight, [text]) == weight.text_bytes + tokens.FRAME_TEXT + tokens.FRAME


@pytest.mark.parametrize(
    ("weight", "expected"),
    [
        (Prompt(), 0),
        (Prompt(text_bytes=100), 100),
        (Prompt(images=3), 15_000),
        (Prompt(document_bytes=1), 4_000),
        (Prompt(document_bytes=16_384), 4_000),
        (Prompt(document_bytes=16_385), 8_000),
        (Prompt(document_bytes=10**9), 4_000_000),
        (Prompt(audio_bytes=1), 32),
        (Prompt(audio_bytes=4_000 * 60), 32 * 60),
        (Prompt(text_bytes=7, images=1, document_bytes=5, audio_bytes=5), 7 + 5_000 + 4_000 + 32),
    ],
)
def test_pictures_pages_and_sound_weigh_fixed_allowances(weight: Prompt, expected: int) -> None:
    assert tokens.bound(weight) == tokens.FRAME + expected


def test_a_model_may_have_its_own_allowance_for_a_picture() -> None:
    assert tokens.bound(Prompt(images=2), image=258) == tokens.FRAME + 516


@settings(max_examples=50)
@given(st.lists(st.text(alphabet=string.ascii_letters + "  ,.\n'0", max_size=12), max_size=60), st.integers(0, 5))
def test_a_text_in_pieces_has_the_tokens_of_the_whole_however_often_one_asks(pieces: list[str], every: int) -> None:
    tally = Tally()
    for number, piece in enumerate(pieces):
        tally.add(piece)
        if every and number % every == 0:
            assert tally.tokens == exact("".join(pieces[: number + 1]))

    assert tally.tokens == exact("".join(pieces))


@pytest.mark.parametrize(
    "text", ["a  \n b", "a \n  b\n\n c", "  a   b  ", "1 2  3.  \t x", "a  \r\nb", " \n \n ", "x !! y"]
)
def test_a_question_in_the_middle_of_a_gap_between_words_changes_nothing(text: str) -> None:
    tally = Tally()
    for number, letter in enumerate(text * 3):
        tally.add(letter)
        assert tally.tokens == exact((text * 3)[: number + 1])


def test_a_long_text_in_small_pieces_has_the_tokens_of_the_whole() -> None:
    text = (PROSE + CODE) * 300
    tally = Tally()
    for start in range(0, len(text), 7):
        tally.add(text[start : start + 7])

    assert tally.tokens == exact(text)


def test_a_tally_counts_with_the_vocabulary_it_is_told() -> None:
    tally = Tally("cl100k")
    tally.add(PROSE)

    assert tally.tokens == exact(PROSE, "cl100k")


@pytest.mark.parametrize("piece", ["word ", "渡し守", "a", " ", "😀😀😀😀", "x" * 50_000])
def test_a_tally_keeps_a_bounded_piece_of_the_text(piece: str) -> None:
    tally = Tally()
    most = 0
    for number in range(20_000 // len(piece) + 5):
        tally.add(piece)
        most = max(most, sum(map(len, tally._pieces)))
        if number % 1_000 == 0:
            assert tally.tokens > 0
            assert sum(map(len, tally._pieces)) <= Tally.TAIL

    assert most < Tally.BUFFER
    assert tally.tokens > 0


def test_asking_after_every_piece_does_not_count_the_whole_text_again(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = 0
    honest = tokens.count

    def counting(texts: tuple[str, ...], *, family: Family = "o200k") -> int:
        nonlocal counted
        texts = tuple(texts)
        counted += sum(map(len, texts))
        return honest(texts, family=family)

    monkeypatch.setattr(tokens, "count", counting)
    tally = Tally()
    for _ in range(2_000):
        tally.add("seven ch")
        _ = tally.tokens

    assert counted < 10 * 16_000
