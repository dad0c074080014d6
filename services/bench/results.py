"""What a benchmark has measured, as it is kept in JSON files.

A `Report` is one file: a machine, a time, a commit. In it, a `Run` is one subject (a server, a framework) under one
workload, a `Step` is that run at one number of sessions, and a `Row` is one number beside its floor or peer. Raw values
are kept where they can be: percentiles can't be compared with confidence, distributions can.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, Self

import msgspec
from msgspec import Struct

from .checkout import commit
from .machine import Machine

FORMAT: Final = 1
"""Of the files; it grows when a reader of older ones would misunderstand."""

Unit = Literal["s", "bytes", "1"]
Json = dict[str, "Json"] | list["Json"] | str | float | bool | None


class ResultsError(Exception):
    """A file of results can't be used; the text says why."""


class Row(Struct, frozen=True, kw_only=True):
    """One measured quantity, with the floor or peer that was measured in the same run."""

    what: str
    """What was measured, in words."""
    value: float
    """The measured value, in `unit`."""
    unit: str
    """Such as ``ops/s``, ``µs``, ``ms``, ``KiB``."""
    floor: float | None = None
    """The floor's value in the same unit, if there is one."""
    floor_name: str = ""
    """What the floor is."""
    goal: str = ""
    """The goal in words, such as ``≤ 2 x the floor``."""
    met: bool | None = None
    """Whether the goal was met; None where there is no goal."""

    @property
    def ratio(self) -> float | None:
        """Value divided by floor."""
        return self.value / self.floor if self.floor else None


class Distribution(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All values of one quantity."""

    unit: Unit
    values: list[float]
    sessions: list[int] = []
    """Of which session each value is: those of one session are not independent. Empty if there is nothing to know."""


class Usage(Struct, frozen=True, kw_only=True):
    """The processes of a server at one moment, all together."""

    at: float
    """Seconds since the step's measurement began."""
    cpu: float
    """Seconds of CPU used since then."""
    memory: int
    """Resident bytes."""
    threads: int
    descriptors: int
    """Open file descriptors."""
    switches: int
    """Times that they were woken up (voluntary context switches)."""


class Turn(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The moments of one turn, in seconds from the end of the user's speech; None for what did not come."""

    session: int
    speech: float
    """Seconds that the user spoke."""
    stopped: float | None = None
    """The server says that speech has ended."""
    transcript: float | None = None
    token: float | None = None
    """The first text of the answer."""
    audio: float | None = None
    """The first audio of it."""
    done: float | None = None
    """The server has said all."""
    heard: float | None = None
    """A client that plays from the first audio on has played the last, or has been told to stop."""
    interrupted: bool = False
    """Whether the user spoke again before that."""


class Step(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """So many sessions for some time."""

    sessions: int
    seconds: float
    """Of measurement, after warming up."""
    distributions: dict[str, Distribution] = {}
    """By the name of the quantity; those of the load generator are in `troupe.services.bench.measures`."""
    counts: dict[str, int] = {}
    """Things that are counted: ``turns``, ``unanswered``, ``errors``, ``disconnects``, ..."""
    errors: dict[str, int] = {}
    """The errors by their code."""
    memory_before: int | None = None
    """The server's resident bytes before the first of these sessions."""
    usage: list[Usage] = []
    """The server's, about once a second; empty if it does not run here."""
    turns: list[Turn] = []
    """A few, to look at one by one."""
    held: bool | None = None
    """Whether the service level was held; None without one."""
    spoiled: str = ""
    """Why this says nothing of the server: the load generator was the bottleneck."""

    @property
    def cpu(self) -> float | None:
        """Seconds of CPU that the server used in a second."""
        if len(self.usage) < 2:
            return None
        first, last = self.usage[0], self.usage[-1]
        return (last.cpu - first.cpu) / (last.at - first.at)

    @property
    def cpu_per_session(self) -> float | None:
        """Seconds of CPU for a second of a session."""
        return self.cpu / self.sessions if self.cpu is not None and self.sessions else None

    @property
    def memory_per_session(self) -> float | None:
        """Bytes that the server holds more than without sessions, for each."""
        if self.memory_before is None or not self.usage or not self.sessions:
            return None
        return (self.usage[-1].memory - self.memory_before) / self.sessions


class Run(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One subject under one workload."""

    name: str
    """Of the subject, such as ``troupe``."""
    workload: str
    """Such as ``turns``."""
    version: str = ""
    settings: dict[str, str] = {}
    """What else one has to know to repeat it, by name."""
    steps: list[Step] = []
    level: str = ""
    """The service level that was asked for; see `troupe.services.bench.level`."""
    knee: int | None = None
    """The most sessions that hold the level; None if none were looked for, 0 if not even the fewest do."""
    remarks: list[str] = []
    """What the subject can't do of the workload, and whatever else puts the numbers in a right light."""


class Report(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All of a file."""

    kind: str
    """What made it: ``load``, ``micro``, ``peers``, ``chaos``."""
    started: datetime
    """UTC, to the second."""
    commit: str
    """Of the checkout, ``-dirty`` after it if something in it was changed; empty if it is none."""
    machine: Machine
    format: int
    title: str = ""
    runs: list[Run] = []
    rows: dict[str, list[Row]] = {}
    """By the name of the table."""
    remarks: list[str] = []
    interrupted: bool = False
    """Whether somebody ended it before its time."""

    @classmethod
    def of(cls, kind: str, started: datetime, *, machine: Machine | None = None, **members: Any) -> Self:
        """Return a report of this machine and this checkout.

        Args:
            kind: What makes it.
            started: When that began, with its time zone.
            machine: As it was before, when it may have been idle; as it is now if not given.
            members: The others, by name.
        """
        moment = started.astimezone(UTC).replace(microsecond=0)
        return cls(
            kind=kind, started=moment, commit=commit(), machine=machine or Machine.here(), format=FORMAT, **members
        )


def write(path: Path, report: Report) -> None:
    """Write a report as JSON; numbers keep six significant digits.

    Raises:
        OSError: The file can't be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.encode(_rounded(msgspec.to_builtins(report))) + b"\n")


def read(path: Path) -> Report:
    """Read a report.

    Raises:
        ResultsError: There is none, or one of a format that is not known here.
    """
    try:
        content = path.read_bytes()
        told = msgspec.json.decode(content, type=_Kind).format
        if told != FORMAT:
            raise ResultsError(f"{path} is of format {told}, and this version of troupe reads format {FORMAT}")
        return msgspec.json.decode(content, type=Report)
    except OSError as error:
        raise ResultsError(f"{path}: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise ResultsError(f"{path} is no report of troupe bench: {error}") from None


class _Kind(Struct):
    format: int


def _rounded(value: "Json") -> "Json":
    match value:
        case float():
            return float(f"{value:.6g}")
        case list():
            return [_rounded(each) for each in value]
        case dict():
            return {key: _rounded(each) for key, each in value.items()}
        case _:
            return value
