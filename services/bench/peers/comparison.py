"""The same load on each server, one after the other, and what came of it.

Every number of sessions gets a fresh server: what an overloaded one has left behind is no part of the next trial.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from anyio import create_task_group, sleep, to_thread
from msgspec import Struct

from ....actors.errors import first_error
from ..crew import Situation
from ..events import Setup
from ..level import Level, parse
from ..load import Generator, measure
from ..order import LoadFailed, Order
from ..processes import Processes
from ..results import Run, Step
from ..script import Plan
from .approach import Approach
from .memory import proportional
from .servers import serving
from .subjects import Subject

SILENCE: Final = 0.3
"""Seconds of silence that end a turn, for every server."""
LEVELS: Final = {
    "turns": parse("audio_late p99 < 20ms, probe p99 < 20ms, unanswered < 5%, errors < 1%, disconnects = 0"),
    "echo": parse("probe p99 < 20ms, errors < 1%, disconnects = 0"),
}
"""What a server has to hold, by the workload."""
_ATTEMPTS: Final = 2
"""With a load that is on time; machines have moments."""


class Effort(Struct, frozen=True, kw_only=True):
    """How thoroughly it is measured."""

    few: int = 6
    """Sessions of the first trial, which is about latency."""
    seconds: float = 10.0
    warm_up: float = 3.0
    trials: int = 5
    """With more sessions, at most."""
    sentences: int = 3
    """Of an answer."""
    plan: Plan = Plan(pause=4.0, interrupt_every=0)
    """How callers take turns; each answer is longer than that, so that every turn but the first interrupts one."""


class Outcome(Struct, frozen=True):
    """One subject's."""

    run: Run
    few: Step | None
    """The trial with few sessions; None if the load generator itself was late."""
    most: Step | None
    """The trial with the most sessions that were held, if it is another one."""
    memory: float | None
    """Bytes that each session adds."""


class Trials:
    """Trials of one subject.

    Args:
        subject: The server.
        python: The interpreter of its environment; None for this one.
        version: Of what is measured.
        benchmarks: The checkout's folder of that name.
        sounds: A file of utterances.
        processor: The one that the server runs on.
        effort: How thoroughly.
        show: Is told how it goes, several times a second.
    """

    def __init__(
        self,
        subject: Subject,
        *,
        python: Path | None,
        version: str,
        benchmarks: Path,
        sounds: Path,
        processor: int,
        effort: Effort,
        show: Callable[[Situation], None],
    ) -> None:
        self._subject = subject
        self._python = python
        self._version = version
        self._benchmarks = benchmarks
        self._sounds = sounds
        self._processor = processor
        self._effort = effort
        self._show = show
        self._level: Level = LEVELS[subject.workload]
        self._memory: dict[int, int] = {}
        """Bytes that the server held, by the number of sessions."""
        self._steps: list[Step] = []
        self._remarks: list[str] = []
        self._cut_short = False
        """Whether the load generator was late while the most sessions were looked for: they are not known, then."""

    async def run(self) -> Outcome:
        """Measure with few sessions, then look for the most.

        Raises:
            LoadFailed: The server does not start, or lets nobody in.
        """
        effort = self._effort
        few = await self._step(effort.few)
        approach = Approach(effort.trials + 1)
        if self._subject.knee and few is not None:
            approach.tell(effort.few, held=bool(few.held), cpu=few.cpu or 0.0)
            while (sessions := approach.next()) is not None:
                try:
                    step = await self._step(sessions)
                except LoadFailed as failed:
                    self._remarks.append(f"with {sessions} sessions: {failed}")
                    approach.tell(sessions, held=False, cpu=1.0)
                    continue
                if step is None:
                    self._cut_short = True
                    break
                approach.tell(sessions, held=bool(step.held), cpu=step.cpu or 0.0)
            if effort.trials and not approach.found:
                less = "" if approach.broken is None else f" and fewer than {approach.broken}"
                self._remarks.append(f"the number of sessions is known to be {approach.held} or more{less}")
        elif few is not None and effort.trials:
            await self._step(2 * effort.few)
        most = next((step for step in self._steps if step.sessions == approach.held), None)
        return Outcome(self._run_of(approach), few, most if most is not few else None, self._memory_of_a_session())

    def _run_of(self, approach: Approach) -> Run:
        subject = self._subject
        searched = subject.knee and self._effort.trials > 0
        return Run(
            name=subject.title,
            workload=subject.workload,
            version=self._version,
            settings={
                **subject.settings,
                "silence that ends a turn": f"{SILENCE:g} s",
                "answers": f"{self._effort.sentences} sentences",
                "measured": f"{self._effort.seconds:g} s after {self._effort.warm_up:g} s",
            },
            steps=sorted(self._steps, key=lambda step: step.sessions),
            level=str(self._level),
            knee=approach.held if approach.found or (approach.held and not self._cut_short and searched) else None,
            remarks=[*subject.remarks, *self._remarks],
        )

    async def _step(self, sessions: int) -> Step | None:
        """Measure with so many sessions on a fresh server; None if the load generator itself was late."""
        step: Step | None = None
        for _ in range(_ATTEMPTS):
            try:
                step = await self._measure(sessions)
            except ExceptionGroup as failures:  # of the group in there
                raise first_error(failures) from None
            if step is not None and not step.spoiled:
                self._steps.append(step)
                return step
        self._remarks.append(f"with {sessions} sessions: {step.spoiled if step else 'ended early'}")
        return None

    async def _measure(self, sessions: int) -> Step | None:
        subject, effort, steps = self._subject, self._effort, list[Step]()
        command = subject.command(self._benchmarks, self._python, sentences=effort.sentences, sessions=sessions)
        async with serving(command, self._benchmarks, self._processor) as server:
            order = Order(
                url=f"ws://127.0.0.1:{server.port}",
                name=subject.title,
                workload=subject.workload,
                wire=subject.wire,
                seconds=effort.seconds,
                warm_up=effort.warm_up,
                setup=Setup(silence=SILENCE),
                plan=effort.plan,
            )
            generator = Generator(order, self._sounds, Processes([server.pid]), self._show)
            async with create_task_group() as tasks:
                tasks.start_soon(self._watch_memory, server.pid, sessions)
                steps = await measure(generator, sessions, self._level)
                tasks.cancel_scope.cancel()
        return steps[0] if steps else None

    async def _watch_memory(self, pid: int, sessions: int) -> None:
        """Note the most that the server holds, which is while the sessions are there."""
        self._memory[sessions] = 0
        while True:
            self._memory[sessions] = max(self._memory[sessions], await to_thread.run_sync(proportional, pid))
            await sleep(1)

    def _memory_of_a_session(self) -> float | None:
        """Return what each session adds: the difference of two trials, so that what all share does not count."""
        sessions = sorted({step.sessions for step in self._steps})
        if len(sessions) < 2:
            return None
        least, most = sessions[0], sessions[-1]
        return (self._memory[most] - self._memory[least]) / (most - least)
