"""Jobs in containers, with the real engine and the real ffmpeg."""

from pathlib import Path

import pytest
from anyio import create_task_group, fail_after, sleep
from media_jobs import does_all_jobs, refuses_what_it_should
from msgspec.structs import replace
from troupe.actors.media.jobs import Transcode
from troupe.runtime import child, open_system
from troupe.services.docker.container import Plan
from troupe.services.docker.ownership import OWNER
from troupe.services.docker.platform import Platform
from troupe.services.shipped.ffmpeg.media import FfmpegMedia, shipped_plan

pytestmark = [pytest.mark.real_time, pytest.mark.one_back_end]


@pytest.fixture
def plan(image: str) -> Plan:
    """The shipped plan, with another image."""
    return replace(shipped_plan(), image=image, build=None)


async def test_jobs_in_containers(socket: Path, folder: Path, plan: Plan) -> None:
    async with Platform.open(socket=socket, runs=folder.parent / "runs") as platform:
        async with open_system(child(FfmpegMedia, platform, plan, name="media")) as system:
            await does_all_jobs(system.ref("media"), folder)
            await refuses_what_it_should(system.ref("media"), folder)
        assert await platform.engine.list(f"{OWNER}={platform.run.owner}") == ()


async def test_cancelling_a_job_ends_its_container(socket: Path, folder: Path, plan: Plan) -> None:
    job = Transcode(source=str(folder / "talk.mp4"), to=str(folder / "big.webm"), size=(2560, 1440))
    async with Platform.open(socket=socket, runs=folder.parent / "runs") as platform:

        async def containers() -> set[str]:
            return {each.state for each in await platform.engine.list(f"{OWNER}={platform.run.owner}")}

        async with open_system(child(FfmpegMedia, platform, plan, name="media")) as system:
            async with create_task_group() as tasks:
                tasks.start_soon(system.ref("media").ask, job)
                while await containers() != {"running"}:
                    await sleep(0.02)
                tasks.cancel_scope.cancel()
            with fail_after(30):
                while await containers():
                    await sleep(0.02)
