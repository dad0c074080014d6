from fractions import Fraction

import av
from troupe.codecs.demux.ogg import OggDemuxer
from troupe.codecs.demux.packets import Packet, Track
from troupe.codecs.gate import packet_of
from troupe.codecs.limits import Limits
from troupe.codecs.ogg_writer import OggOpusWriter

PRE_SKIP = 312
HEAD = b"OpusHead\x01\x01" + PRE_SKIP.to_bytes(2, "little") + (48000).to_bytes(4, "little") + bytes(3)


def packets(*sizes: int, duration: int = 960) -> list["av.Packet"]:
    """Packets of these sizes, each with its number in it, at 48 kHz."""
    made = []
    for number, size in enumerate(sizes):
        packet = packet_of(bytes([number % 256]) * size)
        packet.time_base = Fraction(1, 48000)
        packet.pts = number * 960 - PRE_SKIP
        packet.duration = duration
        made.append(packet)
    return made


def read(data: bytes) -> tuple[Track, list[Packet]]:
    demuxer = OggDemuxer(Limits())
    demuxer.feed(data)
    track, *found = demuxer.events()
    return track, found


def pages(data: bytes) -> int:
    return data.count(b"OggS")


def test_packets_come_back_as_they_were():
    sizes = [1, 254, 255, 256, 510, 1275]
    data = OggOpusWriter(HEAD).write(packets(*sizes), final=True)
    track, found = read(data)
    assert (track.codec, track.rate, track.channels, track.skip) == ("opus", 48000, 1, PRE_SKIP)
    assert [packet.data for packet in found] == [bytes([number]) * size for number, size in enumerate(sizes)]
    assert pages(data) == 3  # two of headers


def test_a_page_says_where_its_audio_ends():
    writer = OggOpusWriter(HEAD)
    first, second, third = packets(10, 10, 10)
    third.duration = 100
    data = [writer.write([first]), writer.write([second]), writer.write([]), writer.write([third], final=True)]
    assert data[2] == b""
    _, found = read(b"".join(data))
    assert [packet.position for packet in found] == [960, 1920, 2020]
    assert [packet.final for packet in found] == [False, False, True]


def test_positions_count_at_48_khz():
    packet = packets(10)[0]
    packet.time_base, packet.pts, packet.duration = Fraction(1, 16000), -104, 320
    _, found = read(OggOpusWriter(HEAD).write([packet]))
    assert found[0].position == 960


def test_a_page_holds_a_second_or_255_segments():
    many = OggOpusWriter(HEAD).write(packets(*[10] * 120), final=True)
    assert pages(many) == 2 + 3
    large = OggOpusWriter(HEAD).write(packets(*[1275] * 50), final=True)  # six segments each
    assert pages(large) == 2 + 2
    assert len(read(large)[1]) == 50


def test_the_end_can_come_alone():
    writer = OggOpusWriter(HEAD)
    start = writer.write(packets(10))
    end = writer.write([], final=True)
    assert end[5] == 4  # end of stream
    assert end[6:14] == (960).to_bytes(8, "little")
    assert len(read(start + end)[1]) == 1
