"""Files that want to reach out, blow up or crash: nothing outside is touched, and each ends in an error of its own."""

import contextlib
import ctypes
import io
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from troupe.codecs.asset import load
from troupe.codecs.decode import decode_audio, read_audio
from troupe.codecs.errors import (
    BrokenMedia,
    CodecError,
    RefusedFormat,
    SandboxDied,
    TooLong,
    TooManyPixels,
    TooManyStreams,
)
from troupe.codecs.formats import FORMATS
from troupe.codecs.gate import opened
from troupe.codecs.incremental import IncrementalDecoder
from troupe.codecs.limits import Limits
from troupe.codecs.sandbox import Sandbox
from troupe.codecs.source import source_of

SAMPLES = [
    *("wav", "flac", "mp3", "aac", "m4a", "ogg", "vorbis.ogg", "flac.ogg", "webm", "live.webm"),
    *("mp4", "fragmented.mp4", "mov", "mkv", "avi", "av.webm", "png", "jpg", "gif", "webp", "bmp"),
]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


class Canary:
    """A server and a file next to the victim, which notice every touch."""

    def __init__(self, folder):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.setblocking(False)
        self.port = self.server.getsockname()[1]
        self.file = folder / "canary.ts"
        self.file.write_bytes(b"G" + bytes(187))
        self.inotify = -1
        if sys.platform == "linux":
            libc = ctypes.CDLL(None)
            self.inotify = libc.inotify_init1(os.O_NONBLOCK)
            libc.inotify_add_watch(self.inotify, os.fsencode(self.file), 0x20 | 0x1)  # IN_OPEN, IN_ACCESS

    def check(self):
        touched = []
        with contextlib.suppress(BlockingIOError):
            self.server.accept()[0].close()
            touched.append("connection")
        with contextlib.suppress(OSError):
            touched += ["file"] * bool(os.read(self.inotify, 4096))
        assert touched == []

    def close(self):
        self.server.close()
        if self.inotify >= 0:
            os.close(self.inotify)


@pytest.fixture
def canary(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    canary = Canary(tmp_path)
    yield canary
    canary.check()
    canary.close()


def test_the_canary_notices(canary):
    canary.check()
    canary.file.read_bytes()
    if sys.platform == "linux":
        with pytest.raises(AssertionError, match="file"):
            canary.check()
    socket.create_connection(("127.0.0.1", canary.port)).close()
    with pytest.raises(AssertionError, match="connection"):
        canary.check()


def bodies(canary: Canary) -> dict[str, bytes]:
    places = [f"http://127.0.0.1:{canary.port}/x.ts", f"file://{canary.file}", "canary.ts", "/etc/passwd"]
    found: dict[str, bytes] = {}
    for index, place in enumerate(places):
        found[f"hls {index}"] = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{place}\n#EXT-X-ENDLIST\n".encode()
        found[f"ffconcat {index}"] = f"ffconcat version 1.0\nfile '{place}'\n".encode()
        found[f"dash {index}"] = f"<?xml version='1.0'?><MPD><Period><BaseURL>{place}</BaseURL></Period></MPD>".encode()
        found[f"pls {index}"] = f"[playlist]\nFile1={place}\n".encode()
    found["sdp"] = (
        b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 5004 RTP/AVP 0\r\n"
    )
    return found


def test_playlists_are_refused_under_any_name(canary, tmp_path):
    for name, body in bodies(canary).items():
        for suffix in (".mp4", ".m3u8", ".ffconcat", ".sdp", ".mpd", ".wav"):
            path = tmp_path / f"file{suffix}"
            path.write_bytes(body)
            named = io.BytesIO(body)
            named.name = f"evil{suffix}"
            for what in (path, str(path), body, named):
                with pytest.raises(RefusedFormat):
                    load(what)
        canary.check()
        with pytest.raises(RefusedFormat):
            IncrementalDecoder().push(body)
        assert name


@pytest.mark.parametrize("known", [known for known in FORMATS if known.demuxer], ids=lambda known: known.name)
def test_playlists_are_not_followed_even_if_they_were_not_recognised(canary, known):
    for body in bodies(canary).values():
        for disguise in (
            body,
            b"\xff\xfb\x90\x00" + body,
            b"RIFF\x24\0\0\0WAVEfmt " + body,
            b"\0\0\0\x18ftypisom" + body,
        ):
            try:
                with opened(source_of(disguise, Limits()), known, Limits()) as media:
                    for packet in media.packets():
                        assert packet.size < 5000
            except CodecError:
                pass
    canary.check()


def test_strings_that_libav_would_open(canary):
    for place in (
        f"http://127.0.0.1:{canary.port}/x.mp3",
        "http://169.254.169.254/latest/meta-data",
        "concat:canary.ts|canary.ts",
        "subfile,,start,0,end,9,,:canary.ts",
        "data:audio/wav;base64,UklGRg==",
        "pipe:0",
        "tcp://127.0.0.1:1",
    ):
        with pytest.raises((RefusedFormat, FileNotFoundError)):
            load(place)
    canary.check()


def test_quicktime_that_keeps_its_media_in_another_file(canary, sample):
    """A data reference that is not self-contained; libav would follow its path if it were told to."""
    data = sample("mov").read_bytes()
    reference = b"url \0\0\0\1"
    assert reference in data
    asset = load(data.replace(reference, b"alis\0\0\0\0"))
    with contextlib.suppress(CodecError):
        read_audio(asset)
    canary.check()


def test_declared_pixels_beyond_the_limit(sample):
    data = bytearray(sample("mp4").read_bytes())
    at = data.rindex(b"avc1") + 4 + 24
    data[at : at + 4] = struct.pack(">HH", 16384, 8192)
    with pytest.raises(TooManyPixels, match="16384 x 8192"):
        load(data).as_video()
    for name, at in (("png", 16), ("gif", 6), ("bmp", 18)):
        image = bytearray(sample(name).read_bytes())
        image[at : at + 2] = b"\xff\xff" if name != "png" else b"\0\1"
        with pytest.raises(TooManyPixels):
            load(image, limits=Limits(pixels=1_000_000)).as_image()


def test_many_streams(sample, ffmpeg, tmp_path, sandbox):
    for name in ("mp4", "mkv"):
        path = tmp_path / f"many.{name}"
        ffmpeg("-i", sample("aac"), *["-map", "0"] * 40, "-c", "copy", "-t", "0.2", path)
        for where in (None, sandbox):
            with pytest.raises(TooManyStreams):
                load(path, sandbox=where).as_audio()


def test_ten_hours_in_a_few_bytes(ffmpeg, tmp_path, sandbox):
    """The header says nothing of the length, so it is found out while decoding, in a child that stays small."""
    path = tmp_path / "long.flac"
    ffmpeg("-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono:d=3600", "-frame_size", "65535", path)
    data = bytearray(path.read_bytes())
    data[8 + 13 : 8 + 18] = bytes([data[8 + 13] & 0xF0, 0, 0, 0, 0])  # total samples: unknown
    limits = Limits(duration=600)
    for where in (None, sandbox):
        heard = 0.0
        with pytest.raises(TooLong):
            for pcm in decode_audio(load(data, limits=limits, sandbox=where)):
                heard += pcm.duration
        assert heard <= 601


def test_endless_chain_of_ogg(sample, sandbox):
    chain = (sample("ogg").read_bytes() + sample("vorbis.ogg").read_bytes()) * 20
    for where in (None, sandbox):
        with contextlib.suppress(BrokenMedia):
            assert read_audio(load(chain, sandbox=where)).duration > 2


@pytest.mark.parametrize(("rate", "channels"), [(4000, 1), (384_000, 2), (8000, 32)])
def test_unusual_rates_and_channels(rate, channels, sandbox):
    size = channels * 2
    head = struct.pack(
        "<4sI8sIHHIIHH4sI", b"RIFF", 0, b"WAVEfmt ", 16, 1, channels, rate, rate * size, size, 16, b"data", 0
    )
    data = head + bytes(rate * size // 10)
    assert read_audio(load(data, sandbox=sandbox)).duration == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize("name", SAMPLES)
def test_cut_off_at_many_places(sample, name, sandbox):
    data = sample(name).read_bytes()
    for part in (*range(1, 20, 4), *(len(data) * share // 10 for share in range(1, 10, 2)), len(data) - 1):
        play(data[:part], sandbox)


def play(data: bytes, sandbox: Sandbox) -> str:
    """Do all that can be done with an upload; return how it ended. A child that crashed fails the test."""
    try:
        asset = load(data, sandbox=sandbox, limits=Limits(duration=30, cpu=10))
        if "audio" in asset.format.types and asset.info.audio is not None:
            for _ in decode_audio(asset):
                pass
        elif "image" in asset.format.types:
            asset.as_image()
    except SandboxDied:
        raise
    except CodecError as error:
        return type(error).__name__
    return "played"


@st.composite
def mutations(draw) -> list[tuple[float, bytes]]:
    return draw(
        st.lists(
            st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=4) | st.sampled_from([b"\xff" * 4, b"\0" * 8])),
            min_size=1,
            max_size=20,
        )
    )


@pytest.mark.parametrize("name", [name for name in SAMPLES if name not in {"png", "jpg", "gif", "webp", "bmp"}])
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(changes=mutations(), head_only=st.booleans())
def test_mutated_files_never_crash_the_child(sample, sandbox, name, changes, head_only):
    data = bytearray(sample(name).read_bytes())
    reach = min(len(data), 2000) if head_only else len(data)
    for place, value in changes:
        at = int(place * (reach - 1))
        data[at : at + len(value)] = value
    play(bytes(data), sandbox)


@given(
    data=st.binary(max_size=300),
    magic=st.sampled_from([b"", b"RIFF\xff\0\0\0WAVE", b"OggS\0\2", b"\xff\xfb\x90\0", b"fLaC"]),
)
@settings(max_examples=40, deadline=None)
def test_random_bytes(sandbox, data, magic):
    play(magic + data, sandbox)


@pytest.mark.parametrize("name", ["mp4", "flac", "webm"])
def test_parent_stays_small(sample, name, tmp_path):
    """A whole session with hostile files, in a process of its own so that its peak is its own."""
    program = f"""
import resource, sys
from troupe.codecs.asset import load
from troupe.codecs.decode import decode_audio
from troupe.codecs.errors import CodecError
from troupe.codecs.sandbox import Sandbox
data = open({str(sample(name))!r}, "rb").read()
with Sandbox() as sandbox:
    def play(data):
        try:
            for _ in decode_audio(load(data, sandbox=sandbox)): pass
        except CodecError: pass
    play(data)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for at in range(0, len(data), max(1, len(data) // 25)):
        play(data[:at] + b"\\xff" * 16 + data[at + 16:])
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=True)
    assert int(done.stdout) < 5 * 1024
