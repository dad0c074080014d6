import io
import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from troupe.codecs import formats, roles
from troupe.codecs.asset import Asset, load
from troupe.codecs.errors import BrokenMedia, RefusedFormat, RoleError, TooManyBytes, TooManyPixels
from troupe.codecs.formats import FORMATS, Format
from troupe.codecs.limits import Limits
from troupe.codecs.roles import Audio, Role, Speech
from troupe.codecs.streams import AudioStream, OtherStream, VideoStream

AUDIO = {
    "wav": ("audio/wav", "pcm_s16le", 44100, 2, 3.0),
    "flac": ("audio/flac", "flac", 44100, 1, 3.0),
    "mp3": ("audio/mpeg", "mp3", 44100, 1, 3.0),
    "aac": ("audio/aac", "aac", 44100, 1, 3.0),
    "m4a": ("audio/mp4", "aac", 44100, 1, 3.0),
    "ogg": ("audio/ogg", "opus", 48000, 1, 3.0),
    "vorbis.ogg": ("audio/ogg", "vorbis", 44100, 1, 3.0),
    "webm": ("audio/webm", "opus", 48000, 2, 2.0),
}
VIDEO = {
    "mp4": ("video/mp4", "h264", "aac"),
    "mov": ("video/quicktime", "h264", "aac"),
    "3gp": ("video/3gpp", "h264", "aac"),
    "mkv": ("video/matroska", "h264", "vorbis"),
    "avi": ("video/vnd.avi", "mpeg4", "mp3"),
    "av.webm": ("video/webm", "vp8", "opus"),
    "fragmented.mp4": ("video/mp4", "h264", "aac"),
}
IMAGES = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif", "webp": "image/webp", "bmp": "image/bmp"}


@pytest.mark.parametrize("name", AUDIO)
def test_audio(sample, name):
    mime_type, codec, rate, channels, duration = AUDIO[name]
    asset = load(sample(name))
    assert (asset.kind, asset.mime_type) == ("audio", mime_type)
    assert asset.duration == pytest.approx(duration, rel=0.04)
    (stream,) = asset.streams
    assert isinstance(stream, AudioStream)
    assert (stream.codec, stream.rate, stream.channels) == (codec, rate, channels)
    assert asset.as_speech() == Speech(asset, stream)
    with pytest.raises(RoleError, match=r"the role video needs a video stream"):
        asset.as_video()


@pytest.mark.parametrize("name", VIDEO)
def test_video_plays_video_audio_and_speech(sample, name):
    mime_type, video_codec, audio_codec = VIDEO[name]
    asset = load(sample(name))
    assert (asset.kind, asset.mime_type) == ("video", mime_type)
    video = asset.as_video()
    assert (video.stream.codec, video.stream.width, video.stream.height) == (video_codec, 160, 120)
    assert video.stream.frame_rate == pytest.approx(25, rel=0.01)
    assert video.audio is not None
    assert video.audio.codec == audio_codec
    assert asset.as_audio() == Audio(asset, video.audio)
    assert asset.as_speech().stream == video.audio


def test_silent_video_plays_no_speech_and_says_what_it_is(sample):
    asset = load(sample("silent.mp4"))
    assert asset.as_video().audio is None
    with pytest.raises(RoleError, match=r"MP4 .* with video h264, 160 x 120; the role speech needs an audio stream"):
        asset.as_speech()


@pytest.mark.parametrize("name", IMAGES)
def test_image(sample, name):
    asset = load(sample(name))
    assert (asset.kind, asset.mime_type, asset.duration) == ("image", IMAGES[name], None)
    image = asset.as_image()
    assert (image.width, image.height) == (160, 120)
    with pytest.raises(RoleError, match=r"\(image\).*; the role speech needs an audio stream"):
        asset.as_speech()


def test_role_of_the_wrong_kind_is_refused_without_opening_the_file():
    broken = load(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(RoleError, match=r"this is PNG \(image\); the role audio"):
        broken.as_audio()
    with pytest.raises(BrokenMedia):
        broken.as_image()


def test_text_and_data():
    asset = load(b"\xef\xbb\xbfFail better.")
    assert (asset.kind, asset.mime_type, asset.size) == ("text", "text/plain", 15)
    assert asset.as_text() == "Fail better."
    assert asset.as_data() == b"\xef\xbb\xbfFail better."
    assert load(b'{"a": 1}').mime_type == "application/json"
    assert load(b"\0\1\2").kind == "data"
    with pytest.raises(RoleError, match=r"unrecognised data .* needs UTF-8 text"):
        load(b"\0\1\2").as_text()


def test_text_that_stops_being_text_behind_the_head_plays_no_text():
    asset = load(b"a" * formats.HEAD + b"\xff")
    assert asset.kind == "text"
    with pytest.raises(RoleError):
        asset.as_text()


def test_loads_paths_bytes_views_and_file_objects(sample):
    path = sample("mp3")
    data = path.read_bytes()
    sources = [path, str(path), data, bytearray(data), memoryview(data), io.BytesIO(data)]
    assets = [load(source) for source in sources]
    with path.open("rb") as file:
        assets.append(load(file))
    assert {asset.size for asset in assets} == {len(data)}
    assert {asset.info for asset in assets} == {assets[0].info}
    assert all(asset.read() == data for asset in assets)


def test_urls_devices_pipes_and_folders_are_refused(tmp_path: Path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for place in ("http://169.254.169.254/", "file:///etc/passwd", "/dev/zero", fifo, tmp_path):
        with pytest.raises(RefusedFormat):
            load(place)


def test_missing_file_and_text_file_object(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none")
    with pytest.raises(TypeError, match="binary mode"):
        load(io.StringIO("x"))


def test_too_many_bytes(tmp_path):
    limits = Limits(bytes=10)
    path = tmp_path / "x"
    path.write_bytes(bytes(11))
    for what in (bytes(11), io.BytesIO(bytes(11)), path):
        with pytest.raises(TooManyBytes) as caught:
            load(what, limits=limits)
        assert caught.value.limit == 10
    assert load(bytes(10), limits=limits).size == 10


def test_pixels_of_an_image_are_checked_before_it_is_decoded(sample):
    png = bytearray(sample("png").read_bytes())
    png[16:24] = (100_000).to_bytes(4, "big") * 2
    asset = load(png)
    with pytest.raises(TooManyPixels, match="100000 x 100000"):
        asset.as_image()


def test_cover_picture_is_no_video(sample, ffmpeg, tmp_path):
    path = tmp_path / "covered.mp3"
    ffmpeg("-i", sample("mp3"), "-i", sample("jpg"), "-map", "0", "-map", "1", "-c", "copy", path)
    asset = load(path)
    assert asset.kind == "audio"
    assert OtherStream(1, "cover", "mjpeg") in asset.streams


def test_duration_that_no_header_declares_is_read_from_the_packets(sample, ffmpeg, tmp_path):
    path = tmp_path / "live.webm"
    ffmpeg("-i", sample("webm"), "-c", "copy", "-f", "webm", "-live", "1", path)
    assert load(path).duration == pytest.approx(2.0, abs=0.03)


@dataclass(frozen=True)
class Model:
    """The view of the role that the next test adds."""

    vertices: int


def test_formats_kinds_and_roles_from_outside(monkeypatch):
    """Text-to-3D needs a kind of asset and a role that this package has never heard of."""
    monkeypatch.setattr(formats, "FORMATS", FORMATS.copy())
    monkeypatch.setattr(roles, "_roles", dict(roles._roles))

    def view(asset: Asset) -> Model | None:
        vertices = sum(line.startswith(b"v ") for line in asset.read().splitlines())
        return Model(vertices) if vertices else None

    formats.register(
        Format(
            name="obj",
            title="Wavefront OBJ",
            types={"model": "model/obj"},
            extensions=("obj",),
            matches=lambda head: head.startswith(b"# Wavefront"),
        )
    )
    model = Role("model", "vertices", frozenset({"model"}), view)
    roles.register(model)
    triangle = load(b"# Wavefront\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    assert (triangle.kind, triangle.mime_type) == ("model", "model/obj")
    assert triangle.play(model) == Model(3)
    assert triangle.play(roles.role_named("model")) == Model(3)
    assert "model" in roles.roles()
    with pytest.raises(RoleError, match=r"Wavefront OBJ \(model\); the role speech needs an audio stream"):
        triangle.as_speech()
    with pytest.raises(RoleError, match="needs vertices"):
        load(b"# Wavefront\n").play(model)
    with pytest.raises(ValueError, match="already"):
        roles.register(model)


def test_video_stream_description_of_an_image(sample):
    assert load(sample("png")).streams == (VideoStream(0, "png", 160, 120),)
