"""Embeddings as they come in JSON, lists of numbers, packed into what travels between actors."""

import sys
from array import array
from collections.abc import Sequence

from .contracts import Embeddings
from .errors import BrokenStream


def packed(vectors: Sequence[Sequence[float]], texts: int, provider: str) -> Embeddings:
    """Return vectors as bytes.

    Args:
        vectors: One for each text, in the order of the texts.
        texts: How many there were.
        provider: For errors.

    Raises:
        BrokenStream: There is not a vector for each text, or they differ in length.
    """
    dimensions = {len(vector) for vector in vectors}
    if len(vectors) != texts or len(dimensions) > 1 or 0 in dimensions:
        raise BrokenStream(provider, f"there are {len(vectors)} vectors of {sorted(dimensions)} numbers, not {texts}")
    numbers = array("f", (number for vector in vectors for number in vector))
    if sys.byteorder == "big":
        numbers.byteswap()
    return Embeddings(numbers.tobytes(), dimensions.pop() if dimensions else 0)
