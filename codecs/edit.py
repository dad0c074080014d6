"""Cutting and joining files, exact to the sample and the frame; and without encoding where that is enough."""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import msgspec

from .asset import Asset
from .audio_writer import audio_writer
from .decode import decode_audio
from .encodings import ENCODINGS, LAYOUTS, VIDEO_ENCODINGS, encoding_named
from .errors import BrokenMedia, RoleError, UnsupportedFormat
from .geometry import Fit
from .operation import Operation, Target
from .pcm import Pcm, to_int16
from .remux import MUXERS, copy_all, copy_part
from .render import Part, Plan
from .roles import Audio
from .streams import AudioStream, OtherStream, Stream, VideoStream
from .video import render

_LEAST_RATE, _MOST_RATE = 8000, 384_000
"""Hz that audio is written at; a file may say what it likes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A part of a file.

    Attributes:
        asset: the part.
        start: where it begins in the file, in seconds: where it was asked for, or, copied, at a packet before.
    """

    asset: Asset
    start: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Concatenation:
    """Files in one.

    Attributes:
        asset: the whole.
        starts: where each of them begins in it, in seconds.
        copied: whether nothing was encoded anew.
    """

    asset: Asset
    starts: tuple[float, ...]
    copied: bool


def trim(
    what: Asset,
    start: float = 0.0,
    stop: float | None = None,
    *,
    exact: bool = True,
    form: str | None = None,
    to: Target | None = None,
) -> Cut:
    """Cut a part out of a recording or video.

    Args:
        what: the file.
        start: where the part begins, in seconds.
        stop: where it ends, in seconds; None for the end.
        exact: encode it anew, so that it begins and ends where it is said: audio at the sample, video at the frame.
            False to copy the packets: nothing is lost, it costs next to nothing, and it begins at the key frame before.
            FLAC is written anew in any case, with 16 bits a sample.
        form: of the result; None for that of the file, if it can be written, else ``m4a`` or ``mp4``, or ``mkv`` for a
            copy.
        to: a path; None for memory.

    Raises:
        RoleError: if it has neither audio nor video.
        ValueError: if there is nothing between these times.
        UnsupportedFormat: if it can't be written so.
        BrokenMedia, LimitExceeded, SandboxDied, OSError: as for `operation.Operation.perform`.
    """
    is_late = start > 0 and what.duration is not None and start >= what.duration
    if start < 0 or is_late or (stop is not None and stop <= start):
        raise ValueError(f"there is nothing between {start} and {stop} s")
    seen = what.info.video
    heard = what.as_audio() if seen is None else None
    if not exact and not (heard is not None and _tells_its_length(heard.stream)):
        part, begins = copy_part(what, start, stop, form or _own(what, MUXERS, "mkv"), to)
        return Cut(asset=part, start=begins)
    if heard is not None:
        part, _ = _write_sound([heard], form, start, stop, to)
        return Cut(asset=part, start=start)
    video = what.as_video()
    parts = [Part(file=0, video=video.stream, audio=video.audio, start=start, stop=stop)]
    part, _ = render([what], _plan(parts, form or _own(what, VIDEO_ENCODINGS, "mp4")), to)
    return Cut(asset=part, start=start)


def concat(
    files: Sequence[Asset], *, exact: bool = False, form: str | None = None, to: Target | None = None
) -> Concatenation:
    """Join recordings, or videos, one behind the other.

    Files that are encoded alike are copied, unless `exact`. Others are encoded anew: audio at the rate and with the
    channels of the first file, but no more than two, video at its size, with bars where needed, and at its frame rate.

    Args:
        files: at least one, all with pictures or all without.
        exact: encode in any case. Where compressed audio is copied, what encoders put before and behind it stays: 20 to
            50 ms at each joint.
        form: of the result; None for that of the first file, if it can be written, else as for `trim`.
        to: a path; None for memory.

    Raises:
        ValueError: if there is no file.
        RoleError: if one has neither audio nor video, or if some have pictures and others don't.
        UnsupportedFormat: if it can't be written so.
        BrokenMedia, LimitExceeded, SandboxDied, OSError: as for `operation.Operation.perform`.
    """
    if not files:
        raise ValueError("there is nothing to join; give at least one file")
    videos = [asset.as_video() for asset in files if asset.info.video is not None]
    if videos and len(videos) != len(files):
        raise RoleError("some files have pictures, and others don't; see remux.extract_audio")
    sounds = [] if videos else [asset.as_audio() for asset in files]
    if not exact and _alike(files) and not any(_tells_its_length(sound.stream) for sound in sounds):
        try:
            asset, starts = copy_all(files, form or _own(files[0], MUXERS, "mkv"), to)
        except UnsupportedFormat:  # of one codec, but encoded differently, or nothing that this container can hold
            pass
        else:
            return Concatenation(asset=asset, starts=tuple(starts), copied=True)
    if sounds:
        asset, starts = _write_sound(sounds, form, 0.0, None, to)
        return Concatenation(asset=asset, starts=tuple(starts), copied=False)
    parts = [Part(file=number, video=video.stream, audio=video.audio) for number, video in enumerate(videos)]
    asset, made = render(files, _plan(parts, form or _own(files[0], VIDEO_ENCODINGS, "mp4")), to)
    return Concatenation(asset=asset, starts=tuple(made.begins), copied=False)


class _Sound(msgspec.Struct, frozen=True, kw_only=True):
    """Recordings to be written one behind the other."""

    form: str
    rate: int
    channels: int
    streams: list[AudioStream]
    """Of each file, the one that is heard."""
    start: float
    """What is left out of each file at its beginning, in seconds."""
    stop: float | None
    """Where each file ends; None for its end."""


def _write_sound(
    sounds: Sequence[Audio], form: str | None, start: float, stop: float | None, to: Target | None
) -> tuple[Asset, list[float]]:
    first = sounds[0]
    request = _Sound(
        form=encoding_named(form or _own(first.asset, ENCODINGS, "m4a")).name,
        rate=min(max(first.stream.rate, _LEAST_RATE), _MOST_RATE),
        channels=min(first.stream.channels, max(LAYOUTS)),
        streams=[sound.stream for sound in sounds],
        start=start,
        stop=stop,
    )
    return SOUND.perform([sound.asset for sound in sounds], request, to)


def _sound(assets: Sequence[Asset], request: _Sound, file: BinaryIO) -> list[float]:
    writer = audio_writer(ENCODINGS[request.form], request.rate, request.channels, file=file)
    starts: list[float] = []
    written = 0
    for asset, stream in zip(assets, request.streams, strict=True):
        starts.append(written / request.rate)
        whole = decode_audio(Audio(asset, stream), rate=request.rate, channels=request.channels)
        for pcm in _between(whole, request.start, _end(asset, stream, request.stop)):
            writer.encode(to_int16(pcm.samples))
            written += pcm.frames
    if not written:
        raise BrokenMedia("there is no sound in what is wanted of it")
    writer.finish()
    return starts


SOUND = Operation("troupe.codecs.edit:SOUND", _Sound, list[float], _sound)
"""Writing recordings one behind the other, as an operation, for sandboxes."""


def _end(asset: Asset, stream: AudioStream, stop: float | None) -> float | None:
    """Return where a recording ends. MP4 says it to the sample, but libav decodes the padding behind it, too."""
    if asset.format.demuxer != "mov" or stream.duration is None:
        return stop
    return stream.duration if stop is None else min(stop, stream.duration)


def _between(pieces: Iterable[Pcm], start: float, stop: float | None) -> Iterator[Pcm]:
    """Yield what lies between two times, each rounded to the nearest sample."""
    position = 0
    for pcm in pieces:
        first = round(start * pcm.rate) - position
        last = pcm.frames if stop is None else round(stop * pcm.rate) - position
        position += pcm.frames
        if first < pcm.frames and last > 0:
            yield pcm.slice(max(0, first), last)
        if last < pcm.frames:
            return


def _plan(parts: list[Part], form: str) -> Plan:
    return Plan(form=form, parts=parts, covers=[], size=None, fit=Fit.PAD, frame_rate=None)


def _own(asset: Asset, known: Container[str], other: str) -> str:
    """Return the format of a file if it is among those known."""
    return asset.format.name if asset.format.name in known else other


def _alike(files: Sequence[Asset]) -> bool:
    """Whether all files have the same kinds of streams, in the same order; others than audio and video are left out."""
    return len({tuple(filter(None, map(_kind, asset.streams))) for asset in files}) == 1


def _kind(stream: Stream) -> tuple[object, ...] | None:
    match stream:
        case AudioStream():
            return stream.codec, stream.rate, stream.channels
        case VideoStream():
            return stream.codec, stream.width, stream.height
        case OtherStream():
            return None


def _tells_its_length(stream: AudioStream) -> bool:
    """Whether it is FLAC, whose length is said in front of it, where copying packets does not change it."""
    return stream.codec == "flac"
