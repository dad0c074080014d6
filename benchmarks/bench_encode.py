"""Encoding: whole files and streams against the ``ffmpeg`` command line; recordings; pictures out of live video.

Rows need ``ffmpeg``, which makes the sound and the films.
"""

import gc
import io
import itertools
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from harness import Row, at_most, cpu_seconds, ffmpeg, interleaved, resident, threads
from numpy.typing import NDArray
from troupe.codecs.asset import load
from troupe.codecs.encode import StreamEncoder, encode_to
from troupe.codecs.encodings import ENCODINGS
from troupe.codecs.frames import LiveFrames, sample_frames
from troupe.codecs.pcm import Pcm, to_float32
from troupe.codecs.picture import Picture
from troupe.codecs.recording import Recording
from troupe.codecs.sampling import Sampling

RATE = 24000
NOISY_SPEECH = f"aevalsrc=0.3*sin(2*PI*(200+100*sin(t))*t)+0.2*random(0)*(0.5+0.5*sin(3*t)):s={RATE}"
FORMS = {
    "mp3": "-c:a libmp3lame -b:a 64k -f mp3",
    "ogg": "-c:a libopus -b:a 48k -f ogg",
    "webm": "-c:a libopus -b:a 48k -f webm",
    "m4a": "-c:a aac -b:a 64k -f ipod",
    "flac": "-c:a flac -f flac",
}
FILM = "testsrc2=size=640x480:rate=30,noise=alls=12:allf=t"
FILMS = {
    "H.264": ("x.mkv", "h264", "-c:v libx264 -preset veryfast -tune zerolatency -b:v 1M"),
    "VP8": ("x.webm", "vp8", "-c:v libvpx -deadline realtime -cpu-used 8 -b:v 1M"),
}
VIDEO_ENCODERS = {"h264": "libx264", "vp8": "libvpx"}
PER_SECOND = 1.0


class Packet(NamedTuple):
    """One packet of a film."""

    data: bytes
    time: float
    key: bool


def speech(seconds: int, folder: Path) -> Pcm:
    path = folder / "speech.pcm"
    ffmpeg("-f", "lavfi", "-i", f"{NOISY_SPEECH}:d={seconds}", "-f", "s16le", path)
    return Pcm.from_bytes(path.read_bytes(), RATE, 1)


def chunks(pcm: Pcm) -> list[NDArray[np.int16]]:
    size = RATE // 50
    mono: Any = pcm.samples[:, 0]
    return [mono[start : start + size] for start in range(0, pcm.frames - size + 1, size)]


def stream(name: str, pieces: list[NDArray[np.int16]]) -> StreamEncoder:
    encoder = StreamEncoder(name, RATE)
    for piece in pieces:
        encoder.push(piece)
    return encoder


def bare(name: str, pcm: Pcm) -> None:
    """The codec alone, without a container: PyAV given frames of just the size that the encoder works on."""
    encoding = ENCODINGS[name]
    context: Any = av.CodecContext.create(encoding.codec, "w")
    for setting, value in encoding.settings(RATE, 1).items():
        setattr(context, setting, value)
    context.thread_count = 1
    context.open()
    size = context.frame_size
    samples: Any = pcm.samples[:, 0] if encoding.sample_format != "fltp" else to_float32(pcm.samples)[:, 0]
    for start in range(0, len(samples) - size, size):
        frame = av.AudioFrame(encoding.sample_format, "mono", size)
        frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
        frame.planes[0].update(samples[start : start + size])
        context.encode(frame)
    context.encode(None)


def audio(forms: list[str], seconds: int, rounds: int) -> list[Row]:
    found: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        pcm, target = speech(seconds, Path(folder)), Path(folder, "out")
        pieces = chunks(pcm)
        for name in forms:
            source = ("-f", "s16le", "-ar", str(RATE), "-ac", "1", "-i", Path(folder, "speech.pcm"))
            whole, live, codec, command = interleaved(
                partial(cpu_seconds, partial(encode_to, target, pcm, name)),
                partial(cpu_seconds, partial(stream, name, pieces)),
                partial(cpu_seconds, partial(bare, name, pcm)),
                partial(ffmpeg, "-threads", "1", *source, "-threads", "1", *FORMS[name].split(), target),
                rounds=rounds,
                best=min,
            )
            what = f"encode {seconds} s to {name}, CPU"
            found.append(at_most(1.05, what=what, value=whole, unit="s", floor=command, floor_name="ffmpeg -threads 1"))
            found.append(at_most(1.05, what=what, value=whole, unit="s", floor=codec, floor_name="the codec alone"))
            cost, floor = live / len(pieces) * 1e6, codec / len(pieces) * 1e6
            goal = {"goal": "≤ floor + 50 µs", "met": cost <= floor + 50}
            what = f"20 ms into a live {name} encoder, CPU"
            found.append(Row(what=what, value=cost, unit="µs", floor=floor, floor_name="the codec alone", **goal))
    return found


def kept(what: str, name: str, count: int) -> list[Row]:
    """Memory and threads that each of many objects adds, measured in a process of its own."""
    if not resident():
        return []
    command = [sys.executable, __file__, name, str(count)]
    kib, added = map(float, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    return [
        Row(what=f"memory of {what}", value=kib, unit="KiB"),
        Row(what=f"threads of {count} of them", value=added, unit="threads", goal="0", met=added == 0),
    ]


def print_kept(name: str, count: int) -> None:
    noise = np.random.default_rng(1).integers(-9000, 9000, RATE).astype(np.int16)
    pieces = list(np.split(noise, 50))
    make: Callable[[], object] = partial(stream, name, pieces)
    if name == "recording":
        make = partial(converse, pieces)
    elif name in VIDEO_ENCODERS:
        make = partial(watched, name, filmed(name))
    objects = [make() for _ in range(count)]  # they take what all share, and memory that was free already
    gc.collect()
    memory, running = resident(), threads()
    objects += [make() for _ in range(count)]
    print((resident() - memory) / 1024 / count, threads() - running)


def filmed(codec: str) -> list[bytes]:
    """A second of 640 x 480, encoded here."""
    context: Any = av.CodecContext.create(VIDEO_ENCODERS[codec], "w")
    context.width, context.height, context.pix_fmt, context.time_base = 640, 480, "yuv420p", Fraction(1, 30)
    context.options = {"tune": "zerolatency"} if codec == "h264" else {"deadline": "realtime", "lag-in-frames": "0"}
    found: list[bytes] = []
    for number in range(30):
        frame = av.VideoFrame.from_ndarray(np.full((480, 640, 3), 8 * number, np.uint8), format="rgb24")
        frame = frame.reformat(format="yuv420p")
        frame.pts = number
        found += map(bytes, context.encode(frame))
    return found


def watched(codec: str, film: list[bytes]) -> LiveFrames:
    """A live stream of which one picture waits."""
    frames = LiveFrames(codec)
    for number, data in enumerate(film):
        frames.push(data, number / 30)
    return frames


def converse(pieces: list[NDArray[np.int16]], form: str = "webm", film: list[Packet] | None = None) -> Recording:
    """Record two speakers, who send 20 ms at a time, and perhaps one of them a film."""
    recording = Recording(io.BytesIO(), form, rate=RATE, video=None if film is None else "vp8")
    pictures = iter(film or ())
    frame = next(pictures, None)
    for number, piece in enumerate(pieces):
        now = number / 50
        recording.add(0, piece, now)
        recording.add(1, piece, now)
        while frame is not None and frame.time <= now:
            recording.add_video(frame.data, frame.time, key=frame.key)
            frame = next(pictures, None)
        if number % 5 == 0:
            recording.advance(now)
    return recording


def packets(path: Path) -> list[Packet]:
    """The packets of a film, those of H.264 in Annex B."""
    with av.open(str(path)) as container:
        (video,) = container.streams.video
        convert = av.BitStreamFilterContext("h264_mp4toannexb", video) if video.codec.name == "h264" else None
        return [
            Packet(bytes(packet), float(packet.pts * packet.time_base), packet.is_keyframe)
            for raw in container.demux(video)
            for packet in ([raw] if convert is None else convert.filter(raw))
            if packet.size and packet.pts is not None
        ]


def recordings(seconds: int, rounds: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        pieces = chunks(speech(seconds, Path(folder)))
        path = Path(folder, "x.webm")
        ffmpeg("-f", "lavfi", "-i", FILM, "-t", str(seconds), *FILMS["VP8"][2].split(), path)
        film = packets(path)
    sound, both = interleaved(
        lambda: cpu_seconds(lambda: converse(pieces)),
        lambda: cpu_seconds(lambda: converse(pieces, film=film)),
        rounds=rounds,
        best=min,
    )
    return [
        Row(what="record two speakers to WebM/Opus: CPU per second", value=sound / seconds * 1000, unit="ms"),
        Row(what="the same with VP8 of 1 Mbit/s: CPU per second", value=both / seconds * 1000, unit="ms"),
    ]


def sampled_live(codec: str, film: list[Packet]) -> None:
    """Take a picture each second of what arrives, as RGB."""
    frames = LiveFrames(codec, sampling=Sampling(per_second=PER_SECOND))
    for data, time, key in film:
        frames.push(data, time, key=key)
        if (picture := frames.newest()) is not None:
            picture.rgb()


def decoded_plainly(codec: str, film: list[Packet]) -> None:
    """The straightforward loop: decode all packets in this thread, and convert a frame each second."""
    context = av.CodecContext.create(codec, "r")
    context.thread_count = 1
    due = 0.0
    for data, time, _ in film:
        for frame in context.decode(av.Packet(data)):  # type: ignore[attr-defined]
            if time >= due:
                frame.to_ndarray(format="rgb24")
                due += 1 / PER_SECOND


def sampled_file(path: Path) -> None:
    for picture in sample_frames(load(path), Sampling(per_second=PER_SECOND)):
        picture.rgb()


def file_plainly(path: Path) -> None:
    """The straightforward loop over a file, with default threads."""
    due = 0.0
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            if frame.time >= due:
                frame.to_ndarray(format="rgb24")
                due += 1 / PER_SECOND


def looked_at(codec: str, film: list[Packet]) -> None:
    """Compare every picture with the last one taken."""
    frames = LiveFrames(codec, sampling=Sampling(per_second=None, change=0.9, most_per_second=100))
    for data, time, key in film:
        frames.push(data, time, key=key)


def video(films: list[str], seconds: int, rounds: int) -> list[Row]:
    found: list[Row] = []
    picture: Picture | None = None
    with tempfile.TemporaryDirectory() as folder:
        for title in films:
            name, codec, options = FILMS[title]
            path = Path(folder, name)
            ffmpeg("-f", "lavfi", "-i", FILM, "-t", str(seconds), "-pix_fmt", "yuv420p", *options.split(), path)
            film = packets(path)
            live, compared, plain, file, file_plain = interleaved(
                partial(cpu_seconds, partial(sampled_live, codec, film)),
                partial(cpu_seconds, partial(looked_at, codec, film)),
                partial(cpu_seconds, partial(decoded_plainly, codec, film)),
                partial(cpu_seconds, partial(sampled_file, path)),
                partial(cpu_seconds, partial(file_plainly, path)),
                rounds=rounds,
                best=min,
            )
            per = {"unit": "ms", "floor_name": "PyAV loop"}
            scale = 1000 / seconds
            what = f"live {title}, 640 x 480, 30/s: CPU per second"
            bare = {"floor": plain * scale, **per}
            found.append(at_most(1.1, what=f"{what}, a picture each second", value=live * scale, **bare))
            found.append(at_most(1.2, what=f"{what}, every picture compared", value=compared * scale, **bare))
            what = f"a file of {title}, a picture each second: CPU per second"
            found.append(at_most(1.1, what=what, value=file * scale, floor=file_plain * scale, **per))
            frames = LiveFrames(codec)
            frames.push(film[0].data, 0, key=True)
            picture = frames.newest()
    assert picture is not None
    for form, convert in (("RGB", picture.rgb), ("JPEG", picture.jpeg)):
        cost = min(cpu_seconds(convert) for _ in range(3 * rounds)) * 1000
        found.append(Row(what=f"a picture of 640 x 480 as {form}", value=cost, unit="ms"))
    return found


def rows(*, quick: bool) -> list[Row]:
    if shutil.which("ffmpeg") is None:
        return []
    rounds, count = (1, 2) if quick else (3, 40)
    forms, films = (["ogg"], ["VP8"]) if quick else (list(FORMS), list(FILMS))
    held = [] if quick else ["wav", *FORMS]
    return [
        *audio(forms, seconds=1 if quick else 200, rounds=rounds),
        *itertools.chain(*[kept(f"a live {name} encoder", name, count) for name in held]),
        *recordings(seconds=1 if quick else 20, rounds=rounds),
        *kept("a recording of two speakers", "recording", count),
        *itertools.chain(
            *[kept(f"live {FILMS[name][1]} of 640 x 480", FILMS[name][1], count) for name in films if not quick]
        ),
        *video(films, seconds=1 if quick else 20, rounds=rounds),
    ]


if __name__ == "__main__":
    print_kept(sys.argv[1], int(sys.argv[2]))
