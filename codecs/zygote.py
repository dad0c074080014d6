"""The process from which sandboxed children are forked: it has everything imported, and nothing worth stealing.

It is started by `sandbox.Sandbox` as a new program with an empty environment, so no memory, key or descriptor of the
parent is in it. It reads orders from its control socket, forks a child for each, and reports how the child ended. It
never reads what a child or a file says.
"""

import importlib
import os
import selectors
import signal
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from enum import IntEnum
from pathlib import Path

import msgspec

from .errors import CodecError, LimitExceeded, SandboxDied
from .limits import Limits
from .lockdown import lock_down
from .source import Source

LENGTH = struct.Struct("!I")
"""Before each order."""
FRAME = struct.Struct("!BI")
"""Before each frame of a child's answer: its `Kind` and length."""
STATUS = struct.Struct("!i")
"""How a child ended, as ``os.waitpid`` tells."""

_IMPORTED_LATE = ("av.subtitles.codeccontext", "av.subtitles.stream")
"""What PyAV imports when it opens the first container: too late in a child that can open no file."""

Job = Callable[[Source, bytes, Limits], Iterator[bytes]]


class Kind(IntEnum):
    """What a frame of an answer is."""

    PIECE = 0
    """One of the things that the job yielded."""
    ERROR = 1
    """The `Failure` that ended the job."""
    END = 2
    """The end of the job."""


class Order(msgspec.Struct, frozen=True):
    """What a child shall do. Three descriptors travel with it: for the answer, for the status, and the file's."""

    job: str
    """``module:function``; the function is a `Job`."""
    request: bytes
    """Its second argument."""
    limits: Limits
    """Its third argument, which the kernel holds it to."""
    size: int
    """Bytes of the file."""


class Failure(msgspec.Struct, frozen=True):
    """A `CodecError` on its way to the parent."""

    name: str
    """Its class, one of `errors`."""
    message: str
    """Its text."""
    limit: float = 0.0
    """What a `LimitExceeded` carries."""


def serve(control: socket.socket, preload: list[str]) -> None:
    """Fork a child for each order until the control socket closes; then kill those that are left and return.

    The first thing it sends is the list of what is enforced in its children.
    """
    for module in (*_IMPORTED_LATE, *preload):
        importlib.import_module(module)
    enforced = _enforced_in_a_child()
    wake, waker = socket.socketpair()
    wake.setblocking(False)
    waker.setblocking(False)
    signal.signal(signal.SIGCHLD, _ignore)  # the wake-up descriptor needs a handler, not what it does
    signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
    control.sendall(msgspec.msgpack.encode(sorted(enforced)))

    children: dict[int, socket.socket] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        selector.register(wake, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is wake:
                    wake.recv(4096)
                    _reap(children, selector)
                elif key.fileobj is control:
                    child = _receive(control, enforced)
                    if child is None:
                        for pid in children:
                            os.kill(pid, signal.SIGKILL)
                        return
                    children.update([child])
                    selector.register(child[1], selectors.EVENT_READ, child[0])
                elif key.data in children:  # the parent has lost interest in it; it may have been reaped just now
                    os.kill(key.data, signal.SIGKILL)
                    selector.unregister(key.fileobj)


def _ignore(number: int, frame: object) -> None:
    """Handle a signal by doing nothing."""


def _receive(control: socket.socket, enforced: frozenset[str]) -> tuple[int, socket.socket] | None:
    """Take one order and fork its child; return its pid and the socket for its status, or None at the end."""
    head, descriptors, _, _ = socket.recv_fds(control, LENGTH.size, 3)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    order = msgspec.msgpack.decode(control.recv(length, socket.MSG_WAITALL), type=Order)
    answer, status, file = descriptors
    pid = os.fork()
    if pid == 0:
        exit_status = 1
        try:
            _run(order, answer, file, enforced)
            exit_status = 0
        finally:
            os._exit(exit_status)  # whatever is raised: never back into the zygote's loop
    os.close(answer)
    os.close(file)
    return pid, socket.socket(fileno=status)


def _reap(children: dict[int, socket.socket], selector: selectors.BaseSelector) -> None:
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        with children.pop(pid) as listener:
            if listener in selector.get_map():
                selector.unregister(listener)
            with suppress(BrokenPipeError):  # nobody waits for it any more
                listener.sendall(STATUS.pack(status))


def _run(order: Order, answer: int, file: int, enforced: frozenset[str]) -> None:
    """Do the job in the child: lock it down, then run the job and write the frames of its answer."""
    try:
        module, _, function = order.job.partition(":")
        job: Job = getattr(importlib.import_module(module), function)
        _close_all_but(answer, file)
        if lock_down(order.limits.memory, order.limits.cpu) != enforced:
            raise SandboxDied("the child could not be locked down as it should")
        for piece in job(Source(file, order.size), order.request, order.limits):
            _write(answer, Kind.PIECE, piece)
    except CodecError as error:
        limit = error.limit if isinstance(error, LimitExceeded) else 0.0
        failure = Failure(type(error).__name__, str(error), limit)
    except MemoryError:
        failure = Failure(SandboxDied.__name__, "the job needed more memory than it may have")
    except Exception as error:  # the border of a process: whatever it is, it gets across by name
        failure = Failure(SandboxDied.__name__, f"the job raised {type(error).__name__}, which no job should")
    else:
        _write(answer, Kind.END, b"")
        return
    _write(answer, Kind.ERROR, msgspec.msgpack.encode(failure))


def _write(descriptor: int, kind: Kind, payload: bytes) -> None:
    frame = memoryview(FRAME.pack(kind, len(payload)) + payload)
    while frame:
        frame = frame[os.write(descriptor, frame) :]


def _close_all_but(*kept: int) -> None:
    """Close the control socket, other children's status sockets, and everything else but the standard streams."""
    for descriptor in [int(entry.name) for entry in Path("/dev/fd").iterdir()]:
        if descriptor > 2 and descriptor not in kept:
            with suppress(OSError):  # the one through which the folder was read is closed already
                os.close(descriptor)


def _enforced_in_a_child() -> frozenset[str]:
    """Find out by trying: fork a child, lock it down, and ask it."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writer, msgspec.msgpack.encode(sorted(lock_down(2**29, 1))))
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        answer = file.read()
    os.waitpid(pid, 0)
    return frozenset(msgspec.msgpack.decode(answer, type=list[str]))
