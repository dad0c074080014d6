"""Pictures for models that see: out of a live stream, or out of a file.

Decoding is work: some milliseconds a frame. Push live video in a worker thread, one thread at a time for each stream.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager

import av
import msgspec
import numpy as np

from .asset import Asset
from .demux.mp4 import Mp4Demuxer
from .demux.packets import Demuxer, Packet, Track
from .demux.webm import WebmDemuxer
from .errors import CodecError, RoleError, SandboxDied, TooManyBytes, TooManyStreams, UnsupportedFormat
from .formats import DATA, by_name, recognise
from .gate import opened
from .geometry import Size
from .limits import Limits
from .picture import Picture, pixel_aspect
from .roles import Video
from .sampling import Sampler, Sampling
from .source import Buffer, Source
from .streams import VideoStream
from .timing import shown
from .video_decoder import VideoDecoder

_DEMUXERS: dict[str, Callable[[Limits], Demuxer]] = {
    "webm": WebmDemuxer,
    "mkv": WebmDemuxer,
    "mp4": Mp4Demuxer,
    "mov": Mp4Demuxer,
}
_LEAST_HEAD, _MOST_HEAD = 64, 4096
"""Bytes before which no container is recognised, and after which none will be."""
_SAMPLING, _LIMITS = Sampling(), Limits()


class FrameStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a stream's frames."""

    decoded: int
    """Frames that were decoded."""
    taken: int
    """Frames that were taken as samples."""
    dropped: int
    """Samples that nobody asked for before a newer one took their place."""
    damaged: int
    """Packets that the decoder did not understand."""
    skipped: int
    """Packets that were left out up to the next key frame: at the start, and after damage."""


class LiveFrames:
    """Live video to pictures, of which the newest wait.

    A stream is pushed as packets (`push`: what WebRTC and WebCodecs carry), or as a container in pieces of any size
    (`push_stream`: what ``MediaRecorder`` makes). Nothing is raised for a damaged packet: it is counted, and the stream
    goes on with the next key frame. After an error, or `finish`, the stream is over; what waits can still be taken.

    It needs no thread and no ``close``: dropping it frees everything. What it holds is bounded: the pictures that wait,
    the frames that the codec refers to, and of a container what was not complete. Pictures are as they were coded: a
    container's wish to turn them is not looked at.

    Args:
        codec: of packets: ``h264`` (Annex B), ``vp8``, ``vp9`` or ``mjpeg`` (single JPEG images); None for a container,
            which says it itself: WebM, Matroska or fragmented MP4, also several of one kind behind one another.
        sampling: which frames are taken.
        box: that pictures shall fit into; they are never made larger. None for their own size.
        capacity: pictures that wait at most; a newer one takes the place of the oldest.
        limits: what it may cost: ``pixels`` and ``frame_rate``; of a container ``bytes`` and ``packet``, too.

    Raises:
        UnsupportedFormat: if packets of this codec can't be decoded here.
        ValueError: if the capacity is not positive.
    """

    def __init__(
        self,
        codec: str | None = None,
        *,
        sampling: Sampling = _SAMPLING,
        box: Size | None = None,
        capacity: int = 1,
        limits: Limits = _LIMITS,
    ) -> None:
        if capacity < 1:
            raise ValueError(f"a capacity of {capacity} pictures can hold none")
        self._sampling = sampling
        self._sampler = Sampler(sampling)
        self._box = box
        self._limits = limits
        self._decoder = None if codec is None else VideoDecoder(codec, limits)
        self._container = _Container(limits) if codec is None else None
        self._track: Track | None = None  # of the container, that is decoded
        self._tracks = 0  # decoded so far
        self._earlier = (0, 0, 0)  # what the decoders of earlier ones have counted
        self._usable = True
        self._waiting: deque[Picture] = deque(maxlen=capacity)
        self._taken = self._dropped = 0

    def push(self, packet: bytes, time: float, *, key: bool | None = None) -> None:
        """Decode one packet: all of one frame.

        Args:
            packet: its bytes. The parameter sets of H.264 may also come in packets of their own.
            time: when it is shown, in seconds, on any clock that goes forward.
            key: whether decoding can begin here; None to look into it.

        Raises:
            ValueError: if a container was announced, or if it is over.
            BrokenMedia: if there is no such time.
            TooManyPixels, TooManyFrames: if a limit is exceeded.
        """
        if self._container is not None or self._decoder is None:
            raise ValueError("this takes a container; push_stream() its bytes, or name the codec of the packets")
        with self._ends_on_error():
            for frame in self._decoder.decode(packet, time, key=key):
                self._sample(frame)

    def push_stream(self, data: Buffer) -> None:
        """Decode the next bytes of a container. Times are those that it gives its packets.

        Raises:
            ValueError: if packets were announced, or if it is over.
            UnsupportedFormat, RefusedFormat: if it is no container that can be decoded while it arrives.
            RoleError: if it has no video.
            BrokenMedia: if it is too damaged to go on.
            TooManyPixels, TooManyFrames, TooManyStreams, TooManyBytes: if a limit is exceeded.
        """
        if self._container is None:
            raise ValueError("this takes packets; push() them, or name no codec")
        with self._ends_on_error():
            for track, packet in self._container.push(data):
                if track != self._track:
                    self._begin(track)
                assert self._decoder is not None
                assert packet.time is not None
                for frame in self._decoder.decode(packet.data, packet.time, key=packet.key):
                    self._sample(frame)

    def lose(self) -> None:
        """Say that packets were lost on their way, so that nothing is taken before the next key frame.

        Say it: decoders do not always notice, and then show smears.
        """
        if self._decoder is not None:
            self._decoder.lose()

    def finish(self) -> None:
        """Say that the stream has ended: what the decoder held back comes out. A second time it does nothing."""
        usable, self._usable = self._usable, False
        if usable and self._decoder is not None:
            for frame in self._decoder.finish():
                self._sample(frame)

    def take(self) -> list[Picture]:
        """Return the pictures that wait, the oldest first; they wait no more."""
        pictures = list(self._waiting)
        self._waiting.clear()
        return pictures

    def newest(self) -> Picture | None:
        """Return the newest picture that waits, if one does; the others are dropped."""
        pictures = self.take()
        self._dropped += max(0, len(pictures) - 1)
        return pictures[-1] if pictures else None

    def statistics(self) -> FrameStatistics:
        """Return what became of the frames so far."""
        decoded, damaged, skipped = self._counts()
        return FrameStatistics(
            decoded=decoded, taken=self._taken, dropped=self._dropped, damaged=damaged, skipped=skipped
        )

    def _counts(self) -> tuple[int, int, int]:
        """Return the frames decoded, and the packets damaged and skipped, of all decoders so far."""
        (decoded, damaged, skipped), last = self._earlier, self._decoder
        if last is None:
            return self._earlier
        return decoded + last.frames, damaged + last.damaged, skipped + last.skipped

    def _begin(self, track: Track) -> None:
        """Begin to decode a track: the first one, or what follows it in a chained stream."""
        self._tracks += 1
        if self._tracks > self._limits.streams:
            raise TooManyStreams(f"there are more than {self._limits.streams} streams", self._limits.streams)
        decoder = VideoDecoder(track.codec, self._limits, extradata=track.extradata, live=False)
        if self._decoder is not None:
            for frame in self._decoder.finish():
                self._sample(frame)
        self._earlier = self._counts()
        self._decoder, self._track = decoder, track
        self._sampler = Sampler(self._sampling)  # its clock begins anew, too

    @contextmanager
    def _ends_on_error(self) -> Generator[None]:
        if not self._usable:
            raise ValueError("this stream has ended or failed; make a new one")
        try:
            yield
        except CodecError:
            self._usable = False
            raise

    def _sample(self, frame: av.VideoFrame) -> None:
        if self._sampler.wants(frame, frame.time):
            self._taken += 1
            self._dropped += len(self._waiting) == self._waiting.maxlen
            self._waiting.append(Picture(frame, frame.time, box=self._box, change=self._sampler.change))


class _Container:
    """The first video track of a container that arrives in pieces, and what follows it in a chained stream."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._received = 0
        self._head = b""
        self._demuxer: Demuxer | None = None
        self._track: Track | None = None

    def push(self, data: Buffer) -> Iterator[tuple[Track, Packet]]:
        """Yield the packets of the track that are complete with `data`, and how the track is described by now."""
        self._received += len(data)
        if self._received > self._limits.bytes:
            raise TooManyBytes(f"the stream has more than {self._limits.bytes} bytes", self._limits.bytes)
        if self._demuxer is None:
            self._head += data
            found = recognise(self._head)
            if len(self._head) < _LEAST_HEAD or (found is DATA and len(self._head) < _MOST_HEAD):
                return
            if found.name not in _DEMUXERS:
                raise UnsupportedFormat(f"{found.title} with video is not decoded while it arrives")
            self._demuxer = _DEMUXERS[found.name](self._limits)
            data, self._head = self._head, b""
        self._demuxer.feed(data)
        for event in self._demuxer.events():
            if isinstance(event, Track):
                if event.kind == "video" and (self._track is None or event.number == self._track.number):
                    self._track = event
            elif self._track is None:
                raise RoleError("the stream has no video; the role video needs a video stream")
            elif event.track == self._track.number:
                yield self._track, event


def sample_frames(what: Asset | Video, sampling: Sampling = _SAMPLING, *, box: Size | None = None) -> Iterator[Picture]:
    """Decode a video file, and yield the pictures that are worth looking at.

    Args:
        what: the file, or its role video.
        sampling: which frames are taken.
        box: that pictures shall fit into; they are never made larger. None for their own size.

    Returns:
        An iterator; the times of its pictures count from the first frame.

    Raises:
        RoleError: if it has no video; at once, the next ones while iterating.
        UnsupportedFormat, BrokenMedia, LimitExceeded, OSError: as for `gate.Media.video_frames`.
        SandboxDied: if the asset has a sandbox and its child crashed.
    """
    video = what if isinstance(what, Video) else what.as_video()
    asset = video.asset
    if asset.sandbox is None:
        return _sampled(asset.source, _Request(asset.format.name, video.stream, sampling, box), asset.limits)
    return _sampled_in_sandbox(video, sampling, box)


class _Request(msgspec.Struct, frozen=True):
    """What a sandboxed child has to know."""

    format: str
    stream: VideoStream
    sampling: Sampling
    box: Size | None


class _Answer(msgspec.Struct, frozen=True):
    """One picture on its way out of a sandbox."""

    time: float
    change: float | None
    width: int
    height: int
    pixels: bytes


def frames_job(source: Source, request: bytes, limits: Limits) -> Iterator[bytes]:
    """`sample_frames` as a job for a sandbox: the answer is an `_Answer` in MessagePack for each picture."""
    for picture in _sampled(source, msgspec.msgpack.decode(request, type=_Request), limits):
        pixels = picture.rgb().tobytes()
        yield msgspec.msgpack.encode(_Answer(picture.time, picture.change, picture.width, picture.height, pixels))


def _sampled(source: Source, request: _Request, limits: Limits) -> Iterator[Picture]:
    sampler = Sampler(request.sampling)
    with opened(source, by_name(request.format), limits) as media:
        aspect = pixel_aspect(media.container.streams[request.stream.index])
        for time, _, frame in shown(media.video_frames(request.stream), request.stream):
            if sampler.wants(frame, time):
                yield Picture(frame, time, box=request.box, pixel_aspect=aspect, change=sampler.change)


def _sampled_in_sandbox(video: Video, sampling: Sampling, box: Size | None) -> Iterator[Picture]:
    asset = video.asset
    assert asset.sandbox is not None
    request = msgspec.msgpack.encode(_Request(asset.format.name, video.stream, sampling, box))
    for piece in asset.sandbox.run("troupe.codecs.frames:frames_job", asset.source, request, asset.limits):
        try:
            answer = msgspec.msgpack.decode(piece, type=_Answer)
            pixels = np.frombuffer(answer.pixels, np.uint8).reshape(answer.height, answer.width, 3)
            picture = Picture.from_rgb(pixels, answer.time, change=answer.change)
        except ValueError as error:  # msgspec's errors are among these
            raise SandboxDied("the child's answer makes no sense") from error
        yield picture
