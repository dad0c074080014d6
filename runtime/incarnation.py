"""One life of an actor: the object, its task group, and the workers that serve its mailbox.

A worker is a task that takes one message after the other. There is one per actor, and up to ``max_concurrency`` where
more messages are waiting; the control lane gets a worker of its own for as long as something is in it.

Each worker runs under a cancel scope that outlives the call it is working on. To cancel a call is to cancel the scope
of the worker that serves it; the worker then goes on under a fresh one. So the price of being cancellable is paid by
the calls that are cancelled, and not by all the others.
"""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, TypeVarTuple

from anyio import CancelScope, create_task_group, get_cancelled_exc_class

from . import events
from .actor import Actor, Context
from .call import Call
from .channel import BUDGET, Channel
from .errors import ActorDied, EndOfChannel, InvalidActor, StrayCancellation
from .exits import NORMAL, SHUTDOWN, Crashed, Exit, Killed
from .parking import Latch, pass_turn, scope_is_cancelled

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from .cell import Cell

Ts = TypeVarTuple("Ts")

IDLE_WORKERS: Final = 8
"""Workers beyond the first that stay when nothing is left to do."""


class Worker:
    """A task of an actor that serves messages, and the call it is working on."""

    __slots__ = ("blocks", "call", "cancelled", "cell", "idle", "scope")

    def __init__(self, cell: "Cell", *, blocks: bool) -> None:
        self.cell = cell
        self.blocks = blocks
        """Whether the actor serves no other data message while this worker serves one."""
        self.scope = CancelScope()
        self.call: Call | None = None
        self.cancelled = False
        """Whether the scope was cancelled, so that the next call needs a fresh one."""
        self.idle = False
        """Whether it waits for a message."""

    def cancel(self, call: Call) -> None:
        """Cancel the handler of `call`, if it is the one running."""
        if self.call is call:
            self.cancelled = True
            self.scope.cancel()


current_worker: ContextVar[Worker | None] = ContextVar("current_worker", default=None)
"""The worker whose handler the current task runs in, or None outside of handlers."""


class Incarnation:
    """One life of the actor in `cell`. `run` lives it; the other methods may be called from any task meanwhile."""

    __slots__ = (
        "_actor",
        "_all_gone",
        "_control_served",
        "_data_workers",
        "_exit",
        "_idle",
        "_stopping",
        "_tasks",
        "_workers",
        "cell",
    )

    def __init__(self, cell: "Cell") -> None:
        self.cell = cell
        self._actor: Actor | None = None
        self._tasks: TaskGroup | None = None
        self._workers: set[Worker] = set()
        self._data_workers = 1
        self._control_served = False
        self._idle = 0
        self._stopping = False
        self._exit: Exit | None = None
        self._all_gone: Latch | None = None

    async def run(self, ready: Callable[[], None]) -> Exit:
        """Live: build the actor, enter its lifespan, say `ready`, serve until stopped or crashed; return why it ended.

        Raises:
            Exception: The constructor or the lifespan failed.
        """
        current_worker.set(None)  # a handler that started it, or its supervisor, does not wait for what it waits for
        spec = self.cell.spec
        self._actor = actor = spec.factory(*spec.arguments)
        actor.enter_context(Context(self))
        if type(actor).lifespan is Actor.lifespan:
            await self._serve(ready)
        else:
            await self._serve_in_lifespan(actor, ready)
        return self._exit or SHUTDOWN

    async def _serve_in_lifespan(self, actor: Actor, ready: Callable[[], None]) -> None:
        """Serve, and close what the lifespan opened: with a deadline, which whoever asks for a stop sets himself."""
        cell = self.cell
        grace = cell.spec.shutdown
        scope = CancelScope()
        try:
            with scope:
                async with actor.lifespan():
                    await self._serve(ready)
                    if self._exit is not None:  # nobody asked
                        scope.deadline = cell.system.now() + grace
        except Exception as error:  # policy: the first crash is the reason for the end
            if not isinstance(self._exit, Crashed):
                raise
            cell.system.emit(events.ErrorSuppressed.of(cell.path, error))
        if scope.cancelled_caught:
            cell.system.emit(events.Cancelled(path=cell.path, grace=grace))
            if not isinstance(self._exit, Crashed):
                self._exit = Killed(grace)

    async def _serve(self, ready: Callable[[], None]) -> None:
        async with create_task_group() as self._tasks:
            ready()
            if len(self.cell.control):
                self.serve_control()
            await self._work(self.cell.data)
            if self._workers:
                self._all_gone = Latch()
                await self._all_gone.wait()
            self._tasks.cancel_scope.cancel()  # the actor's own tasks end with its last message
        self._tasks = None

    @property
    def in_flight(self) -> int:
        """Calls being worked on."""
        return sum(worker.call is not None for worker in self._workers)

    # -- ending ----------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Finish what is being worked on, leave the rest in the mailbox, and end."""
        self._stopping = True
        for worker in self._workers:
            if worker.idle:
                worker.scope.cancel()

    def stop_normally(self) -> None:
        """As `stop`, but because the actor itself wants it."""
        self._exit = self._exit or NORMAL
        self.stop()

    def crash(self, error: Exception) -> None:
        """End at once: whoever waits for an answer gets `ActorDied`, whatever is running is cancelled."""
        if isinstance(self._exit, Crashed):
            self.cell.system.emit(events.ErrorSuppressed.of(self.cell.path, error))
            return
        self._exit = Crashed(error)
        self._stopping = True
        for worker in self._workers:
            if worker.call is not None:
                worker.call.fail(ActorDied(self.cell.path, self._exit))
        if self._tasks is not None:
            self._tasks.cancel_scope.cancel()

    # -- the actor's own tasks -------------------------------------------------------------------------------------

    def start_soon(self, function: Callable[[*Ts], Awaitable[None]], *arguments: *Ts) -> None:
        """Run a task in this incarnation; an error in it crashes the actor."""
        if self._tasks is None or self._stopping:
            raise InvalidActor(f"{self.cell.path!r} is not running, so it can't start tasks")
        self._tasks.start_soon(self._own_task, function, arguments)

    async def _own_task(self, function: Callable[..., Awaitable[None]], arguments: tuple[Any, ...]) -> None:
        current_worker.set(None)  # what this task waits for keeps no handler waiting
        try:
            await function(*arguments)
        except Exception as error:  # policy: an error in an actor's own task crashes the actor
            self.crash(error)
        except get_cancelled_exc_class():
            if scope_is_cancelled():
                raise
            self.crash(StrayCancellation(self.cell.path))

    # -- serving ---------------------------------------------------------------------------------------------------

    def serve_control(self) -> None:
        """See to it that somebody serves the control lane."""
        if self._tasks is not None and not self._control_served:
            self._control_served = True
            self._tasks.start_soon(self._control_worker)

    async def _control_worker(self) -> None:
        await self._work(self.cell.control)
        self._control_served = False

    async def _extra_worker(self) -> None:
        await self._work(self.cell.data)
        self._data_workers -= 1

    async def _work(self, lane: Channel[Any]) -> None:
        """Serve a lane until there is no more to do, under one cancel scope after the other."""
        worker = Worker(self.cell, blocks=lane is self.cell.data and self.cell.spec.max_concurrency == 1)
        self._workers.add(worker)
        current_worker.set(worker)
        finished = False
        try:
            while not (finished or isinstance(self._exit, Crashed)):
                worker.cancelled = False
                try:
                    with CancelScope() as worker.scope:
                        await self._take_messages(worker, lane)
                        finished = not worker.cancelled
                except Exception as error:  # policy: here is decided who gets the error of a handler
                    self._handler_failed(worker, error)
                except get_cancelled_exc_class():
                    if scope_is_cancelled():
                        raise
                    self.crash(StrayCancellation(self.cell.path))
                if worker.call is not None:
                    worker.call.released()
                    worker.call = None
        finally:
            if worker.call is not None:
                worker.call.fail(ActorDied(self.cell.path, self._exit or SHUTDOWN))
            self._workers.discard(worker)
            if self._all_gone is not None and not self._workers:
                self._all_gone.set()

    def _handler_failed(self, worker: Worker, error: Exception) -> None:
        call = worker.call
        if call is None or isinstance(error, type(self._actor).fatal if self._actor else ()):
            self.crash(error)
        elif call.done:  # the caller left, and cancelling the handler brought this up
            if not call.explains(error):
                self.cell.system.emit(events.ErrorSuppressed.of(self.cell.path, error))
        else:
            self.cell.failed += 1
            call.fail(error)

    async def _take_messages(self, worker: Worker, lane: Channel[Any]) -> None:
        """Handle messages; return when there is no more to do, or when the worker needs a fresh scope."""
        cell, actor, handlers = self.cell, self._actor, self.cell.handlers
        is_data = lane is cell.data
        most = cell.spec.max_concurrency if is_data else 1
        items, budget = lane.items, BUDGET
        while not (self._stopping and is_data):
            if items:
                entry = lane.take()
            elif not is_data or self._idle >= IDLE_WORKERS:
                return
            else:
                try:
                    entry = await self._next(worker, lane)
                except EndOfChannel:
                    return
                if self._stopping and is_data:  # told to stop after it was woken for this message
                    lane.put_back(entry)
                    return
            if most > 1 and self._idle == 0 and self._data_workers < most and self._tasks is not None:
                self._data_workers += 1
                self._tasks.start_soon(self._extra_worker)
            told = handlers.get(entry.__class__)
            if told is not None:
                if told.waits:
                    await told.function(actor, entry)
                else:
                    told.function(actor, entry)
            elif not entry.done:
                worker.call, entry.server = entry, worker
                handler = handlers[entry.message.__class__]
                reply = handler.function(actor, *entry.arguments())
                if handler.waits:
                    reply = await reply
                worker.call = None
                entry.succeed(reply)
                if worker.cancelled:
                    return
            budget -= 1
            if budget == 0:
                budget = BUDGET
                await pass_turn()

    async def _next(self, worker: Worker, lane: Channel[Any]) -> Any:
        worker.idle = True
        self._idle += 1
        try:
            return await lane.receive()
        finally:
            self._idle -= 1
            worker.idle = False
