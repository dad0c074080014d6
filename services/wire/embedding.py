"""Vectors that depend on their text only, for all wire servers that have embeddings."""

import hashlib
import math
import struct


def embedding(text: str, dimensions: int) -> bytes:
    """Return a vector of length 1, as little-endian float32 numbers."""
    seed = hashlib.shake_256(text.encode()).digest(2 * dimensions)
    numbers = [value / 2**15 for value in struct.unpack(f"<{dimensions}h", seed)]
    length = math.sqrt(sum(number * number for number in numbers))
    return struct.pack(f"<{dimensions}f", *(number / length for number in numbers))


def numbers(vector: bytes) -> list[float]:
    """Return a vector as JSON has it."""
    return list(struct.unpack(f"<{len(vector) // 4}f", vector))
