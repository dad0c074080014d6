"""Decoding whole files: any audio that an asset holds, as PCM of one rate and channel count.

The work is a filter graph built by hand: one thread, and one-second frames at its end, so that Python is entered once a
second and not once a packet. It takes about half the CPU time of a loop over ``av.AudioResampler``.
"""

import struct
from collections.abc import Iterator
from fractions import Fraction
from typing import cast

import av
import av.error
import av.filter
import msgspec
import numpy as np

from .asset import Asset
from .errors import BrokenMedia, SandboxDied, TooLong
from .formats import Format, by_name
from .gate import libav_errors, opened
from .limits import Limits
from .pcm import Pcm
from .roles import Audio
from .sandbox import Sandbox
from .source import Source
from .streams import AudioStream

_PULL_EVERY = 32
"""Frames pushed between two attempts to pull: an attempt that fails is an exception, and costs as much as a push."""
_CONVERTED_AT_ONCE = 8192
"""Samples that the resampler is given at once; decoders put out 960 to 1152."""
_LAYOUTS = {1: "mono", 2: "stereo"}


def decode_audio(what: Asset | Audio, *, rate: int | None = 16000, channels: int | None = 1) -> Iterator[Pcm]:
    """Decode the audio of an asset, piece by piece.

    Start padding and end padding that the container declares are cut, as ``ffmpeg`` does, so the number of frames is
    exact. Damaged packets are left out.

    Args:
        what: the asset, or its role audio or speech.
        rate: in Hz; None for the rate of the file.
        channels: 1 or 2, mixed by the channels' positions; None for those of the file.

    Returns:
        An iterator over int16 pieces of one second, the last one shorter. Where the file itself changes its rate or
        channels and None was given for them, pieces change too.

    Raises:
        RoleError: if it has no audio; at once, as the next one.
        ValueError: if the rate or the number of channels can't be produced.
        UnsupportedFormat, BrokenMedia, LimitExceeded, OSError: while iterating, as in `gate.Media.audio_frames`.
        SandboxDied: while iterating, if the asset has a sandbox and its child crashed.
    """
    if rate is not None and not 1000 <= rate <= 384_000:
        raise ValueError(f"rate is {rate} Hz; 1000 to 384000 Hz can be produced")
    if channels is not None and channels not in _LAYOUTS:
        raise ValueError(f"{channels} channels can't be produced; ask for 1, 2 or None")
    audio = what if isinstance(what, Audio) else what.as_audio()
    asset = audio.asset
    if asset.sandbox is not None:
        return _decode_in(asset.sandbox, audio, rate, channels)
    return _decode(asset.source, asset.format, asset.limits, audio.stream, rate, channels)


def read_audio(what: Asset | Audio, *, rate: int | None = 16000, channels: int | None = 1) -> Pcm:
    """Decode all audio of an asset into one piece, shape ``(frames, channels)``, int16.

    Arguments and errors are those of `decode_audio`; with None for either, a file that changes its rate or channels
    raises ``ValueError``.

    Raises:
        BrokenMedia: also if there is not one sample.
    """
    pieces = list(decode_audio(what, rate=rate, channels=channels))
    if not pieces:
        raise BrokenMedia("there is not one sample of audio")
    return Pcm.concat(pieces)


class _Request(msgspec.Struct, frozen=True):
    """What a sandboxed child shall decode."""

    format: str
    stream: AudioStream
    rate: int | None
    channels: int | None


_PIECE = struct.Struct("!II")
"""Rate and channels, before the samples of a piece of a child's answer."""


def decode_job(source: Source, request: bytes, limits: Limits) -> Iterator[bytes]:
    """`decode_audio` as a job for a sandbox."""
    wanted = msgspec.msgpack.decode(request, type=_Request)
    for pcm in _decode(source, by_name(wanted.format), limits, wanted.stream, wanted.rate, wanted.channels):
        yield _PIECE.pack(pcm.rate, pcm.channels) + pcm.to_bytes()


def _decode_in(sandbox: Sandbox, audio: Audio, rate: int | None, channels: int | None) -> Iterator[Pcm]:
    asset = audio.asset
    request = msgspec.msgpack.encode(_Request(asset.format.name, audio.stream, rate, channels))
    seconds, limit = 0.0, asset.limits.duration
    for piece in sandbox.run("troupe.codecs.decode:decode_job", asset.source, request, asset.limits):
        try:
            pcm = Pcm.from_bytes(memoryview(piece)[_PIECE.size :], *_PIECE.unpack_from(piece))
        except (ValueError, struct.error) as error:
            raise SandboxDied("the child's answer makes no sense") from error
        seconds += pcm.duration
        if seconds > limit + 1:  # a child that still is what it was has said so earlier
            raise TooLong(f"there are more than {limit:g} s of audio", limit)
        yield pcm


def _decode(
    source: Source, file_format: Format, limits: Limits, stream: AudioStream, rate: int | None, channels: int | None
) -> Iterator[Pcm]:
    with opened(source, file_format, limits) as media, libav_errors():
        graph: _Graph | None = None
        for number, frame in enumerate(media.audio_frames(stream)):
            if graph is None:
                graph = _Graph(frame, rate, channels)
            try:
                graph.source.push(frame)
            except av.error.ArgumentError:  # the file changes its rate, sample format or layout here
                yield from graph.finish()
                graph = _Graph(frame, rate, channels)
                graph.source.push(frame)
            if number % _PULL_EVERY == 0:
                for pcm in graph.pull():
                    with media.stopwatch.paused():
                        yield pcm
        if graph is not None:
            yield from graph.finish()


class _Graph:
    """A filter graph for frames of the rate, sample format and channel layout of the one given."""

    def __init__(self, frame: av.AudioFrame, rate: int | None, channels: int | None) -> None:
        self._rate = rate or frame.sample_rate
        self._mix_down = None
        target = f"sample_fmts=s16:sample_rates={self._rate}"
        try:
            self._build(frame, target if channels is None else f"{target}:channel_layouts={_LAYOUTS[channels]}")
        except av.error.ArgumentError:  # libav knows no positions for so many channels: mix them alike
            self._mix_down = channels
            self._build(frame, target)

    def _build(self, frame: av.AudioFrame, target: str) -> None:
        self._graph = av.filter.Graph()
        self._graph.threads = 1
        self.source = self._graph.add_abuffer(
            sample_rate=frame.sample_rate,
            format=frame.format.name,
            layout=frame.layout.name,
            time_base=Fraction(1, frame.sample_rate),
        )
        gather = self._graph.add("asetnsamples", f"n={_CONVERTED_AT_ONCE}:p=0")
        convert = self._graph.add("aformat", target)
        collect = self._graph.add("asetnsamples", f"n={self._rate}:p=0")
        self._sink = self._graph.add("abuffersink")
        self._graph.link_nodes(self.source, gather, convert, collect, self._sink).configure()

    def pull(self) -> Iterator[Pcm]:
        """Yield what is ready."""
        while True:
            try:
                frame = cast("av.AudioFrame", self._sink.pull())
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            channels = frame.layout.nb_channels
            samples = np.frombuffer(memoryview(frame.planes[0]), np.int16, frame.samples * channels)
            pcm = Pcm(samples.reshape(-1, channels), self._rate)
            yield pcm if self._mix_down is None else pcm.mono().with_channels(self._mix_down)

    def finish(self) -> Iterator[Pcm]:
        """Yield what is left."""
        self.source.push(None)
        yield from self.pull()
