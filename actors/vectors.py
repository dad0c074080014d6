"""Embeddings as providers send them, packed into what travels between actors."""

import struct
from collections.abc import Sequence
from typing import Final

from .contracts import Embeddings
from .errors import BrokenStream

FLOAT: Final = 4
"""Bytes of a number."""


def packed(vector: Sequence[float]) -> bytes:
    """Return a vector that came as a list of numbers."""
    return struct.pack(f"<{len(vector)}f", *vector)


def joined(vectors: Sequence[bytes], texts: int, provider: str) -> Embeddings:
    """Return vectors as one answer.

    Args:
        vectors: Little-endian float32 each, in the order of the texts.
        texts: How many texts there were.
        provider: For errors.

    Raises:
        BrokenStream: There is not a vector for each text, or they differ in length.
    """
    sizes = {len(vector) for vector in vectors}
    if len(vectors) != texts or len(sizes) > 1 or any(size % FLOAT or not size for size in sizes):
        raise BrokenStream(provider, f"there are {len(vectors)} vectors for {texts} texts, of {sorted(sizes)} bytes")
    return Embeddings(b"".join(vectors), sizes.pop() // FLOAT if sizes else 0)
