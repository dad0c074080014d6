"""Media jobs by our own codecs, as an actor: what there is without a container.

It belongs in a process of its own (``child(LocalMedia, name="media", host=Process())``): libav has had bugs, and files
come from strangers. Each file is opened in a sandbox inside of that, which can do nothing but compute.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
from math import isfinite
from typing import ClassVar, Final, TypeVar

from anyio import CancelScope, CapacityLimiter, current_time, to_thread

from ...codecs.asset import Asset, load
from ...codecs.decode import read_audio
from ...codecs.edit import concat, trim
from ...codecs.geometry import Fit, Size
from ...codecs.limits import Limits
from ...codecs.loudness import measure
from ...codecs.remux import extract_audio
from ...codecs.sandbox import Sandbox
from ...codecs.video import compose, thumbnail
from ...runtime import Actor
from .jobs import (
    IMAGES,
    PLAYED,
    VIDEOS,
    Concatenate,
    LoudnessReport,
    MadeFile,
    MeasureLoudness,
    TakeThumbnail,
    Transcode,
    form_of,
)

T = TypeVar("T")

AT_ONCE: Final = 2
"""Jobs that are worked on at a time; others wait."""
MEMORY: Final = 2 << 30
"""Bytes that a job may take: encoders of large pictures want much."""


CLOSING: Final = 10.0
"""Seconds that ending the sandbox may take."""


class LocalMedia(Actor):
    """Does media jobs with one thread each. Cancelling waits for the job, which its limit ends."""

    max_concurrency: ClassVar[int] = AT_ONCE
    _sandbox: Sandbox

    def __init__(self) -> None:
        self._threads = CapacityLimiter(AT_ONCE)

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        """Have a sandbox."""
        self._sandbox = Sandbox(preload=["troupe.codecs.edit", "troupe.codecs.video"])
        try:
            yield
        finally:
            with CancelScope(shield=True, deadline=current_time() + CLOSING):
                await to_thread.run_sync(self._sandbox.close)

    async def transcode(self, job: Transcode) -> MadeFile:
        """Bring a file into another format.

        Raises:
            CodecError: The file can't be read, or what is wanted can't be made.
            ValueError: A time or size makes no sense.
            OSError: A file can't be read or written.
        """
        return await self._run(partial(self._transcode, job))

    async def concatenate(self, job: Concatenate) -> MadeFile:
        """Join files; raises as `transcode`."""
        return await self._run(partial(self._concatenate, job))

    async def take_thumbnail(self, job: TakeThumbnail) -> MadeFile:
        """Make an image of a picture; raises as `transcode`."""
        return await self._run(partial(self._take_thumbnail, job))

    async def measure_loudness(self, job: MeasureLoudness) -> LoudnessReport:
        """Measure how loud it is; raises as `transcode`."""
        return await self._run(partial(self._measure_loudness, job))

    async def _run(self, work: Callable[[], T]) -> T:
        return await to_thread.run_sync(work, limiter=self._threads)

    def _load(self, path: str, limit: float) -> Asset:
        return load(path, limits=Limits(cpu=limit, wall=limit, memory=MEMORY), sandbox=self._sandbox)

    def _transcode(self, job: Transcode) -> MadeFile:
        form = form_of(job.to, PLAYED)
        source = self._load(job.source, job.limit)
        if form in VIDEOS:
            size = Size(*job.size) if job.size else None
            fit = Fit(job.fit)
            made = compose(source, form=form, size=size, fit=fit, start=job.start, stop=job.stop, to=job.to).asset
        else:
            made = trim(_sound(source), job.start, job.stop, form=form, to=job.to).asset
        return MadeFile.of(made, job.to)

    def _concatenate(self, job: Concatenate) -> MadeFile:
        form = form_of(job.to, PLAYED)
        sources = [self._load(path, job.limit) for path in job.sources]
        if form not in VIDEOS:
            sources = [_sound(source) for source in sources]
        return MadeFile.of(concat(sources, form=form, to=job.to).asset, job.to)

    def _take_thumbnail(self, job: TakeThumbnail) -> MadeFile:
        form = form_of(job.to, IMAGES)
        source = self._load(job.source, job.limit)
        size = Size(*job.size) if job.size else None
        return MadeFile.of(thumbnail(source, job.at, size=size, fit=Fit(job.fit), form=form, to=job.to), job.to)

    def _measure_loudness(self, job: MeasureLoudness) -> LoudnessReport:
        found = measure(read_audio(self._load(job.source, job.limit), rate=None, channels=None))
        return LoudnessReport(
            integrated=found.integrated if isfinite(found.integrated) else None,
            range=found.range,
            true_peak=found.true_peak if isfinite(found.true_peak) else None,
        )


def _sound(source: Asset) -> Asset:
    """Return a recording: the file itself, or the sound of a video."""
    return source if source.info.video is None else extract_audio(source)
