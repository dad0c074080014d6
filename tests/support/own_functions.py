"""Functions such as somebody may have, for the tests of providers made of them."""

import threading
from collections.abc import AsyncIterator, Iterator

import anyio.lowlevel
import numpy as np
from numpy.typing import NDArray
from troupe.actors.contracts import Turn

closed: list[str] = []
"""The generators that have ended, or were closed."""


def shout(text: str) -> str:
    assert threading.current_thread() is not threading.main_thread()
    return text.upper()


async def whisper(text: str) -> str:
    await anyio.lowlevel.checkpoint()
    return text.lower()


def spell(text: str) -> Iterator[str]:
    try:
        yield from text
    finally:
        closed.append("spell")


async def spell_slowly(text: str, turns: tuple[Turn, ...]) -> AsyncIterator[str]:
    try:
        for letter in text:
            await anyio.lowlevel.checkpoint()
            yield letter
        yield f" ({len(turns)} turns)"
    finally:
        closed.append("spell_slowly")


class Caller:
    async def __call__(self, text: str) -> str:
        return f"called with {text}"


caller = Caller()


def loudness(samples: NDArray[np.float32]) -> str:
    return f"{len(samples)} samples up to {np.abs(samples).max():.2f}"


def beep(text: str) -> Iterator[NDArray[np.float32]]:
    for _ in text.split():
        yield np.full(100, 0.5, np.float32)


def beep_bytes(text: str) -> bytes:
    return bytes(2 * len(text))


def lengths(texts: list[str]) -> list[list[float]]:
    return [[len(text), text.count(" ")] for text in texts]


def wrong(_: object) -> int:
    return 42


def fails(_: object) -> str:
    raise ValueError("what somebody said")


NOTHING = 1


def recite(text: str, turns: tuple[Turn, ...]) -> str:
    """Count; asked again, say what was said before, as far as it was heard."""
    said = [turn.text for turn in turns if turn.role == "assistant"]
    return f"I said: {said[-1]}" if said else "One two three four. Five six seven eight. Nine ten."


def hum(text: str) -> NDArray[np.float32]:
    """As long as somebody needs who speaks fast."""
    return np.full(int(24_000 * 0.04 * len(text)), 0.1, np.float32)
