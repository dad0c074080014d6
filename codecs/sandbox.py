"""Untrusted media in short-lived child processes that can do nothing but compute.

`gate` closes the doors that libav leaves open by design. What it can't close is a bug in an allowed demuxer or decoder:
for that, each file is opened in a process of its own, forked from a `zygote`, locked down by `lockdown`, and ended by
the kernel when it takes too long. What comes back is read as bytes with lengths that are checked, never unpickled.

A sandbox is given to `asset.load`; whatever opens that asset then does so inside it.
"""

import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from . import errors
from .errors import CodecError, LimitExceeded, SandboxDied, TooSlow
from .limits import Limits
from .source import Source
from .zygote import FRAME, LENGTH, STATUS, Failure, Kind, Order

T = TypeVar("T")

MOST_AT_ONCE = 64 * 2**20
"""Bytes of one piece of an answer; a child that announces more is not believed."""
_LONGEST_MESSAGE = 500
_NONSENSE = "the child's answer makes no sense"
_PATIENCE = 30.0
"""Seconds that a zygote may take to start."""
_GRACE = 1.0
"""Seconds beyond the wall time in which a child may report by itself that it was too slow."""

_START = """
import json, socket, sys
sys.path[:] = json.loads(sys.argv[2])
from troupe.codecs.zygote import serve
serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[3:])
"""


class Sandbox:
    """Runs jobs on untrusted files, each in a child process of its own.

    The zygote, one process with the media libraries loaded, starts with the first job (some 0.3 s) and restarts if it
    dies. A sandbox may be used by several threads at once. Leaving the ``with`` block, or `close`, ends all its
    processes; so does the death of this process.

    Args:
        preload: modules of jobs to load before the first fork; others are loaded by every child that needs them.
    """

    def __init__(self, *, preload: Sequence[str] = ("troupe.codecs.decode",)) -> None:
        self._preload = tuple(preload)
        self._lock = threading.Lock()
        self._zygote: _Zygote | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def enforced(self) -> frozenset[str]:
        """What holds a child, on this machine: a set of ``limits``, ``memory``, ``no-new-privileges`` and ``seccomp``.

        Found out by trying. Starts the zygote if need be.

        Raises:
            SandboxDied: if it does not start.
        """
        with self._lock:
            return self._running().enforced

    def run(self, job: str, source: Source, request: bytes, limits: Limits) -> Generator[bytearray]:
        """Run a job on a file in a new child; yield what the job yields.

        The job starts with the first ``next``. Closing the generator, or dropping it, kills the child. ``limits.cpu``
        and ``limits.memory`` are held by the kernel. ``limits.wall`` counts the time spent waiting here: for a deadline
        of your own, pass limits with the time that is left.

        Args:
            job: ``module:function``. It is called as ``function(source, request, limits)``, yields bytes, and can
                open nothing but the source.
            source: the file.
            request: what to do with it.
            limits: what it may cost.

        Raises:
            SandboxDied: if the child crashed or was killed, or needed too much memory.
            TooSlow: if the time was up.
            CodecError: what the job raised.
            OSError: if the file can't be opened.
        """
        order = Order(job, request, limits, source.size)
        with _descriptor(source) as file, self._lock:
            child = self._running().fork(order, file)
        try:
            while (piece := child.piece()) is not None:
                yield piece
        finally:
            child.close()

    def ask(self, job: str, source: Source, request: bytes, limits: Limits, answer: type[T]) -> T:
        """Run a job that yields one piece, an `answer` in MessagePack; return that.

        Arguments and errors are those of `run`. An answer of another type is `SandboxDied` too: the child is not what
        it was.
        """
        with closing(self.run(job, source, request, limits)) as pieces:
            piece = next(pieces, b"")
        try:
            return msgspec.msgpack.decode(piece, type=answer)
        except msgspec.DecodeError as error:
            raise SandboxDied(_NONSENSE) from error

    def close(self) -> None:
        """End the zygote and all children. The sandbox may be used again: it starts another one."""
        with self._lock:
            if self._zygote is not None:
                self._zygote.close()
                self._zygote = None

    def _running(self) -> "_Zygote":
        zygote = self._zygote
        if zygote is None or not zygote.usable:
            self._zygote = zygote = _Zygote(self._preload)
        return zygote


class _Zygote:
    """The parent's end of a zygote."""

    def __init__(self, preload: Sequence[str]) -> None:
        self._owner = os.getpid()
        self._control, other = socket.socketpair()
        with other:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, and module names of the caller
                [sys.executable, "-I", "-c", _START, str(other.fileno()), json.dumps(sys.path), *preload],
                pass_fds=[other.fileno()],
                env={"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},  # threads don't survive a fork
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # an interrupt from the terminal is the parent's business
            )
        self._control.settimeout(_PATIENCE)
        try:
            self.enforced = frozenset(msgspec.msgpack.decode(self._control.recv(4096), type=list[str]))
        except (msgspec.DecodeError, TimeoutError) as error:
            self.close()
            raise SandboxDied("the sandbox did not start") from error

    @property
    def usable(self) -> bool:
        """Whether it lives, and is this process's own: it must not be shared across a fork."""
        return self._owner == os.getpid() and self._process.poll() is None

    def fork(self, order: Order, file: int) -> "_Child":
        """Have it fork a child for this order."""
        reader, writer = os.pipe()
        status, other = socket.socketpair()
        message = msgspec.msgpack.encode(order)
        try:
            socket.send_fds(self._control, [LENGTH.pack(len(message))], [writer, other.fileno(), file])
            self._control.sendall(message)
        except OSError as error:
            os.close(reader)
            status.close()
            raise SandboxDied("the sandbox's own process has died") from error
        finally:
            os.close(writer)
            other.close()
        return _Child(reader, status, order.limits)

    def close(self) -> None:
        """End it, and its children with it."""
        self._control.close()
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class _Child:
    """The parent's end of one child."""

    def __init__(self, reader: int, status: socket.socket, limits: Limits) -> None:
        self._reader = reader
        self._status = status
        self._limits = limits
        self._left = limits.wall + _GRACE

    def piece(self) -> bytearray | None:
        """Return the next piece of the answer, or None at its end."""
        kind, length = FRAME.unpack(self._read(FRAME.size))
        if length > MOST_AT_ONCE:
            raise SandboxDied(_NONSENSE)
        payload = self._read(length)
        match kind:
            case Kind.PIECE:
                return payload
            case Kind.END:
                return None
            case _:
                raise _error(payload)

    def _read(self, length: int) -> bytearray:
        data = bytearray(length)
        view = memoryview(data)
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        while view:
            started = time.monotonic()
            if not poll.poll(self._left * 1000):
                raise TooSlow(f"more than {self._limits.wall:g} s passed", self._limits.wall)
            self._left = max(0.0, self._left - (time.monotonic() - started))
            count = os.readv(self._reader, [view])
            if count == 0:
                raise self._death()
            view = view[count:]
        return data

    def _death(self) -> CodecError:
        """Find out how it ended."""
        self._status.settimeout(_GRACE)
        try:
            (status,) = STATUS.unpack(self._status.recv(STATUS.size))
        except (struct.error, TimeoutError):
            return SandboxDied("the sandbox's own process has died")
        code = os.waitstatus_to_exitcode(status)
        if code == -signal.SIGXCPU:
            return TooSlow(f"more than {self._limits.cpu:g} s of CPU time were needed", self._limits.cpu)
        if code < 0:
            return SandboxDied(f"the child was killed by {signal.Signals(-code).name}")
        return SandboxDied(f"the child ended with status {code} and without an answer")

    def close(self) -> None:
        """Kill it if it still lives."""
        os.close(self._reader)
        self._status.close()


def _error(payload: bytearray) -> CodecError:
    """Rebuild the error that the child reported; only errors of this package can be."""
    try:
        failure = msgspec.msgpack.decode(payload, type=Failure)
    except msgspec.DecodeError:
        return SandboxDied(_NONSENSE)
    kind = getattr(errors, failure.name, None)
    if not isinstance(kind, type) or not issubclass(kind, CodecError):
        return SandboxDied(_NONSENSE)
    message = failure.message[:_LONGEST_MESSAGE]
    return kind(message, failure.limit) if issubclass(kind, LimitExceeded) else kind(message)


@contextmanager
def _descriptor(source: Source) -> Generator[int]:
    """Open the file, or put the bytes into one that has no name."""
    place = source.place
    if isinstance(place, int):
        yield place
    elif isinstance(place, Path):
        with place.open("rb", buffering=0) as file:
            yield file.fileno()
    elif sys.platform == "linux":
        with os.fdopen(os.memfd_create("asset"), "wb", buffering=0) as file:
            file.write(place)
            yield file.fileno()
    else:
        with tempfile.TemporaryFile(buffering=0) as file:
            file.write(place)
            yield file.fileno()
