"""Feed mutated media to everything that opens media, for as long as you like: ``python benchmarks/fuzz_media.py``.

Each batch of mutants runs in one sandboxed child; if the child dies, the mutant that killed it is written to a file and
the program ends with status 1. Whole-file decoding (audio, and the first frames of video and images), pictures for
models, both of them live, in pieces of random size, and one way of editing are tried with each mutant.
"""

import argparse
import collections
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import msgspec
from troupe.codecs.asset import Asset, load
from troupe.codecs.decode import decode_audio
from troupe.codecs.edit import concat, trim
from troupe.codecs.errors import CodecError, SandboxDied, TooSlow
from troupe.codecs.frames import LiveFrames, sample_frames
from troupe.codecs.gate import opened
from troupe.codecs.geometry import Size
from troupe.codecs.incremental import IncrementalDecoder
from troupe.codecs.limits import Limits
from troupe.codecs.remux import remux
from troupe.codecs.sampling import Sampling
from troupe.codecs.sandbox import Sandbox
from troupe.codecs.source import Source, source_of
from troupe.codecs.video import Overlay, compose, thumbnail

TONE = "aevalsrc=0.4*sin(2*PI*(200+900*t)*t)+0.1*random(0):s=44100:d=0.4"
PICTURE = "testsrc=size=96x64:rate=25:duration=0.4"
SOUND = {
    "wav": "",
    "flac": "",
    "mp3": "",
    "aac": "",
    "m4a": "",
    "ogg": "-c:a libopus",
    "vorbis.ogg": "-c:a libvorbis",
    "flac.ogg": "-c:a flac",
    "webm": "-c:a libopus",
    "live.webm": "-c:a libopus -live 1 -cluster_time_limit 100",
    "aac.mp4": "-movflags frag_keyframe+empty_moov",
    "pcm.mka": "-c:a pcm_s24le",
}
FILMS = {
    "mp4": "",
    "mov": "",
    "mkv": "-c:a libvorbis",
    "avi": "",
    "av.webm": "-c:v libvpx -c:a libopus",
    "vp9.webm": "-c:v libvpx-vp9 -c:a libopus",
    "av1.mkv": "-c:v libsvtav1 -c:a flac",
    "hevc.mp4": "-c:v libx265 -x265-params log-level=none",
    "fragmented.mp4": "-movflags frag_keyframe+empty_moov",
}
PICTURES = ("png", "jpg", "gif", "webp", "bmp")
MINE = Limits(duration=30, cpu=5, pixels=1 << 20)
SAMPLING = Sampling(per_second=10, change=0.05)
BATCH = 25
INTERESTING = (b"\0", b"\xff", b"\x7f", b"\x80", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\1")


def samples(folder: Path) -> dict[str, bytes]:
    """Make one small file of each kind."""
    recipes = {name: f"-f lavfi -i {TONE} {options}" for name, options in SOUND.items()}
    recipes |= {name: f"-f lavfi -i {PICTURE} -f lavfi -i {TONE} {options}" for name, options in FILMS.items()}
    recipes |= dict.fromkeys(PICTURES, f"-f lavfi -i {PICTURE} -frames:v 1")
    made: dict[str, bytes] = {}
    for name, recipe in recipes.items():
        path = folder / f"sample.{name}"
        subprocess.run(
            ["ffmpeg", "-v", "fatal", "-nostdin", "-y", *recipe.split(), path], check=True, stderr=subprocess.DEVNULL
        )
        made[name] = path.read_bytes()
    return made


def mutate(data: bytes, chance: random.Random) -> bytes:
    """Change a file in one to eight ways, mostly near its start, where the headers are."""
    content = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 3, 5, 8))):
        reach = chance.choice((64, 512, len(content), len(content)))
        at = chance.randrange(max(1, min(len(content), reach)))
        match chance.randrange(8):
            case 0 | 1:
                content[at : at + 1] = bytes([chance.randrange(256)])
            case 2:
                content[at : at + 1] = bytes([(content[at] if at < len(content) else 0) ^ 1 << chance.randrange(8)])
            case 3:
                value = chance.choice(INTERESTING)
                content[at : at + len(value)] = value
            case 4:
                del content[at : at + chance.choice((1, 2, 4, 100, 5000))]
            case 5:
                content[at:at] = chance.randbytes(chance.choice((1, 4, 300)))
            case 6:
                other = chance.randrange(max(1, len(content)))
                content[at:at] = content[other : other + chance.choice((4, 64, 2000))]
            case _:
                content[at + chance.randrange(1 + len(content) // 2) :] = b""
    return bytes(content)


def whole(data: bytes) -> None:
    """Open the file as an upload would be, and decode it."""
    asset = load(data, limits=MINE)
    info = asset.info
    if info.audio is not None:
        for _ in decode_audio(asset):
            pass
    if info.video is not None:
        with opened(source_of(data, MINE), asset.format, MINE) as media:
            for _, _ in zip(range(8), media.video_frames(info.video), strict=False):
                pass


def cut(data: bytes, chance: random.Random) -> Iterator[bytes]:
    """Cut a file into pieces of random size."""
    at = 0
    while at < len(data):
        size = chance.choice((1, 50, 1000, 1000, 10_000))
        yield data[at : at + size]
        at += size


def listen(data: bytes, chance: random.Random) -> None:
    """Decode the audio of the file as a stream."""
    decoder = IncrementalDecoder(limits=MINE)
    for piece in cut(data, chance):
        for _ in decoder.push(piece):
            pass
    for _ in decoder.finish():
        pass


def look(data: bytes) -> None:
    """Take pictures out of the file, if it is a video."""
    asset = load(data, limits=MINE)
    if asset.kind == "video" and asset.info.video is not None:
        for picture in sample_frames(asset, SAMPLING):
            picture.rgb()


def watch(data: bytes, chance: random.Random) -> None:
    """Take pictures out of the file as a stream."""
    frames = LiveFrames(sampling=SAMPLING, limits=MINE)
    for piece in cut(data, chance):
        frames.push_stream(piece)
        for picture in frames.take():
            picture.rgb()
    frames.finish()


EDITS: tuple[Callable[[Asset], object], ...] = (
    lambda asset: trim(asset, 0.0, 0.3),
    lambda asset: trim(asset, 0.0, 0.3, exact=False),
    lambda asset: concat([asset, asset]),
    lambda asset: remux(asset, "mkv"),
    lambda asset: thumbnail(asset, 0.2, size=Size(32, 32)),
    lambda asset: compose(asset, [Overlay(what=asset, start=0.1, width=32)], size=Size(64, 64), stop=0.3),
)


def edit(data: bytes, chance: random.Random) -> None:
    """Make another file of the file."""
    chance.choice(EDITS)(load(data, limits=MINE))


def job(source: Source, request: bytes, limits: Limits) -> Iterator[bytes]:
    """Try a batch of mutants in the sandbox; yield how each ended."""
    seed, first = msgspec.msgpack.decode(request, type=tuple[int, int])
    data = source.read()
    for number in range(first, BATCH):
        chance = random.Random(f"{seed}/{number}")
        mutant = mutate(data, chance)
        outcome = ""
        for attempt in (whole, look, *(partial(each, chance=chance) for each in (listen, watch, edit))):
            try:
                attempt(mutant)
                outcome += "played "
            except CodecError as error:
                outcome += f"{type(error).__name__} "
        yield outcome.strip().encode()


def main() -> int:
    """Fuzz until the time is up; report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")
    outcomes: collections.Counter[str] = collections.Counter()
    dead, slowest, batch = 0, 0.0, 0
    with (
        tempfile.TemporaryDirectory() as folder,
        Sandbox(preload=("troupe.codecs.decode", "troupe.codecs.frames", "fuzz_media")) as sandbox,
    ):
        files = samples(Path(folder))
        started = time.monotonic()
        while time.monotonic() - started < arguments.minutes * 60:
            name = list(files)[batch % len(files)]
            seed = arguments.seed + batch
            done = 0
            source = source_of(files[name], Limits())
            before = time.monotonic()
            try:
                for outcome in sandbox.run(
                    "fuzz_media:job", source, msgspec.msgpack.encode((seed, 0)), Limits(cpu=60, wall=120)
                ):
                    outcomes[bytes(outcome).decode()] += 1
                    done += 1
                    slowest = max(slowest, time.monotonic() - before)
                    before = time.monotonic()
            except (SandboxDied, TooSlow) as error:
                dead += 1
                mutant = mutate(files[name], random.Random(f"{seed}/{done}"))
                path = Path(f"fuzz-{seed}-{done}.{name}")
                path.write_bytes(mutant)
                print(f"{path}: {error}")
            batch += 1
        elapsed = time.monotonic() - started
    total = sum(outcomes.values())
    print(
        f"{total} mutants of {len(files)} files in {elapsed:.0f} s; slowest {slowest:.2f} s; children that died: {dead}"
    )
    for outcome, count in outcomes.most_common():
        print(f"{count:8} {outcome}")
    return 1 if dead else 0


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    raise SystemExit(main())
