"""Why something ended: a closed sum of four reasons. A cancellation is never a crash."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Normal:
    """It ended by itself: its work was done."""

    def __str__(self) -> str:
        return "normal"


@dataclass(frozen=True, slots=True)
class Shutdown:
    """Its supervisor or owner asked it to stop, and it did."""

    def __str__(self) -> str:
        return "shutdown"


@dataclass(frozen=True, slots=True)
class Crashed:
    """An error that nobody was there to receive."""

    error: BaseException

    def __str__(self) -> str:
        # The text of a foreign exception may quote user content, so only our own texts are repeated.
        own = type(self.error).__module__.startswith("troupe.")
        return f"crashed with {type(self.error).__qualname__}" + (f" ({self.error})" if own else "")


@dataclass(frozen=True, slots=True)
class Killed:
    """It was asked to stop, did not, and was cancelled after its grace."""

    grace: float
    """Seconds it was given."""

    def __str__(self) -> str:
        return f"cancelled after {self.grace:g} s of grace"


Exit: TypeAlias = Normal | Shutdown | Crashed | Killed

NORMAL = Normal()
SHUTDOWN = Shutdown()
