"""The processes that one load comes from, and what they tell meanwhile."""

import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import msgspec
from anyio import (
    BrokenResourceError,
    ClosedResourceError,
    EndOfStream,
    create_task_group,
    move_on_after,
    open_process,
    to_thread,
)
from anyio.abc import ByteReceiveStream, Process
from msgspec import Struct

from .order import LoadFailed
from .processes import Processes
from .results import Usage
from .worker import Failed, Finished, Job, Measuring, Opened, Progress, Ready, Told

_LEAVING = 10.0
"""Seconds in which a process has to end when it has told all."""


class Situation(Struct):
    """How it goes."""

    sessions: int
    """Wanted."""
    opened: int = 0
    progress: Progress | None = None
    """Of the process that is worst off, with the counts of all."""
    usage: Sequence[Usage] = ()
    """Of the server, so far."""


class Member:
    """One of the processes."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.opened = 0
        self.ready = False
        self.progress: Progress | None = None
        self.result: Finished | None = None

    async def write(self, line: bytes) -> None:
        """Tell it something, if it is still there."""
        assert self.process.stdin is not None
        with suppress(BrokenResourceError, ClosedResourceError):
            await self.process.stdin.send(line)

    async def lines(self) -> AsyncIterator[Told]:
        """Give what it tells."""
        assert self.process.stdout is not None
        async for line in _lines(self.process.stdout):
            yield _told.decode(line)


class Crew:
    """All of them.

    Args:
        server: whose usage is looked at each second; None if it is not here.
        show: is told how it goes.
    """

    def __init__(self, server: Processes | None, show: Callable[[Situation], None]) -> None:
        self.usage: list[Usage] = []
        self._server = server
        self._show = show
        self._members: list[Member] = []
        self._situation = Situation(0, usage=self.usage)

    async def work(self, jobs: Sequence[Job]) -> list[Finished]:
        """Have the jobs done, all at the same time; return what came of those that were not ended before they began.

        Raises:
            LoadFailed: No session could be opened, or a process has died.
        """
        self._situation.sessions = sum(job.sessions for job in jobs)
        async with create_task_group() as tasks:
            for job in jobs:
                tasks.start_soon(self._have_done, job, len(jobs))
        return [member.result for member in self._members if member.result is not None]

    async def end(self) -> None:
        """End it early, and keep what was measured."""
        for member in self._members:
            await member.write(b"end\n")

    async def _have_done(self, job: Job, jobs: int) -> None:
        async with _process() as process:
            member = Member(process)
            self._members.append(member)
            await member.write(msgspec.json.encode(job) + b"\n")
            async for told in member.lines():
                await self._take(member, told, jobs)
                self._show(self._situation)
        if process.returncode != 0:
            raise LoadFailed("the load generator has failed; what it said is above")

    async def _take(self, member: Member, told: Told, jobs: int) -> None:
        measures = member is self._members[0]
        match told:
            case Opened(opened):
                member.opened = opened
                self._situation.opened = sum(each.opened for each in self._members)
            case Ready():
                member.ready = True
                if sum(each.ready for each in self._members) == jobs:  # they begin together
                    for each in self._members:
                        await each.write(b"go\n")
            case Failed(why):
                raise LoadFailed(why)
            case Measuring():
                if measures and self._server is not None:
                    await to_thread.run_sync(self._server.begin, time.perf_counter())
                    await self._look(self._server)
            case Progress():
                member.progress = told
                if measures and self._server is not None:
                    await self._look(self._server)
                self._situation.progress = _worst([each.progress for each in self._members if each.progress])
            case Finished():
                member.result = told
            case _:
                pass

    async def _look(self, server: Processes) -> None:
        self.usage.append(await to_thread.run_sync(server.look, time.perf_counter()))


def _worst(progresses: Sequence[Progress]) -> Progress:
    def most(values: list[float | None]) -> float | None:
        return max((value for value in values if value is not None), default=None)

    return Progress(
        turns=sum(each.turns for each in progresses),
        errors=sum(each.errors for each in progresses),
        disconnects=sum(each.disconnects for each in progresses),
        late=max(each.late for each in progresses),
        first_audio=most([each.first_audio for each in progresses]),
        probe=most([each.probe for each in progresses]),
    )


@asynccontextmanager
async def _process() -> AsyncGenerator[Process]:
    """Run a process of the load until it ends, or the block does."""
    command = [sys.executable, "-m", "troupe.services.bench.worker"]
    process = await open_process(command, stderr=None, start_new_session=True)  # Ctrl-C is for this process alone
    async with process:
        try:
            yield process
            assert process.stdin is not None
            await process.stdin.aclose()
            with move_on_after(_LEAVING):
                await process.wait()
        finally:
            with suppress(ProcessLookupError):
                process.kill()


async def _lines(stream: ByteReceiveStream) -> AsyncIterator[bytes]:
    held = bytearray()
    with suppress(EndOfStream):
        while True:
            held += await stream.receive()
            if b"\n" in held[-65536:]:
                *lines, rest = bytes(held).split(b"\n")
                held = bytearray(rest)
                for line in lines:
                    yield line


_told = msgspec.json.Decoder(Told)
