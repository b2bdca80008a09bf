"""How many tokens a text has, without asking anybody: for holds before a call and for bills when a report stays away.

Pure. The two vocabularies lie in `gateway/data/tokenizers`; nothing is downloaded. A vocabulary takes about 0.2 s and
60 MB to load, so that happens at the first count; a server calls `prepare()` in a thread when it starts.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Final, Literal, Protocol

import tiktoken

Family = Literal["o200k", "cl100k"]

VOCABULARIES: Final = Path(__file__).parent / "data" / "tokenizers"

# The tokenizer's work on one unbroken run of characters grows faster than the run (a megabyte of one letter takes
# seconds), so long texts are cut. A cut between words is exact; a cut inside a run adds a token at most.
SLICE: Final = 8192  # characters

# Allowances of `bound`, in tokens unless said otherwise.
MARGIN_PERCENT: Final = 15  # other vendors' vocabularies find this much more in the same text than o200k does
FRAME: Final = 32  # what a chat template puts around a whole conversation
FRAME_TEXT: Final = 8  # and around each text in it: role, name, delimiters (OpenAI documents 3 + 1)
IMAGE: Final = 5_000  # one picture: current models shrink it to at most 4 784 tokens (Anthropic, vision)
PAGE: Final = 4_000  # one page of a document: its text (Anthropic: 1 500 to 3 000) and its picture (1 000 and more)
PAGE_BYTES: Final = 16_384  # bytes of a document that make one page: text-only pages are seldom smaller
MOST_PAGES: Final = 1_000  # no provider takes longer documents (Gemini: 1 000, Anthropic: 600)
AUDIO_SECOND: Final = 32  # one second of sound (Gemini: 32, OpenAI: 10)
AUDIO_SECOND_BYTES: Final = 4_000  # bytes of a second of sound: speech at 32 kbit/s


class Weight(Protocol):
    """What a prompt weighs: bytes of text, pictures, bytes of documents and of sound (all of them decoded)."""

    @property
    def text_bytes(self) -> int: ...
    @property
    def images(self) -> int: ...
    @property
    def document_bytes(self) -> int: ...
    @property
    def audio_bytes(self) -> int: ...


def prepare(family: Family = "o200k") -> None:
    """Load a vocabulary, so that the first count does not have to."""
    _vocabulary(family)


def count(texts: Iterable[str], *, family: Family = "o200k") -> int:
    """Tokens of all `texts` together. Text that looks like a control token (`<|endoftext|>`) is ordinary text."""
    encode = _vocabulary(family).encode_ordinary
    return sum(len(encode(piece)) for text in texts for piece in _slices(text))


def bound(weight: Weight, texts: Iterable[str] = (), *, family: Family = "o200k", image: int = IMAGE) -> int:
    """A number of tokens that a prompt will not exceed.

    A vocabulary of bytes never makes more tokens than bytes, so without `texts` the bytes are the bound (give the size
    of the whole body then: its brackets and quotes outweigh the chat template). With them the text is counted and the
    margin for foreign vocabularies added; the lesser of the two holds. Pictures, pages and seconds count with fixed
    allowances; `image` replaces the one for a picture where a model is known to differ.
    """
    pieces = list(texts)
    text = weight.text_bytes
    if pieces:
        counted = count(pieces, family=family)
        text = min(text, counted + -(-counted * MARGIN_PERCENT // 100)) + FRAME_TEXT * len(pieces)
    pages = min(-(-weight.document_bytes // PAGE_BYTES), MOST_PAGES)
    seconds = -(-weight.audio_bytes // AUDIO_SECOND_BYTES)
    return FRAME + text + weight.images * image + pages * PAGE + seconds * AUDIO_SECOND


def estimate(weight: Weight, texts: Iterable[str], *, family: Family = "o200k", image: int = 1_600) -> int:
    """About how many tokens a prompt has: its text counted, and what is usual for pictures, pages and seconds.

    An estimate and no bound: other vendors' vocabularies find up to a third more. `image` is what a picture of a
    megapixel takes (Anthropic: width times height, divided by 750).
    """
    pieces = list(texts)
    pages = -(-weight.document_bytes // PAGE_BYTES)
    seconds = -(-weight.audio_bytes // AUDIO_SECOND_BYTES)
    framing = 4 * len(pieces)
    return count(pieces, family=family) + framing + weight.images * image + pages * 2_000 + seconds * AUDIO_SECOND


class Tally:
    """Counts a text that arrives in pieces, as if it had come in one, and never keeps more than 16 KiB of it.

    A piece is only put aside; counting happens when the buffer is full or somebody asks.
    """

    BUFFER: Final = 16_384  # characters kept before they are counted
    TAIL: Final = 1_024  # characters that may be counted again at the next question, because their last word is open

    __slots__ = ("_counted", "_family", "_length", "_pieces")

    def __init__(self, family: Family = "o200k") -> None:
        self._family: Family = family
        self._counted = 0
        self._pieces: list[str] = []
        self._length = 0

    def add(self, text: str) -> None:
        """Take note of the next piece of the text."""
        if text:
            self._pieces.append(text)
            self._length += len(text)
            if self._length >= self.BUFFER:
                self._collapse()

    @property
    def tokens(self) -> int:
        """Tokens of everything so far."""
        if not self._length:
            return self._counted
        self._collapse()
        return self._counted + count(self._pieces, family=self._family)

    def _collapse(self) -> None:
        """Count up to the last word, which may still grow."""
        text = "".join(self._pieces)
        seam = _seam(text, len(text))
        if len(text) - seam > self.TAIL:
            seam = len(text)
        if seam:
            self._counted += count((text[:seam],), family=self._family)
            text = text[seam:]
        self._pieces = [text] if text else []
        self._length = len(text)


@cache
def _vocabulary(family: Family) -> tiktoken.Encoding:
    os.environ["TIKTOKEN_CACHE_DIR"] = str(VOCABULARIES)
    return tiktoken.get_encoding(f"{family}_base")


def _slices(text: str) -> Iterator[str]:
    start = 0
    while len(text) - start > SLICE:
        end = _seam(text, start + SLICE, start) or start + SLICE
        yield text[start:end]
        start = end
    yield text[start:] if start else text


def _seam(text: str, end: int, start: int = 0) -> int:
    """The last place before `end` where a cut changes no count: before a space that follows something else than space,
    which both vocabularies begin a new word with. 0 when there is none near."""
    for _ in range(8):
        end = text.rfind(" ", start + 1, end)
        if end < 0:
            return 0
        if not text[end - 1].isspace():
            return end
    return 0
