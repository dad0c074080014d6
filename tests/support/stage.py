"""Actors that do what a script says, and a record of what they did: the stage on which supervision is tested."""

import math
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import anyio
from anyio import CancelScope
from anyio.lowlevel import checkpoint
from troupe.runtime import NO_BACKOFF, Actor, Down, Message, Ref, Request, Restart, Sender, StreamRequest, child
from troupe.runtime import events as runtime_events
from troupe.runtime.life import State
from troupe.runtime.specs import ActorSpec
from troupe.runtime.supervision import Supervisor
from troupe.runtime.system import System

E = TypeVar("E", bound=runtime_events.Event)


class Oops(Exception):
    """What a script makes an actor raise."""


class WhichLife(Request[int], frozen=True):
    """Which life of the actor answers, from 1."""


class Fail(Message, frozen=True):
    """Crash."""


class Quit(Message, frozen=True):
    """End by yourself."""


class FailInOwnTask(Message, frozen=True):
    """Start tasks that raise, all in the same moment."""

    tasks: int = 1


class Refuse(Request[None], frozen=True):
    """Answer with an error."""


class Work(Request[str], frozen=True):
    """Take a while; with `stubborn`, cancelled or not."""

    name: str = "work"
    seconds: float = math.inf
    stubborn: bool = False


class Later(Message, frozen=True):
    """Note the name, in turn."""

    name: str


class Tick(StreamRequest[int], frozen=True):
    """Count the seconds, for ever."""


class Watch(Message, frozen=True):
    """Watch this actor."""

    ref: Ref


class Break(Request[None], frozen=True):
    """Raise this, whatever it is."""

    error: Any


@dataclass(frozen=True)
class Act:
    """What one life of an actor does at its start and at its end."""

    start: float = 0.0
    """Seconds until it is ready."""
    start_error: BaseException | None = None
    """Raised instead of becoming ready."""
    start_stubborn: bool = False
    """Whether it ignores being cancelled meanwhile."""
    cleanup: float = 0.0
    """Seconds it takes to clean up."""
    cleanup_error: BaseException | None = None
    """Raised at the end of cleaning up."""
    cleanup_stubborn: bool = False
    """Whether it ignores being cancelled meanwhile."""
    pauses: int = 0
    """How often it lets others run before it is ready, and again when it cleans up."""


class Player(Actor):
    """Does what the stage's script says, and tells the stage."""

    def __init__(self, stage: "Stage", name: str) -> None:
        self.stage = stage
        self.name = name
        self.life = stage.born(name)
        self.act = stage.act(name, self.life)

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        stage, name, act = self.stage, self.name, self.act
        stage.enter(name)
        try:
            await _take(act.start, stubborn=act.start_stubborn)
            await steps(act.pauses)
            if act.start_error is not None:
                raise act.start_error
            stage.log.append(f"{name} up")
            try:
                yield
            finally:
                stage.cleaning.add(name)
                await _take(act.cleanup, stubborn=act.cleanup_stubborn)
                await steps(act.pauses)
                if act.cleanup_error is not None:
                    raise act.cleanup_error
        finally:
            stage.log.append(f"{name} down")
            stage.leave(name)

    async def which_life(self, _request: WhichLife) -> int:
        return self.life

    def fail(self, _message: Fail) -> None:
        raise Oops(self.name)

    def quit(self, _message: Quit) -> None:
        self.context.stop()

    async def fail_in_own_task(self, message: FailInOwnTask) -> None:
        now = anyio.Event()

        async def task() -> None:
            await now.wait()
            raise Oops(self.name)

        for _ in range(message.tasks):
            self.context.start_soon(task)
        await steps(3)
        now.set()

    def refuse(self, _request: Refuse) -> None:
        raise Oops(self.name)

    async def work(self, request: Work) -> str:
        self.stage.log.append(f"{self.name} {request.name}")
        try:
            await _take(request.seconds, stubborn=request.stubborn)
        except BaseException:
            self.stage.log.append(f"{self.name} {request.name} cancelled")
            raise
        self.stage.log.append(f"{self.name} {request.name} done")
        return request.name

    def later(self, message: Later) -> None:
        self.stage.log.append(f"{self.name} {message.name}")

    async def tick(self, _request: Tick, replies: Sender[int]) -> None:
        for number in range(10**9):
            await replies.send(number)
            await anyio.sleep(1)

    def watch(self, message: Watch) -> None:
        self.context.watch(message.ref)

    def down(self, message: Down) -> None:
        self.stage.log.append(f"{self.name} saw {message.ref.name} end: {message.exit}")

    def break_(self, request: Break) -> None:
        raise request.error


async def _take(seconds: float, *, stubborn: bool) -> None:
    if seconds:
        with CancelScope(shield=stubborn):
            await anyio.sleep(seconds)


class Stage:
    """The script and the record of one test.

    Args:
        script: For each actor what its lives do, one after the other; the last one goes for all that follow.
    """

    def __init__(self, **script: Act | list[Act]) -> None:
        self.script = script
        self.log: list[str] = []
        self.events: list[runtime_events.Event] = []
        self.lives: Counter[str] = Counter()
        self.alive: set[str] = set()
        self.cleaning: set[str] = set()
        """Those of them that clean up."""
        self.doubled: list[str] = []
        """Actors of which two lives were there at the same time; there must never be one."""

    def born(self, name: str) -> int:
        self.lives[name] += 1
        return self.lives[name]

    def act(self, name: str, life: int) -> Act:
        acts = self.script.get(name, Act())
        return acts if isinstance(acts, Act) else acts[min(life, len(acts)) - 1]

    def enter(self, name: str) -> None:
        if name in self.alive:
            self.doubled.append(name)
        self.alive.add(name)

    def leave(self, name: str) -> None:
        self.alive.discard(name)
        self.cleaning.discard(name)

    def child(self, name: str, **options: Any) -> ActorSpec:
        """A child that plays on this stage; it restarts without delay unless told otherwise."""
        return child(Player, self, name, name=name, **{"backoff": NO_BACKOFF, **options})

    def children(self, names: str, **options: Any) -> list[ActorSpec]:
        """One child for each letter."""
        return [self.child(name, **options) for name in names]

    def event(self, event: runtime_events.Event) -> None:
        self.events.append(event)

    def seen(self, kind: type[E]) -> list[E]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def take_log(self) -> list[str]:
        """What has happened since the last time."""
        log, self.log = self.log, []
        return log

    async def crash(self, system: System, *paths: str) -> None:
        """Crash actors at the same time, and wait until all they took along are up again."""
        for path in paths:
            system.ref(path).tell_nowait(Fail())
        await self.settled(system)

    async def settled(self, system: System) -> None:
        """Wait until nobody starts, stops or backs off."""
        await steps(20)
        while any(child.state not in (State.RUNNING, State.ENDED) for child in everybody(system.root)):
            await anyio.sleep(0.01)
            await steps(20)


def everybody(supervisor: Supervisor) -> list[Any]:
    """All children, at any depth."""
    found: list[Any] = []
    for one in supervisor.children:
        found.append(one)
        if isinstance(one.body, Supervisor):
            found += everybody(one.body)
    return found


def states(supervisor: Supervisor) -> dict[str, str]:
    """The states of the children of one supervisor, by name."""
    return {one.spec.name: one.state.value for one in supervisor.children}


async def steps(count: int = 10) -> None:
    """Let everybody else run for a while that costs no time on any clock."""
    for _ in range(count):
        await checkpoint()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that needs no time to pass."""
    for _ in range(10_000):
        if condition():
            return
        await checkpoint()
    raise AssertionError("it did not come true")


TEMPORARY, TRANSIENT, PERMANENT = Restart.TEMPORARY, Restart.TRANSIENT, Restart.PERMANENT
