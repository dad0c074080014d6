"""Servers in processes of their own, on a processor of their own."""

import os
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from signal import SIGKILL
from subprocess import PIPE
from tempfile import TemporaryFile
from typing import IO, Final

from anyio import EndOfStream, move_on_after, open_process, to_thread
from anyio.abc import ByteReceiveStream
from msgspec import Struct

from ..order import LoadFailed

_STARTING: Final = 120.0
"""Seconds that a server may take until it listens: frameworks take several to be imported on a busy machine."""
_ENDING: Final = 10.0
_LAST_LINES: Final = 8


class Running(Struct, frozen=True):
    """A server that listens."""

    pid: int
    port: int


@contextmanager
def processors() -> Generator[int]:
    """Keep this process, and those it starts, off one processor until the block ends; give that one's number.

    Raises:
        LoadFailed: There is only one: a server that shares it with the load can't be measured.
    """
    usable = os.sched_getaffinity(0)
    if len(usable) < 2:
        raise LoadFailed("comparing servers takes two processors: one for the server, one for the load")
    server = max(usable)
    os.sched_setaffinity(0, usable - {server})
    try:
        yield server
    finally:
        os.sched_setaffinity(0, usable)


@asynccontextmanager
async def serving(command: Sequence[str], folder: Path, processor: int | None = None) -> AsyncGenerator[Running]:
    """Run a server until the block ends.

    Args:
        command: Prints the port it listens on, and ends with its standard input.
        folder: Where it runs.
        processor: The one that it runs on, with all that it starts; None for any.

    Raises:
        LoadFailed: It does not start; the text ends with what it said.
    """
    with TemporaryFile() as said:
        process = await open_process(command, cwd=folder, stdin=PIPE, stdout=PIPE, stderr=said, start_new_session=True)
        async with process:
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                if processor is not None:
                    os.sched_setaffinity(process.pid, {processor})  # before it has threads, which inherit it
                port = ""
                with move_on_after(_STARTING):
                    port = await _line(process.stdout)
                if not port.isdigit():
                    raise LoadFailed(f"{' '.join(command)} does not listen:\n{await to_thread.run_sync(_last, said)}")
                yield Running(process.pid, int(port))
                await process.stdin.aclose()
                with move_on_after(_ENDING):
                    await process.wait()
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, SIGKILL)


def _last(said: IO[bytes]) -> str:
    said.seek(0)
    return "\n".join(said.read().decode(errors="replace").strip().splitlines()[-_LAST_LINES:])


async def _line(stream: ByteReceiveStream) -> str:
    held = b""
    with suppress(EndOfStream):
        while b"\n" not in held:
            held += await stream.receive()
    return held.partition(b"\n")[0].decode()
