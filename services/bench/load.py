"""A load on a server of the realtime protocol, and what came of it: with some sessions, or with as many as it holds.

The sessions are in processes of their own (`troupe.services.bench.worker`), so that showing how it goes, and looking at
the server's processes, takes no time from them.
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import anyio
import msgspec
from anyio import to_thread

from ...actors.errors import first_error
from ..talk.address import refusal
from .crew import Crew, Situation
from .knee import Knee
from .level import Level
from .machine import usable_cpus
from .measures import KEPT_TURNS
from .order import LoadFailed, Order
from .pacing import spoiled
from .processes import Processes, is_here, listening
from .results import Distribution, Run, Step
from .speech import generated, save
from .statistics import percentile
from .worker import Finished, Job


def find_server(order: Order) -> Processes | None:
    """Return the processes of the server, if they are on this machine.

    Raises:
        LoadFailed: There is no process with the number that was given.
        ValueError: The address is none.
    """
    if order.pid is not None:
        if not Path(f"/proc/{order.pid}").exists():
            raise LoadFailed(f"there is no process {order.pid} whose CPU and memory could be looked at (--pid)")
        return Processes([order.pid])
    address = order.address()
    found = listening(address.port) if is_here(address.host) else []
    return Processes(found) if found else None


class Generator:
    """Makes loads on one server, one after the other.

    Args:
        order: what is to be measured.
        sounds: the file of utterances.
        server: its processes; None if they can't be looked at.
        show: is told how it goes, several times a second.

    Raises:
        ValueError: The address is none.
    """

    def __init__(self, order: Order, sounds: Path, server: Processes | None, show: Callable[[Situation], None]) -> None:
        self._order = order
        self._address = order.address()
        self._sounds = sounds
        self._show = show
        self._server = server
        self._baseline: int | None = None
        self._crew: Crew | None = None
        self.ended = False
        """Whether it was ended early."""

    async def end(self) -> None:
        """End the load that is running, keep what was measured, and begin no other."""
        self.ended = True
        if self._crew is not None:
            await self._crew.end()

    async def step(self, sessions: int) -> Step | None:
        """Measure with so many sessions; None if it was ended before anything could be measured.

        A step in which the load generator was too slow is tried once more, with one process more if there is a
        processor for it.

        Raises:
            LoadFailed: As `attempt`.
        """
        processes = self._order.processes
        step = await self.attempt(sessions, processes)
        if step is None or not step.spoiled or self.ended:
            return step
        return await self.attempt(sessions, max(processes, min(processes + 1, usable_cpus() - 1)))

    async def attempt(self, sessions: int, processes: int) -> Step | None:
        """Measure with so many sessions, and whatever comes of it; None if it was ended before that.

        Args:
            sessions: how many.
            processes: for the load; no more than there are sessions are started.

        Raises:
            LoadFailed: Not one session could be opened, or a process of the load has died.
        """
        processes = min(sessions, processes)
        if self._server is not None and self._baseline is None:
            self._baseline = (await to_thread.run_sync(self._server.look, 0.0)).memory
        self._crew = crew = Crew(self._server, self._show)
        try:
            finished = await crew.work(list(self._jobs(sessions, processes)))
        except* LoadFailed as failures:
            raise LoadFailed(self._explained(str(first_error(failures)))) from None
        if len(finished) < processes:
            return None
        distributions = _distributions(finished)
        late = distributions.get("lateness")
        return Step(
            sessions=sessions,
            seconds=min(each.seconds for each in finished),
            distributions=distributions,
            counts=_sum(each.counts for each in finished),
            errors=_sum(each.errors for each in finished),
            memory_before=self._baseline,
            usage=crew.usage,
            turns=[turn for each in finished for turn in each.turns][:KEPT_TURNS],
            spoiled=spoiled(percentile(late.values, 0.99)) if late else "",
        )

    def _jobs(self, sessions: int, processes: int) -> Iterator[Job]:
        order, first = self._order, 0
        for number in range(processes):
            mine = sessions // processes + (number < sessions % processes)
            yield Job(
                address=self._address,
                workload=order.workload,
                wire=order.wire,
                sessions=mine,
                first=first,
                share=number / processes,
                seconds=order.seconds,
                warm_up=order.warm_up,
                setup=order.setup,
                plan=order.plan,
                probes=order.probes,
                sounds=str(self._sounds),
                seed=order.seed,
            )
            first += mine

    def _explained(self, why: str) -> str:
        if why.isdigit():
            return refusal(self._order.url, int(why))
        return f"{self._order.url}: {why}"


def once(order: Order, sessions: int) -> Step:
    """Measure a server once with so many sessions of generated speech, from a program that is not asynchronous.

    The caller looks at `Step.spoiled`.

    Raises:
        LoadFailed: As `Generator.attempt`.
        ValueError: The address is none.
    """
    with tempfile.TemporaryDirectory() as folder:
        sounds = Path(folder) / "speech.npz"
        save(sounds, generated())
        generator = Generator(order, sounds, find_server(order), lambda _: None)
        step = anyio.run(generator.attempt, sessions, order.processes)
    assert step is not None  # nobody could end it
    return step


async def measure(generator: Generator, sessions: int, level: Level | None) -> list[Step]:
    """Measure with so many sessions; one step, or none if it was ended early.

    Raises:
        LoadFailed: As `Generator.step`.
    """
    step = await generator.step(sessions)
    return [] if step is None else [_judged(step, level)]


async def ramp(generator: Generator, knee: Knee, level: Level, told: Callable[[Step], None]) -> list[Step]:
    """Measure with more and more sessions, until the knee is found; a step that was spoiled ends the search.

    Args:
        generator: makes the loads.
        knee: says how many sessions are next.
        level: what is to be held.
        told: gets each step when it is over.

    Raises:
        LoadFailed: As `Generator.step`, in the first one; later it counts as not held.
    """
    steps: list[Step] = []
    while not generator.ended and (sessions := knee.next()) is not None:
        try:
            step = await generator.step(sessions)
        except LoadFailed as failed:
            if not steps:
                raise
            step = Step(sessions=sessions, seconds=0.0, errors={str(failed): 1}, counts={"errors": 1})
        if step is None:
            break
        steps.append(_judged(step, level))
        told(steps[-1])
        if step.spoiled or generator.ended:
            break
        knee.tell(sessions, held=bool(steps[-1].held))
    return steps


def run_of(order: Order, steps: Iterable[Step], *, level: Level | None = None, knee: Knee | None = None) -> Run:
    """Return what is to be published: steps that were spoiled are not."""
    kept = sorted((step for step in steps if not step.spoiled), key=lambda step: step.sessions)
    remarks: list[str] = []
    if knee is not None and not knee.found:
        below = f"{knee.broken} do not" if knee.broken is not None else "more were not tried"
        remarks.append(f"the knee was not found: {knee.held} sessions hold the level, {below}")
    return Run(
        name=order.name or order.settings()["server"],
        workload=order.workload,
        settings=order.settings(),
        steps=kept,
        level=str(level) if level else "",
        knee=knee.held if knee is not None and knee.found else None,
        remarks=remarks,
    )


def _judged(step: Step, level: Level | None) -> Step:
    return msgspec.structs.replace(step, held=not level.broken(step)) if level and not step.spoiled else step


def _distributions(finished: list[Finished]) -> dict[str, Distribution]:
    parts: dict[str, list[Distribution]] = {}
    for each in finished:
        for name, distribution in each.distributions.items():
            parts.setdefault(name, []).append(distribution)
    return {
        name: Distribution(
            unit="s",
            values=[value for part in found for value in part.values],
            sessions=[session for part in found for session in part.sessions],
        )
        for name, found in sorted(parts.items())
    }


def _sum(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total = Counter[str]()
    for each in counts:
        total.update(each)
    return dict(total)
