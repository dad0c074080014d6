"""``troupe bench chaos``: providers that fail in the middle of conversations, and what callers notice of it."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import anyio
from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ...runtime.testing import run as run_virtually
from ..bench.chaos import Chaos, Outcome, Serve, in_a_process, in_this_loop
from ..bench.chaos_peers import EARS as PEERS_EARS
from ..bench.chaos_peers import PEERS, PeerName, in_a_peer
from ..bench.chaos_providers import EARS, Voices
from ..bench.chaos_report import KINDS, groups, report, rows
from ..bench.checkout import checkout
from ..bench.order import LoadFailed
from ..bench.peers.environments import EnvironmentFailed, default_cache, interpreter, version
from ..bench.results import Row, write
from ..bench.statistics import percentile
from .failing import MISCONFIGURED, fail

MISSED: Final = 4
"""The process's status where a goal was not met."""


def chaos(
    *,
    moments: Annotated[int, Parameter(help="How often something goes wrong.")] = 100,
    sessions: Annotated[int, Parameter(help="Callers at the same time, at most 16.")] = 8,
    kinds: Annotated[
        tuple[str, ...], Parameter(help=f"What goes wrong; all of it if not given: {', '.join(KINDS)}.", negative="")
    ] = KINDS,
    voices: Annotated[
        Voices, Parameter(help="Synthesizers that say when they speak which word, or such as don't.")
    ] = "timed",
    peer: Annotated[
        PeerName | None, Parameter(help="Another framework instead of Troupe, in an environment of its own.")
    ] = None,
    virtual: Annotated[
        bool,
        Parameter(
            help="All in this process, on a virtual clock: faster, with the same losses every time.",
            negative="",
        ),
    ] = False,
    seed: Annotated[int, Parameter(help="Decides who says what, and what goes wrong when.")] = 1,
    record: Annotated[Path | None, Parameter(help="A folder for recordings of the sessions.")] = None,
    json: Annotated[Path | None, Parameter(help="Write all that was measured there.", show_default=False)] = None,
) -> None:
    """Let providers fail at random moments of live conversations, and count what is lost, doubled or late.

    The server is `troupe serve`, with two providers for each part; the providers are wire servers, whose speech is made
    of tones, so that each word is known by its sound. The status is 4 if a goal was not met.
    """
    console = Console(highlight=False)
    if peer is not None and (virtual or record is not None):
        fail("a peer runs in real time and records nothing: --peer goes without --virtual and --record", MISCONFIGURED)
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        fail(f"nothing is called {unknown[0]}; there are {', '.join(KINDS)}", MISCONFIGURED)
    started = datetime.now(UTC)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("things gone wrong", total=moments)
        try:
            ears = EARS if peer is None else PEERS_EARS
            chaos = Chaos(
                moments, sessions, seed, kinds, voices, ears, tell=lambda done: progress.update(bar, completed=done)
            )
            serve = _serve(record, virtual=virtual) if peer is None else _serve_peer(peer, console)
            outcome = run_virtually(chaos.run, serve) if virtual else anyio.run(chaos.run, serve)
        except ValueError as error:
            fail(str(error), MISCONFIGURED)
        except (EnvironmentFailed, LoadFailed) as error:
            fail(str(error), 1)
    settings = {
        "seed": str(seed),
        "voices": voices,
        "kinds": ", ".join(kinds),
        "clock": "virtual" if virtual else "real",
        "server": peer or "troupe",
    }
    found = report(outcome, started, settings)
    if json is not None:
        write(json, found)
    console.print(_goals(list(rows(outcome))))
    console.print(_gaps(outcome))
    if outcome.spoiled:
        console.print(f"{outcome.spoiled} turns were left out, as the callers were late themselves.")
    if any(row.met is False for row in found.rows["chaos"]):
        raise SystemExit(MISSED)


def _serve(record: Path | None, *, virtual: bool) -> Serve:
    return partial(in_this_loop if virtual else in_a_process, record=record)


def _serve_peer(name: PeerName, console: Console) -> Serve:
    root = checkout()
    if root is None:
        fail("the peers' servers are in a checkout, beside the tests; this is an installed package", MISCONFIGURED)
    peer, benchmarks = PEERS[name], root / "benchmarks"
    python = interpreter(peer.requirements(benchmarks), default_cache(), told=console.print)
    console.print(f"{peer.distribution} {version(python, peer.distribution)}")
    return partial(in_a_peer, peer=peer, python=python, benchmarks=benchmarks)


def _goals(found: list[Row]) -> Table:
    table = Table("what", "value", "goal", "", box=None)
    table.columns[1].justify = "right"
    for row in found:
        verdict = "" if row.met is None else "[green]met[/]" if row.met else "[red]falls short[/]"
        table.add_row(row.what, f"{row.value:.0f} {row.unit}".strip(), row.goal, verdict)
    return table


def _gaps(outcome: Outcome) -> Table:
    names = ("part", "what goes wrong", "moments", "whole", "gap p50", "p95", "most")
    table = Table(*names, title="\nSilence beyond the other provider's first item, in milliseconds", box=None)
    for column in table.columns[2:]:
        column.justify = "right"
    for part, kind, moments in groups(outcome.moments):
        excess = [moment.excess for moment in moments]
        gaps = (f"{1000 * percentile(excess, share):.0f}" for share in (0.5, 0.95, 1.0))
        table.add_row(part, kind, str(len(moments)), str(sum(moment.whole for moment in moments)), *gaps)
    return table
