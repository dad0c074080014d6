"""An utterance that is sent as a whole."""

from typing import Final

from ..runtime import Duplex
from .contracts import Transcript
from .errors import RequestTooLong

LARGEST: Final = 25 * 2**20
"""Bytes that are collected of one utterance: about 13 minutes at 16 kHz."""


async def collect(caller: Duplex[Transcript, bytes], provider: str, largest: int = LARGEST) -> bytes:
    """Return all audio of an utterance, in whole samples.

    Raises:
        RequestTooLong: It has more than `largest` bytes.
    """
    pcm = bytearray()
    async for more in caller:
        pcm += more
        if len(pcm) > largest:
            raise RequestTooLong(provider, f"more than {largest} bytes of audio")
    return bytes(pcm[: len(pcm) & ~1])
