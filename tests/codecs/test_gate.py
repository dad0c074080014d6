import threading

import av
import pytest
from troupe.codecs import gate
from troupe.codecs.errors import (
    BrokenMedia,
    TooLong,
    TooManyFrames,
    TooManyPixels,
    TooManyStreams,
    TooSlow,
    UnsupportedFormat,
)
from troupe.codecs.formats import FORMATS, by_name
from troupe.codecs.gate import DECODERS, create_decoder, libav_errors, opened, packet_of, probe
from troupe.codecs.limits import Limits
from troupe.codecs.source import source_of

FORBIDDEN_DEMUXERS = {"hls", "concat", "sdp", "dash", "rtsp", "rtp", "image2", "lavfi", "concatf", "applehttp", "tee"}


def source(path):
    return source_of(path, Limits())


def test_table_names_no_demuxer_that_opens_other_files():
    demuxers = {known.demuxer for known in FORMATS if known.demuxer}
    assert demuxers
    for name in demuxers:
        names = set(av.ContainerFormat(name, "r").name.split(","))
        assert not names & FORBIDDEN_DEMUXERS


def test_decoders_exist():
    missing = {name for name in DECODERS if name not in av.codecs_available}
    assert missing <= {"libopencore_amrnb", "libopencore_amrwb", "av1", "amrnb", "amrwb"}


def test_packets_are_those_of_the_stream(sample):
    with opened(source(sample("mp4")), by_name("mp4"), Limits()) as media:
        audio = [packet for packet in media.packets(media.info.audio.index) if packet.size]
    assert {packet.stream_index for packet in audio} == {1}
    assert len(audio) > 50


def test_video_frames(sample):
    with opened(source(sample("mkv")), by_name("mkv"), Limits()) as media:
        frames = list(media.video_frames(media.info.video))
    assert len(frames) == 50
    assert (frames[0].width, frames[0].height) == (160, 120)


@pytest.mark.parametrize("name", ["png", "jpg", "gif", "webp", "bmp"])
def test_images(sample, name):
    file_format = by_name("jpeg" if name == "jpg" else name)
    with opened(source(sample(name)), file_format, Limits()) as media:
        (frame, *_) = media.video_frames(media.info.video)
    assert (frame.width, frame.height) == (160, 120)


def test_wrong_format_is_broken_media(sample):
    with pytest.raises(BrokenMedia), opened(source(sample("mp3")), by_name("mp4"), Limits()):
        pass


def test_text_is_not_opened():
    with pytest.raises(UnsupportedFormat), opened(source(b"text"), by_name("text"), Limits()):
        pass


@pytest.mark.parametrize(
    ("name", "limits", "error", "limit"),
    [
        ("mp4", Limits(duration=1), TooLong, 1),
        ("mp4", Limits(pixels=160 * 120 - 1), TooManyPixels, 160 * 120 - 1),
        ("png", Limits(pixels=160 * 120 - 1), TooManyPixels, 160 * 120 - 1),
        ("mp4", Limits(streams=1), TooManyStreams, 1),
        ("mkv", Limits(streams=1), TooManyStreams, 1),
        ("mp4", Limits(frame_rate=24), TooManyFrames, 24),
        ("mp4", Limits(wall=-1), TooSlow, -1),
    ],
)
def test_limits_of_what_is_declared(sample, name, limits, error, limit):
    with pytest.raises(error) as caught:
        probe(source(sample(name)), by_name(name), limits)
    assert caught.value.limit == limit


def test_time_limit_while_decoding(sample):
    with opened(source(sample("mkv")), by_name("mkv"), Limits()) as media:
        media.stopwatch._cpu_end = -1.0
        media.stopwatch.next_look = 0
        with pytest.raises(TooSlow, match="CPU"):
            list(media.video_frames(media.info.video))


def test_frame_rate_and_duration_that_the_header_hides(sample):
    """What the header declares passes; the frames themselves are too many."""
    with opened(source(sample("mkv")), by_name("mkv"), Limits()) as media:
        media._limits = Limits(frame_rate=10)
        with pytest.raises(TooManyFrames):
            list(media.video_frames(media.info.video))
    with opened(source(sample("mkv")), by_name("mkv"), Limits()) as media:
        media._limits = Limits(duration=1)
        with pytest.raises(TooLong):
            list(media.video_frames(media.info.video))


def test_pixels_beyond_the_limit_are_not_decoded(sample):
    with opened(source(sample("mkv")), by_name("mkv"), Limits()) as media:
        media._limits = Limits(pixels=1000)
        with pytest.raises(BrokenMedia):
            list(media.video_frames(media.info.video))


@pytest.mark.parametrize("failure", [OSError(5, "disk"), KeyboardInterrupt()], ids=["error", "interrupt"])
@pytest.mark.parametrize("successes", [0, 1, 3])
def test_failed_read_is_raised_as_what_it_was(sample, monkeypatch, failure, successes):
    class FailingReader(gate._Reader):
        def __init__(self, read_at, size, stopwatch):
            super().__init__(self.fail, size, stopwatch)
            self.real, self.reads = read_at, 0

        def fail(self, length, offset):
            self.reads += 1
            if self.reads > successes:
                raise failure
            return self.real(length, offset)

    monkeypatch.setattr(gate, "_Reader", FailingReader)
    with pytest.raises(type(failure)), opened(source(sample("wav")), by_name("wav"), Limits()) as media:
        list(media.audio_frames(media.info.audio))


def test_reader_never_returns_more_than_asked():
    reader = gate._Reader(lambda length, offset: bytes(length), 10, gate.Stopwatch(Limits()))
    assert len(reader.read(7)) == 7
    assert len(reader.read(7)) == 3
    assert reader.read(7) == b""
    assert reader.seek(-4, 2) == 6
    assert reader.seek(1, 1) == 7
    assert reader.seek(-99) == reader.tell() == 0


def test_damaged_packets_are_counted(sample):
    data = bytearray(sample("m4a").read_bytes())
    at = len(data) // 2
    data[at : at + 3000] = b"\xff" * 3000
    with opened(source_of(data, Limits()), by_name("m4a"), Limits()) as media:
        frames = list(media.audio_frames(media.info.audio))
    assert media.damaged > 0
    assert len(frames) > 50


def test_decoders_from_packets_are_allowed_ones_only():
    for name in ("magicyuv", "ansi", "no such"):
        with pytest.raises(UnsupportedFormat):
            create_decoder(name, Limits())


def test_packets_have_room_behind_them():
    packet = packet_of(b"abc")
    assert bytes(packet) == b"abc"
    assert packet.size == 3


def test_errors_of_libav_become_ours():
    for error, expected in (
        (av.error.InvalidDataError(1, "x"), BrokenMedia),
        (av.error.EOFError(1, "x"), BrokenMedia),
        (av.error.DecoderNotFoundError(1, "x"), UnsupportedFormat),
        (av.error.PatchWelcomeError(1, "x"), UnsupportedFormat),
        (av.error.MemoryError(1, "x"), BrokenMedia),
    ):
        with pytest.raises(expected) as caught, libav_errors():
            raise error
        assert caught.value.__cause__ is error


def test_media_is_closed_also_when_left_by_an_error(sample):
    with pytest.raises(ZeroDivisionError), opened(source(sample("mp3")), by_name("mp3"), Limits()) as media:
        raise ZeroDivisionError
    assert not media.container.streams


def test_iteration_may_move_from_thread_to_thread(sample):
    """As `to_thread.run_sync(next, frames)` does; never two threads at once."""
    with opened(source(sample("mkv")), by_name("mkv"), Limits(cpu=5)) as media:
        frames = media.video_frames(media.info.video)
        got = []
        for _ in range(3):
            thread = threading.Thread(target=lambda: got.append(next(frames)))
            thread.start()
            thread.join()
    assert len(got) == 3
