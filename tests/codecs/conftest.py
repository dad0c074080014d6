"""Sample files for the tests of media code, made with Debian's ffmpeg, and speech, made by espeak-ng."""

import ctypes
import functools
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import espeakng_loader
import numpy as np
import pytest
import soxr
from numpy.typing import NDArray
from troupe.codecs.asset import Asset
from troupe.codecs.gate import opened

TONE = "aevalsrc=0.4*sin(2*PI*(200+60*t)*t)+0.05*random(0):s=44100:d=3"
STEREO = "aevalsrc=0.4*sin(2*PI*300*t)|0.4*sin(2*PI*500*t)+0.05*random(0):s=48000:d=2"
PICTURE = "testsrc=size=160x120:rate=25:duration=2"
# Pictures that tell their number by their luminance, 16 + 4 n, and sound that tells its time by its pitch.
NUMBERED = "color=size=64x48:rate=25:duration=2,format=yuv420p,geq=lum=16+4*N:cb=128:cr=128"
CHIRP = "aevalsrc=0.4*sin(2*PI*(200+60*t)*t):s=48000:d=2"

RECIPES = {
    "wav": f"-f lavfi -i {TONE} -ac 2",
    "flac": f"-f lavfi -i {TONE}",
    "mp3": f"-f lavfi -i {TONE} -b:a 96k",
    "aac": f"-f lavfi -i {TONE}",
    "m4a": f"-f lavfi -i {TONE}",
    "ogg": f"-f lavfi -i {TONE} -c:a libopus",
    "vorbis.ogg": f"-f lavfi -i {TONE} -c:a libvorbis",
    "flac.ogg": f"-f lavfi -i {TONE} -c:a flac",
    "webm": f"-f lavfi -i {STEREO} -c:a libopus",
    "mp4": f"-f lavfi -i {PICTURE} -f lavfi -i {TONE} -shortest",
    "mov": f"-f lavfi -i {PICTURE} -f lavfi -i {TONE} -shortest",
    "3gp": f"-f lavfi -i {PICTURE} -f lavfi -i {TONE} -shortest -c:v libx264 -c:a aac",
    "mkv": f"-f lavfi -i {PICTURE} -f lavfi -i {TONE} -shortest -c:a libvorbis",
    "avi": f"-f lavfi -i {PICTURE} -f lavfi -i {TONE} -shortest",
    "av.webm": f"-f lavfi -i {PICTURE} -f lavfi -i {STEREO} -shortest -c:v libvpx -c:a libopus",
    "numbered.mp4": f"-f lavfi -i {NUMBERED} -f lavfi -i {CHIRP} -c:v libx264 -g 10 -bf 2 -c:a aac",
    "silent.mp4": f"-f lavfi -i {PICTURE}",
    "fragmented.mp4": f"-f lavfi -i {PICTURE} -f lavfi -i {TONE} -shortest -movflags frag_keyframe+empty_moov",
    "aac.mp4": f"-f lavfi -i {TONE} -movflags frag_keyframe+empty_moov+default_base_moof -frag_duration 500000",
    "opus.mp4": f"-f lavfi -i {STEREO} -c:a libopus -movflags empty_moov+delay_moov -frag_duration 500000",
    "flac.mp4": f"-f lavfi -i {TONE} -c:a flac -strict -2 -movflags empty_moov -frag_duration 500000",
    "live.webm": f"-f lavfi -i {STEREO} -c:a libopus -b:a 32k -live 1 -cluster_time_limit 100",
    "vorbis.webm": f"-f lavfi -i {STEREO} -c:a libvorbis",
    "flac.mka": f"-f lavfi -i {TONE} -c:a flac",
    "aac.mka": f"-f lavfi -i {TONE} -c:a aac",
    "mp3.mka": f"-f lavfi -i {TONE} -c:a libmp3lame",
    "pcm.mka": f"-f lavfi -i {TONE} -c:a pcm_s24le",
    "s24.wav": f"-f lavfi -i {TONE} -c:a pcm_s24le",
    "u8.wav": f"-f lavfi -i {TONE} -c:a pcm_u8",
    "f32.wav": f"-f lavfi -i {TONE} -c:a pcm_f32le",
    "mulaw.wav": f"-f lavfi -i {TONE} -c:a pcm_mulaw -ar 8000",
    "rf64.wav": f"-f lavfi -i {TONE} -rf64 always",
    "s24.flac": f"-f lavfi -i {STEREO} -c:a flac -sample_fmt s32",
    "png": f"-f lavfi -i {PICTURE} -frames:v 1",
    "jpg": f"-f lavfi -i {PICTURE} -frames:v 1",
    "gif": f"-f lavfi -i {PICTURE} -frames:v 1",
    "webp": f"-f lavfi -i {PICTURE} -frames:v 1",
    "bmp": f"-f lavfi -i {PICTURE} -frames:v 1",
}


@pytest.fixture(scope="session")
def ffmpeg() -> Callable[..., None]:
    """Run ffmpeg with the given arguments; without it tests are skipped, in CI they fail."""
    program = shutil.which("ffmpeg")
    if program is None and "CI" not in os.environ:
        pytest.skip("ffmpeg is not installed")
    assert program is not None, "CI needs ffmpeg"

    def run(*arguments: str | Path) -> None:
        subprocess.run([program, "-v", "error", "-nostdin", "-y", *arguments], check=True, timeout=50)

    return run


@pytest.fixture(scope="session")
def ffprobe(ffmpeg: Callable[..., None]) -> Callable[[Path], dict[str, Any]]:
    """``ffprobe(path)`` returns what the command says about a file's ``format`` and ``streams``, packets counted."""

    def probe(path: Path) -> dict[str, Any]:
        command = ["ffprobe", "-v", "error", "-of", "json", "-count_packets", "-show_format", "-show_streams", path]
        return json.loads(subprocess.run(command, check=True, timeout=50, capture_output=True).stdout)

    return probe


@pytest.fixture(scope="session")
def sample(ffmpeg: Callable[..., None], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Make one of `RECIPES`, named by the end of its file name; each is made once."""
    folder = tmp_path_factory.mktemp("samples")

    def make(name: str) -> Path:
        path = folder / f"sample.{name}"
        if not path.exists():
            ffmpeg("-bitexact", *RECIPES[name].split(), path)
        return path

    return make


@pytest.fixture(scope="session")
def luminance() -> Callable[[Asset], NDArray[np.uint8]]:
    """``luminance(asset)`` decodes a video; shape ``(frames, height, width)``, uint8, as coded."""

    def decode(asset: Asset) -> NDArray[np.uint8]:
        stream = asset.as_video().stream
        with opened(asset.source, asset.format, asset.limits) as media:
            frames = [frame.to_ndarray()[: stream.height] for frame in media.video_frames(stream)]
        return np.stack(frames)

    return decode


@pytest.fixture(scope="session")
def numbers(luminance: Callable[[Asset], NDArray[np.uint8]]) -> Callable[[Asset], list[int]]:
    """``numbers(asset)`` reads the numbers of the pictures in a video made of ``numbered.mp4``, in their centres."""

    def read(asset: Asset) -> list[int]:
        pictures = luminance(asset)
        centre = pictures[:, pictures.shape[1] // 2, pictures.shape[2] // 2]
        return np.rint((centre.astype(float) - 16) / 4).astype(int).tolist()

    return read


@pytest.fixture(scope="session")
def made(ffmpeg: Callable[..., None], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """``made(name, arguments)`` makes a file with ffmpeg; the same one is made once."""
    folder = tmp_path_factory.mktemp("made")

    @functools.cache
    def make(name: str, arguments: str) -> Path:
        path = folder / str(len(list(folder.iterdir()))) / name
        path.parent.mkdir()
        ffmpeg("-bitexact", *arguments.split(), path)
        return path

    return make


class Encoded(NamedTuple):
    """A packet of video."""

    data: bytes
    time: float
    key: bool


ENCODERS = {
    "h264": ("libx264", {"preset": "ultrafast", "tune": "zerolatency"}),
    "reordered h264": ("libx264", {"preset": "medium", "bf": "3"}),
    "vp8": ("libvpx", {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "b": "1M"}),
    "vp9": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "b": "1M"}),
    "mjpeg": ("mjpeg", {"qmax": "3"}),
}


@pytest.fixture(scope="session")
def encoded() -> Callable[..., list[Encoded]]:
    """``encoded(codec, pictures)`` encodes RGB arrays at 25 per second, a key frame every ten, as `ENCODERS` says."""

    def encode(codec: str, pictures: Iterable[NDArray[np.uint8]]) -> list[Encoded]:
        name, options = ENCODERS[codec]
        frames = [av.VideoFrame.from_ndarray(picture, format="rgb24") for picture in pictures]
        context = av.CodecContext.create(name, "w")
        context.width, context.height = frames[0].width, frames[0].height
        context.pix_fmt = form = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        context.time_base, context.framerate = Fraction(1, 25), Fraction(25)
        context.gop_size, context.thread_count, context.options = 10, 1, options
        packets = []
        for number, frame in enumerate(frames):
            converted = frame.reformat(format=form, threads=1)
            converted.pts, converted.time_base = number, context.time_base
            packets += context.encode(converted)
        packets += context.encode(None)
        return [Encoded(bytes(packet), packet.pts / 25, packet.is_keyframe) for packet in packets]

    return encode


SYNCHRONOUS = 2  # espeak_AUDIO_OUTPUT: samples come through the callback, nothing is played
UTF8 = 1

Speak = Callable[..., NDArray[np.int16]]
Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


@pytest.fixture(scope="session")
def speak() -> Speak:
    """``speak(text, rate)`` returns mono int16 speech at a comfortable level."""
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    own_rate = library.espeak_Initialize(SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0)
    chunks: list[NDArray[np.int16]] = []

    @Callback
    def collect(samples: "ctypes._Pointer[ctypes.c_short]", count: int, _events: int) -> int:
        if samples and count > 0:
            chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    library.espeak_SetSynthCallback(collect)
    library.espeak_SetVoiceByName(b"en-us")

    @functools.cache
    def speak(text: str, rate: int = 16_000) -> NDArray[np.int16]:
        assert collect  # espeak calls it, so it has to stay alive
        chunks.clear()
        encoded = text.encode()
        library.espeak_Synth(encoded, len(encoded) + 1, 0, 0, 0, UTF8, None, None)
        library.espeak_Synchronize()
        return soxr.resample(np.concatenate(chunks) // 2, own_rate, rate)

    return speak
