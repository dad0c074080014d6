"""``troupe replay``: a recorded session once more, and where its time went."""

from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter
from msgspec import Struct
from rich.console import Console
from rich.table import Table

from ...actors.voice.breakdown import STEPS, Turn, turns
from ...actors.voice.replay import Replayed
from ...actors.voice.replay import replay as replayed
from ...actors.voice.tape import NoTape, Tape, read_tape
from ...runtime.testing import run
from .failing import fail


class Report(Struct, frozen=True):
    """What ``--json`` prints."""

    seconds: float
    exact: bool
    turns: list[Turn]
    replay: Replayed


def replay(
    file: Annotated[Path, Parameter(help="A recording, as `troupe serve --record` makes them.")],
    *,
    json: Annotated[bool, Parameter(help="Print it as JSON, times in seconds.", negative="")] = False,
) -> None:
    """Replay a recorded session, without a network and faster than it was, and show where the time of each turn went.

    The status is 0 if the session did what it did when it was recorded, byte for byte, and 1 if it did not.
    """
    try:
        tape = read_tape(file)
    except OSError as error:
        fail(f"{file}: {error.strerror}", 1)
    except NoTape as error:
        fail(str(error), 1)
    if tape.relayed:
        fail(f"{file}: a model that hears and speaks by itself has held this session; nothing of it can be replayed", 1)
    result = run(replayed, tape)
    report = Report(tape.seconds, result.exact, turns(tape), result)
    console = Console(highlight=False)
    if json:
        console.out(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
    else:
        _show(console, tape, report)
    raise SystemExit(0 if result.exact else 1)


def _show(console: Console, tape: Tape, report: Report) -> None:
    table = Table("turn", "at", *(step.replace("_", " ") for step in STEPS), "audio", "ended", box=None)
    for column in table.columns[:-1]:
        column.justify = "right"
    for number, turn in enumerate(report.turns, 1):
        steps = (_milliseconds(getattr(turn, step)) for step in STEPS)
        table.add_row(str(number), f"{turn.asked:.2f} s", *steps, f"{turn.audio:.2f} s", turn.status or "not yet")
    console.print(table)
    console.print("Steps in milliseconds from the end of the user's speech.\n")
    if tape.torn:
        console.print(f"The last {tape.torn} bytes of the file are no whole record and were left out.")
    result = report.replay
    told = f"{result.events} events and {result.requests} requests of {report.seconds:.2f} s"
    if result.exact:
        swapped = f", {result.swapped} of them told at the same time in another order" if result.swapped else ""
        console.print(f"Replayed: {told}, the same byte for byte{swapped}.")
        return
    console.print(f"Replayed: {told} are the same byte for byte. What is not:")
    for each in result.differences:
        console.print(f"  record {each.record}, at {each.at:.3f} s: {each.what}")


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.0f}"
