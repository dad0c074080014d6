"""``troupe bench load``: a load on any server of the realtime protocol, and what it makes people wait for."""

import os
import signal
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import anyio
from anyio import CancelScope, create_task_group, open_signal_receiver
from anyio.abc import TaskStatus
from cyclopts import Parameter
from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ...actors.errors import first_error
from ...codecs.errors import CodecError
from ..bench import speech, table
from ..bench.crew import Situation
from ..bench.events import Setup
from ..bench.knee import Knee
from ..bench.level import DEFAULT as DEFAULT_LEVEL
from ..bench.level import Level, LevelError, parse
from ..bench.load import Generator, find_server, measure, ramp, run_of
from ..bench.machine import Machine
from ..bench.order import LoadFailed, Order
from ..bench.page import page
from ..bench.processes import Processes
from ..bench.results import Report, Step, write
from ..bench.script import Plan
from ..bench.worker import Workload
from .failing import MISCONFIGURED, fail
from .talk import DEFAULT, KEY_VARIABLE

SPOILED: Final = 3
"""The process's status where the load generator was the bottleneck."""
BROKEN: Final = 4
"""Where the service level was not held."""
INTERRUPTED: Final = 130


def load(
    url: Annotated[str, Parameter(help="The server; any that speaks the OpenAI Realtime protocol.")] = DEFAULT,
    *,
    sessions: Annotated[int, Parameter(help="How many; with --ramp, how many to begin with.")] = 10,
    seconds: Annotated[float, Parameter(help="How long to measure, with each number of sessions.")] = 30.0,
    warm_up: Annotated[float, Parameter(help="Seconds of load before that.")] = 5.0,
    ramp_up: Annotated[
        bool, Parameter(name="--ramp", help="Look for the most sessions that hold the level.", negative="")
    ] = False,
    most: Annotated[int, Parameter(help="Sessions that --ramp tries at most.")] = 1000,
    level: Annotated[
        str, Parameter(help="What must hold; without it, --ramp takes: " + DEFAULT_LEVEL, show_default=False)
    ] = "",
    speak: Annotated[
        tuple[Path, ...],
        Parameter(
            help="Recordings of speech in any format, or of sessions, or folders of them; else a computer's voice.",
            negative="",
            show_default=False,
        ),
    ] = (),
    workload: Annotated[
        Workload,
        Parameter(
            help="turns: people ask, listen and interrupt; duplex: speech both ways all the time; idle: nothing; "
            "echo: for a server that sends all messages back."
        ),
    ] = "turns",
    pause: Annotated[float, Parameter(help="Seconds that a user listens after each turn.")] = 6.0,
    interrupt_every: Annotated[int, Parameter(help="Which turn interrupts the answer before it; 0 for none.")] = 4,
    interrupt_after: Annotated[
        float, Parameter(help="Seconds after the end of the turn before, in which it does.")
    ] = 2.0,
    silence: Annotated[float, Parameter(help="Seconds of silence that end a turn, for the server.")] = 0.5,
    transcription: Annotated[str, Parameter(help="The model that writes down speech; none if empty.")] = "default",
    instructions: Annotated[str, Parameter(help="What the model is to be.", show_default=False)] = "",
    model: Annotated[str, Parameter(help="Asked for, unless the address has a query.")] = "troupe",
    probes: Annotated[
        bool, Parameter(help="Ask something every second that is answered at once, with an error, to see the delay.")
    ] = True,
    name: Annotated[str, Parameter(help="Of the server, for the report.", show_default=False)] = "",
    pid: Annotated[
        int | None, Parameter(help="The server's process; found by its port if it is on this machine.")
    ] = None,
    processes: Annotated[int, Parameter(help="For the load, to begin with.")] = 1,
    seed: Annotated[int, Parameter(help="Decides who says what, and when.")] = 1,
    json: Annotated[Path | None, Parameter(help="Write all that was measured there.", show_default=False)] = None,
    html: Annotated[Path | None, Parameter(help="Write a page with plots there.", show_default=False)] = None,
    key: Annotated[str, Parameter(help=f"The server's key; {KEY_VARIABLE} if not given.", show_default=False)] = "",
    insecure: Annotated[bool, Parameter(help="Accept a certificate that nobody vouches for.", negative="")] = False,
) -> None:
    """Talk to a server in many sessions at the same time, at the speed of speech, and tell how it holds up.

    Who speaks when is fixed before: a slow server does not slow its load down. A run in which the load generator itself
    was late is not published, and ends with status 3; 4 says that the level was not held. Ctrl-C ends a run early and
    shows what was measured until then.
    """
    console = Console(highlight=False)
    order = Order(
        url=url,
        name=name,
        model=model,
        key=key or os.environ.get(KEY_VARIABLE, ""),
        insecure=insecure,
        workload=workload,
        seconds=seconds,
        warm_up=warm_up,
        setup=Setup(
            answers=workload == "turns",
            asks=workload == "duplex",
            silence=silence,
            transcription=transcription,
            instructions=instructions,
        ),
        plan=Plan(pause=pause, interrupt_every=interrupt_every, interrupt_after=interrupt_after)
        if workload == "turns"
        else Plan(pause=1.0, interrupt_every=0),
        probes=probes,
        processes=processes,
        pid=pid,
        seed=seed,
    )
    started, machine = datetime.now(UTC), Machine.here()
    try:
        asked = parse(level or DEFAULT_LEVEL) if level or ramp_up else None
        knee = Knee(sessions, most) if ramp_up else None
        _check(sessions, seconds, processes)
        with tempfile.TemporaryDirectory() as folder:
            sounds = Path(folder) / "speech.npz"
            speech.save(sounds, speech.recorded(speak) if speak else speech.generated())
            server = find_server(order)
            if server is None:
                console.print("The server's CPU and memory can't be seen from here; on its machine, --pid names it.")
            steps, interrupted = anyio.run(_load, console, order, sounds, server, sessions, asked, knee)
    except (LevelError, ValueError) as error:
        fail(str(error), MISCONFIGURED)
    except (LoadFailed, speech.NoSpeech, CodecError) as error:
        fail(str(error), 1)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}", 1)
    spoiled = next((step.spoiled for step in steps if step.spoiled), "")
    run = run_of(order, steps, level=asked, knee=knee)
    if run.steps:
        report = Report.of("load", started, machine=machine, runs=[run], interrupted=interrupted)
        table.show(console, table.of_report(report))
        if json is not None:
            write(json, report)
        if html is not None:
            html.write_text(page(report), encoding="utf-8")
    if spoiled:
        fail(f"{spoiled}. That step is not published.", SPOILED)
    if interrupted:
        raise SystemExit(INTERRUPTED)
    if asked and knee is None and run.steps and not run.steps[-1].held:
        fail(f"the level was not held: {table.broken(asked, run.steps[-1])}", BROKEN)


def _check(sessions: int, seconds: float, processes: int) -> None:
    if sessions < 1 or processes < 1:
        raise ValueError("a load has one session or more, of one process or more")
    if seconds <= 0:
        raise ValueError("measuring takes time: --seconds has to be more than 0")


async def _load(
    console: Console,
    order: Order,
    sounds: Path,
    server: Processes | None,
    sessions: int,
    level: Level | None,
    knee: Knee | None,
) -> tuple[list[Step], bool]:
    """Measure while showing how it goes; return the steps, and whether Ctrl-C has ended it."""
    bars = Progress(
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console, auto_refresh=False
    )
    task = bars.add_task("opening", total=order.seconds)
    with Live(console=console, refresh_per_second=4, transient=True) as live:

        def show(now: Situation) -> None:
            measured = now.usage[-1].at if now.usage else None
            bars.update(task, description=f"{now.sessions} sessions", completed=measured or 0.0)
            live.update(table.situation(now, bars))

        def told(step: Step) -> None:
            bars.reset(task)
            text = table.verdict(step) if not step.spoiled else "the load generator was late"
            live.console.print(f"{step.sessions} sessions: {text}")

        generator = Generator(order, sounds, server, show)
        steps: list[Step] = []
        try:
            async with create_task_group() as tasks:
                await tasks.start(_end_on_signal, generator, tasks.cancel_scope)
                if knee is not None and level is not None:
                    steps = await ramp(generator, knee, level, told)
                else:
                    steps = await measure(generator, sessions, level)
                tasks.cancel_scope.cancel()
        except ExceptionGroup as errors:
            raise first_error(errors) from None
    return steps, generator.ended


async def _end_on_signal(generator: Generator, all_of_it: CancelScope, *, task_status: TaskStatus[None]) -> None:
    with open_signal_receiver(signal.SIGINT) as signals:
        task_status.started()
        async for _ in signals:
            if generator.ended:  # once more: don't wait for what was measured
                all_of_it.cancel()
            await generator.end()
