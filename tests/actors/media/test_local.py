from pathlib import Path

import pytest
from media_jobs import does_all_jobs, refuses_what_it_should
from troupe.actors.media.local import LocalMedia
from troupe.runtime import child, open_system
from troupe.runtime.process import Process

pytestmark = [pytest.mark.real_time, pytest.mark.one_back_end]


async def test_jobs_in_a_process_of_its_own(folder: Path) -> None:
    async with open_system(child(LocalMedia, name="media", host=Process())) as system:
        await does_all_jobs(system.ref("media"), folder)
        await refuses_what_it_should(system.ref("media"), folder)
