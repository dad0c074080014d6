"""Whole files to 16 kHz mono, against the ``ffmpeg`` command line and the loop that PyAV's documentation shows."""

import itertools
import resource
import shutil
import subprocess
import tempfile
from pathlib import Path

import av
from harness import Row, at_most, cpu_seconds, interleaved
from troupe.codecs.asset import load
from troupe.codecs.decode import decode_audio

NOISY_SPEECH = "aevalsrc=0.3*sin(2*PI*(200+100*sin(t))*t)+0.2*random(0)*(0.5+0.5*sin(3*t)):s=44100:d={seconds}"
FILES = {
    "MP3": ("x.mp3", "-ac 2 -b:a 128k"),
    "MP4/AAC": ("x.mp4", "-ac 2 -c:a aac -b:a 128k"),
    "WebM/Opus": ("x.webm", "-c:a libopus -b:a 32k"),
}


def decode_ours(path: Path) -> None:
    for _ in decode_audio(load(path)):
        pass


def decode_plainly(path: Path) -> None:
    """The straightforward loop: default threads, one resampler, arrays of what comes out."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("s16", "mono", 16000)
        for frame in itertools.chain(container.decode(audio=0), [None]):
            for output in resampler.resample(frame):
                output.to_ndarray()


def ffmpeg(*arguments: str | Path) -> float:
    """Run the command; return the CPU seconds it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *arguments], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def decode_by_ffmpeg(path: Path) -> float:
    return ffmpeg(
        *("-threads", "1", "-filter_threads", "1", "-i", path, "-threads", "1"),
        *("-f", "s16le", "-ac", "1", "-ar", "16000", "/dev/null"),
    )


def whole_files(seconds: int, rounds: int) -> list[Row]:
    if shutil.which("ffmpeg") is None:
        return []
    found: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for title, (name, options) in FILES.items():
            path = Path(folder, name)
            ffmpeg("-f", "lavfi", "-i", NOISY_SPEECH.format(seconds=seconds), *options.split(), path)
            ours, plain, command = interleaved(
                lambda path=path: cpu_seconds(lambda: decode_ours(path)),
                lambda path=path: cpu_seconds(lambda: decode_plainly(path)),
                lambda path=path: decode_by_ffmpeg(path),
                rounds=rounds,
                best=min,
            )
            what = f"decode and resample {seconds} s of {title}, CPU"
            found.append(at_most(1.05, what=what, value=ours, unit="s", floor=command, floor_name="ffmpeg -threads 1"))
            found.append(at_most(0.65, what=what, value=ours, unit="s", floor=plain, floor_name="AudioResampler loop"))
    return found


def rows(*, quick: bool) -> list[Row]:
    return whole_files(seconds=2 if quick else 600, rounds=1 if quick else 7)
