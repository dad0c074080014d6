"""Decoding: whole files against the ``ffmpeg`` command line and PyAV's plain loop; live WebM; the sandbox.

Rows need ``ffmpeg``, which makes the files.
"""

import gc
import itertools
import re
import shutil
import tempfile
import time
from pathlib import Path

import av
from harness import Row, at_most, cpu_seconds, ffmpeg, interleaved, percentile, resident, threads
from troupe.codecs.asset import load
from troupe.codecs.decode import decode_audio
from troupe.codecs.incremental import IncrementalDecoder
from troupe.codecs.sandbox import Sandbox

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


def decode_by_ffmpeg(path: Path) -> float:
    return ffmpeg(
        *("-threads", "1", "-filter_threads", "1", "-i", path, "-threads", "1"),
        *("-f", "s16le", "-ac", "1", "-ar", "16000", "/dev/null"),
    )


def whole_files(seconds: int, rounds: int) -> list[Row]:
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


def recorded(seconds: int, folder: Path) -> list[bytes]:
    """A WebM stream as a browser's recorder sends it: pieces of 100 ms, one cluster each."""
    path = folder / "live.webm"
    speech = NOISY_SPEECH.format(seconds=seconds)
    options = "-ar 48000 -ac 1 -c:a libopus -b:a 32k -live 1 -cluster_time_limit 100"
    ffmpeg("-f", "lavfi", "-i", speech, *options.split(), path)
    webm = path.read_bytes()
    starts = [match.start() for match in re.finditer(b"\x1f\x43\xb6\x75", webm)][1:]
    return [webm[start:end] for start, end in zip([0, *starts], [*starts, len(webm)], strict=True)]


def live(seconds: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        chunks = recorded(seconds, Path(folder))
    delays: list[float] = []
    for _ in range(3):
        decoder = IncrementalDecoder()
        for chunk in chunks:
            started = time.perf_counter()
            for _ in decoder.push(chunk):
                pass
            delays.append((time.perf_counter() - started) * 1000)
    median, worst = percentile(delays, 0.5), percentile(delays, 0.99)
    what = "decode and resample 100 ms of live WebM/Opus"
    return [
        Row(what=f"{what}, p50", value=median, unit="ms", goal="≤ 1 ms", met=median <= 1),
        Row(what=f"{what}, p99", value=worst, unit="ms", goal="≤ 5 ms", met=worst <= 5),
        *cost_of_streams(chunks[:20], count=300),
    ]


def cost_of_streams(chunks: list[bytes], count: int) -> list[Row]:
    """Memory and threads of many live streams, each two seconds old."""

    if not resident():
        return []

    def started() -> IncrementalDecoder:
        decoder = IncrementalDecoder()
        for chunk in chunks:
            for _ in decoder.push(chunk):
                pass
        return decoder

    warm = [started() for _ in range(20)]
    gc.collect()
    memory, count_of_threads = resident(), threads()
    streams = [started() for _ in range(count)]
    gc.collect()
    kib, added = (resident() - memory) / 1024 / count, threads() - count_of_threads
    assert len(warm) + len(streams) == count + 20  # all of them live until here
    return [
        Row(what="memory of a live WebM/Opus stream", value=kib, unit="KiB", goal="≤ 64 KiB", met=kib <= 64),
        Row(what=f"threads of {count} live streams", value=added, unit="threads", goal="0", met=added == 0),
    ]


def sandboxed(seconds: int, rounds: int) -> list[Row]:
    found: list[float] = []
    with tempfile.TemporaryDirectory() as folder, Sandbox() as sandbox:
        path = Path(folder, "x.mp4")
        ffmpeg("-f", "lavfi", "-i", NOISY_SPEECH.format(seconds=seconds), path)
        for _ in range(rounds):
            started = time.perf_counter()
            assert load(path, sandbox=sandbox).info.audio is not None
            found.append((time.perf_counter() - started) * 1000)
    return [
        Row(what="look into an upload, child process included, p50", value=percentile(found, 0.5), unit="ms"),
        Row(what="look into an upload, child process included, p99", value=percentile(found, 0.99), unit="ms"),
    ]


def rows(*, quick: bool) -> list[Row]:
    if shutil.which("ffmpeg") is None:
        return []
    return [
        *whole_files(seconds=2 if quick else 600, rounds=1 if quick else 7),
        *live(seconds=3 if quick else 60),
        *sandboxed(seconds=5, rounds=5 if quick else 200),
    ]
