from pathlib import Path

import pytest
from troupe.actors.media.jobs import MeasureLoudness
from troupe.runtime import open_system
from troupe.services.docker.platform import Platform
from troupe.services.shipped.ffmpeg.choice import media_spec

pytestmark = [pytest.mark.real_time, pytest.mark.one_back_end]


async def test_without_an_engine_our_own_codecs_do_it(folder: Path) -> None:
    async with Platform.open(socket=folder / "no.sock", runs=folder / "runs") as platform:
        async with open_system(await media_spec(platform)) as system:
            report = await system.ref("media").ask(MeasureLoudness(source=str(folder / "silence.wav")))
    assert report.integrated is None


async def test_with_an_engine_ffmpeg_does_it(socket: Path, tmp_path: Path) -> None:
    async with Platform.open(socket=socket, runs=tmp_path / "runs") as platform:
        spec = await media_spec(platform, variant="gpu", name="films")
    assert spec.name == "films"
    assert "FfmpegMedia" in repr(spec)
