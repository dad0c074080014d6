"""A worker process: ``python -m troupe.runtime.process.worker``. It is one actor, under a system of its own.

The actor's calls come from the connection instead of from references, and are answered there: so they go into the
mailbox like any others, but tell the parent how they ended. The worker lives as long as the connection: when
the parent is gone, so is it, whatever its actor is doing.
"""

import math
import os
import select
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import anyio
from anyio import create_task_group

from .. import events
from ..cell import Cell
from ..errors import ChannelBroken, ChannelClosed, InvalidActor, StartFailed
from ..exits import Crashed, Exit, Killed, Normal, Shutdown
from ..handlers import Kind
from ..incarnation import Incarnation
from ..parking import Latch
from ..restart import Restart
from ..specs import ActorSpec, child
from ..system import System, open_system
from . import wire
from .arguments import decode_arguments
from .calls import CALLS, RemoteCall
from .connection import Connection
from .faults import describe
from .names import find, load_main, name_of
from .stream import TOKEN_VARIABLE, SocketStream, Stream, connect
from .vocabulary import Vocabulary, vocabulary_of

BACKENDS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "asyncio": ("asyncio", {}),
    "uvloop": ("asyncio", {"use_uvloop": True}),
    "trio": ("trio", {}),
}

ORPHAN: Final = 2.0
"""Seconds that an actor whose parent is gone has to clean up."""


class Guest(Incarnation):
    """The life of an actor whose mailbox is elsewhere: it says at once when nothing more should come."""

    __slots__ = ("_connection",)

    def __init__(self, cell: Cell, connection: Connection[wire.ToWorker]) -> None:
        super().__init__(cell)
        self._connection = connection

    def stop_normally(self) -> None:
        """See `Incarnation.stop_normally`."""
        self._connection.send(wire.Stopping(None))
        super().stop_normally()

    def crash(self, error: Exception) -> None:
        """See `Incarnation.crash`."""
        if not isinstance(self._exit, Crashed):
            self._connection.send(wire.Stopping(describe(error)))
        super().crash(error)


class Session:
    """What happens over a connection to a parent; also the host, in the sense of `Host`, of the one actor there is."""

    def __init__(self, stream: Stream, max_frame: int) -> None:
        self.connection: Connection[wire.ToWorker] = Connection(stream, wire.ToWorker, max_frame)
        self.calls: dict[int, RemoteCall] = {}
        """Those which are not settled."""
        self.guest: Guest | None = None
        """The actor's one life, once it has begun."""
        self._start = Latch()
        self._seen = 0
        self._name = ""
        self._system: System | None = None
        self._vocabulary: Vocabulary
        self._on: dict[type, Callable[[Any], None]] = {
            wire.Begin: self._on_begin,
            wire.Items: self._on_items,
            wire.Credit: self._on_credit,
            wire.Finish: self._on_finish,
            wire.Cancel: self._on_cancel,
            wire.Ping: self._on_ping,
            wire.Stop: self._on_stop,
            wire.Start: self._start.set,
        }

    async def run(self, token: str) -> None:
        """Say hello, be the actor that the parent wants, and say how it ended."""
        async with create_task_group() as self.tasks:
            self.tasks.start_soon(self.connection.write)
            self.tasks.start_soon(self._read)
            self.connection.send(wire.Hello(wire.VERSION, token))
            exit = await self._live(await self._start.wait())
            self.connection.send(self._ended(exit))
            self.tasks.cancel_scope.cancel()
        await self.connection.flush()

    def abort(self) -> None:
        """End at once: nobody is there any more to say how."""
        if self._system is not None:
            self._system.kill()
        self.tasks.cancel_scope.cancel()

    async def _live(self, start: wire.Start) -> Exit:
        try:
            spec = self._understand(start)
        except Exception as error:  # policy: a module may raise anything when it is imported
            return Crashed(error)
        try:
            async with open_system(spec, on_event=self._on_event) as self._system:
                self.connection.send(wire.Ready())
                exit: Exit = await self.cell.ended.wait()
        except StartFailed as error:
            return error.exit
        return exit

    def _understand(self, start: wire.Start) -> ActorSpec:
        self._name = start.name
        sys.path[:] = start.search_path
        load_main(start.main)
        factory, actor = find(start.factory), find(start.actor)
        self._vocabulary = vocabulary_of(actor)
        if self._vocabulary.names != start.messages:
            raise InvalidActor(
                f"{start.actor} handles other messages in the worker process than in its parent: "
                f"{self._vocabulary.names} instead of {start.messages}"
            )
        return child(
            factory,
            *decode_arguments(factory, start.arguments, start.factory),
            name=start.name,
            actor=actor,
            max_concurrency=start.max_concurrency,
            restart=Restart.TEMPORARY,
            start_timeout=math.inf,  # the parent's clock measures it
            shutdown=start.shutdown,
            host=self,
        )

    def _ended(self, exit: Exit) -> wire.Ended:
        match exit:
            case Normal():
                return wire.Ended("normal", self._seen)
            case Shutdown():
                return wire.Ended("shutdown", self._seen)
            case Killed():
                return wire.Ended("killed", self._seen)
            case Crashed(error):
                return wire.Ended(describe(error), self._seen)

    def _on_event(self, event: events.Event) -> None:
        """What happens to the actor as a whole is for the parent to say, but for where it crashed."""
        is_own = event.path == self._name
        if is_own and isinstance(event, events.ErrorSuppressed):
            self.connection.send(wire.Suppressed(event.error, event.where))
        elif not is_own or isinstance(event, events.Crashed):
            events.log(event)

    # -- as a host -------------------------------------------------------------------------------------------------

    def check(self, spec: ActorSpec) -> None:
        """See `Host.check`."""

    def incarnate(self, cell: Cell) -> Guest:
        """See `Host.incarnate`."""
        self.guest = Guest(cell, self.connection)
        return self.guest

    @property
    def cell(self) -> Cell:
        """The actor's."""
        assert self.guest is not None
        return self.guest.cell

    # -- from the parent -------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        while frames := await self.connection.receive():
            for frame in frames:
                self._on[frame.__class__](frame)
        self.abort()

    def _on_begin(self, frame: wire.Begin) -> None:
        self._seen = frame.id
        word = self._vocabulary.words[frame.message]
        try:
            message = word.message(frame.payload)
        except wire.UNREADABLE as error:  # its sender has put in what its annotations do not allow
            if word.kind is Kind.TELL:
                self.connection.send(wire.Suppressed(name_of(type(error)).replace(":", "."), ""))
            self.connection.send(wire.Failure(frame.id, describe(error)))
            return
        call = self.calls[frame.id] = CALLS[word.kind](self, self.cell, frame, word, message)
        try:
            self.cell.lane_of(message).force(call)
        except (ChannelClosed, ChannelBroken) as error:  # it ended while this was on its way
            call.fail(error)
            return
        if message.control and self.cell.incarnation is not None:
            self.cell.incarnation.serve_control()

    def _on_items(self, frame: wire.Items) -> None:
        call = self.calls.get(frame.id)
        if call is not None:  # else it has been settled while this was on its way
            call.push(frame)

    def _on_finish(self, frame: wire.Finish) -> None:
        call = self.calls.get(frame.id)
        if call is not None:
            call.finish()

    def _on_credit(self, frame: wire.Credit) -> None:
        call = self.calls.get(frame.id)
        if call is not None:
            call.grant(frame.count)

    def _on_cancel(self, frame: wire.Cancel) -> None:
        call = self.calls.get(frame.id)
        if call is not None:
            call.abandon()

    def _on_stop(self, frame: wire.Stop) -> None:
        self.cell.request_stop(for_good=frame.drain)

    def _on_ping(self, _: wire.Ping) -> None:
        self.connection.send(wire.Pong())


def watch_parent(stream: SocketStream, grace: float = ORPHAN) -> None:
    """End this process `grace` seconds after its parent has hung up, even if the actor blocks the event loop.

    The event loop sees the end of the connection, too, and lets the actor clean up; this thread is for when it can't.
    """

    def wait() -> None:
        hung_up = select.poll()
        hung_up.register(stream.fileno(), getattr(select, "POLLRDHUP", 0))  # and POLLHUP, always
        hung_up.poll()
        time.sleep(grace)
        os._exit(1)

    threading.Thread(target=wait, name="watch parent", daemon=True).start()


def main() -> None:
    """Connect to the parent, and be its worker until one of the two ends."""
    backend, address, max_frame = sys.argv[1:]
    stream = connect(address)
    watch_parent(stream)
    name, options = BACKENDS[backend]
    session = Session(stream, int(max_frame))
    anyio.run(session.run, os.environ.pop(TOKEN_VARIABLE), backend=name, backend_options=options)


if __name__ == "__main__":
    main()
