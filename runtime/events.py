"""What happens in a system, as structured events for logs and metrics. They never contain messages or their contents.

An event names errors by type and place, not by text: the text of a foreign exception may quote what a user said.
Other packages add events of their own and send them the same way, through `System.emit`.
"""

import logging
from typing import ClassVar, Self

from msgspec import Struct
from msgspec.structs import asdict

logger = logging.getLogger("troupe.runtime")


class Event(Struct, frozen=True, kw_only=True):
    """Something that happened to one actor or supervisor."""

    level: ClassVar[int] = logging.WARNING
    """Of the log line, as in `logging`."""

    path: str
    """Whom it happened to."""


class Started(Event, frozen=True, kw_only=True):
    """It became ready."""

    level: ClassVar[int] = logging.DEBUG

    incarnation: int
    """1 for the first life, 2 after the first restart, ..."""


class Stopped(Event, frozen=True, kw_only=True):
    """It ended in good order: by itself, or because it was asked to."""

    level: ClassVar[int] = logging.DEBUG

    reason: str


class Failure(Event, frozen=True, kw_only=True):
    """Something that an error brought about."""

    error: str
    """The qualified name of the error's type."""
    where: str
    """File and line where it was raised."""

    @classmethod
    def of(cls, path: str, error: BaseException, **fields: object) -> Self:
        """Describe `error` without its text."""
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else ""
        kind = type(error)
        return cls(path=path, error=f"{kind.__module__}.{kind.__qualname__}", where=where, **fields)


class Crashed(Failure, frozen=True, kw_only=True):
    """It ended with an error."""

    level: ClassVar[int] = logging.ERROR


class ErrorSuppressed(Failure, frozen=True, kw_only=True):
    """An error came when nobody was there to get it: its caller had left, or it was crashing already."""


class Restarting(Event, frozen=True, kw_only=True):
    """It will be started again."""

    delay: float
    """Seconds from now."""
    attempt: int
    """How many restarts in a row this makes."""


class GaveUp(Event, frozen=True, kw_only=True):
    """A supervisor reached its restart limit, stops its children and ends."""

    level: ClassVar[int] = logging.ERROR

    child: str
    """The child whose restart was one too many."""


class Cancelled(Event, frozen=True, kw_only=True):
    """It did not stop in the time it had, and was cancelled."""

    grace: float
    """Seconds it had."""


class WouldNotStop(Event, frozen=True, kw_only=True):
    """It goes on although it was cancelled: its owner can't end before it does."""

    level: ClassVar[int] = logging.ERROR


class Overloaded(Event, frozen=True, kw_only=True):
    """A mailbox was full: a message was refused, or dropped, or has to wait. At most one such event a second."""

    capacity: int
    """Messages the mailbox holds."""


def log(event: Event) -> None:
    """Write an event to the logger ``troupe.runtime``; its fields are in the record's ``troupe`` attribute."""
    fields = asdict(event)
    text = " ".join(f"{name}={value}" for name, value in fields.items())
    logger.log(event.level, "%s %s", type(event).__name__, text, extra={"troupe": event})
