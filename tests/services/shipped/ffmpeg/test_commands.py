import pytest
from troupe.actors.media.jobs import VIDEOS, LoudnessReport, Transcode
from troupe.codecs.errors import BrokenMedia
from troupe.codecs.streams import AudioStream, MediaInfo, VideoStream
from troupe.services.shipped.ffmpeg.commands import Source, concatenate, read_loudness, transcode

SOUND = AudioStream(1, "aac", 44_100, 6)
FILM = Source("mov", MediaInfo(duration=10.0, streams=(VideoStream(0, "h264", 640, 360, 25.0), SOUND)))
RECORDING = Source("mp3", MediaInfo(duration=5.0, streams=(SOUND,)))


@pytest.mark.parametrize(("gpu", "encoder"), [(False, "libx264"), (True, "h264_nvenc")])
def test_a_gpu_encodes_where_there_is_one(gpu: bool, encoder: str) -> None:
    command = transcode(Transcode(source="a", to="b.mp4"), "mp4", FILM, gpu=gpu)
    assert command[command.index("-c:v") + 1] == encoder


def test_nothing_is_read_but_the_sources_in_the_formats_they_have() -> None:
    for form in sorted(VIDEOS | {"mp3"}):
        command = concatenate(form, [FILM, FILM], gpu=False)
        inputs = [command[at - 4 : at + 2] for at, word in enumerate(command) if word == "-i"]
        assert inputs == [["-protocol_whitelist", "file", "-f", "mov", "-i", f"/in/{number}"] for number in (0, 1)]
        assert command[-1] == "/out/made"


def test_sizes_are_even_and_times_are_lengths() -> None:
    job = Transcode(source="a", to="b.webm", start=1.5, stop=4.0, size=(101, 57), fit="fill")
    command = transcode(job, "webm", FILM, gpu=False)
    assert command[command.index("-ss") + 1] == "1.500000"
    assert command[command.index("-t") + 1] == "2.500000"
    assert "crop=100:56" in command[command.index("-vf") + 1]
    sound = transcode(Transcode(source="a", to="b.ogg"), "ogg", RECORDING, gpu=False)
    assert sound[sound.index("-ac") + 1] == "2"


SUMMARY = """[Parsed_ebur128_0 @ 0x1] Summary:

  Integrated loudness:
    I:         -16.2 LUFS
    Threshold: -26.2 LUFS

  Loudness range:
    LRA:         4.5 LU
    Threshold: -36.0 LUFS

  True peak:
    Peak:       -1.1 dBFS
"""


def test_loudness_is_read() -> None:
    lines = SUMMARY.splitlines()
    assert read_loudness(lines) == LoudnessReport(integrated=-16.2, range=4.5, true_peak=-1.1)
    silent = [line.replace("-16.2", "-70.0").replace("-1.1", "-inf") for line in lines]
    assert read_loudness(silent) == LoudnessReport(integrated=None, range=0.0, true_peak=None)
    with pytest.raises(BrokenMedia):
        read_loudness(lines[:5])
