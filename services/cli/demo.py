"""``troupe demo``: a supervision tree that crashes and heals, in the terminal."""

import random
import sys
from contextlib import nullcontext
from typing import Annotated, Final

import anyio
from anyio import create_task_group, sleep
from cyclopts import Parameter
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from ...runtime import Actor, Backoff, Message, Ref, Request, Strategy, System, child, events, open_system, supervisor
from ...runtime.errors import ActorDied, DeadlineExceeded
from ...runtime.inspect import inspect, render

LAST_EVENTS: Final = 8


class Work(Request[int], frozen=True):
    """Think for a moment, and answer."""

    number: int


class Stumble(Message, frozen=True):
    """Crash."""


class Worker(Actor):
    """Stands for a provider: it takes a moment, and sometimes it fails."""

    max_concurrency = 4

    async def work(self, request: Work) -> int:
        """Answer after a moment."""
        await sleep(random.uniform(0.02, 0.1))
        return request.number

    def stumble(self, message: Stumble) -> None:
        """Crash, as providers do."""
        raise ConnectionResetError


class Tally:
    """What callers experienced."""

    def __init__(self) -> None:
        self.answered = 0
        self.died = 0
        self.late = 0
        self.events: list[str] = []

    def note(self, event: events.Event) -> None:
        """Remember the last few events."""
        if not isinstance(event, events.Overloaded):
            self.events = [*self.events[1 - LAST_EVENTS :], f"{type(event).__name__:<12} {event.path or 'root'}"]

    def __str__(self) -> str:
        return f"{self.answered} calls answered, {self.died} told at once that their actor died, {self.late} late"


def demo(
    *,
    seconds: Annotated[float, Parameter(help="How long to show it.")] = 12.0,
    seed: Annotated[int | None, Parameter(help="Makes the accidents the same in every run.")] = None,
) -> None:
    """Show a supervised system at work: callers ask, providers crash, supervisors start them again.

    Nothing outside is used: no network, no key. In a terminal the tree is drawn as it changes; elsewhere, such as in a
    pipe, it is printed once a second.
    """
    random.seed(seed)
    anyio.run(_show, seconds)


async def _show(seconds: float) -> None:
    tally, console = Tally(), Console()
    backoff = Backoff(first=0.4, quiet=3, eager=False)
    providers = [child(Worker, name=name, backoff=backoff) for name in ("recogniser", "model", "synthesizer")]
    async with open_system(
        supervisor("providers", *providers[:2], strategy=Strategy.REST_FOR_ONE, intensity=50, period=5),
        supervisor("voices", providers[2], child(Worker, name="spare", backoff=backoff), intensity=50, period=5),
        on_event=tally.note,
    ) as system:
        refs = system.find(Work)
        async with create_task_group() as tasks:
            for ref in refs:
                for _ in range(3):
                    tasks.start_soon(_ask, ref, tally)
            tasks.start_soon(_trip, refs)
            await _draw(system, tally, console, seconds)
            tasks.cancel_scope.cancel()
    console.print(f"{tally}. None of them waited for somebody who was gone.")


async def _ask(ref: Ref, tally: Tally) -> None:
    number = 0
    while True:
        number += 1
        try:
            await ref.ask(Work(number), timeout=2)
            tally.answered += 1
        except ActorDied:
            tally.died += 1
        except DeadlineExceeded:
            tally.late += 1


async def _trip(refs: list[Ref]) -> None:
    while True:
        await sleep(random.uniform(0.5, 1.5))
        await random.choice(refs).tell(Stumble())


async def _draw(system: System, tally: Tally, console: Console, seconds: float) -> None:
    live = Live(console=console, auto_refresh=False) if sys.stdout.isatty() else None
    pause = 0.1 if live else 1.0
    with live or nullcontext():
        for _ in range(max(1, round(seconds / pause))):
            await sleep(pause)
            tree = Text.from_ansi(render(inspect(system), colour=live is not None), no_wrap=True, overflow="ellipsis")
            picture = Group(tree, "", str(tally), "", Text("\n".join(tally.events), style="dim"))
            if live:
                live.update(picture, refresh=True)
            else:
                console.print(tree, "")
