"""Supervisors: start children in order, watch them, restart what crashes, stop them in reverse.

All decisions are taken in one place, `Supervisor._loop`, from what the lives of children post when they end. What
others ask for (start, stop, restart a child) runs in their own tasks meanwhile, so nobody waits because a sibling backs
off or starts slowly. `docs/supervision.md` compares all of it with OTP, row by row.
"""

import math
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, overload

from anyio import CancelScope, create_task_group, move_on_at

from . import events
from .cell import Cell
from .errors import ActorDied, NameTaken, NoSuchName, RestartLimitExceeded, StartFailed, TooManyChildren
from .exits import SHUTDOWN, Crashed, Exit
from .life import Child, Life
from .parking import Latch, Line
from .ref import Ref
from .restart import Restart, RestartWindow
from .specs import ActorSpec, AnySpec, AutoShutdown, Strategy, SupervisorSpec

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from .system import System


class Supervisor:
    """Starts, watches, restarts and stops its children, as its `SupervisorSpec` says."""

    def __init__(self, spec: SupervisorSpec, path: str, system: "System") -> None:
        self.spec = spec
        self.path = path
        self.system = system
        self.ended = Latch()
        """Set, with the `Exit`, when there will be no further life."""
        self._static = {child.name: child for child in spec.children}
        self._together = spec.strategy in (Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE)
        self._children: dict[str, Child] = {}  # in the order of their start
        self._backing_off: dict[Child, None] = {}  # a set that keeps its order
        self._tasks: TaskGroup | None = None
        self._scope = CancelScope()  # around the present life
        self._window: RestartWindow
        self._running = False
        self._for_good = False
        self._ended_lives: deque[Life] = deque()  # at most one per child
        self._news = Line()

    def __repr__(self) -> str:
        return f"<Supervisor {self.name!r}>"

    # -- what everybody may do -------------------------------------------------------------------------------------

    @overload
    async def start_child(self, spec: ActorSpec) -> Ref: ...
    @overload
    async def start_child(self, spec: SupervisorSpec) -> "Supervisor": ...
    async def start_child(self, spec: AnySpec) -> "Ref | Supervisor":
        """Add a child and wait until it is ready; children may be started side by side.

        Cancelling stops the child and removes it.

        Raises:
            NameTaken: There is a child of that name.
            StartFailed: It ended before it was ready, or was stopped with its supervisor or its siblings; it has been
                removed.
            ActorDied: The supervisor is not running.
            TooManyChildren: There are `SupervisorSpec.max_children` already.
            InvalidActor: It is significant, and this supervisor does not react to that.
        """
        self._check_running()
        self.spec.check(spec)
        if spec.name in self._children:
            raise NameTaken(f"{self.name!r} has a child {spec.name!r}; remove_child it first, or choose another name")
        if len(self._children) >= self.spec.max_children:
            raise TooManyChildren(self.name, self.spec.max_children)
        child = self._children[spec.name] = self._make_child(spec)
        try:
            await self._start(child)
        except BaseException:
            child.kept = False
            await self._stop_for_good(child)
            raise
        return _handle(child)

    async def stop_child(self, name: str) -> None:
        """Stop a child for good. Its specification stays, for `restart_child`, unless it is temporary or dynamic.

        This is for others: an actor ends itself with `Context.stop`, and would here wait for its own end.

        Cancelling does not hurry it: the child's own deadlines bound the wait. A child that does not stop even when it
        is cancelled is reported (`events.WouldNotStop`) and stays in `children` until it is gone.

        Raises:
            NoSuchName: There is no such child.
        """
        await self._stop_for_good(self._child(name))

    async def restart_child(self, name: str) -> "Ref | Supervisor":
        """Start a child again that ended for good; it gets a new reference.

        Cancelling stops the child; its specification stays.

        Raises:
            NoSuchName: There is no such child.
            NameTaken: It has not ended.
            StartFailed: It ended before it was ready, or was stopped.
            ActorDied: The supervisor is not running.
        """
        self._check_running()
        old = self._ended_child(name)
        child = self._children[name] = self._make_child(old.spec)
        child.lives = old.lives
        try:
            await self._start(child)
        except BaseException:
            await self._stop_for_good(child)
            raise
        return _handle(child)

    def remove_child(self, name: str) -> None:
        """Forget the specification of a child that has ended for good.

        Raises:
            NoSuchName: There is no such child.
            NameTaken: It has not ended.
        """
        self._ended_child(name)
        del self._children[name]

    @property
    def name(self) -> str:
        """Its path, or its own name where it is the root, whose path is empty."""
        return self.path or self.spec.name

    @property
    def children(self) -> tuple[Child, ...]:
        """The children in the order of their start."""
        return tuple(self._children.values())

    async def wait_ended(self) -> Exit:
        """Wait until the supervisor has ended for good, and return why. Cancelling is safe."""
        exit: Exit = await self.ended.wait()
        return exit

    # -- what its owner does ---------------------------------------------------------------------------------------

    async def run(self, ready: Callable[[], None]) -> Exit:
        """Live once: start the children in order, say `ready`, restart as need be, stop them in reverse."""
        self._window = RestartWindow(self.spec.intensity, self.spec.period)
        self._ended_lives.clear()
        self._for_good = False
        exit: Exit = SHUTDOWN
        async with create_task_group() as self._tasks:
            self._running = True
            try:
                with CancelScope() as self._scope:
                    await self._start_all()
                    ready()
                    await self._loop()
            except (RestartLimitExceeded, StartFailed) as error:
                exit = Crashed(error)
            finally:
                self._running = False
                await self._stop_all()
        return exit

    def request_stop(self, *, for_good: bool) -> None:
        """Ask it to stop its children and end."""
        self._running = False
        self._for_good = for_good
        self._scope.cancel()

    def kill(self) -> None:
        """End now: all actors below are cancelled at once, whatever grace they have."""
        self.request_stop(for_good=True)
        for child in self._children.values():
            if isinstance(child.body, Supervisor):
                child.body.kill()
            elif child.life is not None:
                child.life.cancel()

    def finish(self, exit: Exit) -> None:
        """There will be no further life, of it and of its children."""
        for child in self.children:
            child.kept = False
            self._retire(child, exit)
        self.ended.set(exit)
        self.system.registry.remove(self)

    def life_ended(self, life: Life) -> None:
        """Hear from the task of one of the children's lives that it ends."""
        if not life.child.wanted:
            self._retire(life.child, life.exit)
        elif not life.stop_asked and (life.started.value or not life.start_awaited):
            self._ended_lives.append(life)
            self._news.wake()

    # -- starting and stopping -------------------------------------------------------------------------------------

    def _make_child(self, spec: AnySpec) -> Child:
        path = f"{self.path}/{spec.name}" if self.path else spec.name
        body = Cell(spec, path, self.system) if isinstance(spec, ActorSpec) else Supervisor(spec, path, self.system)
        self.system.registry.add(body)
        return Child(
            spec, body, kept=spec.restart is not Restart.TEMPORARY and self.spec.strategy is not Strategy.DYNAMIC
        )

    async def _start_all(self) -> None:
        """Start the children of the specification; those of an earlier life go on with their cells and mailboxes."""
        known, self._children = self._children, {}
        for name, spec in self._static.items():
            self._children[name] = known.get(name) or self._make_child(spec)
        for child in self.children:
            try:
                if child.wanted:
                    await self._start(child)
            except StartFailed:
                if child.wanted:  # else somebody stopped it meanwhile, which is no failure
                    raise

    async def _start(self, child: Child) -> None:
        """Start a child on somebody's behalf: a failure is raised here, and is no crash."""
        life = self._spawn(child)
        life.start_awaited = True
        try:
            if not await life.started.wait():
                raise StartFailed(child.body.path, life.exit) from _error(life.exit)
        finally:
            life.start_awaited = False

    def _spawn(self, child: Child) -> Life:
        assert self._tasks is not None
        self._backing_off.pop(child, None)
        life = child.begin(self)
        self._tasks.start_soon(life.run)
        return life

    async def _stop_all(self) -> None:
        """Stop the children in reverse; for good, unless a next life of this supervisor may need them."""
        if self.spec.strategy is Strategy.DYNAMIC:
            async with create_task_group() as stopping:
                for child in self.children:
                    stopping.start_soon(self._stop_with_supervisor, child)
        else:
            for child in reversed(self.children):
                await self._stop_with_supervisor(child)

    async def _stop_with_supervisor(self, child: Child) -> None:
        if self._for_good or not child.wanted or self._static.get(child.spec.name) is not child.spec:
            child.kept = False
            await self._stop_for_good(child)
        else:
            await self._stop(child)

    async def _stop(self, child: Child) -> None:
        self._backing_off.pop(child, None)
        child.backing_off_until = math.inf
        if child.life is not None:
            await child.life.stop(for_good=not child.wanted)

    async def _stop_for_good(self, child: Child) -> None:
        """Stop a child that nobody wants any more; it is retired as soon as it is gone."""
        child.wanted = False
        await self._stop(child)
        if child.gone:
            self._retire(child, SHUTDOWN)

    def _retire(self, child: Child, exit: Exit) -> None:
        """A child has ended for good, with its last exit if it ever lived. Doing it again changes nothing."""
        child.wanted = False
        if not child.kept and self._children.get(child.spec.name) is child:
            del self._children[child.spec.name]
        child.body.finish(child.last_exit or exit)

    # -- deciding --------------------------------------------------------------------------------------------------

    async def _loop(self) -> None:
        """React to what the children's lives post, until there is a reason to end."""
        while True:
            while self._ended_lives:
                if await self._react(self._ended_lives.popleft()):
                    return
            if not self._running:  # asked to stop while it reacted, which is shielded
                return
            await self._restart_due()
            if not self._ended_lives:
                with move_on_at(min((child.backing_off_until for child in self._backing_off), default=math.inf)):
                    await self._news.wait()

    async def _react(self, life: Life) -> bool:
        """Prepare what has to be restarted because a life ended; return whether the supervisor ends instead."""
        child = life.child
        if life.stop_asked or not child.wanted:
            return False  # somebody stopped it since
        if not child.spec.restart.applies_to(life.exit):
            self._retire(child, life.exit)
            return self._shuts_down_after(child)
        now = self.system.now()
        if self._window.exceeded_by(now):
            self.system.emit(events.GaveUp(path=self.path, child=child.body.path))
            error = RestartLimitExceeded(self.name, child.body.path, self.spec.intensity, self.spec.period)
            raise error from _error(life.exit)
        delay = child.next_delay(now, self.system.random)
        self.system.emit(events.Restarting(path=child.body.path, delay=delay, attempt=child.attempt))
        for member in reversed(self._group(child)):
            if member.spec.restart is Restart.TEMPORARY:
                await self._stop_for_good(member)
                continue
            await self._stop(member)
            if member.wanted:  # nobody has stopped it for good, before or meanwhile
                self._backing_off[member] = None
                member.backing_off_until = now + delay
        return False

    def _group(self, child: Child) -> tuple[Child, ...]:
        """Who goes down together with `child`, itself included, in the order of their start."""
        match self.spec.strategy:
            case Strategy.ONE_FOR_ONE | Strategy.DYNAMIC:
                return (child,)
            case Strategy.ONE_FOR_ALL:
                return self.children
            case Strategy.REST_FOR_ONE:
                return self.children[self.children.index(child) :]

    async def _restart_due(self) -> None:
        """Begin a new life of the children whose time has come."""
        now = self.system.now()
        if not self._together:
            for child in [child for child in self._backing_off if child.backing_off_until <= now]:
                self._spawn(child)
            return
        group = [child for child in self.children if child.backing_off_until <= now]
        for child in group:  # one of them may not have stopped in its time
            if child.life is not None:
                await child.life.gone.wait()
        for child in group:  # those that follow may depend on it, so it has to be ready first
            still_due = child.backing_off_until <= now
            if still_due and not await self._spawn(child).started.wait() and child.wanted:
                return  # how it ended has been posted, and is reacted to like any other end

    def _shuts_down_after(self, child: Child) -> bool:
        """Whether the end of `child` is one that this supervisor ends with."""
        if not child.spec.significant:
            return False
        if self.spec.auto_shutdown is AutoShutdown.ANY_SIGNIFICANT:
            return True
        return not any(other.wanted and other.spec.significant for other in self.children)

    # -- small things ----------------------------------------------------------------------------------------------

    def _child(self, name: str) -> Child:
        child = self._children.get(name)
        if child is None:
            known = ", ".join(self._children) if len(self._children) <= 20 else f"{len(self._children)} others"
            raise NoSuchName(f"{self.name!r} has no child {name!r}; it has {known or 'none'}")
        return child

    def _ended_child(self, name: str) -> Child:
        child = self._child(name)
        if child.wanted or not child.gone:
            raise NameTaken(f"{child.body.path!r} has not ended; stop_child it first")
        return child

    def _check_running(self) -> None:
        if not self._running:
            raise ActorDied(self.name, self.ended.value if self.ended.is_set else SHUTDOWN)


def _handle(child: Child) -> "Ref | Supervisor":
    return child.body.ref if isinstance(child.body, Cell) else child.body


def _error(exit: Exit) -> BaseException | None:
    return exit.error if isinstance(exit, Crashed) else None
