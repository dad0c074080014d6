"""Who does media jobs on this machine."""

import logging

from anyio import to_thread

from ....actors.media.local import LocalMedia
from ....runtime import child
from ....runtime.process import Process
from ....runtime.specs import ActorSpec
from ...docker.errors import EngineError
from ...docker.platform import Platform
from .media import FfmpegMedia, shipped_plan

log = logging.getLogger(__name__)


async def media_spec(platform: Platform, *, variant: str = "", name: str = "media") -> ActorSpec:
    """Return the actor: ffmpeg in containers, or, where no engine answers, our own codecs in a process.

    Args:
        platform: What services share; its engine is asked once.
        variant: Of the shipped service: empty, or ``gpu``.
        name: What the actor is to be called.
    """
    try:
        await platform.engine.info()
    except EngineError as error:
        log.info("media jobs are done without ffmpeg: %s", error)
        return child(LocalMedia, name=name, host=Process())
    plan = await to_thread.run_sync(shipped_plan, variant, limiter=platform.files)
    return child(FfmpegMedia, platform, plan, name=name)
