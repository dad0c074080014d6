"""What every actor that does media jobs has to do, whoever does the work in it."""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from shipped import wav
from troupe.actors.media.jobs import Concatenate, LoudnessReport, MeasureLoudness, TakeThumbnail, Transcode
from troupe.codecs.errors import BrokenMedia, RefusedFormat, RoleError, TooSlow, UnsupportedFormat
from troupe.runtime import Ref


def clip(path: Path, *, seconds: int = 2, size: tuple[int, int] = (128, 72), tone: float | None = 440) -> str:
    """A video that grows lighter, with a tone."""
    with av.open(str(path), "w", format="mp4") as file:
        video = file.add_stream("libx264", rate=25, width=size[0], height=size[1], pix_fmt="yuv420p")
        audio = file.add_stream("aac", rate=48_000, layout="mono") if tone else None
        for number in range(25 * seconds):
            grey = np.full((size[1], size[0], 3), 100 + number, np.uint8)
            file.mux(video.encode(av.VideoFrame.from_ndarray(grey)))
            if audio is not None:
                times = (np.arange(1920) + 1920 * number) / 48_000
                samples = np.rint(8_000 * np.sin(2 * np.pi * (tone or 0) * times)).astype(np.int16)
                sound = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
                sound.rate = 48_000
                file.mux(audio.encode(sound))
        for stream in file.streams:
            file.mux(stream.encode())
    return str(path)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Files to work on; what is made is gone afterwards, but for what was asked for."""
    whole = Path(clip(tmp_path / "talk.mp4")).read_bytes()
    clip(tmp_path / "silent.mp4", size=(64, 64), tone=None)
    (tmp_path / "silence.wav").write_bytes(wav(np.zeros(48_000, np.int16), 48_000))
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n")
    (tmp_path / "half.mp4").write_bytes(whole[: len(whole) // 3])
    (tmp_path / "kept.mp4").write_bytes(b"before")
    yield tmp_path
    assert (tmp_path / "kept.mp4").read_bytes() == b"before"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


async def does_all_jobs(media: Ref, folder: Path) -> None:
    """Have each kind of job done, and look at what came out."""
    talk, silent = str(folder / "talk.mp4"), str(folder / "silent.mp4")

    small = await media.ask(Transcode(source=talk, to=str(folder / "small.webm"), size=(64, 64), start=0.5, stop=1.5))
    assert (small.media_type, small.width, small.height) == ("video/webm", 64, 64)
    assert small.duration == pytest.approx(1.0, abs=0.1)
    assert small.size > 0

    sound = await media.ask(Transcode(source=talk, to=str(folder / "sound.flac")))
    assert (sound.media_type, sound.width) == ("audio/flac", None)
    assert sound.duration == pytest.approx(2.0, abs=0.1)

    both = await media.ask(Concatenate(sources=(talk, silent), to=str(folder / "both.mp4")))
    assert (both.media_type, both.width, both.height) == ("video/mp4", 128, 72)
    assert both.duration == pytest.approx(4.0, abs=0.15)

    twice = await media.ask(Concatenate(sources=(sound.path, sound.path), to=str(folder / "twice.wav")))
    assert (twice.media_type, twice.duration) == ("audio/wav", pytest.approx(4.0, abs=0.2))

    for at in (1.0, 60.0):
        image = await media.ask(TakeThumbnail(source=talk, at=at, to=str(folder / "thumb.jpg"), size=(64, 64)))
        assert (image.media_type, image.width, image.height) == ("image/jpeg", 64, 36)

    loud = await media.ask(MeasureLoudness(source=talk))
    assert loud.integrated == pytest.approx(-15.9, abs=0.4)  # a sine, in one channel
    assert loud.true_peak == pytest.approx(-11, abs=2)  # encoders overshoot
    silence = await media.ask(MeasureLoudness(source=str(folder / "silence.wav")))
    assert silence == LoudnessReport(integrated=None, range=0.0, true_peak=None)


async def refuses_what_it_should(media: Ref, folder: Path) -> None:
    """Ask for what can't be done: the errors are the same, whoever finds out."""
    talk, silent, kept = (str(folder / name) for name in ("talk.mp4", "silent.mp4", "kept.mp4"))
    for job, error in (
        (Transcode(source=str(folder / "list.m3u8"), to=kept), RefusedFormat),
        (Transcode(source=str(folder / "half.mp4"), to=kept), BrokenMedia),
        (Transcode(source=talk, to=str(folder / "made.exe")), UnsupportedFormat),
        (Transcode(source=talk, to=str(folder / "made.jpg")), UnsupportedFormat),
        (TakeThumbnail(source=talk, to=kept), UnsupportedFormat),
        (Transcode(source=silent, to=str(folder / "made.mp3")), RoleError),
        (MeasureLoudness(source=silent), RoleError),
        (Transcode(source=talk, start=2, stop=1, to=kept), ValueError),
        (Concatenate(sources=(), to=kept), ValueError),
        (Transcode(source=str(folder / "nowhere.mp4"), to=kept), FileNotFoundError),
        (Transcode(source=talk, to=kept, limit=0.0), TooSlow),
    ):
        with pytest.raises(error):
            await media.ask(job)
