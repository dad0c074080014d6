"""One audio track of a demuxer decoded to int16, with padding cut off to the sample."""

from collections.abc import Iterator
from typing import cast

import av
import av.error

from .demux.packets import Packet, Track
from .errors import BrokenMedia, TooLong, UnsupportedFormat
from .gate import AUDIO_DECODERS, create_decoder, libav_errors, packet_of
from .limits import Limits
from .pcm import Pcm
from .samples import samples_of

_LEANER = {"opus": "libopus"}
"""Decoders that hold less than libav's own: 33 KiB a stream instead of 217. They are slower, but not by much."""
_MOST_RATE, _MOST_CHANNELS = 1_000_000, 64
_MOST_DAMAGED = 100
"""Packets in a row that no decoder understands, after which the stream is given up."""


class TrackDecoder:
    """Decodes the packets of one track, in order.

    Attributes:
        track: what is decoded.
        damaged: packets that the decoder did not understand and that were left out.
        seconds: of audio that was decoded, what was cut off included.

    Raises:
        UnsupportedFormat: if there is no decoder for it here.
        BrokenMedia: if its configuration makes no sense.
    """

    def __init__(self, track: Track, limits: Limits) -> None:
        if track.codec not in AUDIO_DECODERS:
            raise UnsupportedFormat("the audio codec is not among those that are decoded here")
        self.track = track
        self.damaged = 0
        self._limit = limits.duration
        if track.rate > _MOST_RATE or track.channels > _MOST_CHANNELS:
            raise UnsupportedFormat(f"{track.channels} channels at {track.rate} Hz are not decoded here")
        name = _LEANER.get(track.codec, track.codec)
        self._context = cast("av.AudioCodecContext", create_decoder(name, limits, extradata=track.extradata))
        with libav_errors():
            if track.codec.startswith("pcm_"):  # these have no headers to tell
                self._context.sample_rate = track.rate
                self._context.layout = f"{track.channels} channels"
            self._context.open()
        self._decoded = 0  # samples, those cut off included
        self.seconds = 0.0
        self._stop = track.stop
        self._offset: int | None = None  # of the track's time line: its position where we count zero
        self._damaged_in_a_row = 0

    def decode(self, packet: Packet) -> Iterator[Pcm]:
        """Yield what a packet decodes to, at the rate and with the channels that it has; mostly one piece or none.

        Raises:
            BrokenMedia: if it is one damaged packet too many.
            TooLong: if there is more audio than allowed.
        """
        try:
            frames = self._context.decode(packet_of(packet.data))  # pyright: ignore[reportUnknownMemberType]
        except av.error.FFmpegError as error:
            self.damaged += 1
            self._damaged_in_a_row += 1
            if self._damaged_in_a_row > _MOST_DAMAGED:
                raise BrokenMedia("too many packets in a row could not be decoded") from error
            return
        self._damaged_in_a_row = 0
        if packet.position is not None:
            self._place(packet, self._decoded + sum(frame.samples for frame in frames))
        for index, frame in enumerate(frames, 1):
            yield from self._cut(frame, packet.trim if index == len(frames) else 0)

    def finish(self) -> Iterator[Pcm]:
        """Yield what the decoder held back.

        Raises:
            BrokenMedia: if there were packets, and not one could be decoded.
        """
        with libav_errors():
            frames = self._context.decode(None)  # pyright: ignore[reportUnknownMemberType]
        for frame in frames:
            yield from self._cut(frame, 0)
        if self.damaged and not self._decoded:
            raise BrokenMedia("not one packet of the stream could be decoded")

    def _place(self, packet: Packet, end: int) -> None:
        """Use the position that the container gives for `end`, where we count the end of this packet."""
        assert packet.position is not None
        if self._offset is None:
            self._offset = 0 if packet.final else max(0, packet.position - end)
        if packet.final:
            self._stop = packet.position - self._offset

    def _cut(self, frame: av.AudioFrame, trim: int) -> Iterator[Pcm]:
        start, end = self._decoded, self._decoded + frame.samples
        self._decoded = end
        self.seconds += frame.samples / frame.sample_rate
        if self.seconds > self._limit:
            raise TooLong(f"there are more than {self._limit:g} s of audio", self._limit)
        first = max(start, self.track.skip) - start
        last = min(end - trim, end if self._stop is None else self._stop) - start
        if first < last:
            yield Pcm(samples_of(frame)[first:last], frame.sample_rate)
