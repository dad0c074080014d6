"""What is wrong with a configuration, in a sentence for whoever wrote it."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches


class ConfigError(Exception):
    """The configuration can't be used. The text says where the mistake is and how to mend it, and quotes no secret.

    Args:
        problem: What is wrong, and what to do about it.
        where: The file and line, the variable or the argument; or the key, as ``[voice] stt``.
    """

    def __init__(self, problem: str, where: str = "") -> None:
        super().__init__(problem, where)
        self.problem = problem
        self.where = where

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}" if self.where else self.problem

    def placed(self, places: Mapping[str, str]) -> str:
        """Return its text with the place at which its key was written, if that is known.

        Args:
            places: By key, as ``[voice] stt``; see `Source.places`.
        """
        return f"{places[self.where]}: {self}" if self.where in places else str(self)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return what to say after a name that is not known: the one that was probably meant, or all there are."""
    names = sorted(known)
    close = get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    return f"there are {', '.join(names)}."
