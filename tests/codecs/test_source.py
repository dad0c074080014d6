import io

import pytest
from troupe.codecs.errors import TooManyBytes
from troupe.codecs.limits import Limits
from troupe.codecs.source import Source, source_of

CONTENT = bytes(range(256))


@pytest.fixture(params=["memory", "file", "descriptor"])
def source(request, tmp_path):
    path = tmp_path / "x"
    path.write_bytes(CONTENT)
    if request.param == "memory":
        yield source_of(CONTENT, Limits())
    elif request.param == "file":
        yield source_of(path, Limits())
    else:
        with path.open("rb") as file:
            yield Source(file.fileno(), len(CONTENT))


def test_reads_anywhere(source):
    assert source.size == 256
    assert source.read() == CONTENT
    assert source.head(3) == b"\0\1\2"
    assert source.head(3, 254) == b"\xfe\xff"
    assert source.head(3, 999) == b""


def test_several_readers_at_once(source):
    with source.opened() as first, source.opened() as second:
        assert first(2, 10) == second(2, 10) == b"\x0a\x0b"


class Dripping(io.RawIOBase):
    """A raw file that gives out three bytes at a time, as a socket may."""

    def __init__(self):
        self.left = CONTENT

    def read(self, size=-1):
        piece, self.left = self.left[: min(3, size)], self.left[min(3, size) :]
        return piece


def test_file_objects_are_read_to_their_end():
    assert source_of(Dripping(), Limits()).read() == CONTENT
    with pytest.raises(TooManyBytes):
        source_of(Dripping(), Limits(bytes=255))


def test_views_of_other_types_are_bytes():
    import numpy as np

    assert source_of(memoryview(np.zeros(5, np.int16)), Limits()).size == 10
