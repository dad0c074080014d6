"""Media jobs by ffmpeg, as an actor: each in a container of its own.

A container has no network, sees its sources and an empty folder for the result, and nothing else of this machine; its
own files can't be changed, and memory, processors and processes are bounded. It is gone when the job is, however that
ends. What files are is found out here, in a sandbox, before and after.
"""

import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import ClassVar, Final, TypeVar

from anyio import CancelScope, current_time, fail_after, to_thread

from ....actors.media.jobs import (
    IMAGES,
    PLAYED,
    Concatenate,
    LoudnessReport,
    MadeFile,
    MeasureLoudness,
    TakeThumbnail,
    Transcode,
    form_of,
)
from ....codecs.asset import load
from ....codecs.errors import BrokenMedia, RoleError, SandboxDied, TooSlow
from ....codecs.limits import Limits
from ....codecs.sandbox import Sandbox
from ....runtime import Actor
from ...docker.container import Plan, planned
from ...docker.images import ensure_image
from ...docker.manifest import read_manifest
from ...docker.plans import SHIPPED
from ...docker.platform import Platform
from ...docker.policy import check
from ...docker.status import Replica
from ...docker.wire import Json
from . import commands
from .commands import RESULTS, SOURCES, Source

T = TypeVar("T")

AT_ONCE: Final = 4
"""Containers that run at a time; further jobs wait."""
REMOVAL: Final = 15.0
"""Seconds that a container may take to be gone."""
OPENING: Final = Limits(cpu=20, wall=60)
"""What it may cost to find out what a file is."""


def shipped_plan(variant: str = "") -> Plan:
    """Return the plan of the shipped service; it reads a file.

    Args:
        variant: Empty, or ``gpu``.
    """
    return planned(read_manifest(SHIPPED / "ffmpeg", variant))


class FfmpegMedia(Actor):
    """Does media jobs. Cancelling a job kills its container.

    Args:
        platform: What it shares with other services.
        plan: What the containers are to be, but for their command; see `shipped_plan`.
    """

    max_concurrency: ClassVar[int] = AT_ONCE
    _sandbox: Sandbox

    def __init__(self, platform: Platform, plan: Plan) -> None:
        self._platform = platform
        self._plan = plan
        self._gpu = plan.requirements.gpus is not None
        self._numbers = count(1)

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        """Have the image, and a sandbox.

        Raises:
            ServiceError: There is no engine, or the image can't be had.
        """
        replica = Replica(self._plan.service)
        await ensure_image(self._platform.engine, self._plan, replica, self._platform.files)
        self._sandbox = Sandbox()
        try:
            yield
        finally:
            with CancelScope(shield=True, deadline=current_time() + REMOVAL):
                await self._in_thread(self._sandbox.close)

    async def transcode(self, job: Transcode) -> MadeFile:
        """Bring a file into another format.

        Raises:
            CodecError: The file can't be read, or what is wanted can't be made.
            ValueError: A time makes no sense.
            OSError: A file can't be read or written.
            EngineError: The engine can't be reached.
        """
        form = form_of(job.to, PLAYED)
        (source,) = await self._sources([job.source])
        return await self._make(commands.transcode(job, form, source, gpu=self._gpu), [job.source], job.to, job.limit)

    async def concatenate(self, job: Concatenate) -> MadeFile:
        """Join files; raises as `transcode`."""
        form = form_of(job.to, PLAYED)
        sources = await self._sources(job.sources)
        return await self._make(commands.concatenate(form, sources, gpu=self._gpu), job.sources, job.to, job.limit)

    async def take_thumbnail(self, job: TakeThumbnail) -> MadeFile:
        """Make an image of a picture; raises as `transcode`."""
        form = form_of(job.to, IMAGES)
        (source,) = await self._sources([job.source])
        return await self._make(commands.take_thumbnail(job, form, source), [job.source], job.to, job.limit)

    async def measure_loudness(self, job: MeasureLoudness) -> LoudnessReport:
        """Measure how loud it is; raises as `transcode`."""
        (source,) = await self._sources([job.source])
        lines = await self._run(commands.measure_loudness(source), [job.source], None, job.limit)
        return commands.read_loudness(lines)

    # -- files -----------------------------------------------------------------------------------------------------

    async def _sources(self, paths: Sequence[str]) -> list[Source]:
        return [await self._in_thread(partial(self._source, path)) for path in paths]

    def _source(self, path: str) -> Source:
        asset = load(path, limits=OPENING, sandbox=self._sandbox)
        if asset.format.demuxer is None:
            raise RoleError(f"this is {asset.format.title}; the job needs a recording or a video")
        return Source(asset.format.demuxer, asset.info)

    async def _make(self, command: list[str], sources: Sequence[str], to: str, limit: float) -> MadeFile:
        target = Path(to)
        # beside the target, where renaming is atomic
        scratch = Path(await self._in_thread(partial(tempfile.mkdtemp, prefix=".troupe-", dir=target.parent)))
        try:
            await self._run(command, sources, scratch, limit)
            return await self._in_thread(partial(self._take, scratch / "made", target))
        finally:
            with CancelScope(shield=True, deadline=current_time() + REMOVAL):
                await self._in_thread(partial(shutil.rmtree, scratch, ignore_errors=True))

    def _take(self, made: Path, target: Path) -> MadeFile:
        if made.is_symlink() or not made.is_file():
            raise BrokenMedia("ffmpeg made nothing of it")
        told = MadeFile.of(load(made, limits=OPENING, sandbox=self._sandbox), str(target))
        made.replace(target)
        return told

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await to_thread.run_sync(work, limiter=self._platform.files)

    # -- containers ------------------------------------------------------------------------------------------------

    async def _run(self, command: list[str], sources: Sequence[str], scratch: Path | None, limit: float) -> list[str]:
        """Run a command to its end; return the lines that it writes.

        Raises:
            BrokenMedia: It failed.
            SandboxDied: It took more memory than it may.
            TooSlow: It took longer than it may.
            EngineError: The engine can't be reached.
        """
        engine, number = self._platform.engine, next(self._numbers)
        body = await self._in_thread(partial(self._body, command, sources, scratch, number))
        container = await engine.create(f"troupe-{self._plan.service}-{self._platform.run.name}-{number}", body)
        try:
            with fail_after(limit):
                await engine.start(container)
                async with engine.logs(container, follow=True) as feed:  # ends with the container
                    lines = [line.text async for line in feed]
                state = (await engine.inspect(container)).state
        except TimeoutError:
            raise TooSlow(f"more than {limit:g} s passed", limit) from None
        finally:
            with CancelScope(shield=True, deadline=current_time() + REMOVAL):
                await engine.remove(container)
        if state.out_of_memory:
            raise SandboxDied("ffmpeg needed more memory than it may have")
        if state.exit_code:
            raise BrokenMedia(f"ffmpeg could not make anything of it (exit code {state.exit_code})")
        return lines

    def _body(self, command: list[str], sources: Sequence[str], scratch: Path | None, number: int) -> Json:
        """Return what the engine is asked for, once it is known to be harmless. It reads files."""
        paths = [Path(source).resolve() for source in sources]
        own = [*paths, scratch.resolve()] if scratch else paths
        mounts = [_bound(path, f"{SOURCES}/{place}", read_only=True) for place, path in enumerate(paths)]
        if scratch is not None:
            mounts.append(_bound(scratch.resolve(), RESULTS, read_only=False))
        run, plan = self._platform.run, self._plan
        body = plan.body(labels=run.labels(plan.service, number, plan.fingerprint), environment={}, mounts=mounts)
        # as this user, to whom the files belong; without capabilities even root is nobody special
        body |= {"Cmd": command, "User": f"{os.getuid()}:{os.getgid()}"}
        check(plan.service, body, folder=plan.folder, allowed=frozenset(), own=own)
        return body


def _bound(path: Path, target: str, *, read_only: bool) -> Json:
    return {"Type": "bind", "Source": str(path), "Target": target, "ReadOnly": read_only}
