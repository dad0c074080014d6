"""A bounded number of recognisers, for libraries whose models hold the state of one utterance."""

from collections.abc import Callable
from typing import Generic, TypeVar

from .errors import EngineBusy

T = TypeVar("T")


class Pool(Generic[T]):
    """Recognisers that are made when they are first needed and lent to one utterance at a time."""

    def __init__(self, make: Callable[[], T], most: int) -> None:
        """Make the first recogniser.

        Args:
            make: loads a recogniser; what it raises passes through.
            most: how many there may be.

        Raises:
            ValueError: if `most` is not positive.
        """
        if most < 1:
            raise ValueError(f"{most} decoders hear nothing; at least 1 is needed")
        self._make = make
        self._idle = [make()]
        self._unmade = most - 1

    def take(self) -> T:
        """Lend a recogniser. One that fails is simply not given back.

        Raises:
            EngineBusy: if all are lent.
        """
        if self._idle:
            return self._idle.pop()
        if not self._unmade:
            raise EngineBusy("as many utterances are being heard as were allowed; allow more, or wait")
        made = self._make()
        self._unmade -= 1
        return made

    def give_back(self, recogniser: T) -> None:
        """Take a recogniser back whose utterance has ended."""
        self._idle.append(recogniser)

    def drain(self) -> list[T]:
        """Return those that are not lent, and lend no more."""
        idle, self._idle, self._unmade = self._idle, [], 0
        return idle
