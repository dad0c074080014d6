import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.codecs.errors import BrokenMedia
from troupe.codecs.image_size import image_size
from troupe.codecs.limits import Limits
from troupe.codecs.source import source_of


def size_of(name: str, data: bytes) -> tuple[int, int]:
    return image_size(name, source_of(data, Limits()))


def jpeg(*segments: bytes) -> bytes:
    return b"\xff\xd8" + b"".join(segments)


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 300, 200)),
        ("gif", b"GIF89a" + struct.pack("<HH", 300, 200)),
        ("bmp", b"BM" + bytes(12) + struct.pack("<Iii", 40, 300, 200)),
        ("bmp", b"BM" + bytes(12) + struct.pack("<Iii", 40, 300, -200)),
        ("bmp", b"BM" + bytes(12) + struct.pack("<IHH", 12, 300, 200)),
        ("webp", b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + (299).to_bytes(3, "little") + (199).to_bytes(3, "little")),
        ("webp", b"RIFF\0\0\0\0WEBPVP8L" + bytes(4) + b"\x2f" + struct.pack("<I", 299 | 199 << 14)),
        ("webp", b"RIFF\0\0\0\0WEBPVP8 " + bytes(10) + struct.pack("<HH", 300 | 1 << 14, 200)),
        ("jpeg", jpeg(segment(0xE0, b"JFIF"), b"\xff", segment(0xC2, b"\x08" + struct.pack(">HH", 200, 300)))),
        ("jpeg", jpeg(segment(0xC4, bytes(40)), segment(0xC0, b"\x08" + struct.pack(">HH", 200, 300)))),
    ],
)
def test_headers(name, data):
    assert size_of(name, data) == (300, 200)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("png", b"\x89PNG\r\n\x1a\n"),
        ("gif", b"GIF89a" + bytes(4)),
        ("webp", b"RIFF\0\0\0\0WEBPJUNK" + bytes(30)),
        ("jpeg", jpeg(b"\0\0\0\0")),
        ("jpeg", jpeg(segment(0xE0, b"") * 2000)),
        ("jpeg", jpeg(segment(0xE0, b"x"))),
    ],
)
def test_headers_that_make_no_sense(name, data):
    with pytest.raises(BrokenMedia):
        size_of(name, data)


@pytest.mark.parametrize("name", ["png", "jpeg", "gif", "webp", "bmp"])
@given(data=st.binary(max_size=80))
def test_any_bytes(name, data):
    try:
        width, height = size_of(name, data)
    except BrokenMedia:
        return
    assert width > 0
    assert height > 0
