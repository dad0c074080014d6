"""What is inside a media file: the description of its streams."""

from typing import TypeAlias

import msgspec


class AudioStream(msgspec.Struct, frozen=True, tag="audio"):
    """A stream of audio."""

    index: int
    """Its number in the container, from 0."""
    codec: str
    """Such as ``aac``, ``mp3``, ``opus``, ``pcm_s16le``."""
    rate: int
    """In Hz."""
    channels: int
    """Number of channels."""
    duration: float | None = None
    """In seconds; None where the container doesn't say."""


class VideoStream(msgspec.Struct, frozen=True, tag="video"):
    """A stream of video."""

    index: int
    """Its number in the container, from 0."""
    codec: str
    """Such as ``h264``, ``vp9``."""
    width: int
    """In pixels, as coded: before any rotation."""
    height: int
    """In pixels, as coded: before any rotation."""
    frame_rate: float | None = None
    """Average number of frames per second; None where it is not known."""
    duration: float | None = None
    """In seconds; None where the container doesn't say."""


class OtherStream(msgspec.Struct, frozen=True, tag="other"):
    """Any other stream: subtitles, timecodes, an attached cover picture, a codec that nothing here decodes."""

    index: int
    """Its number in the container, from 0."""
    kind: str
    """Such as ``subtitle``, ``data``, ``attachment``, ``cover``, or ``audio`` and ``video`` of an unknown codec."""
    codec: str
    """Its codec's name, or ``unknown``."""


Stream: TypeAlias = AudioStream | VideoStream | OtherStream


class MediaInfo(msgspec.Struct, frozen=True):
    """What a media file holds."""

    streams: tuple[Stream, ...] = ()
    """All streams, in the container's order."""
    duration: float | None = None
    """In seconds; None for what has no duration."""

    @property
    def audio(self) -> AudioStream | None:
        """The first audio stream."""
        return next((stream for stream in self.streams if isinstance(stream, AudioStream)), None)

    @property
    def video(self) -> VideoStream | None:
        """The first video stream."""
        return next((stream for stream in self.streams if isinstance(stream, VideoStream)), None)
