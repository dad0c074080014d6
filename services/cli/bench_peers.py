"""``troupe bench peers``: other frameworks, and floors, under the same load as Troupe."""

import tempfile
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Annotated, Final

import anyio
from cyclopts import Parameter
from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ..bench import speech
from ..bench import table as tables
from ..bench.checkout import checkout
from ..bench.crew import Situation
from ..bench.machine import Machine
from ..bench.order import LoadFailed
from ..bench.page import page
from ..bench.peers.comparison import Effort, Outcome, Trials
from ..bench.peers.environments import EnvironmentFailed, default_cache, interpreter, version
from ..bench.peers.servers import processors
from ..bench.peers.subjects import ABSENT, SUBJECTS, Subject
from ..bench.peers.summary import Cost, cost, goals, goals_table, quantities, table
from ..bench.results import Report, write
from ..config.errors import nearest
from .bench_load import INTERRUPTED
from .failing import MISCONFIGURED, fail

QUICK: Final = Effort(few=2, seconds=3.0, warm_up=1.0, trials=0, sentences=1)
"""Only to see that everything runs."""


def peers(
    *names: Annotated[str, Parameter(help="Whom to measure; all if none are named: " + ", ".join(SUBJECTS))],
    quick: Annotated[bool, Parameter(help="Only see that everything runs.", negative="")] = False,
    seconds: Annotated[float, Parameter(help="How long each trial measures.")] = 10.0,
    trials: Annotated[int, Parameter(help="To look for the most sessions with, for each.")] = 5,
    cache: Annotated[
        Path | None, Parameter(help="Where the environments are kept; in the user's cache if not given.")
    ] = None,
    json: Annotated[Path | None, Parameter(help="Write all that was measured there.", show_default=False)] = None,
    html: Annotated[Path | None, Parameter(help="Write a page with plots there.", show_default=False)] = None,
) -> None:
    """Measure other voice frameworks under the same load as Troupe, each on one processor, and tell what each costs.

    Each is installed into an environment of its own, with pinned versions, and answers with scripted providers that
    take no time. It needs a checkout, Linux, two processors, and nothing else that is busy: it takes about a quarter of
    an hour. Ctrl-C ends it early and shows what was measured until then.
    """
    console = Console(highlight=False)
    root = checkout()
    if root is None:
        fail("the peers' servers are in a checkout, beside the tests; this is an installed package", MISCONFIGURED)
    for name in names:
        if name not in SUBJECTS:
            fail(f"there is no peer {name}; {nearest(name, SUBJECTS)}", MISCONFIGURED)
    wanted = {name: SUBJECTS[name] for name in names or SUBJECTS}
    effort = QUICK if quick else Effort(seconds=seconds, trials=trials)
    started, machine, interrupted = datetime.now(UTC), Machine.here(), False
    outcomes: dict[str, Outcome] = {}
    try:
        pythons = {name: _python(console, subject, root, cache) for name, subject in wanted.items()}
        with tempfile.TemporaryDirectory() as folder:
            sounds = Path(folder) / "speech.npz"
            speech.save(sounds, speech.generated())
            with processors() as processor:
                for name, subject in wanted.items():
                    outcomes[name] = anyio.run(
                        _measure, console, subject, pythons[name], root / "benchmarks", sounds, processor, effort
                    )
    except KeyboardInterrupt:
        interrupted = True
    except (EnvironmentFailed, LoadFailed) as error:
        fail(str(error), 1)
    costs = {name: cost(SUBJECTS[name].title, outcome) for name, outcome in outcomes.items()}
    _show(console, costs, outcomes, quick=quick)
    if outcomes and (json or html):
        runs = [outcome.run for outcome in outcomes.values()]
        reached = {} if quick else {"Goals": list(goals(costs))}
        rows = {name: found for name, found in (reached | quantities(costs)).items() if found}
        remarks = [f"{name} {why}" for name, why in ABSENT.items()]
        report = Report.of(
            "peers",
            started,
            machine=machine,
            title="Voice frameworks under the same load",
            runs=runs,
            rows=rows,
            remarks=remarks,
            interrupted=interrupted,
        )
        if json is not None:
            write(json, report)
        if html is not None:
            html.write_text(page(report), encoding="utf-8")
    if interrupted:
        raise SystemExit(INTERRUPTED)


def _python(console: Console, subject: Subject, root: Path, cache: Path | None) -> Path | None:
    requirements = subject.requirements(root / "benchmarks")
    if requirements is None:
        return None
    return interpreter(requirements, cache or default_cache(), told=console.print)


async def _measure(
    console: Console,
    subject: Subject,
    python: Path | None,
    benchmarks: Path,
    sounds: Path,
    processor: int,
    effort: Effort,
) -> Outcome:
    bars = Progress(
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console, auto_refresh=False
    )
    task = bars.add_task(subject.title, total=effort.seconds)
    with Live(console=console, refresh_per_second=4, transient=True) as live:

        def show(now: Situation) -> None:
            bars.update(task, completed=now.usage[-1].at if now.usage else 0.0)
            live.update(tables.situation(now, bars))

        trials = Trials(
            subject,
            python=python,
            version=version(python, subject.distribution) if python else metadata.version(subject.distribution),
            benchmarks=benchmarks,
            sounds=sounds,
            processor=processor,
            effort=effort,
            show=show,
        )
        outcome = await trials.run()
    for step in outcome.run.steps:
        cpu = "" if step.cpu is None else f"{step.cpu:.0%} CPU"
        console.print(f"{subject.title}: {step.sessions} sessions, {cpu}, {tables.verdict(step)}")
    return outcome


def _show(console: Console, costs: dict[str, Cost], outcomes: dict[str, Outcome], *, quick: bool) -> None:
    console.print()
    console.print(table(costs))
    for outcome in outcomes.values():
        for remark in outcome.run.remarks:
            console.print(f"{outcome.run.name}: {remark}", style="dim")
    for name, why in ABSENT.items():
        console.print(f"{name} {why}", style="dim")
    if (rows := list(goals(costs))) and not quick:
        console.print(goals_table(rows))
