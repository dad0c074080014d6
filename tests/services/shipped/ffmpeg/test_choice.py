from pathlib import Path

import pytest
from troupe.services.docker.platform import Platform
from troupe.services.shipped.ffmpeg.choice import media_spec

pytestmark = [pytest.mark.real_time, pytest.mark.one_back_end]


async def test_without_an_engine_our_own_codecs_do_it(tmp_path: Path) -> None:
    async with Platform.open(socket=tmp_path / "no.sock", runs=tmp_path / "runs") as platform:
        spec = await media_spec(platform)
    assert spec.name == "media"
    assert "LocalMedia" in repr(spec)


async def test_with_an_engine_ffmpeg_does_it(socket: Path, tmp_path: Path) -> None:
    async with Platform.open(socket=socket, runs=tmp_path / "runs") as platform:
        spec = await media_spec(platform, variant="gpu", name="films")
    assert spec.name == "films"
    assert "FfmpegMedia" in repr(spec)
