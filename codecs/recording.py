"""Live recordings: two speakers as the two channels of one file, by the clock, and a video with them.

What is written is never corrected: the file may be a pipe or an upload, and what was written until the power fails can
be played.
"""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self

import msgspec
import numpy as np
from av.stream import Stream

from .audio_encoder import AudioEncoder
from .audio_writer import AudioWriter, audio_writer
from .encodings import ENCODINGS, LAYOUTS, Encoding, encoding_named
from .errors import BrokenMedia, TooLong, TooManyBytes, TooManyPixels, UnsupportedFormat
from .gate import packet_of
from .geometry import Size
from .limits import Limits
from .output import Output
from .pcm import Int16
from .timeline import Timeline
from .video_decoder import VideoDecoder, is_key, is_picture

_CLOCK = Fraction(1, 1_000_000)
_MOST_AHEAD = 600.0
"""Seconds that video may be ahead of what was written."""
_MOST_WAITING = 64 * 2**20
"""Bytes of video that may wait to be written."""
_WAIT_FOR_VIDEO = 5.0
"""Seconds after which a recording begins without the video that was announced."""
_STEP = 1000
"""The least distance of two frames, on this clock: WebM counts milliseconds."""
_ALL = {"max_interleave_delta": "1000000"}  # in µs: when one of the streams falls silent the other one goes on


@dataclass(frozen=True, slots=True, kw_only=True)
class _Container:
    """A container for live audio and video."""

    muxer: str
    audio: Encoding
    video: frozenset[str]
    options: Mapping[str, str]


_LIVE = {"live": "1", "cluster_time_limit": "1000"}
_FRAGMENTED = {"movflags": "+frag_keyframe+delay_moov+default_base_moof", "frag_duration": "1000000"}
_CONTAINERS = {
    "webm": _Container(muxer="webm", audio=ENCODINGS["webm"], video=frozenset({"vp8", "vp9"}), options=_LIVE),
    "mkv": _Container(
        muxer="matroska", audio=ENCODINGS["webm"], video=frozenset({"h264", "vp8", "vp9"}), options=_LIVE
    ),
    "mp4": _Container(muxer="mp4", audio=ENCODINGS["m4a"], video=frozenset({"h264"}), options=_FRAGMENTED),
}


class RecordingStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """What became of what was added."""

    written: float
    """Seconds of audio in the file."""
    late: float
    """Seconds of audio that came too late, of all speakers together."""
    frames: int
    """Frames of video in the file."""
    dropped_frames: int
    """Frames of video that were left out: before the first key frame, after damage, or all if the first came late."""


class Recording:
    """Records a conversation while it goes on.

    Times are seconds since the recording began. Audio and video may be added in any order and at any pace; `advance`
    writes what belongs before the present, less what packets may be late. Call it several times a second.

    After a crash the file plays up to what `advance` had written, less some last packets: 0.1 s, in m4a 0.35 s, with a
    video 1.2 s.

    Leaving its ``with`` block finishes a recording, whether or not the block has failed. One that is dropped leaves the
    file as it is.

    Args:
        file: where it goes: a buffered binary file, of which only ``write`` is used.
        form: ``webm``, ``ogg``, ``m4a`` (fragmented), ``mp3``, ``aac``, ``flac`` or ``wav``; with a video ``webm``
            (VP8 and VP9), ``mkv`` or ``mp4`` (H.264; fragmented).
        rate: of the audio, in Hz.
        speakers: one or two; each gets a channel.
        video: the codec of the video, if there is one: ``h264`` (Annex B), ``vp8`` or ``vp9``. It is recorded as it
            comes. A container has to know its streams before anything is written: so nothing is until a key frame has
            come that can be decoded, or five seconds have passed without; then there is no video.
        late: seconds that audio may be late.
        bit_rate: of the audio, in bit/s; None for one that suits speech.

    Raises:
        UnsupportedFormat: if this can't be recorded so.
        ValueError: if there are more than two speakers, or none; or as `audio_writer.audio_writer` raises.
    """

    def __init__(
        self,
        file: BinaryIO,
        form: str = "webm",
        *,
        rate: int = 24000,
        speakers: int = 2,
        video: str | None = None,
        late: float = 0.5,
        bit_rate: int | None = None,
    ) -> None:
        if speakers not in LAYOUTS:
            raise ValueError(f"{speakers} speakers can't be recorded; one or two can, each in a channel")
        if video is not None and (form not in _CONTAINERS or video not in _CONTAINERS[form].video):
            raise UnsupportedFormat("this video is not recorded in this format; h264 goes to mp4 or mkv, vp8 to webm")
        self._file = file
        self._rate = rate
        self._speakers = speakers
        self._late = late
        self._form = form
        self._audio = (rate, speakers, bit_rate)
        self._video = video
        self._mux: _Mux | None = None  # if there is video, and from its first key frame on
        self._writer: AudioWriter
        if video is None:
            self._writer = audio_writer(encoding_named(form), *self._audio)
        else:
            self._writer = _Mux(_CONTAINERS[form], *self._audio)
        self._timeline = Timeline(speakers, rate)
        self._begun = video is None  # whether it is known what streams there are
        self._waiting: deque[_Frame] = deque()
        self._waiting_bytes = 0
        self._frames = self._dropped = 0
        self._over = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish()

    def add(self, speaker: int, samples: Int16, at: float, *, rate: int | None = None) -> None:
        """Add audio.

        Args:
            speaker: whose it is, from 0.
            samples: int16, shape ``(n,)``; they are kept until they are written.
            at: when it was heard, in seconds; it may lie in the future. What follows the piece before by 40 ms more or
                less is joined to it; any other gap becomes silence.
            rate: of the samples, in Hz; None for that of the recording.

        Raises:
            TypeError: if the samples are not int16.
            ValueError: if there is no such speaker, if they have another shape or no time, or if the recording is
                over.
            TooLong: if it lies more than ten minutes in the future.
        """
        self._check_open(at)
        if not 0 <= speaker < self._speakers:
            raise ValueError(f"there is no speaker {speaker} among {self._speakers}; they count from 0")
        if samples.dtype != np.int16:
            raise TypeError(f"samples are {samples.dtype}, not int16; troupe.codecs.pcm.to_int16 converts them")
        if samples.ndim != 1:
            raise ValueError(f"samples have shape {samples.shape}; each speaker has one channel, so it must be (n,)")
        self._timeline.place(speaker, samples, at, rate)

    def cut(self, speaker: int, at: float) -> None:
        """Forget what was added of a speaker for the time from `at` on, in seconds: it was interrupted."""
        self._timeline.cut(speaker, at)

    def add_video(self, packet: bytes, at: float, *, key: bool | None = None) -> None:
        """Add one frame of video, encoded.

        Args:
            packet: its bytes. Those of a key frame of H.264 begin with its parameter sets.
            at: when it was seen, in seconds. Frames come in this order: encoders for calls don't reorder them.
            key: whether decoding can begin with it; None to look into it.

        Raises:
            ValueError: if no video was announced, if it has no time, or if the recording is over.
            TooLong: if it lies more than ten minutes in the future.
            TooManyBytes: if more than 64 MiB wait to be written.
        """
        self._check_open(at)
        if self._video is None:
            raise ValueError("this recording has no video; name its codec when making it")
        if not at <= self._timeline.position / self._rate + _MOST_AHEAD:
            raise TooLong(f"this is more than {_MOST_AHEAD:g} s ahead of what was written", _MOST_AHEAD)
        if self._waiting_bytes + len(packet) > _MOST_WAITING:
            raise TooManyBytes(f"more than {_MOST_WAITING} bytes of video wait; call advance()", _MOST_WAITING)
        key = is_key(self._video, packet) if key is None else key
        if key and not self._begun and (size := _size(self._video, packet)) is not None:
            self._writer = self._mux = _Mux(_CONTAINERS[self._form], *self._audio)
            self._mux.add_video(self._video, size)
            self._begun = True
        if self._mux is None or not is_picture(self._video, packet):
            self._dropped += 1
            return
        self._waiting.append(_Frame(at, packet, key))
        self._waiting_bytes += len(packet)

    def advance(self, now: float) -> None:
        """Write what belongs before `now`, in seconds, less what may still come.

        Raises:
            ValueError: if the recording is over.
            OSError: if the file can't be written. With that it is over.
        """
        self._check_open(now)
        self._begun = self._begun or now >= _WAIT_FOR_VIDEO
        if self._begun:
            self._write(now - self._late)

    def finish(self, now: float | None = None) -> None:
        """Write what is left, up to `now`, and the end of the file; the file stays open. A second time does nothing.

        Args:
            now: in seconds; None for the end of all audio that was added.

        Raises:
            OSError: if the file can't be written.
        """
        if not self._over:
            self._write(self._timeline.end if now is None else now, all_frames=True)
            self._put(self._writer.finish())
            self._over = True

    def statistics(self) -> RecordingStatistics:
        """Return what became of what was added so far."""
        return RecordingStatistics(
            written=self._timeline.position / self._rate,
            late=self._timeline.late,
            frames=self._frames,
            dropped_frames=self._dropped,
        )

    def _check_open(self, time: float) -> None:
        if self._over:
            raise ValueError("this recording is over; make a new one")
        if not math.isfinite(time):
            raise ValueError(f"there is no time {time} s")

    def _write(self, until: float, *, all_frames: bool = False) -> None:
        while self._mux is not None and self._waiting and (all_frames or self._waiting[0].at <= until):
            frame = self._waiting.popleft()
            self._waiting_bytes -= len(frame.packet)
            written = self._mux.write_frame(frame)
            self._frames += written
            self._dropped += not written
        self._put(self._writer.encode(self._timeline.take(until)))

    def _put(self, data: bytes) -> None:
        self._over = True  # if this fails: what came later could not be read
        if data:
            self._file.write(data)
        self._over = False


class _Frame(NamedTuple):
    """One frame of video."""

    at: float
    packet: bytes
    key: bool


def _size(codec: str, packet: bytes) -> Size | None:
    """Decode a key frame to find out its size; None if it can't be decoded."""
    decoder = VideoDecoder(codec, Limits())
    try:
        frames = [*decoder.decode(packet, 0.0, key=True), *decoder.finish()]
    except TooManyPixels:
        return None
    return Size(frames[0].width, frames[0].height) if frames else None


class _Mux(AudioWriter):
    """Live audio, encoded here, and video as it comes, in one container."""

    def __init__(self, container: _Container, rate: int, speakers: int, bit_rate: int | None) -> None:
        super().__init__(None)
        self._output = Output(container.muxer, {**_ALL, **container.options})
        audio = container.audio
        assert audio.codec is not None
        stream = self._output.add_encoder(audio.codec, {}, **audio.settings(rate, speakers, bit_rate))
        self._encoder = AudioEncoder(stream.codec_context, rate, stream.encode)
        self._video: Stream | None = None
        self._last = -_STEP
        self._damaged = False

    def add_video(self, codec: str, size: Size) -> None:
        """Add a video stream, before anything is written."""
        self._video = self._output.add_packets(codec, _CLOCK, width=size.width, height=size.height)

    def write_frame(self, frame: _Frame) -> bool:
        """Write a frame of video, and return True; False if it is damaged, or refers to one that is."""
        assert self._video is not None
        self._damaged = self._damaged and not frame.key
        if self._damaged:
            return False
        packet = packet_of(frame.packet)
        packet.stream, packet.time_base = self._video, _CLOCK
        self._last = max(round(frame.at / _CLOCK), self._last + _STEP)
        packet.pts = packet.dts = self._last
        packet.is_keyframe = frame.key
        try:
            self._output.write([packet])
        except BrokenMedia:
            self._damaged = True
        return not self._damaged

    def encode(self, samples: Int16) -> bytes:
        """Encode and mux."""
        self._output.write(self._encoder.encode(samples))
        return self._output.take()

    def finish(self) -> bytes:
        """Encode and mux what is left."""
        self._output.write(self._encoder.finish())
        self._output.close()
        return self._output.take()
