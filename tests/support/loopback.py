"""A host whose workers are tasks of the same event loop: all of the protocol and its two ends, without a process."""

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from anyio import Event, create_task_group
from troupe.runtime.process import Process, wire
from troupe.runtime.process.connection import Connection
from troupe.runtime.process.stream import SocketStream
from troupe.runtime.process.worker import Session


class Workerless:
    """Stands for the process."""

    def __init__(self, connection: Connection[wire.FromWorker], session: Session) -> None:
        self.connection = connection
        self.session = session
        self.gone = Event()

    async def wait_gone(self) -> str:
        await self.gone.wait()
        return "is gone"

    def kill(self) -> None:
        self.session.abort()


@dataclass(frozen=True, slots=True, kw_only=True)
class Loopback(Process):
    """Serves as `Process` does."""

    @asynccontextmanager
    async def launch(self, actor: str) -> AsyncGenerator[Workerless]:
        ours, theirs = (SocketStream(end) for end in socket.socketpair())
        worker = Workerless(Connection(ours, wire.FromWorker, self.max_frame), Session(theirs, self.max_frame))

        async def serve() -> None:
            try:
                await worker.session.run("token")
            finally:
                theirs.close()
                worker.gone.set()

        async with create_task_group() as tasks:
            tasks.start_soon(serve)
            try:
                assert await worker.connection.receive() == [wire.Hello(wire.VERSION, "token")]
                yield worker
            finally:
                worker.connection.close()
