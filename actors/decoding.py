"""Decoding what came, or saying that it makes no sense."""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from .errors import BrokenStream

T = TypeVar("T")


def decoded(decode: Callable[[bytes], T], data: bytes, provider: str) -> T:
    """Decode JSON with a decoder of msgspec.

    Raises:
        BrokenStream: It is no JSON, or not what it should be. What it is instead is not said: it may be anything.
    """
    try:
        return decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BrokenStream(provider, "the answer makes no sense") from None
