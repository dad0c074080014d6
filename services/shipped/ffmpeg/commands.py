"""How ffmpeg is called for a job, and what it says about loudness. No I/O.

In the container the sources are ``/in/0``, ``/in/1``, …, and what is made is ``/out/made``. Which demuxer reads a
source is said, so that ffmpeg guesses nothing: what a file is was found out before, and no playlist gets here.
"""

import math
import re
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from ....actors.media.jobs import VIDEOS, Fit, Form, LoudnessReport, TakeThumbnail, Transcode
from ....codecs.errors import BrokenMedia, RoleError
from ....codecs.streams import MediaInfo

SOURCES: Final = "/in"
RESULTS: Final = "/out"
MADE: Final = f"{RESULTS}/made"
LARGEST: Final = 8 << 30
"""Bytes of what is made; a video is cut off there."""
SILENCE: Final = -70.0
"""LUFS that the filter tells of silence; EBU R 128 leaves out what is quieter."""
QUIET: Final = ("ffmpeg", "-nostdin", "-hide_banner", "-nostats", "-y", "-loglevel", "error")

_H264: Final = ("-c:v", "libx264", "-pix_fmt", "yuv420p")
_VP9: Final = ("-c:v", "libvpx-vp9", "-pix_fmt", "yuv420p", "-b:v", "0", "-crf", "32", "-row-mt", "1", "-cpu-used", "4")
_INDEX_FIRST: Final = ("-movflags", "+faststart")
_WRITTEN: Final[dict[Form, tuple[str, ...]]] = {
    "mp4": (*_H264, "-c:a", "aac", *_INDEX_FIRST, "-f", "mp4"),
    "mkv": (*_H264, "-c:a", "aac", "-f", "matroska"),
    "webm": (*_VP9, "-c:a", "libopus", "-f", "webm"),
    "mp3": ("-c:a", "libmp3lame", "-f", "mp3"),
    "m4a": ("-c:a", "aac", *_INDEX_FIRST, "-f", "ipod"),
    "ogg": ("-c:a", "libopus", "-f", "ogg"),
    "flac": ("-c:a", "flac", "-f", "flac"),
    "wav": ("-c:a", "pcm_s16le", "-f", "wav"),
    "jpeg": ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", "3", "-f", "image2", "-update", "1"),
    "png": ("-c:v", "png", "-f", "image2", "-update", "1"),
}
_SQUARE: Final = "scale=trunc(iw*sar/2)*2:trunc(ih/2)*2,setsar=1"


class Source(Struct, frozen=True):
    """A file that a job reads."""

    demuxer: str
    """Of libav."""
    info: MediaInfo


def transcode(job: Transcode, form: Form, source: Source, *, gpu: bool) -> list[str]:
    """Return the command of a job.

    Raises:
        RoleError: The source has no pictures, or no sound, where they are wanted.
        ValueError: There is nothing between the times.
    """
    length: list[str] = []
    if job.stop is not None:
        if job.stop <= job.start:
            raise ValueError(f"there is nothing between {job.start} and {job.stop} s")
        length = ["-t", f"{job.stop - job.start:.6f}"]
    command = [*QUIET, "-ss", f"{job.start:.6f}", *_read([source])]
    if form in VIDEOS:
        _need_pictures([source])
        command += [*length, "-map", "0:v:0", "-map", "0:a:0?", "-ac", "2", "-vf", _fitted(job.size, job.fit)]
        return [*command, *_write(form, gpu=gpu)]
    _need_sound([source])
    return [*command, *length, "-map", "0:a:0", "-ac", str(_channels(source)), "-vn", *_write(form)]


def concatenate(form: Form, sources: Sequence[Source], *, gpu: bool) -> list[str]:
    """Return the command of a job.

    Raises:
        RoleError: Some sources have no pictures, or no sound, where they are wanted.
        ValueError: There is no source.
    """
    if not sources:
        raise ValueError("there is nothing to join; give at least one file")
    command = [*QUIET, *_read(sources), "-filter_complex"]
    if form in VIDEOS:
        graph = ";".join((*_pictures(sources), *_sounds(sources), _joined(len(sources), pictures=True)))
        return [*command, graph, "-map", "[v]", "-map", "[a]", *_write(form, gpu=gpu)]
    _need_sound(sources)
    first = sources[0].info.audio
    assert first is not None
    layout = "mono" if first.channels == 1 else "stereo"
    chains = [
        f"[{number}:a:0]aresample={first.rate},aformat=channel_layouts={layout}[a{number}]"
        for number in range(len(sources))
    ]
    return [*command, ";".join((*chains, _joined(len(sources), pictures=False))), "-map", "[a]", *_write(form)]


def take_thumbnail(job: TakeThumbnail, form: Form, source: Source) -> list[str]:
    """Return the command of a job.

    Raises:
        RoleError: The source has no pictures.
        ValueError: The time makes no sense.
    """
    _need_pictures([source])
    if job.at < 0:
        raise ValueError(f"the time is {job.at} s; it counts from the first picture")
    video = source.info.video
    assert video is not None
    length = video.duration or source.info.duration or math.inf
    at = max(0.0, min(job.at, length - 1 / (video.frame_rate or 25)))  # the last picture, of a video that is shorter
    filters = _fitted(job.size, job.fit)
    command = [*QUIET, "-ss", f"{at:.6f}", *_read([source])]
    return [*command, "-map", "0:v:0", "-frames:v", "1", "-vf", filters, *_write(form)]


def measure_loudness(source: Source) -> list[str]:
    """Return the command that measures loudness; `read_loudness` understands what it says.

    Raises:
        RoleError: The source has no sound.
    """
    _need_sound([source])
    told = [*QUIET[:-1], "info", *_read([source])]
    return [*told, "-map", "0:a:0", "-af", "ebur128=peak=true:framelog=verbose", "-f", "null", "-"]


def read_loudness(lines: Iterable[str]) -> LoudnessReport:
    """Read what the filter ``ebur128`` says at its end.

    Raises:
        BrokenMedia: It says nothing.
    """
    told: dict[str, float] = {}
    for line in lines:
        if match := re.fullmatch(r"\s+(I|LRA|Peak):\s+(-?(?:[\d.]+|inf|nan)) (?:LUFS|LU|dBFS)", line):
            told[match[1]] = float(match[2])
    if not told.keys() >= {"I", "LRA", "Peak"}:
        raise BrokenMedia("nothing could be measured")
    loud = told["I"] > SILENCE
    return LoudnessReport(
        integrated=told["I"] if loud else None,
        range=told["LRA"] if loud else 0.0,
        true_peak=told["Peak"] if math.isfinite(told["Peak"]) else None,
    )


def _read(sources: Sequence[Source]) -> list[str]:
    options: list[str] = []
    for number, source in enumerate(sources):
        options += ["-protocol_whitelist", "file", "-f", source.demuxer, "-i", f"{SOURCES}/{number}"]
    return options


def _write(form: Form, *, gpu: bool = False) -> list[str]:
    options = ["h264_nvenc" if gpu and option == "libx264" else option for option in _WRITTEN[form]]
    return [*options, "-map_metadata", "-1", "-fs", str(LARGEST), MADE]


def _fitted(size: tuple[int, int] | None, fit: Fit) -> str:
    """Return the filters that make square pixels, and the size."""
    if size is None:
        return _SQUARE
    width, height = (max(2, length // 2 * 2) for length in size)
    box = f"scale={width}:{height}:force_original_aspect_ratio="
    match fit:
        case "fit":
            shaped = f"{box}decrease:force_divisible_by=2"
        case "pad":
            shaped = f"{box}decrease,pad={width}:{height}:(ow-iw)/2:(oh-ih)/2"
        case "fill":
            shaped = f"{box}increase,crop={width}:{height}"
    return f"{_SQUARE},{shaped},setsar=1"


def _pictures(sources: Sequence[Source]) -> list[str]:
    _need_pictures(sources)
    first = sources[0].info.video
    assert first is not None
    shaped = _fitted((first.width, first.height), "pad")
    rate = first.frame_rate or 25
    return [f"[{number}:v:0]{shaped},fps={rate:.6f},format=yuv420p[v{number}]" for number in range(len(sources))]


def _sounds(sources: Sequence[Source]) -> list[str]:
    """Return filters that make sound of the same kind of each source; silence where one has none."""
    chains: list[str] = []
    for number, source in enumerate(sources):
        if source.info.audio is not None:
            chains.append(f"[{number}:a:0]aresample=48000,aformat=channel_layouts=stereo[a{number}]")
        else:
            length = source.info.duration or 0.0
            chains.append(f"anullsrc=r=48000:cl=stereo,atrim=duration={length:.6f}[a{number}]")
    return chains


def _joined(count: int, *, pictures: bool) -> str:
    inputs = "".join(f"[v{number}][a{number}]" if pictures else f"[a{number}]" for number in range(count))
    return f"{inputs}concat=n={count}:v={int(pictures)}:a=1" + ("[v][a]" if pictures else "[a]")


def _channels(source: Source) -> int:
    audio = source.info.audio
    return min(2, audio.channels) if audio else 2


def _need_pictures(sources: Iterable[Source]) -> None:
    if any(source.info.video is None for source in sources):
        raise RoleError("there are no pictures in it, and the job needs some")


def _need_sound(sources: Iterable[Source]) -> None:
    if any(source.info.audio is None for source in sources):
        raise RoleError("there is no sound in it, and the job needs some")
