"""Texts as the numbers that models of BERT's family read: WordPiece.

A text is cut into words and marks, those are cut into the longest pieces that stand in the vocabulary, and each piece
is its line's number there. The steps are those of BERT's own tokenizer (``tokenization.py`` of google-research/bert,
Apache 2.0): control characters away, ideographs one by one, case and accents away where the model was made without,
marks one by one, words longer than 100 characters unknown.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

LONGEST_WORD: Final = 100
"""Characters; what is longer is unknown."""
_UNKNOWN, _BEGIN, _END = "[UNK]", "[CLS]", "[SEP]"

# The blocks of CJK ideographs that BERT puts spaces around.
_IDEOGRAPHS: Final = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


class WordPiece:
    """A vocabulary, and how to write with it.

    Args:
        vocabulary: Pieces, in the order of their numbers, as they stand in a ``vocab.txt``; pieces that go on within a
            word begin with ``##``.
        lowercase: Whether the model was made without case and accents.

    Raises:
        ValueError: The vocabulary lacks one of ``[UNK]``, ``[CLS]`` and ``[SEP]``.
    """

    def __init__(self, vocabulary: Iterable[str], *, lowercase: bool = True) -> None:
        self._numbers = {piece: number for number, piece in enumerate(vocabulary)}
        self._lowercase = lowercase
        if missing := [piece for piece in (_UNKNOWN, _BEGIN, _END) if piece not in self._numbers]:
            raise ValueError(f"the vocabulary has no {', '.join(missing)}; is it a WordPiece vocabulary?")

    def encode(self, text: str, longest: int = 512) -> list[int]:
        """Return the numbers of a text, between those of ``[CLS]`` and ``[SEP]``; at most `longest`, cut at the end."""
        numbers = [self._numbers[piece] for word in self._words(text) for piece in self._pieces(word)]
        return [self._numbers[_BEGIN], *numbers[: max(longest - 2, 0)], self._numbers[_END]]

    def _words(self, text: str) -> Iterator[str]:
        for word in "".join(map(_spaced, text)).split():
            yield from _apart(_plain(word) if self._lowercase else word)

    def _pieces(self, word: str) -> list[str]:
        pieces: list[str] = []
        start = 0
        if len(word) > LONGEST_WORD:
            return [_UNKNOWN]
        while start < len(word):
            prefix = "##" if start else ""
            found = next((end for end in range(len(word), start, -1) if prefix + word[start:end] in self._numbers), 0)
            if not found:
                return [_UNKNOWN]
            pieces.append(prefix + word[start:found])
            start = found
        return pieces


def _spaced(character: str) -> str:
    """Return a character as the tokenizer reads it: with spaces around, as a space, or not at all."""
    category = unicodedata.category(character)
    if character in "\t\n\r" or category == "Zs":
        return " "
    if character == "\ufffd" or category[0] == "C":
        return ""
    if any(first <= ord(character) <= last for first, last in _IDEOGRAPHS):
        return f" {character} "
    return character


def _plain(word: str) -> str:
    decomposed = unicodedata.normalize("NFD", word.lower())
    return "".join(character for character in decomposed if unicodedata.category(character) != "Mn")


def _apart(word: str) -> Iterator[str]:
    """Give the parts of a word between its marks, and each mark by itself."""
    start = 0
    for place, character in enumerate(word):
        if _is_mark(character):
            if place > start:
                yield word[start:place]
            yield character
            start = place + 1
    if start < len(word):
        yield word[start:]


def _is_mark(character: str) -> bool:
    """Whether it stands by itself: punctuation, and what else of ASCII is neither letter nor digit."""
    return (character.isascii() and not character.isalnum()) or unicodedata.category(character)[0] == "P"
