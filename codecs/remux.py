"""Other containers for the same packets: nothing here is decoded or encoded, so it costs next to nothing.

What is cut or joined this way is cut and joined between packets: at key frames of video, at frames of 20 to 50 ms of
compressed audio. `edit` is exact, and knows when this is enough.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from math import ceil
from typing import BinaryIO, TypeAlias

import av
import av.stream
import msgspec

from .asset import Asset
from .errors import BrokenMedia, RoleError, UnsupportedFormat
from .gate import Packet, opened
from .operation import Operation, Target
from .output import Output
from .roles import Audio
from .streams import AudioStream, VideoStream
from .timing import TOLERANCE, start_of

MUXERS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "mp4": ("mp4", {}),
    "m4a": ("ipod", {}),
    "mov": ("mov", {}),
    "webm": ("webm", {}),
    "mkv": ("matroska", {}),
    "ogg": ("ogg", {}),
    "mp3": ("mp3", {"id3v2_version": "0"}),
    "aac": ("adts", {}),
    "flac": ("flac", {"metadata_header_padding": "0"}),
    "wav": ("wav", {}),
}
"""libav's muxer and its options, by the names of `formats.Format`."""

_AUDIO_CONTAINERS = {"aac": "m4a", "alac": "m4a", "mp3": "mp3", "opus": "ogg", "vorbis": "ogg", "flac": "flac"}
"""The container for the packets of an audio codec alone; for others ``wav`` or ``mkv``."""

_Places: TypeAlias = list[tuple[float, float]]
"""Of each part, where it begins in its file, and where in the result; in seconds."""


class _Copy(msgspec.Struct, frozen=True, kw_only=True):
    """Copy streams into one container, those of several files one behind the other."""

    form: str
    streams: list[list[int]]
    """Of each file, as many of each and in the same order."""
    cut: bool = False
    """Whether `start` and `stop` hold."""
    start: float = 0.0
    """Where to begin, in seconds from the first picture of each file, or else its first sound."""
    stop: float | None = None
    """Where to end, likewise."""


def remux(what: Asset, form: str, *, streams: Sequence[int] | None = None, to: Target | None = None) -> Asset:
    """Put streams into another container, as they are.

    Args:
        what: where they are.
        form: the container: ``mp4``, ``m4a``, ``mov``, ``webm``, ``mkv``, ``ogg``, ``mp3``, ``aac`` (ADTS), ``flac`` or
            ``wav``.
        streams: their indexes, in the order that they shall have; None for all audio and video.
        to: a path; None for memory.

    Raises:
        RoleError: if there is no such stream.
        UnsupportedFormat: if the container can't hold one of them, or the file does not tell their times.
        BrokenMedia, LimitExceeded, SandboxDied, OSError: as for `operation.Operation.perform`.
    """
    present = played(what)
    wanted = present if streams is None else list(streams)
    if not wanted or not set(wanted) <= set(present):
        raise RoleError(f"this is {what.describe()}; there is no such audio or video stream to put into {form}")
    return _perform([what], _Copy(form=form, streams=[wanted]), to)[0]


def extract_audio(what: Asset | Audio, form: str | None = None, *, to: Target | None = None) -> Asset:
    """Take the sound out of a file, as it is.

    Args:
        what: the file, or its role audio or speech.
        form: the container, as for `remux`; None for the usual one of the codec: ``m4a``, ``mp3``, ``ogg``, ``flac``,
            ``wav``, or else ``mkv``. Out of WebM it stays WebM: to the sample, Ogg can't be made of WebM's times.
        to: a path; None for memory.

    Raises:
        RoleError: if there is none.
        Otherwise as `remux`.
    """
    audio = what if isinstance(what, Audio) else what.as_audio()
    if form is None:
        codec = audio.stream.codec
        form = _AUDIO_CONTAINERS.get(codec, "wav" if codec.startswith("pcm_") else "mkv")
        if audio.asset.format.name == "webm":
            form = "webm"
    return remux(audio.asset, form, streams=[audio.stream.index], to=to)


def copy_part(what: Asset, start: float, stop: float | None, form: str, to: Target | None) -> tuple[Asset, float]:
    """Copy the packets between two times, in seconds from the first picture, or else the first sound.

    Returns:
        The part, and where it begins: at the last key frame at or before `start`, or the first one of all.

    Raises:
        As `remux`.
    """
    request = _Copy(form=form, streams=[played(what)], cut=True, start=start, stop=stop)
    part, ((origin, _),) = _perform([what], request, to)
    return part, origin


def copy_all(assets: Sequence[Asset], form: str, to: Target | None) -> tuple[Asset, list[float]]:
    """Copy files with streams of the same kinds, in the same order, one behind the other.

    Returns:
        The whole, and where each of them begins in it, in seconds.

    Raises:
        As `remux`.
    """
    whole, places = _perform(assets, _Copy(form=form, streams=[played(asset) for asset in assets]), to)
    return whole, [position for _, position in places]


def played(asset: Asset) -> list[int]:
    """Return the indexes of the streams that are seen or heard."""
    return [stream.index for stream in asset.streams if isinstance(stream, AudioStream | VideoStream)]


def _perform(assets: Sequence[Asset], request: _Copy, to: Target | None) -> tuple[Asset, _Places]:
    if request.form not in MUXERS:
        raise UnsupportedFormat(f"there is no such container here; known are {', '.join(MUXERS)}")
    return COPY.perform(assets, request, to)


def _copy(assets: Sequence[Asset], request: _Copy, file: BinaryIO) -> _Places:
    places: _Places = []
    with Output(*MUXERS[request.form], file) as output:
        whole = _Whole(output)
        for asset, indexes in zip(assets, request.streams, strict=True):
            missing = _missing_times(asset, indexes)
            with opened(asset.source, asset.format, asset.limits) as media:
                streams = [media.container.streams[index] for index in indexes]
                clock = next((stream for stream in streams if stream.type == "video"), streams[0])
                packets = _timed(media.packets(*indexes), missing)
                base = origin = max(0.0, start_of(clock))
                if request.cut:
                    base, origin, held = _until(packets, clock, request.start)
                    stop = float("inf") if request.stop is None else base + request.stop - TOLERANCE
                    packets = _between(chain(held, packets), origin, stop, len(streams))
                places.append((origin - base, whole.end))
                whole.append(streams, packets, origin)
    return places


COPY = Operation("troupe.codecs.remux:COPY", _Copy, _Places, _copy)
"""The one operation of this module, for `operation.Operation.perform` and for sandboxes."""


class _Whole:
    """What is written: parts, one behind the other.

    Attributes:
        end: of what was written, in seconds.
    """

    def __init__(self, output: Output) -> None:
        self.end = 0.0
        self._output = output
        self._copies: list[av.stream.Stream] = []
        self._settings: list[bytes | None] = []  # of the decoder of each stream
        self._last: list[float] = []  # decoding time of each stream's last packet, in seconds

    def append(self, streams: Sequence[av.stream.Stream], packets: Iterable[Packet], origin: float) -> None:
        """Append packets, such that what has the time `origin` comes at the present end."""
        settings = [stream.codec_context.extradata for stream in streams]
        first = not self._copies
        if first:
            self._copies = [self._output.add_copy(stream) for stream in streams]
            self._last = [float("-inf")] * len(streams)
            self._settings = settings
        elif settings != self._settings:
            raise UnsupportedFormat("the files are of one codec, but not encoded alike; encode them anew")
        tracks = {
            stream.index: _Track(stream, copy, self.end - origin, last)
            for stream, copy, last in zip(streams, self._copies, self._last, strict=True)
        }
        start = self.end
        for packet in packets:
            track = tracks[packet.stream_index]
            begin, end = track.place(packet)
            if first or begin + end > 2 * start:  # otherwise it is there to prepare a decoder, which has been at work
                track.move(packet)
                self.end = max(self.end, end)
                self._output.write([packet])
        self._last = [track.last for track in tracks.values()]


class _Track:
    """One stream of a part on its way into the whole."""

    def __init__(self, stream: av.stream.Stream, copy: av.stream.Stream, shift: float, last: float) -> None:
        assert stream.time_base is not None
        self._copy = copy
        self._tick = float(stream.time_base)
        self._shift = round(shift / self._tick)
        self._earliest = None if last == float("-inf") else ceil(last / self._tick) + 1
        self.last = last

    def place(self, packet: Packet) -> tuple[float, float]:
        """Return when a packet begins and ends in the whole, in seconds."""
        assert packet.pts is not None
        begin = packet.pts + self._shift
        return begin * self._tick, (begin + (packet.duration or 0)) * self._tick

    def move(self, packet: Packet) -> None:
        """Give a packet its place."""
        assert packet.pts is not None
        assert packet.dts is not None
        pts, dts = packet.pts + self._shift, packet.dts + self._shift
        if self._earliest is not None:  # containers want decoding times that grow, also where parts meet
            dts = max(dts, self._earliest)
            self._earliest = dts + 1
        packet.pts, packet.dts = max(pts, dts), dts
        packet.stream = self._copy
        self.last = dts * self._tick


def _at(packet: Packet) -> float:
    assert packet.pts is not None
    return float(packet.pts * packet.time_base)


def _timed(packets: Iterable[Packet], missing: Mapping[int, Iterator[int]]) -> Iterator[Packet]:
    """Yield packets that have both their times; leave out the empty ones at the end of streams."""
    for packet in packets:
        if not packet.size:
            continue
        if packet.stream_index in missing:
            packet.dts = next(missing[packet.stream_index], None)
        if packet.pts is None and packet.stream.type == "audio":
            packet.pts = packet.dts
        if packet.pts is None or packet.dts is None:
            raise UnsupportedFormat("the file does not tell when its frames are to be shown; encode it anew")
        yield packet


def _missing_times(asset: Asset, indexes: Sequence[int]) -> dict[int, Iterator[int]]:
    """Compute the decoding times of streams that reorder their pictures, in containers that don't carry these.

    Matroska has presentation times only. Sorted, and moved back until none is later than its picture's own, they are
    decoding times. libav would guess them from decoded pictures, but decodes none here.
    """
    if asset.format.demuxer not in {"matroska", "avi"}:
        return {}
    with opened(asset.source, asset.format, asset.limits) as media:
        reordered = [
            stream.index
            for stream in media.container.streams.video
            if stream.index in indexes and stream.codec_context.has_b_frames
        ]
        if asset.format.name == "avi" and reordered:
            raise UnsupportedFormat("AVI does not tell when frames of such a video are shown; encode it anew")
        shown: dict[int, list[int]] = {index: [] for index in reordered}
        for packet in media.packets(*reordered) if reordered else ():
            if packet.pts is not None:
                shown[packet.stream_index].append(packet.pts)
    times: dict[int, Iterator[int]] = {}
    for index, pts in shown.items():
        ordered = sorted(pts)
        delay = max((early - own for early, own in zip(ordered, pts, strict=True)), default=0)
        times[index] = iter([time - delay for time in ordered])
    return times


def _until(packets: Iterator[Packet], clock: av.stream.Stream, start: float) -> tuple[float, float, list[Packet]]:
    """Read up to a time, in seconds from the first packet of the stream that is the clock.

    Returns:
        When that packet is presented, and the last key frame before `start`, in seconds on the clock of the file; and
        the packets that are needed from then on.
    """
    base: float | None = None
    origin: float | None = None
    held: list[Packet] = []
    for packet in packets:
        at = _at(packet)
        on_clock = packet.stream_index == clock.index
        if on_clock and base is None:
            base = at
        late = base is not None and at > base + start + TOLERANCE
        if on_clock and packet.is_keyframe and (origin is None or not late):
            origin = at
            held = [one for one in held if one.stream_index != clock.index and _at(one) >= at]
        held.append(packet)
        if on_clock and origin is not None and late:
            break
    if base is None or origin is None:
        raise BrokenMedia("the stream has no key frame to begin with")
    return base, origin, held


def _between(packets: Iterable[Packet], origin: float, stop: float, streams: int) -> Iterator[Packet]:
    """Yield the packets that are presented from `origin` on and before `stop`."""
    over: set[int] = set()
    for packet in packets:
        assert packet.dts is not None
        if float(packet.dts * packet.time_base) >= stop:
            over.add(packet.stream_index)
            if len(over) == streams:
                return
        elif origin <= _at(packet) < stop:
            yield packet
