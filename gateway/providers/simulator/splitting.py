"""The simulator's own tokens: short pieces of text, without a vocabulary.

About four characters of English each, as with the vendors' tokenizers, and never more tokens than UTF-8 bytes.
The pieces of a text joined are the text, so an answer is cut exactly at its limit and streamed piece by piece.
"""

from __future__ import annotations

import re

TOKEN = re.compile(
    r" ?[A-Za-zÀ-ɏ]{1,8}"  # a word, or the next eight letters of a long one, with the space before it
    r"| ?[0-9]{1,3}"
    r"| ?[\u0370-\u1fff]{1,3}"  # Greek, Cyrillic and other alphabets
    r"| ?[^\W\d_]{1,2}"  # letters of all other scripts
    r"|\n+"
    r"| ?[^\w\s]{1,2}"  # punctuation
    r"| {1,8}"
    r"|.",
    re.DOTALL,
)


def split(text: str) -> list[str]:
    """The tokens of a text; joined they are the text."""
    return TOKEN.findall(text)


def count(text: str) -> int:
    """How many tokens a text has."""
    return len(TOKEN.findall(text))
