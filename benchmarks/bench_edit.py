"""Editing: other containers, other sizes, pictures in pictures, against the ``ffmpeg`` command line with one thread.

Rows need ``ffmpeg``, which makes the files. It is another build of libav and x264 than PyAV brings, so ratios tell of
both.
"""

import resource
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from harness import Row, at_most, cpu_seconds, interleaved
from troupe.codecs.asset import load
from troupe.codecs.geometry import Corner, Size
from troupe.codecs.remux import remux
from troupe.codecs.video import Overlay, compose, scale, thumbnail

_SOUND = "aevalsrc=0.3*sin(2*PI*(200+100*sin(t))*t)+0.1*random(0):s=48000:d={seconds}"
_PICTURE = "testsrc2=size={size}:rate=30:duration={seconds},noise=alls=6:allf=t"
_ENCODED = "-c:v libx264 -preset veryfast -crf 23 -pix_fmt yuv420p -c:a aac -ar 48000 -ac 2 -b:a 128k"
_ONE_THREAD = ("-threads", "1", "-filter_threads", "1", "-filter_complex_threads", "1")


def ffmpeg(*arguments: str | Path) -> float:
    """Run the command; return the CPU seconds it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *arguments], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def films(folder: Path, seconds: int) -> tuple[Path, Path]:
    """A video of 1280 x 720 with sound, and a silent one of 640 x 360."""
    large, small = folder / "large.mp4", folder / "small.mp4"
    sound, picture = _SOUND.format(seconds=seconds), _PICTURE.format(size="1280x720", seconds=seconds)
    ffmpeg("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, *_ENCODED.split(), large)
    ffmpeg("-f", "lavfi", "-i", _PICTURE.format(size="640x360", seconds=seconds), *_ENCODED.split(), small)
    return large, small


def cases(large: Path, small: Path, seconds: int) -> dict[str, tuple[Callable[[Path], object], list[str]]]:
    """By what is done: our function, which gets a path without an extension, and the arguments of ffmpeg."""
    base, inset = load(large), load(small)
    corner = Overlay(what=inset, start=1.0, corner=Corner.BOTTOM_RIGHT, x=16, y=16, width=320)
    laid = "[1:v]setpts=PTS+1/TB,scale=320:180:flags=bicubic[o];[0:v][o]overlay=W-w-16:H-h-16:enable='gte(t,1)'"
    both = f"-i {large} -threads 1 -i {small} -filter_complex {laid} -t {seconds}"
    middle = seconds / 2 + 0.3
    return {
        "copy into MKV": (
            lambda to: remux(base, "mkv", to=to),
            f"-i {large} -c copy -f matroska".split(),
        ),
        "scale to 640 x 360": (
            lambda to: scale(base, Size(640, 360), to=to),
            f"-i {large} -vf scale=640:360:flags=bicubic {_ENCODED} -threads 1 -f mp4".split(),
        ),
        "lay 320 x 180 over a corner": (
            lambda to: compose(base, [corner], to=to),
            f"{both} {_ENCODED} -threads 1 -f mp4".split(),
        ),
        "a thumbnail from the middle": (
            lambda to: thumbnail(base, middle, size=Size(320, 180), to=to),
            f"-ss {middle} -i {large} -frames:v 1 -vf scale=320:180:flags=bicubic -q:v 4 -f mjpeg".split(),
        ),
    }


def rows(*, quick: bool) -> list[Row]:
    """Measure."""
    if shutil.which("ffmpeg") is None:
        return []
    seconds = 1 if quick else 30
    found: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        large, small = films(Path(folder), seconds)
        for what, (function, arguments) in cases(large, small, seconds).items():
            ours, command = interleaved(
                lambda function=function: cpu_seconds(lambda: function(Path(folder, "ours"))),
                lambda arguments=arguments: ffmpeg(*_ONE_THREAD, *arguments, Path(folder, "theirs")),
                rounds=1 if quick else 5,
                best=min,
            )
            title = f"{what}, {seconds} s of 720p H.264, CPU"
            found.append(at_most(1.1, what=title, value=ours, unit="s", floor=command, floor_name="ffmpeg -threads 1"))
    return found
