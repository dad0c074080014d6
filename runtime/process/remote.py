"""One life of an actor that is lived in another process: the parent's side.

What is in the cell's mailbox stays there until the worker can begin it at once (or, with a `prefetch`, soon), so that
it survives the worker. Where there is room, a message goes out in the step of whoever sends it: feeding the worker
takes no task. What comes back goes through one table from frames to methods.
"""

import math
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from anyio import create_task_group, move_on_after, sleep

from .. import events
from ..call import Call, Conversing, Streaming
from ..channel import Channel
from ..errors import ActorDied, NotSendable, ProtocolError, WorkerLost
from ..exits import NORMAL, SHUTDOWN, Crashed, Exit, Killed
from ..handlers import Kind
from ..messages import Message
from ..parking import Callback, Latch
from . import wire
from .connection import Connection
from .faults import rebuild
from .flow import Inflow, Outflow
from .vocabulary import Word, encode, vocabulary_of

if TYPE_CHECKING:
    from ..cell import Cell

PULSE: Final = 4
"""Checks for signs of life in the time after which a silent worker counts as hung."""

LAST_WORDS: Final = 0.5
"""Seconds to wait for what is still to be read from a process that is gone, or for the end of one that has hung up."""


class Worker(Protocol):
    """The process at the other end."""

    connection: Connection[wire.FromWorker]

    async def wait_gone(self) -> str:
        """Wait until it has ended, and return how. Cancelling is safe."""
        ...

    def kill(self) -> None:
        """End it at once: it has hung, or can't be trusted."""
        ...


class Lane:
    """One of the mailbox's two lanes, and how much of it is at the worker."""

    __slots__ = ("channel", "empty", "limit", "listening", "out")

    def __init__(self, channel: Channel[Any], limit: int) -> None:
        self.channel = channel
        self.limit = limit
        """Messages that may be at the worker at a time."""
        self.out = 0
        """Messages that are there."""
        self.empty = False
        """Whether it is closed, and nothing is left in it."""
        self.listening: Callback | None = None


class Errand:
    """A message that is at the worker. It serves its call in the sense of `call.Server`."""

    __slots__ = ("connection", "entry", "inflow", "lane", "number", "outflow", "word")

    def __init__(
        self, connection: Connection[wire.FromWorker], number: int, entry: Message | Call, lane: Lane, word: Word
    ) -> None:
        self.connection = connection
        self.number = number
        self.entry = entry
        self.lane = lane
        self.word = word
        self.inflow: Inflow | None = None
        self.outflow: Outflow | None = None

    def cancel(self, call: Call) -> None:  # noqa: ARG002  (there is one call to an errand)
        """Tell the worker that nobody waits any more."""
        self.connection.send(wire.Cancel(self.number))


class RemoteIncarnation:
    """One life of the actor in `cell`, elsewhere.

    Args:
        cell: The actor.
        launch: Starts a worker and shakes hands with it; leaving the block ends it.
        start: The frame that tells the worker what to be.
        prefetch: Messages the worker may hold beyond those it works on.
        heartbeat: Seconds of silence after which the worker counts as hung.
    """

    def __init__(
        self,
        cell: "Cell",
        launch: Callable[[], AbstractAsyncContextManager[Worker]],
        start: wire.Start,
        prefetch: int,
        heartbeat: float,
    ) -> None:
        self._cell = cell
        self._launch = launch
        self._start = start
        self._heartbeat = heartbeat
        self._vocabulary = vocabulary_of(cell.spec.actor)
        self._data = Lane(cell.data, cell.spec.max_concurrency + prefetch)
        self._control = Lane(cell.control, 1)
        self._errands: dict[int, Errand] = {}
        self._last_number = 0
        self._refused: list[Errand] = []
        self._feeding = False
        """Whether messages go to the worker."""
        self._ready = Latch()
        self._ended = Latch()
        """Set, with the `Exit`, when the worker's actor has ended or the worker is lost."""
        self._crash: Exit | None = None
        self._on: dict[type, Callable[[Any], None]] = {
            wire.Reply: self._on_reply,
            wire.Items: self._on_items,
            wire.Credit: self._on_credit,
            wire.Failure: self._on_failure,
            wire.Refused: self._on_refused,
            wire.Died: self._on_died,
            wire.Ready: self._on_ready,
            wire.Stopping: self._on_stopping,
            wire.Ended: self._on_ended,
            wire.Suppressed: self._on_suppressed,
            wire.Pong: self._on_pong,
            wire.Hello: self._on_hello,
        }

    # -- what the cell does ----------------------------------------------------------------------------------------

    async def run(self, ready: Callable[[], None]) -> Exit:
        """See `AnyIncarnation.run`. Cancelling closes the connection; a worker that does not end then is killed."""
        async with self._launch() as self._worker:
            self._connection = self._worker.connection
            try:
                async with create_task_group() as self._tasks:
                    self._tasks.start_soon(self._read)
                    self._tasks.start_soon(self._watch_process)
                    self._tasks.start_soon(self._connection.write)
                    self._connection.send(self._start)
                    await self._ready.wait()
                    if not self._ended.is_set:
                        ready()
                        self._feeding = True
                        self._feed(self._data)
                        self._feed(self._control)
                        if self._heartbeat < math.inf:
                            self._tasks.start_soon(self._watch_pulse)
                    await self._ended.wait()
                    self._tasks.cancel_scope.cancel()
            finally:
                self._end(self._crash or SHUTDOWN)
        exit: Exit = self._ended.value
        return exit

    def stop(self) -> None:
        """See `AnyIncarnation.stop`."""
        self._stop_feeding()
        self._connection.send(wire.Stop(drain=False))

    def serve_control(self) -> None:
        """It is served like the other one."""

    @property
    def in_flight(self) -> int:
        """Messages that are at the worker."""
        return len(self._errands)

    # -- to the worker ---------------------------------------------------------------------------------------------

    def _feed(self, lane: Lane) -> None:
        """Begin what is in a lane as long as there is room at the worker; then wait for more, without a task."""
        channel = lane.channel
        while self._feeding and lane.out < lane.limit:
            if channel.items:
                self._begin(lane, channel.take())
            elif channel.closed:
                lane.empty = True
                if self._data.empty and self._control.empty:
                    self._feeding = False
                    self._connection.send(wire.Stop(drain=True))
                return
            else:
                if lane.listening is None or lane.listening.done():
                    lane.listening = channel.listen(partial(self._feed, lane))
                return

    def _stop_feeding(self) -> None:
        self._feeding = False
        for lane in (self._data, self._control):
            if lane.listening is not None:
                lane.listening.cancel()

    def _begin(self, lane: Lane, entry: Message | Call) -> None:
        if isinstance(entry, Call):
            if entry.done:
                return
            message, left = entry.message, entry.deadline - self._cell.system.now()
            buffer = entry.replies.capacity if isinstance(entry, Streaming) else 0
        else:
            message, left, buffer = entry, math.inf, 0
        index = self._vocabulary.numbers.get(message.__class__, -1)
        number = self._last_number + 1
        try:
            if index < 0:
                raise NotSendable(f"{type(message).__qualname__} stays in its process")
            more = len(lane.channel) > 0 and lane.out + 1 < lane.limit
            self._connection.send(wire.Begin(number, index, left, buffer, encode(message)), more=more)
        except NotSendable as error:
            self._not_begun(entry, error)
            return
        self._last_number = number
        errand = self._errands[number] = Errand(self._connection, number, entry, lane, self._vocabulary.words[index])
        lane.out += 1
        if isinstance(entry, Call):
            entry.server = errand
        if isinstance(entry, Streaming):
            errand.inflow = Inflow(self._connection, number, buffer, entry.replies, errand.word.answer, self._tasks)
        if isinstance(entry, Conversing):
            errand.outflow = Outflow(self._connection, number, buffer, entry.sent)
            self._tasks.start_soon(self._send_items, errand, entry)

    def _not_begun(self, entry: Message | Call, error: NotSendable) -> None:
        if isinstance(entry, Call):
            entry.fail(error)
        else:  # nobody is there to receive it
            self._cell.system.emit(events.ErrorSuppressed.of(self._cell.path, error))

    async def _send_items(self, errand: Errand, call: Conversing) -> None:
        assert errand.outflow is not None
        try:
            await errand.outflow.run()
            if not call.done:
                self._connection.send(wire.Finish(errand.number))
        except NotSendable as error:
            if not call.done:
                call.fail(error)
                errand.cancel(call)

    # -- from the worker -------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        try:
            while frames := await self._connection.receive():
                for frame in frames:
                    self._on[frame.__class__](frame)
        except ProtocolError as error:
            self._worker.kill()
            self._end(Crashed(error))
            return
        how = "closed its connection"
        with move_on_after(LAST_WORDS):
            how = await self._worker.wait_gone()
        self._lose(how)

    def _errand(self, number: int) -> Errand:
        errand = self._errands.get(number)
        if errand is None:
            raise ProtocolError(f"the worker answers number {number}, which it does not have")
        return errand

    def _finish(self, number: int) -> Errand:
        """An errand is done: take it off the list, with the last of its items delivered."""
        errand = self._errand(number)
        del self._errands[number]
        errand.lane.out -= 1
        if errand.inflow is not None:
            errand.inflow.finish()
        return errand

    def _on_reply(self, frame: wire.Reply) -> None:
        errand = self._finish(frame.id)
        entry = errand.entry
        if isinstance(entry, Call) and not entry.done:
            try:
                entry.succeed(errand.word.answer(frame.payload) if errand.word.kind is Kind.ASK else None)
            except wire.UNREADABLE as error:
                entry.fail(error)
        self._feed(errand.lane)

    def _on_items(self, frame: wire.Items) -> None:
        errand = self._errand(frame.id)
        if errand.inflow is None or not isinstance(errand.entry, Call):
            raise ProtocolError(f"the worker sends items for number {frame.id}, which is no stream")
        if errand.entry.done:
            return
        try:
            errand.inflow.push(frame)
        except wire.UNREADABLE as error:
            errand.entry.fail(error)
            errand.cancel(errand.entry)

    def _on_credit(self, frame: wire.Credit) -> None:
        errand = self._errand(frame.id)
        if errand.outflow is None:
            raise ProtocolError(f"the worker gives credit for number {frame.id}, to which nothing is sent")
        errand.outflow.grant(frame.count)

    def _on_failure(self, frame: wire.Failure) -> None:
        errand = self._finish(frame.id)
        entry = errand.entry
        if isinstance(entry, Call) and not entry.done:
            self._cell.failed += 1
            entry.fail(rebuild(frame.fault))
        self._feed(errand.lane)

    def _on_refused(self, frame: wire.Refused) -> None:
        self._refused.append(self._finish(frame.id))

    def _on_died(self, frame: wire.Died) -> None:
        if self._crash is not None:  # else its reason is still to come
            entry = self._finish(frame.id).entry
            if isinstance(entry, Call):
                entry.fail(ActorDied(self._cell.path, self._crash))

    def _on_ready(self, _: wire.Ready) -> None:
        self._ready.set()

    def _on_stopping(self, frame: wire.Stopping) -> None:
        self._stop_feeding()
        if frame.fault is not None:
            self._crash = Crashed(rebuild(frame.fault))

    def _on_ended(self, frame: wire.Ended) -> None:
        for number in [number for number in self._errands if number > frame.seen]:
            self._refused.append(self._finish(number))
        match frame.reason:
            case "normal":
                self._end(NORMAL)
            case "shutdown":
                self._end(SHUTDOWN)
            case "killed":
                self._end(Killed(self._cell.spec.shutdown))
            case fault:
                self._end(Crashed(rebuild(fault)))

    def _on_suppressed(self, frame: wire.Suppressed) -> None:
        self._cell.system.emit(events.ErrorSuppressed(path=self._cell.path, error=frame.error, where=frame.where))

    def _on_pong(self, _: wire.Pong) -> None:
        """That something came is all there is to it."""

    def _on_hello(self, _: wire.Hello) -> None:
        raise ProtocolError("the worker says hello twice")

    # -- its end ---------------------------------------------------------------------------------------------------

    async def _watch_process(self) -> None:
        """The process may be gone while a process that it started keeps the connection open."""
        how = await self._worker.wait_gone()
        await sleep(LAST_WORDS)
        self._lose(how)

    async def _watch_pulse(self) -> None:
        """Counts silent checks, and not time, because it may have been this process that did not run."""
        silent = 0
        while silent < PULSE:
            heard = self._connection.heard
            self._connection.send(wire.Ping())
            await sleep(self._heartbeat / PULSE)
            silent = silent + 1 if self._connection.heard == heard else 0
        self._worker.kill()
        self._lose(f"gave no sign of life for {self._heartbeat:g} s")

    def _lose(self, how: str) -> None:
        self._end(self._crash or Crashed(WorkerLost(self._cell.path, how)))

    def _end(self, exit: Exit) -> None:
        if not self._ended.is_set:
            self._stop_feeding()
            self._ended.set(exit)
            self._ready.set()  # it never will be: wake who waits for it
            self._settle(exit)

    def _settle(self, exit: Exit) -> None:
        """Give back what was not begun, and answer the rest."""
        for errand in sorted(self._refused, key=lambda errand: errand.number, reverse=True):
            if isinstance(errand.entry, Call):
                errand.entry.server = None
            errand.lane.channel.put_back(errand.entry)
        self._refused.clear()
        for number in list(self._errands):
            entry = self._finish(number).entry
            if isinstance(entry, Call):
                entry.fail(ActorDied(self._cell.path, exit))
