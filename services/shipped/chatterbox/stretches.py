"""Where a text is cut into what is spoken at a time."""

import re
from collections.abc import Iterator
from typing import Final

_CLOSING: Final = "\"')\\]\u201d\u2019"
_WIDE_STOPS: Final = "\u3002\uff01\uff1f"  # Chinese and Japanese, where no space follows
_SENTENCE: Final = re.compile(rf".*?(?:[.!?\u2026]+[{_CLOSING}]*(?=\s)|[{_WIDE_STOPS}]+|\n\s*\n|$)\s*", re.DOTALL)
_PLACES: Final = (", ", "; ", ": ", "\uff0c", "\u3001", " ")
"""Where a sentence that is too long is cut, the best first."""


def stretches(text: str, longest: int) -> Iterator[str]:
    """Cut a text into stretches of whole sentences.

    The first one is a single sentence: the sooner it is spoken, the sooner somebody hears something.

    Args:
        text: What is to be said.
        longest: Characters of a stretch; longer sentences are cut between words, longer words anywhere.
    """
    gathered, first = "", True
    for sentence in _SENTENCE.findall(text):
        for part in _parts(" ".join(sentence.split()), longest):
            joined = f"{gathered} {part}".strip()
            if gathered and (first or len(joined) > longest):
                yield gathered
                gathered, first = part, False
            else:
                gathered = joined
    if gathered:
        yield gathered


def _parts(sentence: str, longest: int) -> Iterator[str]:
    while len(sentence) > longest:
        found = ((sentence.rfind(place, 0, longest), place) for place in _PLACES)
        cut = next((at + len(place) for at, place in found if at > longest // 3), longest)
        yield sentence[:cut].strip()
        sentence = sentence[cut:].strip()
    if sentence:
        yield sentence
