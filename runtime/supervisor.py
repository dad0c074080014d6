"""Supervisors: start children in order, watch them, restart what crashes, stop them in reverse.

How it stands on structured concurrency. A task group alone is a supervisor of strategy one_for_all with no restarts:
the first error cancels everybody. So each child gets three things of its own: a wrapper (`Child.spawn`) that turns
however the child ends into an `Exit` and posts it; a cancel scope, shielded from the moment the child is ready, because
one outer cancel would reach all levels at once and children could not be stopped one after the other; and a latch that
says it is gone. All decisions are taken in one place, the supervisor's loop, from what the wrappers posted.

Stopping is grace, then cancel, then report, each with a deadline. `docs/supervision.md` compares all of it with OTP.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, overload

from anyio import CancelScope, create_task_group, move_on_after, move_on_at

from . import events
from .cell import Cell
from .errors import ActorDied, InvalidActor, NameTaken, NoSuchName, RestartLimitExceeded, RuntimeFault, StartFailed
from .exits import NORMAL, SHUTDOWN, Crashed, Exit, Killed
from .parking import Latch, Line
from .ref import Ref
from .restart import Restart, RestartWindow
from .specs import ActorSpec, AnySpec, AutoShutdown, Strategy, SupervisorSpec

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from .system import System

CLEANUP: Final = 1.0
"""Seconds a cancelled child has to clean up before it is reported as one that would not stop."""


class State(Enum):
    """Where a child is in its life."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    BACKING_OFF = "backing off"
    ENDED = "ended"


class Body(Protocol):
    """What a child is made of: the cell of an actor, or a supervisor."""

    @property
    def path(self) -> str:
        """Its name, from the root on."""
        ...

    async def run(self, ready: Callable[[], None]) -> Exit:
        """Live once."""
        ...

    def request_stop(self, *, for_good: bool) -> None:
        """Ask it to end; for good, or to be started again."""
        ...

    def finish(self, exit: Exit) -> None:
        """There will be no further life."""
        ...


class Owner(Protocol):
    """Who hears how a child ended."""

    @property
    def system(self) -> "System":
        """The system it belongs to."""
        ...

    def child_ended(self, child: "Child") -> None:
        """The child's task is about to end; how it ended is in `Child.last_exit`."""
        ...


class Child:
    """One child of a supervisor, over all its lives."""

    __slots__ = (
        "attempt",
        "backing_off_until",
        "body",
        "gone",
        "last_exit",
        "life",
        "ready_at",
        "scope",
        "spec",
        "start_awaited",
        "started",
        "state",
        "stop_asked",
        "wanted",
    )

    def __init__(self, spec: AnySpec, body: "Cell | Supervisor") -> None:
        self.spec = spec
        self.body = body
        self.state = State.ENDED
        self.scope = CancelScope()
        self.started = Latch()
        """Set when it is ready, with True; or when it will not be, with False."""
        self.gone = Latch()
        """Set when its task has ended."""
        self.gone.set()
        self.life = 0
        """Number of the present or last life, from 1."""
        self.attempt = 0
        """Restarts in a row, without a quiet time between them."""
        self.last_exit: Exit = NORMAL
        self.ready_at = math.inf
        self.backing_off_until = math.inf
        self.wanted = True
        """Whether it should be running, now or after a while."""
        self.stop_asked = False
        """Whether the end of this life is wanted, so that nobody reacts to it."""
        self.start_awaited = False
        """Whether somebody waits for this start and wants to hear of its failure himself."""

    def spawn(self, tasks: "TaskGroup", owner: Owner) -> None:
        """Begin a new life in `tasks`."""
        self.life += 1
        self.state = State.STARTING
        self.stop_asked = False
        self.scope = CancelScope()
        self.started = Latch()
        self.gone = Latch()
        tasks.start_soon(self._live, owner)

    async def _live(self, owner: Owner) -> None:
        system, scope, path = owner.system, self.scope, self.body.path
        scope.deadline = system.now() + self.spec.start_timeout

        def ready() -> None:
            scope.deadline = math.inf
            scope.shield = True  # only its supervisor cancels it from now on; a slow start has to stay cancellable
            if not self.stop_asked:
                self.state = State.RUNNING
            self.ready_at = system.now()
            system.emit(events.Started(path=path, incarnation=self.life))
            self.started.set(True)

        exit: Exit | None = None
        try:
            with scope:
                exit = await self.body.run(ready)
            if exit is None and self.started.is_set:
                exit = Killed(self.spec.shutdown)
            elif exit is None and not self.stop_asked:
                exit = Crashed(TimeoutError(f"{path!r} was not ready within {self.spec.start_timeout:g} s"))
        except Exception as error:  # policy: its supervisor decides; a cancellation is not a failure
            exit = Crashed(error)
        finally:
            # No exit: it was cancelled before it was ready, or later by a CancelledError that nobody had asked for.
            if exit is None:
                exit = Crashed(RuntimeFault(f"{path!r} was cancelled by nobody")) if self.started.is_set else SHUTDOWN
            self.last_exit = exit
            self.state = State.ENDED
            match exit:
                case Crashed(crash):
                    system.emit(events.Crashed.of(path, crash))
                case _:
                    system.emit(events.Stopped(path=path, reason=str(exit)))
            owner.child_ended(self)
            self.started.set(False)
            self.gone.set()

    async def stop(self, system: "System", *, for_good: bool) -> None:
        """Grace, then cancel, then report; returns when it is gone, or was reported. Cancelling does not hurry it."""
        self.stop_asked = True
        if self.gone.is_set:
            self.state = State.ENDED
            return
        self.state = State.STOPPING
        if self.started.is_set:
            self.body.request_stop(for_good=for_good)
            with move_on_after(self.spec.shutdown, shield=True):
                await self.gone.wait()
            if not self.gone.is_set:
                system.emit(events.Cancelled(path=self.body.path, grace=self.spec.shutdown))
        self.scope.cancel()
        with move_on_after(CLEANUP, shield=True):
            await self.gone.wait()
        if not self.gone.is_set:
            system.emit(events.WouldNotStop(path=self.body.path))


class Supervisor:
    """Starts, watches, restarts and stops its children, as its `SupervisorSpec` says."""

    def __init__(self, spec: SupervisorSpec, path: str, system: "System") -> None:
        self.spec = spec
        self.path = path
        self.system = system
        self.ended = Latch()
        """Set, with the `Exit`, when there will be no further life."""
        self._children: dict[str, Child] = {}
        self._tasks: TaskGroup | None = None
        self._scope = CancelScope()
        self._for_good = False
        self._running = False
        self._window = RestartWindow(spec.intensity, spec.period)
        self._exits: deque[tuple[Child, int]] = deque()  # at most one entry per child and life
        self._news = Line()
        self._backing_off: set[Child] = set()

    def __repr__(self) -> str:
        return f"<Supervisor {self.path!r}>"

    # -- what everybody may do -------------------------------------------------------------------------------------

    @overload
    async def start_child(self, spec: ActorSpec) -> Ref: ...
    @overload
    async def start_child(self, spec: SupervisorSpec) -> "Supervisor": ...
    async def start_child(self, spec: AnySpec) -> "Ref | Supervisor":
        """Add a child and wait until it is ready; children may be started side by side.

        Cancelling stops and removes the child.

        Raises:
            NameTaken: There is a child of that name.
            StartFailed: It ended before it was ready; it has been removed.
            ActorDied: The supervisor is not running.
            InvalidActor: There are `SupervisorSpec.max_children` already.
        """
        self._check_running()
        if spec.name in self._children:
            raise NameTaken(f"{self.path!r} has a child {spec.name!r}; remove_child it first, or choose another name")
        if len(self._children) >= self.spec.max_children:
            raise InvalidActor(f"{self.path!r} has {self.spec.max_children} children, as many as max_children allows")
        child = self._add(spec)
        try:
            await self._start(child)
        except BaseException:
            self._forget(child, child.last_exit)
            raise
        return child.body.ref if isinstance(child.body, Cell) else child.body

    async def stop_child(self, name: str) -> None:
        """Stop a child for good. Its specification stays, for `restart_child`, unless it is temporary or dynamic.

        Cancelling does not hurry it: the child's own deadlines bound the wait.

        Raises:
            NoSuchName: There is no such child.
        """
        child = self._child(name)
        child.wanted = False
        self._backing_off.discard(child)
        await child.stop(self.system, for_good=True)
        self._retire(child)

    async def restart_child(self, name: str) -> "Ref | Supervisor":
        """Start a child again that ended for good; it gets a new reference.

        Raises:
            NoSuchName: There is no such child.
            NameTaken: It has not ended.
            StartFailed: It ended before it was ready.
            ActorDied: The supervisor is not running.
        """
        self._check_running()
        child = self._child(name)
        if child.wanted:
            raise NameTaken(f"{child.body.path!r} has not ended; stop_child it first")
        child.body = self._make_body(child.spec)
        child.wanted = True
        try:
            await self._start(child)
        except BaseException:
            self._retire(child)
            raise
        return child.body.ref if isinstance(child.body, Cell) else child.body

    def remove_child(self, name: str) -> None:
        """Forget the specification of a child that has ended for good.

        Raises:
            NoSuchName: There is no such child.
            NameTaken: It has not ended.
        """
        child = self._child(name)
        if child.wanted:
            raise NameTaken(f"{child.body.path!r} has not ended; stop_child it first")
        del self._children[name]

    @property
    def children(self) -> Iterable[Child]:
        """The children in the order of their start."""
        return tuple(self._children.values())

    async def wait_ended(self) -> Exit:
        """Wait until the supervisor has ended for good, and return why. Cancelling is safe."""
        exit: Exit = await self.ended.wait()
        return exit

    # -- what its own supervisor does ------------------------------------------------------------------------------

    async def run(self, ready: Callable[[], None]) -> Exit:
        """Live once: start the children in order, say `ready`, restart as need be, stop them in reverse."""
        self._window = RestartWindow(self.spec.intensity, self.spec.period)
        self._exits.clear()
        self._for_good = False
        exit: Exit = SHUTDOWN
        async with create_task_group() as self._tasks:
            try:
                with CancelScope() as self._scope:
                    await self._start_all()
                    self._running = True
                    ready()
                    exit = await self._loop()
            except (RestartLimitExceeded, StartFailed) as error:
                exit = Crashed(error)
            finally:
                self._running = False
                self._backing_off.clear()
                await self._stop_all()
        self._tasks = None
        return exit

    def request_stop(self, *, for_good: bool) -> None:
        """Ask it to stop its children and end."""
        self._for_good = for_good
        self._scope.cancel()

    def finish(self, exit: Exit) -> None:
        """There will be no further life, of it and of its children."""
        for child in list(self._children.values()):
            child.wanted = False
            child.body.finish(child.last_exit if child.life else exit)
        self._children.clear()
        self.ended.set(exit)
        self.system.registry.remove(self)

    def kill(self) -> None:
        """Cancel everybody below at once, whatever grace they have."""
        for child in self._children.values():
            if isinstance(child.body, Supervisor):
                child.body.kill()
            else:
                child.scope.cancel()

    def child_ended(self, child: Child) -> None:
        """Hear from a child's task that it ends."""
        if not child.stop_asked and not (child.start_awaited and not child.started.is_set):
            self._exits.append((child, child.life))
            self._news.wake()

    # -- starting and stopping -------------------------------------------------------------------------------------

    def _make_body(self, spec: AnySpec) -> "Cell | Supervisor":
        path = f"{self.path}/{spec.name}" if self.path else spec.name
        body = Cell(spec, path, self.system) if isinstance(spec, ActorSpec) else Supervisor(spec, path, self.system)
        self.system.registry.add(body)
        return body

    def _add(self, spec: AnySpec) -> Child:
        child = self._children[spec.name] = Child(spec, self._make_body(spec))
        return child

    async def _start_all(self) -> None:
        """Start the children of the specification; those of an earlier life go on with their cells and mailboxes."""
        for spec in self.spec.children:
            known = self._children.get(spec.name)
            if known is None or not known.wanted:
                self._children.pop(spec.name, None)
                self._add(spec)
        for spec in self.spec.children:
            await self._start(self._children[spec.name])

    async def _start(self, child: Child) -> None:
        """Start a child on somebody's behalf: a failure is raised here, and is no crash."""
        assert self._tasks is not None
        child.start_awaited = True
        try:
            child.spawn(self._tasks, self)
            if not await child.started.wait():
                raise StartFailed(child.body.path, child.last_exit) from _error(child.last_exit)
        except BaseException:
            await child.stop(self.system, for_good=True)
            raise
        finally:
            child.start_awaited = False

    async def _stop_all(self) -> None:
        if self.spec.strategy is Strategy.DYNAMIC:
            async with create_task_group() as stopping:
                for child in self._children.values():
                    child.stop_asked = True
                    stopping.start_soon(partial(child.stop, self.system, for_good=self._for_good))
        else:
            for child in reversed(self._children.values()):
                await child.stop(self.system, for_good=self._for_good)
        static = {spec.name for spec in self.spec.children}
        for child in list(self._children.values()):
            if child.spec.name not in static:
                self._forget(child, child.last_exit)

    def _retire(self, child: Child) -> None:
        """A child has ended for good; its specification stays only where it can be started again."""
        child.wanted = False
        child.state = State.ENDED
        if child.spec.restart is Restart.TEMPORARY or self.spec.strategy is Strategy.DYNAMIC:
            self._forget(child, child.last_exit)
        else:
            self._finish(child, child.last_exit)

    def _forget(self, child: Child, exit: Exit) -> None:
        if self._children.get(child.spec.name) is child:
            del self._children[child.spec.name]
        self._finish(child, exit)

    def _finish(self, child: Child, exit: Exit) -> None:
        child.wanted = False
        child.body.finish(exit)

    # -- deciding --------------------------------------------------------------------------------------------------

    async def _loop(self) -> Exit:
        """React to what children's tasks post, until there is a reason to end."""
        while True:
            while self._exits:
                child, life = self._exits.popleft()
                if child.life == life and not child.stop_asked and child.wanted and await self._decide(child):
                    return SHUTDOWN
            now = self.system.now()
            for child in [c for c in self._backing_off if c.backing_off_until <= now]:
                await self._restart(child)
            if not self._exits:
                with move_on_at(min((c.backing_off_until for c in self._backing_off), default=math.inf)):
                    await self._news.wait()

    async def _decide(self, child: Child) -> bool:
        """Restart what has to be restarted because `child` ended; return whether the supervisor ends instead."""
        if not child.spec.restart.applies_to(child.last_exit):
            self._retire(child)
            return self._shuts_down_after(child)
        now = self.system.now()
        if self._window.exceeded_by(now):
            self.system.emit(events.GaveUp(path=self.path, child=child.body.path))
            raise RestartLimitExceeded(self.path, child.body.path, self.spec.intensity, self.spec.period) from _error(
                child.last_exit
            )
        if now - child.ready_at >= child.spec.backoff.quiet:
            child.attempt = 0
        delay = child.spec.backoff.delay(child.attempt, self.system.random)
        child.attempt += 1
        self.system.emit(events.Restarting(path=child.body.path, delay=delay, attempt=child.attempt))
        for member in reversed(self._group(child)):
            await member.stop(self.system, for_good=False)
            if member.spec.restart is Restart.TEMPORARY:
                self._retire(member)
                continue
            member.state = State.BACKING_OFF
            member.backing_off_until = now + delay
            self._backing_off.discard(member)
        self._backing_off.add(child)
        return False

    async def _restart(self, child: Child) -> None:
        """Begin a new life of a child, and of those that go down with it."""
        assert self._tasks is not None
        self._backing_off.discard(child)
        for member in self._group(child):
            member.spawn(self._tasks, self)
            # Where others depend on it, it has to be ready before they start; where nobody does, nobody waits.
            together = self.spec.strategy in (Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE)
            if together and not await member.started.wait() and member.wanted:
                return  # its end is among the exits, and will be decided on like any other

    def _group(self, child: Child) -> list[Child]:
        """Who is restarted together with `child`, itself included, in the order of their start."""
        match self.spec.strategy:
            case Strategy.ONE_FOR_ONE | Strategy.DYNAMIC:
                group = [child]
            case Strategy.ONE_FOR_ALL:
                group = list(self._children.values())
            case Strategy.REST_FOR_ONE:
                group = list(self._children.values())
                group = group[group.index(child) :]
        return [member for member in group if member.wanted]

    def _shuts_down_after(self, child: Child) -> bool:
        if not child.spec.significant:
            return False
        match self.spec.auto_shutdown:
            case AutoShutdown.NEVER:
                return False
            case AutoShutdown.ANY_SIGNIFICANT:
                return True
            case AutoShutdown.ALL_SIGNIFICANT:
                return not any(c.wanted and c.spec.significant for c in self._children.values())

    # -- small things ----------------------------------------------------------------------------------------------

    def _child(self, name: str) -> Child:
        child = self._children.get(name)
        if child is None:
            raise NoSuchName(f"{self.path!r} has no child {name!r}; it has {', '.join(self._children) or 'none'}")
        return child

    def _check_running(self) -> None:
        if not self._running:
            raise ActorDied(self.path, self.ended.value if self.ended.is_set else SHUTDOWN)


def _error(exit: Exit) -> BaseException | None:
    return exit.error if isinstance(exit, Crashed) else None
