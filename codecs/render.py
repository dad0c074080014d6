"""The work behind `video` and `edit`: pictures decoded, scaled, laid over each other, and encoded together with sound.

The pictures lead. They are brought to a constant frame rate, and with each of them goes the sound that belongs to it,
so that both are equally long, and stay together where parts meet.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from itertools import chain
from typing import Any, BinaryIO

import av
import msgspec

from .asset import Asset
from .audio_encoder import AudioEncoder
from .encodings import VIDEO_ENCODINGS
from .errors import BrokenMedia
from .filters import Layer, Overlayer, Scaler
from .gate import libav_errors, opened
from .geometry import Corner, Fit, Size
from .operation import Operation
from .output import Output
from .picture import pixel_aspect
from .roles import Audio
from .soundtrack import Soundtrack, Track
from .streams import AudioStream, VideoStream
from .timing import USUAL_FRAME_RATE, at_constant_rate, frames_from, shown, start_of

_RATE, _CHANNELS = 48000, 2
"""Of the sound of all videos that are made here."""
_ANY = 1 << 15
"""A side of a box that doesn't matter."""
LEAST_FRAME_RATE = 1.0
"""Per second, of what is made; slides that change less often get the usual one."""
_COLOURS = ("colorspace", "color_range", "color_primaries", "color_trc")
"""What an encoder is told of its pictures' colours, so that players show them as they were."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of a file."""

    file: int
    """Its number."""
    video: VideoStream
    """What is seen."""
    audio: AudioStream | None
    """What is heard; None for silence."""
    start: float = 0.0
    """In seconds from its first frame."""
    stop: float | None = None
    """Likewise; None for its end."""


class Cover(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is laid over the result."""

    file: int
    """Its number."""
    video: VideoStream
    """What is seen."""
    audio: AudioStream | None
    """What is heard; None for nothing."""
    gain_decibels: float
    """Change of its level."""
    start: float
    """From when on it is there, in seconds."""
    stop: float
    """Until when; infinity for the end of the result."""
    corner: Corner
    """What its position is counted from."""
    x: int
    """In pixels."""
    y: int
    """In pixels."""
    box: tuple[int | None, int | None]
    """Width and height that it gets into, in pixels; None for as much as the other one allows."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be made."""

    form: str
    """One of `VIDEO_ENCODINGS`."""
    parts: list[Part]
    """One after the other."""
    covers: list[Cover]
    """The last one lies uppermost."""
    size: Size | None
    """Of the pictures; None for that of the first one."""
    fit: Fit
    """How pictures get into it."""
    frame_rate: float | None
    """Frames per second; None for that of the first part."""


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What was made."""

    size: Size
    """Of the pictures."""
    frame_rate: tuple[int, int]
    """Frames per second, as a fraction."""
    frames: int
    """How many there are."""
    begins: list[float]
    """Where each part begins, in seconds."""
    covers: list[tuple[int, int, int, int]]
    """Of each cover its x, y, width and height, in pixels."""
    damaged: int
    """Packets of pictures that no decoder understood and that were left out."""


def _render(assets: Sequence[Asset], plan: Plan, file: BinaryIO) -> Made:
    with ExitStack() as stack:
        output = stack.enter_context(Output(VIDEO_ENCODINGS[plan.form].muxer, {}, file))
        return _Film(assets, plan, output, stack).made()


RENDER = Operation("troupe.codecs.render:RENDER", Plan, Made, _render)
"""The one operation of this module, for `operation.Operation.perform` and for sandboxes."""


class _Film:
    """What is made of a plan, on its way.

    A picture takes these steps: `_pictures` decodes it and scales it, `_show` numbers it and lays others over it (where
    it may be held back for some time), `_encode` writes it and the sound up to its end.
    """

    def __init__(self, assets: Sequence[Asset], plan: Plan, output: Output, stack: ExitStack) -> None:
        self._assets = assets
        self._plan = plan
        self._output = output
        self._stack = stack  # of files that stay open until the end
        rate = plan.frame_rate or plan.parts[0].video.frame_rate or 0.0
        self._rate = Fraction(rate if rate >= LEAST_FRAME_RATE else USUAL_FRAME_RATE).limit_denominator(1001)
        self._scaler = Scaler(plan.size, plan.fit, "yuv420p", assets[plan.parts[0].file].limits)
        self._size: Size | None = None  # until the first picture is there
        self._video: Any = None  # the stream, likewise
        self._sound: AudioEncoder | None = None  # None for silence
        self._soundtrack = Soundtrack(_RATE, _CHANNELS)
        self._layers: list[_Layer] = []
        self._overlayer: Overlayer | None = None
        self._ticks = 0  # pictures that were shown
        self._frames = 0  # pictures that were encoded
        self._damaged = 0  # packets of parts

    def made(self) -> Made:
        """Make it all."""
        begins: list[float] = []
        for part in self._plan.parts:
            begins.append(float(self._ticks / self._rate))
            for picture in self._pictures(part):
                if self._size is None:
                    self._begin(picture)
                self._show(picture)
        if self._size is None:
            raise BrokenMedia("there is not one picture in what is wanted of it")
        self._finish()
        return Made(
            size=self._size,
            frame_rate=(self._rate.numerator, self._rate.denominator),
            frames=self._frames,
            begins=begins,
            covers=[layer.place for layer in self._layers],
            damaged=self._damaged + sum(layer.media.damaged for layer in self._layers),
        )

    def _pictures(self, part: Part) -> Iterator[av.VideoFrame]:
        """Yield the pictures of a part, scaled, one for each tick; its sound begins and ends with them."""
        asset = self._assets[part.file]
        stop = asset.limits.duration if part.stop is None else part.stop
        with opened(asset.source, asset.format, asset.limits) as media:
            aspect = pixel_aspect(media.container.streams[part.video.index])
            origin, frames = frames_from(media, part.video, part.start)
            begin = self._samples(self._ticks)
            track: Track | None = None
            if part.audio is not None:
                late = start_of(media.container.streams[part.audio.index]) - origin - part.start
                track = self._soundtrack.add(Audio(asset, part.audio), begin + round(late * _RATE), start=begin)
            timed = shown(frames, part.video, origin)
            last = scaled = None
            for frame in at_constant_rate(timed, self._rate, part.start, stop):
                if scaled is None or frame is not last:
                    last, scaled = frame, self._scaler.scale(frame, aspect)
                yield scaled
            self._damaged += media.damaged
            if track is not None:
                track.stop = self._samples(self._ticks)

    def _begin(self, picture: av.VideoFrame) -> None:
        """Open what depends on the first picture: its size and its colours."""
        plan, encoding = self._plan, VIDEO_ENCODINGS[self._plan.form]
        self._size = Size(picture.width, picture.height)
        self._video = self._output.add_encoder(
            encoding.video,
            encoding.options,
            rate=self._rate,
            width=picture.width,
            height=picture.height,
            pix_fmt=picture.format.name,
            **{name: int(getattr(picture, name)) for name in _COLOURS},
        )
        heard = [part.audio for part in plan.parts] + [cover.audio for cover in plan.covers]
        if any(audio is not None for audio in heard):
            assert encoding.audio.codec is not None
            stream = self._output.add_encoder(encoding.audio.codec, {}, **encoding.audio.settings(_RATE, _CHANNELS))
            self._sound = AudioEncoder(stream.codec_context, _RATE, stream.encode)
        for cover in plan.covers:
            asset = self._assets[cover.file]
            layer = _Layer(asset, cover, picture, self._stack)
            self._layers.append(layer)
            if cover.audio is not None:
                late = start_of(layer.media.container.streams[cover.audio.index]) - layer.origin
                start, stop, gain = round(cover.start * _RATE), cover.stop * _RATE, cover.gain_decibels
                at = start + round(late * _RATE)
                self._soundtrack.add(Audio(asset, cover.audio), at, start=start, stop=stop, gain_decibels=gain)
        if self._layers:
            self._overlayer = Overlayer(picture, self._rate, [(layer.layer, layer.first) for layer in self._layers])

    def _show(self, picture: av.VideoFrame) -> None:
        """Take the picture of the next tick."""
        picture.pts, picture.time_base = self._ticks, 1 / self._rate
        self._ticks += 1
        if self._overlayer is None:
            self._encode(picture)
            return
        for number, layer in enumerate(self._layers):
            layer.feed(self._overlayer, number, float(self._ticks / self._rate))
        for covered in self._overlayer.push(picture):
            self._encode(covered)

    def _encode(self, picture: av.VideoFrame) -> None:
        picture.pict_type = 0  # what it was in its file is no order for the encoder
        with libav_errors():
            packets = self._video.encode(picture)
        self._output.write(packets)
        self._frames += 1
        if self._sound is not None:
            self._output.write(self._sound.encode(self._soundtrack.take(self._samples(self._frames))))

    def _finish(self) -> None:
        if self._overlayer is not None:
            for covered in self._overlayer.push(None):
                self._encode(covered)
        with libav_errors():
            packets = self._video.encode(None)
        self._output.write(packets)
        if self._sound is not None:
            self._output.write(self._sound.finish())

    def _samples(self, ticks: int) -> int:
        """Samples of sound before a tick."""
        return round(ticks * _RATE / self._rate)


class _Layer:
    """One cover: its pictures, scaled, as they are needed.

    Attributes:
        layer: where and when it is seen.
        place: its x, y, width and height, in pixels.
        first: its first picture.
        origin: when that is shown, in seconds on the clock of its file.
        media: its file.
    """

    def __init__(self, asset: Asset, cover: Cover, base: av.VideoFrame, stack: ExitStack) -> None:
        self.media = stack.enter_context(opened(asset.source, asset.format, asset.limits))
        self.origin, frames = frames_from(self.media, cover.video, 0.0)
        first = next(frames, None)
        if first is None:
            raise BrokenMedia("there is not one picture in what is to be laid over")
        width, height = cover.box
        box = None if width is height is None else Size(width or _ANY, height or _ANY)
        self._scaler = Scaler(box, Fit.FIT, "yuva420p", asset.limits, matrix=int(base.colorspace))
        self._aspect = pixel_aspect(self.media.container.streams[cover.video.index])
        self._shown = shown(chain([first], frames), cover.video, self.origin)
        self._start = cover.start
        self._fed = float("-inf")  # time of the last picture that was given
        self.first = self._scaler.scale(first, self._aspect)
        size = Size(self.first.width, self.first.height)
        x, y = cover.corner.position(size, Size(base.width, base.height), cover.x, cover.y)
        self.place = (x, y, size.width, size.height)
        self.layer = Layer(x, y, cover.start, cover.stop)

    def feed(self, overlayer: Overlayer, number: int, until: float) -> None:
        """Give its pictures up to one that comes later than `until`, in seconds of the result."""
        while self._fed <= until:
            following = next(self._shown, None)
            if following is None:
                overlayer.push_layer(number, None)
                self._fed = float("inf")
                return
            self._fed = self._start + following.time
            overlayer.push_layer(number, self._scaler.scale(following.frame, self._aspect), self._fed)
