"""Workers of this machine: starting one, shaking hands with it, and seeing to it that it ends."""

import os
import secrets
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from subprocess import DEVNULL
from typing import TYPE_CHECKING, Final

import anyio
from anyio import CancelScope, create_task_group, move_on_after, open_process
from anyio.lowlevel import current_token

from ..errors import InvalidActor, NotSendable, ProtocolError, WorkerLost
from . import wire
from .arguments import encode_arguments
from .connection import MAX_FRAME, Connection
from .names import check_importable, describe_main
from .remote import RemoteIncarnation, Worker
from .stream import LISTENERS, TOKEN_VARIABLE, Listener, Stream, Transport
from .vocabulary import vocabulary_of

if TYPE_CHECKING:
    from ..cell import Cell
    from ..specs import ActorSpec

GREETING: Final = 5.0
"""Seconds that whoever connects has to say hello."""

GRACE: Final = 0.5
"""Seconds that a worker has to end once its connection is closed; then it gets SIGTERM."""

LAST_GRACE: Final = 0.2
"""Seconds that a worker has to end after SIGTERM; then it gets SIGKILL."""

SMALLEST_FRAME: Final = 64 * 1024
"""Bytes that even the smallest `Process.max_frame` has: an error with its traceback has to fit."""

_SIGNALS: Final = {number.value: number.name for number in signal.Signals}


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """The host of an actor that lives in a process of its own: ``child(Whisper, name="stt", host=Process())``.

    The actor's class, its arguments, its messages and its replies have to be such that another process can import or
    build them: classes at module level, and data that msgspec knows. See `docs/processes.md`.
    """

    prefetch: int = 0
    """Messages the worker may hold beyond those it works on. With 0, whatever has not been begun survives a kill; each
    one more is one that may get `ActorDied` unbegun, and spares its successor a wait for the way there and back."""
    heartbeat: float = 10.0
    """Seconds without a sign of life after which the worker counts as hung, and is killed. A handler that computes for
    longer than that has to do so in a thread (`ThreadWorker`)."""
    max_frame: int = MAX_FRAME
    """Bytes that one message, reply or batch of items may have."""
    transport: Transport = Transport.UNIX
    """What connects the two processes."""

    def __post_init__(self) -> None:
        if self.prefetch < 0 or not self.heartbeat > 0 or self.max_frame < SMALLEST_FRAME:
            raise ValueError(f"prefetch ≥ 0, heartbeat > 0 and max_frame ≥ {SMALLEST_FRAME} must hold, not {self}")

    def check(self, spec: "ActorSpec") -> None:
        """See `Host.check`."""
        try:
            wire.pack(self._start(spec), self.max_frame)
        except NotSendable as error:
            raise InvalidActor(f"the arguments of {spec.name!r} are too long: {error}") from None

    def incarnate(self, cell: "Cell") -> RemoteIncarnation:
        """See `Host.incarnate`."""
        return RemoteIncarnation(
            cell, partial(self.launch, cell.path), self._start(cell.spec), self.prefetch, self.heartbeat
        )

    @asynccontextmanager
    async def launch(self, actor: str) -> AsyncGenerator[Worker]:
        """Start a worker process and shake hands with it; at the end of the block, end it.

        At the end, and when cancelled, its connection is closed; if it has not ended `GRACE` seconds later it gets
        SIGTERM, and soon after SIGKILL. No process is left, and no zombie.

        Args:
            actor: The path of the actor, for errors.

        Raises:
            WorkerLost: It ended before it said hello.
            ProtocolError: It speaks another version of the protocol.
        """
        token = secrets.token_hex(16)
        process: anyio.abc.Process | None = None
        with LISTENERS[self.transport]() as listener:
            try:
                with CancelScope(shield=True):  # or a cancellation could lose a process that has just been started
                    process = await _open(listener, token, self.max_frame)
                assert process is not None
                connection = await _meet(process, listener, token, self.max_frame, actor)
                try:
                    yield LocalWorker(process, connection)
                finally:
                    connection.close()
            finally:
                if process is not None:
                    await _end(process)

    def _start(self, spec: "ActorSpec") -> wire.Start:
        factory = check_importable(spec.factory, "factory")
        actor = check_importable(spec.actor, "actor")
        messages = vocabulary_of(spec.actor).names
        uses_main = any(name.startswith("__main__:") for name in (factory, actor, *messages))
        return wire.Start(
            search_path=[str(folder) for folder in sys.path],
            main=describe_main() if uses_main else ("", ""),
            factory=factory,
            actor=actor,
            arguments=encode_arguments(spec.factory, spec.arguments, factory),
            name=spec.name,
            shutdown=spec.shutdown,
            max_concurrency=spec.max_concurrency,
            messages=messages,
        )


class LocalWorker:
    """A worker process and the connection to it."""

    def __init__(self, process: anyio.abc.Process, connection: Connection[wire.FromWorker]) -> None:
        self.connection = connection
        self._process = process

    async def wait_gone(self) -> str:
        """See `Worker.wait_gone`."""
        return _how(await self._process.wait())

    def kill(self) -> None:
        """See `Worker.kill`."""
        _signal(self._process, signal.SIGKILL)


async def _open(listener: Listener, token: str, max_frame: int) -> anyio.abc.Process:
    return await open_process(
        [sys.executable, "-m", f"{__package__}.worker", _backend(), listener.address, str(max_frame)],
        stdin=DEVNULL,
        stdout=None,  # its output goes where ours goes
        stderr=None,
        env=os.environ | {TOKEN_VARIABLE: token},
        pass_fds=listener.inherited,
        start_new_session=True,  # Ctrl+C in the terminal is for the parent, which ends its workers in order
    )


async def _meet(
    process: anyio.abc.Process, listener: Listener, token: str, max_frame: int, actor: str
) -> Connection[wire.FromWorker]:
    met: tuple[Connection[wire.FromWorker], int] | None = None

    async def watch() -> None:
        await process.wait()
        tasks.cancel_scope.cancel()

    async def greet(stream: Stream) -> None:
        nonlocal met
        if answer := await _greet(stream, token, max_frame):
            met = answer
            tasks.cancel_scope.cancel()

    async with create_task_group() as tasks:
        tasks.start_soon(watch)
        while True:  # a stranger who connects and says nothing does not hold up the worker
            tasks.start_soon(greet, await listener.accept())
    if met is None:
        raise WorkerLost(actor, _how(process.returncode))
    connection, version = met
    if version != wire.VERSION:
        connection.close()
        raise ProtocolError(f"the worker speaks version {version} of the protocol, its parent version {wire.VERSION}")
    return connection


async def _greet(stream: Stream, token: str, max_frame: int) -> tuple[Connection[wire.FromWorker], int] | None:
    """Return the connection to our worker and the version it speaks, or None if it is somebody else who connected."""
    connection: Connection[wire.FromWorker] = Connection(stream, wire.FromWorker, max_frame)
    welcome = False
    try:
        with move_on_after(GREETING):
            match await connection.receive():
                case [wire.Hello(version, shown)] if secrets.compare_digest(shown.encode(), token.encode()):
                    welcome = True
                    return connection, version
                case _:
                    pass
    except ProtocolError:
        pass
    finally:
        if not welcome:
            connection.close()
    return None


async def _end(process: anyio.abc.Process) -> None:
    with CancelScope(shield=True):
        for patience, following in ((GRACE, signal.SIGTERM), (LAST_GRACE, signal.SIGKILL)):
            with move_on_after(patience):
                await process.wait()
            if process.returncode is not None:
                return
            _signal(process, following)
        await process.wait()


def _signal(process: anyio.abc.Process, number: signal.Signals) -> None:
    """Send a signal to a worker and to the processes that it has started: it leads a group of its own."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        return f"was killed by {_SIGNALS.get(-code, f'signal {-code}')}"
    return f"ended with exit code {code}"


def _backend() -> str:
    """Which event loop runs here: the actor gets the same one there."""
    name = type(current_token().native_token).__module__.partition(".")[0]
    return name if name in ("trio", "uvloop") else "asyncio"
