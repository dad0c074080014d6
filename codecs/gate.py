"""The gate between untrusted bytes and libav: the one place where a container is opened for reading.

A default ``av.open`` of an upload guesses the format from its content and name, follows playlists into local files and
onto the network, and decodes whatever it likes while it probes. Here:

- the demuxer is forced: the one that `formats` names for the recognised content. Playlist, network and file-opening
  demuxers are in no table, the protocol list is empty, and libav gets neither a name nor a path to guess from;
- libav reads through `_Reader`, which never hands out more than was asked for (that would be a crash) and never raises
  into C: a failed or interrupted read looks like the end of the file, and is raised again on this side;
- probing may run audio decoders only. A stream of 16384 x 8192 pixels costs 350 MB in a default open, nothing here;
- decoders come from an allow-list, run in the calling thread, and know the limit of pixels;
- every limit of `Limits` is held, each with its own error.

What remains is a bug in an allowed demuxer or decoder itself, and a single packet that takes long: that is what
`sandbox` is for. Errors of libav become ours in `libav_errors` and nowhere else.
"""

import os
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias, cast

import av
import av.codec
import av.container
import av.error
import av.stream
import msgspec

from .errors import (
    BrokenMedia,
    CodecError,
    TooLong,
    TooManyFrames,
    TooManyPixels,
    TooManyStreams,
    TooSlow,
    UnsupportedFormat,
)
from .formats import Format, by_name
from .image_size import image_size
from .limits import Limits, Stopwatch
from .source import ReadAt, Source
from .streams import AudioStream, MediaInfo, OtherStream, Stream, VideoStream

_PCM_FORMS = (
    *("alaw", "mulaw", "s8", "u8", "s16be", "s16le", "s24be", "s24le", "s32be", "s32le"),
    *("f32be", "f32le", "f64be", "f64le"),
)
AUDIO_DECODERS = (
    *("aac", "alac", "flac", "libopus", "mp1float", "mp2float", "mp3", "mp3float", "opus", "vorbis"),
    *("amrnb", "amrwb", "libopencore_amrnb", "libopencore_amrwb", "adpcm_ima_qt", "adpcm_ima_wav", "adpcm_ms"),
    *(f"pcm_{form}" for form in _PCM_FORMS),
)
_VIDEO_DECODERS = ("av1", "h263", "h264", "hevc", "libdav1d", "mjpeg", "mpeg4", "theora", "vp8", "vp9")
_IMAGE_DECODERS = ("bmp", "gif", "mjpeg", "png", "webp")
DECODERS = frozenset((*AUDIO_DECODERS, *_VIDEO_DECODERS, *_IMAGE_DECODERS))
"""The decoders that may see untrusted bytes, by libav's names."""

PYAV = int(av.__version__.partition(".")[0])
"""PyAV's major version."""

_LENIENT: dict[str, Any] = {} if PYAV >= 19 else {"metadata_errors": "ignore"}
"""For tags that are no UTF-8; PyAV 19 takes them always."""
_BUFFER = 64 * 1024
_PROBE_BYTES = 1 << 20
_PROBE_MICROSECONDS = 5_000_000

_UNSUPPORTED = (
    av.error.BSFNotFoundError,
    av.error.DecoderNotFoundError,
    av.error.DemuxerNotFoundError,
    av.error.EncoderNotFoundError,
    av.error.MuxerNotFoundError,
    av.error.NotImplementedError,
    av.error.PatchWelcomeError,
)


@contextmanager
def libav_errors() -> Generator[None]:
    """Turn libav's errors into ours: the only place where that happens.

    Raises:
        UnsupportedFormat: for what this build of libav lacks.
        BrokenMedia: for everything else.
    """
    try:
        yield
    except _UNSUPPORTED as error:
        raise UnsupportedFormat(f"libav can't do this: {error.strerror}") from error
    except av.error.FFmpegError as error:
        raise BrokenMedia(f"libav gave up: {error.strerror}") from error


Packet: TypeAlias = "av.Packet[av.stream.Stream]"  # generic for type checkers only
_Decoder: TypeAlias = av.AudioCodecContext | av.VideoCodecContext


class _Reader:
    """What libav reads from: a file object without a name, which never raises and never returns too much.

    PyAV copies what `read` returns, whatever its length, and prints and swallows what is raised by it, unless it is an
    ``Exception``. So after a failure this is a file that has ended, and `check` raises the failure again.
    """

    def __init__(self, read_at: ReadAt, size: int, stopwatch: Stopwatch) -> None:
        self._read_at = read_at
        self._size = size
        self._position = 0
        self.stopwatch = stopwatch
        self._failure: BaseException | None = None

    def read(self, length: int) -> bytes:
        """Return at most `length` bytes."""
        if self._failure is not None:
            return b""
        try:
            self.stopwatch.check()
            data = self._read_at(min(length, max(0, self._size - self._position)), self._position)
        except BaseException as failure:  # KeyboardInterrupt too: `check` raises it again
            self._failure = failure
            return b""
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move, and return the new position."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def check(self) -> None:
        """Raise what went wrong in a read, or `TooSlow` when the time is up."""
        if self._failure is not None:
            raise self._failure
        if time.monotonic() > self.stopwatch.next_look:
            self.stopwatch.check()

    @contextmanager
    def errors(self) -> Generator[None]:
        """Like `libav_errors`, but what went wrong in a read comes first: libav's complaint is its consequence."""
        try:
            with libav_errors():
                yield
        except CodecError:
            self.check()
            raise


class Media:
    """An opened container. It belongs to one thread and to the ``with`` block of `opened`.

    Attributes:
        container: libav's container, for seeking and the like; read packets and frames through the methods here, which
            hold the limits.
        info: its streams and duration.
        damaged: packets that no decoder understood and that were left out.
        stopwatch: what holds the limits of time. Whoever works long between two frames does so in its ``paused()``.
    """

    def __init__(
        self, container: av.container.InputContainer, info: MediaInfo, reader: _Reader, limits: Limits
    ) -> None:
        self.container = container
        self.info = info
        self.damaged = 0
        self.stopwatch = reader.stopwatch
        self._reader = reader
        self._limits = limits

    def packets(self, *indexes: int) -> Iterator[Packet]:
        """Read the packets of some streams (all, if none is named); the others are skipped by the demuxer.

        Each stream ends with an empty packet, which flushes its decoder.

        Raises:
            BrokenMedia: if the container is too damaged to go on.
            TooSlow: if it takes too long.
        """
        streams = [self.container.streams[index] for index in indexes] or list(self.container.streams)
        for stream in self.container.streams:
            stream.discard = av.stream.Discard.default if stream in streams else av.stream.Discard.all
        with self._reader.errors():
            for packet in self.container.demux(*streams):
                self._reader.check()
                yield packet
        self._reader.check()

    def audio_frames(self, stream: AudioStream) -> Iterator[av.AudioFrame]:
        """Decode an audio stream. Damaged packets are left out and counted.

        Raises:
            UnsupportedFormat: if there is no decoder, or it is not allowed.
            BrokenMedia: if nothing could be decoded, or the container is too damaged to go on.
            TooLong, TooSlow: if a limit is exceeded.
        """
        seconds, limit = 0.0, self._limits.duration
        for frames in self._decoded(stream.index, threads=1):
            for frame in frames:
                seconds += frame.samples / frame.sample_rate
                if seconds > limit:
                    raise TooLong(f"there are more than {limit:g} s of audio", limit)
                yield frame

    def video_frames(self, stream: VideoStream, *, threads: int = 1) -> Iterator[av.VideoFrame]:
        """Decode a video stream, or an image. Damaged packets are left out and counted.

        Args:
            stream: one of ``info.streams``.
            threads: how many libav may use; more than one are not held to ``limits.cpu``.

        Raises:
            UnsupportedFormat: if there is no decoder, or it is not allowed.
            BrokenMedia: if nothing could be decoded, or the container is too damaged to go on.
            TooLong, TooManyFrames, TooSlow: if a limit is exceeded.
        """
        limits = self._limits
        first: float | None = None
        count = 0
        for frames in self._decoded(stream.index, threads=threads):
            for frame in frames:
                at = frame.time
                count += 1
                if at is not None:
                    first = at if first is None else first
                    if at - first > limits.duration:
                        raise TooLong(f"there are more than {limits.duration:g} s of video", limits.duration)
                    if count > (at - first + 1) * limits.frame_rate:
                        raise TooManyFrames(f"there are more than {limits.frame_rate:g} frames/s", limits.frame_rate)
                with self.stopwatch.paused():
                    yield frame

    def _decoded(self, index: int, threads: int) -> Iterator[list[Any]]:
        decoder = cast("_Decoder", self.container.streams[index].codec_context)
        if not decoder.is_open:
            _restrict(decoder, self._limits, threads)
            with libav_errors():
                decoder.open()
        any_frame = False
        for packet in self.packets(index):
            try:
                frames: list[Any] = decoder.decode(packet)  # pyright: ignore[reportUnknownMemberType]
            except av.error.FFmpegError:
                self.damaged += 1
                continue
            any_frame = any_frame or bool(frames)
            yield frames
        if not any_frame and self.damaged:
            raise BrokenMedia("not one packet of the stream could be decoded")


@contextmanager
def opened(source: Source, file_format: Format, limits: Limits) -> Generator[Media]:
    """Open a container (or an image) for reading; it is closed on leaving.

    Args:
        source: where the bytes are.
        file_format: what `formats.identify` found them to be.
        limits: what it may cost; times count from here.

    Raises:
        UnsupportedFormat: if libav is not to open this format.
        BrokenMedia: if libav can't make sense of it.
        LimitExceeded: one of its subclasses, if a limit is exceeded.
        OSError: if the file can't be read.
    """
    if file_format.demuxer is None:
        raise UnsupportedFormat(f"{file_format.title} is nothing that can be decoded")
    picture = _picture(source, file_format, limits) if "image" in file_format.types else None
    with source.opened() as read_at:
        reader = _Reader(read_at, source.size, Stopwatch(limits))
        with reader.errors(), _limit_errors(limits):
            container = av.open(
                reader,
                "r",
                format=file_format.demuxer,
                options={
                    "protocol_whitelist": "",
                    "format_whitelist": file_format.demuxer,
                    "codec_whitelist": ",".join(AUDIO_DECODERS),
                    "max_streams": str(limits.streams + 1),
                    "probesize": str(_PROBE_BYTES),
                    "analyzeduration": str(_PROBE_MICROSECONDS),
                },
                buffer_size=_BUFFER,
                timeout=(limits.wall, None),
                **_LENIENT,
            )
        with container:
            reader.check()
            yield Media(container, picture or _describe(container, limits), reader, limits)


@contextmanager
def _limit_errors(limits: Limits) -> Generator[None]:
    """Turn what libav says when it meets the limits that it was given for opening."""
    try:
        yield
    except av.error.MemoryError as error:  # what some demuxers say when there are more streams than ``max_streams``
        message = f"there are more than {limits.streams} streams, or no memory is left"
        raise TooManyStreams(message, limits.streams) from error
    except av.error.ExitError as error:
        raise TooSlow(f"more than {limits.wall:g} s passed", limits.wall) from error


def probe(source: Source, file_format: Format, limits: Limits) -> MediaInfo:
    """Describe the streams of a container, or an image, without decoding.

    Where the container declares no duration (what a browser records, for instance) its packets are read through to find
    it.

    Raises:
        The same as `opened`.
    """
    if "image" in file_format.types:
        return _picture(source, file_format, limits)
    with opened(source, file_format, limits) as media:
        info = media.info
        if info.duration is not None or (info.audio is None and info.video is None):
            return info
        end = 0.0
        for packet in media.packets():
            if packet.pts is not None:
                end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
        info = msgspec.structs.replace(info, duration=end)
        _check_info(info, limits)
        return info


def probe_job(source: Source, request: bytes, limits: Limits) -> Iterator[bytes]:
    """`probe` as a job for a sandbox: the request is the format's name, the answer a `MediaInfo` in MessagePack."""
    yield msgspec.msgpack.encode(probe(source, by_name(request.decode()), limits))


def create_decoder(name: str, limits: Limits, *, extradata: bytes | None = None) -> av.codec.CodecContext:
    """Make a decoder for packets that come without libav's containers. Make those packets with `packet_of`.

    Args:
        name: libav's name of it, one of `DECODERS`.
        limits: whose number of pixels it must keep.
        extradata: its configuration, as the container carried it.

    Raises:
        UnsupportedFormat: if this decoder is not allowed, or this build of libav lacks it.
    """
    if name not in DECODERS:
        raise UnsupportedFormat("the codec is not among those that are decoded here")
    try:
        codec = av.codec.Codec(name, "r")
    except ValueError as error:  # PyAV's UnknownCodecError
        raise UnsupportedFormat(f"this build of libav has no decoder {name}") from error
    context = av.codec.CodecContext.create(codec, "r")
    _restrict(context, limits, threads=1)
    context.extradata = extradata
    return context


def packet_of(data: bytes) -> Packet:
    """Copy encoded bytes into a packet.

    ``av.Packet(data)`` would lend libav the bytes themselves, which lack the padding that its decoders may read into.
    """
    packet: Packet = av.Packet(len(data))
    packet.update(data)
    return packet


def _restrict(context: av.codec.CodecContext, limits: Limits, threads: int) -> None:
    if context.name not in DECODERS:
        raise UnsupportedFormat(f"{context.name} is not among the decoders that are used here")
    context.thread_count = threads
    if context.type == "video":
        context.options = {"max_pixels": str(limits.pixels)}


def _picture(source: Source, file_format: Format, limits: Limits) -> MediaInfo:
    """Describe an image by its header; libav would decode it all to know its size."""
    width, height = image_size(file_format.name, source)
    info = MediaInfo((VideoStream(0, file_format.name, width, height),))
    _check_info(info, limits)
    return info


def _describe(container: av.container.InputContainer, limits: Limits) -> MediaInfo:
    if len(container.streams) > limits.streams:
        raise TooManyStreams(f"there are more than {limits.streams} streams", limits.streams)
    duration = None if container.duration is None else container.duration / av.time_base
    info = MediaInfo(tuple(_describe_stream(stream) for stream in container.streams), duration)
    _check_info(info, limits)
    return info


def _describe_stream(stream: av.stream.Stream) -> Stream:
    context = cast("av.codec.CodecContext | None", stream.codec_context)  # None where libav has no decoder
    codec = "unknown" if context is None else context.codec.canonical_name
    duration = None
    if stream.duration is not None and stream.time_base is not None:
        duration = float(stream.duration * stream.time_base)
    if isinstance(stream, av.AudioStream) and context is not None and stream.rate > 0 and stream.channels > 0:
        return AudioStream(stream.index, codec, stream.rate, stream.channels, duration)
    cover = stream.disposition & av.stream.Disposition.attached_pic
    if isinstance(stream, av.VideoStream) and context is not None and stream.width > 0 and not cover:
        rate = None if stream.average_rate is None else float(stream.average_rate)
        return VideoStream(stream.index, codec, stream.width, stream.height, rate, duration)
    return OtherStream(stream.index, "cover" if cover else stream.type, codec)


def _check_info(info: MediaInfo, limits: Limits) -> None:
    if info.duration is not None and info.duration > limits.duration:
        raise TooLong(f"it is longer than {limits.duration:g} s", limits.duration)
    for stream in info.streams:
        if isinstance(stream, VideoStream):
            check_pixels(stream.width, stream.height, limits)
            if (stream.frame_rate or 0) > limits.frame_rate:
                raise TooManyFrames(f"it has more than {limits.frame_rate:g} frames/s", limits.frame_rate)


def check_pixels(width: int, height: int, limits: Limits) -> None:
    """Raise `TooManyPixels` if a picture of this size is larger than allowed."""
    if width * height > limits.pixels:
        raise TooManyPixels(f"a picture of {width} x {height} has more than {limits.pixels} pixels", limits.pixels)
