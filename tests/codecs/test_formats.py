import contextlib
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.codecs import formats
from troupe.codecs.errors import RefusedFormat
from troupe.codecs.formats import DATA, FORMATS, HEAD, Format, by_name, identify, recognise, register
from troupe.codecs.limits import Limits
from troupe.codecs.source import source_of

SAMPLES = {
    "wav": "wav",
    "flac": "flac",
    "mp3": "mp3",
    "aac": "aac",
    "m4a": "m4a",
    "ogg": "ogg",
    "vorbis.ogg": "ogg",
    "flac.ogg": "ogg",
    "webm": "webm",
    "mp4": "mp4",
    "fragmented.mp4": "mp4",
    "mov": "mov",
    "3gp": "3gp",
    "mkv": "mkv",
    "avi": "avi",
    "png": "png",
    "jpg": "jpeg",
    "gif": "gif",
    "webp": "webp",
    "bmp": "bmp",
}


@pytest.mark.parametrize(("name", "expected"), SAMPLES.items())
def test_content_tells_the_format(sample, name, expected):
    source = source_of(sample(name).read_bytes(), Limits())
    found = identify(source)
    assert found.name == expected
    assert name.rsplit(".", 1)[-1] in found.extensions


def test_name_tells_nothing(sample, tmp_path):
    liar = tmp_path / "song.mp3"
    liar.write_bytes(sample("png").read_bytes())
    assert identify(source_of(liar, Limits())).name == "png"


def id3(size: int) -> bytes:
    return b"ID3\4\0\0" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0)) + bytes(size)


@pytest.mark.parametrize("name", ["mp3", "aac", "flac"])
@pytest.mark.parametrize("size", [100, HEAD - 10, HEAD, 3 * HEAD + 7])
def test_looks_behind_an_id3_tag_of_any_size(sample, name, size):
    assert identify(source_of(id3(size) + sample(name).read_bytes(), Limits())).name == name


def test_id3_tag_without_anything_behind_it_ends_well():
    assert identify(source_of(id3(HEAD), Limits())).name in {"mp3", "data"}


def test_mp3_that_starts_inside_a_frame(sample):
    assert recognise(sample("mp3").read_bytes()[777:]).name == "mp3"


@pytest.mark.parametrize(
    "text",
    [
        b"plain",
        "žluťoučký kůň 🐎".encode(),
        b"\xef\xbb\xbfwith a mark",
        b"v=0 is no session description",
        b"<p>html</p>",
    ],
)
def test_text(text):
    assert recognise(text).name == "text"


def test_text_may_be_cut_inside_a_character_by_the_head_alone():
    long = "ü".encode() * HEAD
    assert recognise(long[1 : HEAD + 1]).name == "data"  # starts inside one: no text
    assert recognise(b"x" + long[: HEAD - 1]).name == "text"
    assert recognise(long[:99]).name == "data"


@pytest.mark.parametrize("value", [{}, [], {"a": [1, None]}, [True], {"type": "glTF"}])
def test_json(value):
    assert recognise(json.dumps(value).encode()).name == "json"


def test_json_that_is_longer_than_the_head_and_text_that_is_none():
    assert recognise(json.dumps(list(range(HEAD))).encode()[:HEAD]).name == "json"
    assert recognise(b"[to be continued").name == "text"
    assert recognise(b"[" * 50_000).name == "text"  # a stack that would overflow


@pytest.mark.parametrize("doc_type", [b"webm", b"matroska"])
@pytest.mark.parametrize("octets", range(1, 9))
def test_ebml_doc_type_with_a_size_of_any_form(doc_type, octets):
    size = (len(doc_type) | 1 << 7 * octets).to_bytes(octets, "big")
    head = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82" + size + doc_type + b"\x42\x87\x81\x04"
    assert recognise(head).name == {b"webm": "webm", b"matroska": "mkv"}[doc_type]


def test_unknown_content_is_data():
    assert recognise(b"\x7fELF\2\1\1\0" + bytes(99)) is DATA
    assert recognise(b"") is DATA
    assert recognise(b"\x1a\x45\xdf\xa3\x86\x42\x82\x83gem") is DATA


PLAYLISTS = {
    "hls": b"#EXTM3U\n#EXTINF:1,\nhttp://169.254.169.254/latest/meta-data\n",
    "hls after a mark and spaces": b"\xef\xbb\xbf \r\n#EXTM3U\n",
    "ffconcat": b"ffconcat version 1.0\nfile '/etc/passwd'\n",
    "sdp": b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nm=audio 5004 RTP/AVP 0\r\n",
    "dash": b'<?xml version="1.0"?>\n<!-- x --><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>',
    "pls": b"[playlist]\nFile1=file:///etc/passwd\n",
    "asx": b"<ASX version='3'><entry><ref href='http://127.0.0.1/'/></entry></ASX>",
    "xspf": b'<?xml version="1.0"?><playlist version="1"></playlist>',
    "smil": b"<smil><body><video src='rtsp://127.0.0.1/'/></body></smil>",
    "reference": b"[Reference]\nRef1=http://127.0.0.1/\n",
}


@pytest.mark.parametrize("body", PLAYLISTS.values(), ids=PLAYLISTS)
def test_playlists_are_refused(body):
    with pytest.raises(RefusedFormat, match="not opened") as caught:
        recognise(body)
    assert "127.0.0.1" not in str(caught.value)


def test_many_processing_instructions_take_linear_time():
    assert recognise(b"<?a?>" * 10_000 + b"<!-- -->" * 500).name == "text"


@given(st.binary(max_size=300))
def test_any_bytes_have_a_format(data):
    with contextlib.suppress(RefusedFormat):
        assert recognise(data) in (*FORMATS, DATA)


@pytest.mark.parametrize(
    "magic", [b"RIFF", b"OggS", b"\x1a\x45\xdf\xa3", b"\0\0\0\x20ftyp", b"ID3", b"\xff\xfb", b"fLaC"]
)
@given(tail=st.binary(max_size=100))
def test_any_bytes_behind_a_signature_have_a_format(magic, tail):
    recognise(magic + tail)


def test_formats_from_outside(monkeypatch):
    monkeypatch.setattr(formats, "FORMATS", FORMATS.copy())
    glb = Format(
        name="glb",
        title="glTF",
        types={"model": "model/gltf-binary"},
        extensions=("glb",),
        matches=lambda head: head.startswith(b"glTF\2\0\0\0"),
    )
    register(glb)
    assert recognise(struct.pack("<4sII", b"glTF", 2, 12)) is glb
    assert by_name("glb") is glb
    with pytest.raises(ValueError, match="already"):
        register(glb)


def test_a_format_from_outside_names_no_demuxer():
    hls = Format(name="x", title="x", types={}, extensions=(), demuxer="hls", matches=lambda _: True)
    with pytest.raises(ValueError, match="demuxer"):
        register(hls)


def test_names_are_unique():
    names = [known.name for known in FORMATS]
    assert len(set(names)) == len(names)
