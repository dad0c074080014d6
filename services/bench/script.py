"""What each user of a load says, and when: fixed before the run, whatever the server does."""

import random
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import NamedTuple

import numpy as np
from msgspec import Struct

from ...codecs.pcm import Int16
from ...codecs.resample import Resampler
from ..talk.dialogue import RATE
from .events import append
from .pacing import INTERVAL
from .speech import room


class Mark(Enum):
    """What begins or ends with a frame."""

    NOTHING = 0
    BEGINS = 1
    """The first frame of an utterance."""
    ENDS = 2
    """The last one."""


class Plan(Struct, frozen=True, kw_only=True):
    """How users take turns."""

    pause: float = 6.0
    """Seconds that they listen."""
    interrupt_every: int = 4
    """Which of their turns is an interruption; 0 for none."""
    interrupt_after: float = 2.0
    """Seconds after the end of the turn before, in which the answer should have begun."""


class Beat(NamedTuple):
    """20 ms of a user."""

    frame: bytes
    """Ready to be sent."""
    mark: Mark = Mark.NOTHING


class Sounds:
    """What users say, as frames that were made before the run.

    Args:
        utterances: mono, at 24 kHz.
        encode: makes a frame of 20 ms, mono s16le.
        rate: of the audio that it takes, in hertz.
    """

    def __init__(
        self, utterances: Sequence[Int16], encode: Callable[[bytes], bytes] = append, rate: int = RATE
    ) -> None:
        self.utterances = [self._marked(_beats(utterance, encode, rate)) for utterance in utterances]
        self.room = _beats(room(1.0), encode, rate)

    @staticmethod
    def _marked(beats: list[Beat]) -> list[Beat]:
        beats[0] = beats[0]._replace(mark=Mark.BEGINS)
        beats[-1] = beats[-1]._replace(mark=Mark.ENDS)
        return beats


def script(sounds: Sounds, plan: Plan, chance: random.Random, is_talking: Callable[[], bool]) -> Iterator[Beat]:
    """Yield what a user sends, without end.

    Users begin at random moments: all at the same time is what they do least.

    Args:
        sounds: what there is to say.
        plan: when it is said.
        chance: decides what is said, and when the first of it.
        is_talking: whether new utterances are begun.
    """
    yield from _quiet(sounds, chance.uniform(0, plan.pause))
    turn = 0
    while True:
        if not is_talking():
            yield from sounds.room
            continue
        yield from chance.choice(sounds.utterances)
        turn += 1
        interrupts = plan.interrupt_every and turn % plan.interrupt_every == 0
        yield from _quiet(sounds, plan.interrupt_after if interrupts else plan.pause)


def _quiet(sounds: Sounds, seconds: float) -> Iterator[Beat]:
    for number in range(round(seconds / INTERVAL)):
        yield sounds.room[number % len(sounds.room)]


def _beats(samples: Int16, encode: Callable[[bytes], bytes], rate: int) -> list[Beat]:
    if rate != RATE:
        resampler = Resampler(RATE, rate)
        samples = np.concatenate([resampler.push(samples), resampler.finish()])
    size = round(rate * INTERVAL)
    padded = np.pad(samples, (0, -len(samples) % size))
    return [Beat(encode(padded[start : start + size].tobytes())) for start in range(0, len(padded), size)]
