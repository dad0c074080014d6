"""A supervisor's child, and each of its lives.

How supervision stands on structured concurrency. A task group alone is a supervisor of strategy one_for_all with no
restarts: the first error cancels everybody. So each life of a child gets three things of its own. The wrapper
`Life.run` turns however it ends into an `Exit` and tells its owner; it decides nothing, that is for the supervisor's
loop. The cancel scope is shielded from the moment the child is ready, because one outer cancel would reach all levels
at once and children could not be stopped one after the other. The latch says when it is gone.
"""

import math
from collections.abc import Callable
from enum import Enum
from random import Random
from typing import TYPE_CHECKING, Final, Protocol

from anyio import CancelScope, get_cancelled_exc_class, move_on_after

from . import events
from .errors import StrayCancellation
from .exits import SHUTDOWN, Crashed, Exit, Killed
from .parking import Latch, scope_is_cancelled
from .specs import ActorSpec, AnySpec

if TYPE_CHECKING:
    from .cell import Cell
    from .supervision import Supervisor
    from .system import System

CLEANUP: Final = 1.0
"""Seconds a cancelled actor has to clean up before it is reported as one that would not stop."""


class State(Enum):
    """Where a child is in its life."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    BACKING_OFF = "backing off"
    ENDED = "ended"


class Body(Protocol):
    """What a child is made of: the cell of an actor, or a supervisor. It lives many lives, one after the other."""

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
        """There will be no further life. Saying it again changes nothing."""
        ...


class Owner(Protocol):
    """Who starts a child and hears how it ended: a supervisor, or the system for its root."""

    @property
    def system(self) -> "System":
        """The system it belongs to."""
        ...

    def life_ended(self, life: "Life") -> None:
        """The life's task is about to end; `Life.exit` says why."""
        ...


class Life:
    """One life of a child: one task, one cancel scope, one end."""

    __slots__ = ("_owner", "_scope", "child", "exit", "gone", "ready_at", "start_awaited", "started", "stop_asked")

    def __init__(self, child: "Child", owner: Owner) -> None:
        self.child = child
        self._owner = owner
        self._scope = CancelScope()
        self.started = Latch()
        """Set when it is ready, with True; or when it never will be, with False."""
        self.gone = Latch()
        """Set when its task has ended."""
        self.exit: Exit = SHUTDOWN
        """Why it ended; only where `gone`."""
        self.ready_at = math.inf
        """When it became ready."""
        self.stop_asked = False
        """Whether its end is wanted, so that nobody reacts to it."""
        self.start_awaited = False
        """Whether somebody waits for it to be ready, and wants to hear of a failure himself."""

    async def run(self) -> None:
        """Live, and tell the owner of the end, whatever it is."""
        child, scope = self.child, self._scope
        scope.deadline = self._owner.system.now() + child.spec.start_timeout
        exit: Exit | None = None
        try:
            with scope:
                exit = await child.body.run(self._ready)
            if exit is None:
                exit = self._exit_when_cancelled()
        except Exception as error:  # policy: its supervisor decides what follows
            exit = Crashed(error)
        except BaseException as error:
            if not isinstance(error, get_cancelled_exc_class()) or scope_is_cancelled():
                self.stop_asked = True  # the program ends, or an owner is cancelled while this one starts: no reaction
                raise
            exit = Crashed(StrayCancellation(child.body.path))
        finally:
            self._end(SHUTDOWN if exit is None else exit)

    def _ready(self) -> None:
        if self._scope.cancel_called:
            return  # too late: it was stopped, or its time was up, and it ends at its next checkpoint
        self._scope.deadline = math.inf
        self._scope.shield = True  # not from the beginning on: a slow start has to stay cancellable
        self.ready_at = self._owner.system.now()
        self._owner.system.emit(events.Started(path=self.child.body.path, incarnation=self.child.lives))
        self.started.set(True)

    def _exit_when_cancelled(self) -> Exit:
        spec = self.child.spec
        if self.started.is_set:
            return Killed(spec.shutdown)
        if self.stop_asked:
            return SHUTDOWN
        return Crashed(TimeoutError(f"{self.child.body.path!r} was not ready within {spec.start_timeout:g} s"))

    def _end(self, exit: Exit) -> None:
        path = self.child.body.path
        self.exit = self.child.last_exit = exit
        self.started.set(False)
        self.gone.set()
        self._owner.life_ended(self)
        match exit:
            case Crashed(error):
                self._owner.system.emit(events.Crashed.of(path, error))
            case _:
                self._owner.system.emit(events.Stopped(path=path, reason=str(exit)))

    def request_stop(self, *, for_good: bool) -> None:
        """Ask it to end. One that is not ready yet has nothing to finish, and is cancelled."""
        self.stop_asked = True
        if not self.started.is_set:
            self.cancel()
        elif not self.gone.is_set:
            self.child.body.request_stop(for_good=for_good)

    def cancel(self) -> None:
        """Cancel it."""
        self._scope.cancel()

    async def stop(self, *, for_good: bool) -> None:
        """Grace, then cancel, then report; returns when it is gone, or was reported. Cancelling does not hurry it."""
        self.request_stop(for_good=for_good)
        if self.gone.is_set:
            return
        system, spec, path = self._owner.system, self.child.spec, self.child.body.path
        if not self._scope.cancel_called:
            with move_on_after(spec.shutdown, shield=True):
                await self.gone.wait()
                return
            system.emit(events.Cancelled(path=path, grace=spec.shutdown))
            self.cancel()
        # a supervisor takes as long as its children do, and each of those has its own deadlines
        with move_on_after(CLEANUP if isinstance(spec, ActorSpec) else math.inf, shield=True):
            await self.gone.wait()
            return
        system.emit(events.WouldNotStop(path=path))


class Child:
    """One child of a supervisor, over all its lives."""

    __slots__ = ("attempt", "backing_off_until", "body", "kept", "last_exit", "life", "lives", "spec", "wanted")

    def __init__(self, spec: AnySpec, body: "Cell | Supervisor", *, kept: bool) -> None:
        self.spec = spec
        self.body = body
        self.kept = kept
        """Whether its specification stays when it has ended for good, so that it can be started again."""
        self.wanted = True
        """Whether it should be running, now or after a while."""
        self.life: Life | None = None
        """The present or last one."""
        self.lives = 0
        """How many there were, the present one included."""
        self.last_exit: Exit | None = None
        """How the last life that is over ended."""
        self.attempt = 0
        """Restarts in a row, without a quiet time between them."""
        self.backing_off_until = math.inf
        """When the next life begins, on the event loop's clock; infinite where that is not known."""

    @property
    def gone(self) -> bool:
        """Whether no task of it is there."""
        return self.life is None or self.life.gone.is_set

    @property
    def state(self) -> State:
        """Where it is in its life."""
        if self.gone and not self.wanted:
            return State.ENDED
        if self.life is None:
            return State.STARTING  # as soon as it is its turn
        if self.gone:
            return State.BACKING_OFF  # or its supervisor is, or is about to decide
        if self.life.stop_asked:
            return State.STOPPING
        return State.RUNNING if self.life.started.is_set else State.STARTING

    def begin(self, owner: Owner) -> Life:
        """Make the next life, whose `Life.run` the owner starts as a task; the last one has to be over."""
        assert self.gone
        self.lives += 1
        self.backing_off_until = math.inf
        self.life = Life(self, owner)
        return self.life

    def next_delay(self, now: float, random: Random) -> float:
        """Count one more restart, and return how many seconds to wait before it."""
        backoff = self.spec.backoff
        if self.life is not None and now - self.life.ready_at >= backoff.quiet:
            self.attempt = 0
        delay = backoff.delay(self.attempt, random)
        self.attempt += 1
        return delay
