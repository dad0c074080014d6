import gc
import io
from fractions import Fraction

import pytest
from troupe.codecs.asset import load
from troupe.codecs.errors import BrokenMedia, UnsupportedFormat
from troupe.codecs.formats import by_name
from troupe.codecs.gate import opened, packet_of
from troupe.codecs.limits import Limits
from troupe.codecs.output import Output


def mp3_packets(output: Output, count: int = 5):
    """MPEG frames of silence for a new stream of `output`."""
    stream = output.add_packets("mp3", Fraction(1, 44100), rate=44100)
    for number in range(count):
        packet = packet_of(b"\xff\xfb\x50\xc0" + bytes(204))
        packet.stream, packet.time_base = stream, Fraction(1, 44100)
        packet.pts = packet.dts = number * 1152
        packet.duration = 1152
        yield packet


def test_a_stream_comes_out_as_it_is_written():
    output = Output("mp3", {"write_xing": "0", "id3v2_version": "0"})
    sizes = []
    for packet in mp3_packets(output):
        output.write([packet])
        sizes.append(len(output.take()))
    output.close()
    assert sizes == [208] * 5
    assert output.take() == b""


def test_a_file_is_corrected_at_its_start():
    file = io.BytesIO()
    output = Output("wav", {}, file)
    stream = output.add_packets("pcm_s16le", Fraction(1, 8000), rate=8000)
    packet = packet_of(bytes(1600))
    packet.stream, packet.time_base, packet.pts, packet.dts = stream, Fraction(1, 8000), 0, 0
    output.write([packet])
    assert output.take() == b""
    output.close()
    assert int.from_bytes(file.getvalue()[4:8], "little") == len(file.getvalue()) - 8


def test_packets_of_a_file_are_copied(sample):
    asset = load(sample("mp3"))
    file = io.BytesIO()
    with opened(asset.source, asset.format, Limits()) as media:
        output = Output("matroska", {}, file)
        copy = output.add_copy(media.container.streams[0])
        for packet in media.packets(0):
            if packet.dts is not None:
                packet.stream = copy
                output.write([packet])
        output.close()
    copied = load(file.getvalue())
    assert copied.format is by_name("mkv")
    assert copied.info.audio.codec == "mp3"


def test_what_can_not_be_written(sample):
    with pytest.raises(UnsupportedFormat):
        Output("no such container", {})
    output = Output("webm", {})
    with pytest.raises(UnsupportedFormat):
        output.add_encoder("aac", {})
    with pytest.raises(UnsupportedFormat):
        output.add_encoder("no such encoder", {})
    with pytest.raises(UnsupportedFormat):
        output.add_packets("mp3", Fraction(1, 44100))
    asset = load(sample("mp3"))
    with opened(asset.source, asset.format, Limits()) as media, pytest.raises(UnsupportedFormat):
        output.add_copy(media.container.streams[0])


def test_times_may_not_go_back():
    output = Output("matroska", {})
    first, second, *_ = mp3_packets(output)
    with pytest.raises(BrokenMedia):
        output.write([second, first])


class Full(io.BytesIO):
    def write(self, data):
        raise KeyboardInterrupt


def test_a_failure_is_raised_on_this_side():
    output = Output("mp3", {}, Full())
    output.write(mp3_packets(output))
    with pytest.raises(KeyboardInterrupt):
        output.close()


def containers():
    return sum(type(thing).__name__ == "OutputContainer" for thing in gc.get_objects())


@pytest.mark.parametrize("dropped", [True, False])
def test_an_unfinished_one_is_given_up_at_once(dropped):
    """libav's own would write its end whenever the garbage collector comes by."""
    gc.collect()
    before = containers()
    gc.disable()
    try:
        file = io.BytesIO()
        output = Output("mp3", {}, file)
        output.write(mp3_packets(output))
        if dropped:
            del output
        else:
            with pytest.raises(ZeroDivisionError), output:
                1 / 0  # noqa: B018
            output.discard()
            output = None
        assert containers() == before
    finally:
        gc.enable()
    gc.collect()
    assert file.getvalue() == b""


class Deaf(io.BytesIO):
    """It can't be read."""

    def readable(self):
        return False

    def read(self, size=-1):
        raise OSError("this is the wrong end")


class Liar(Deaf):
    """It says that it can be read, but it can't."""

    def readable(self):
        return True


@pytest.mark.parametrize("muxer", ["mp4", "mov", "ipod"])
def test_an_index_comes_in_front_if_it_can(muxer):
    before = b"something else"
    for kind, indexed in ((io.BytesIO, True), (Deaf, False)):
        file = kind()
        file.write(before)
        with Output(muxer, {}, file) as output:
            stream = output.add_packets("aac", Fraction(1, 1000), rate=48000)
            for number in range(3000):  # more than is read at once
                packet = packet_of(number.to_bytes(2, "big") * 100)
                packet.stream, packet.time_base, packet.pts, packet.dts = stream, Fraction(1, 1000), number, number
                output.write([packet])
        data = file.getvalue()
        assert data.startswith(before)
        assert (data.index(b"moov") < data.index(b"mdat")) == indexed
        content = data[data.index(b"mdat") + 4 :]
        assert content.startswith(b"".join(number.to_bytes(2, "big") * 100 for number in range(3000)))


def test_a_file_that_can_not_be_read_after_all():
    with pytest.raises(OSError, match="wrong end"), Output("mp4", {}, Liar()) as output:
        output.write(mp3_packets(output))


def test_a_block_ends_it():
    file = io.BytesIO()
    with Output("mp3", {}, file) as output:
        output.write(mp3_packets(output))
    assert load(file.getvalue()).format.name == "mp3"
    output.discard()
    assert file.getvalue()


def test_packets_that_wait_for_a_header_are_given_up():
    output = Output("matroska", {})
    stream, _ = (output.add_packets("h264", Fraction(1, 1000), width=64, height=64) for _ in range(2))
    packet = packet_of(b"\0\0\0\1\x09\xf0")
    packet.stream, packet.pts, packet.dts, packet.time_base = stream, 0, 0, Fraction(1, 1000)
    output.write([packet])  # it is held back until both streams have told their parameters
    output.discard()
    assert output.take() == b""
