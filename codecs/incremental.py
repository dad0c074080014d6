"""Decoding audio while it arrives: containers and elementary streams in pieces of any size, to PCM.

libav pulls its input, so a live stream would cost a thread that waits in a read. Here it is pushed: a demuxer without
I/O (`demux`) takes the container apart, and libav decodes single packets, in the calling thread.
"""

import math
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import cast

import msgspec

from .demux.elementary import AdtsDemuxer, Mp3Demuxer
from .demux.flac import FlacDemuxer
from .demux.headers import id3_size
from .demux.mp4 import Mp4Demuxer
from .demux.ogg import OggDemuxer
from .demux.packets import Backlog, Demuxer, Event, Packet, Track
from .demux.wav import WavDemuxer
from .demux.webm import WebmDemuxer
from .errors import CodecError, RoleError, TooManyBytes, TooManyStreams, UnsupportedFormat
from .formats import DATA, HEAD, Format, recognise
from .limits import Limits
from .pcm import Int16, Pcm
from .resample import Resampler
from .source import Buffer
from .track_decoder import TrackDecoder

_DEMUXERS: dict[str, Callable[[Limits], Demuxer]] = {
    "aac": AdtsDemuxer,
    "flac": FlacDemuxer,
    "m4a": Mp4Demuxer,
    "mkv": WebmDemuxer,
    "mov": Mp4Demuxer,
    "mp3": Mp3Demuxer,
    "mp4": Mp4Demuxer,
    "3gp": Mp4Demuxer,
    "ogg": OggDemuxer,
    "wav": WavDemuxer,
    "webm": WebmDemuxer,
}
_LEAST_HEAD, _MOST_HEAD = 16, 8192
"""Bytes before which no format is recognised, and after which none will be."""
_MOST_PHASES = 1024
"""In lowest terms, no number of a ratio of rates may exceed it: all rates in use keep to that (11025 to 48000 Hz is 640
to 147), and a hostile one (47999 Hz) would take a hundred times the CPU time."""
_DEFAULT = Limits()


class IncrementalDecoder:
    """Decodes one stream of audio while it arrives.

    WebM and Matroska, Ogg (Opus, Vorbis, FLAC), MP3, AAC in ADTS, fragmented MP4, FLAC and WAV. The first audio track
    is decoded; in a chained stream the next one goes on in the same output. The output does not depend on how the input
    was cut into pieces.

    It needs no thread and no ``close``: dropping it frees everything. After an error, or `finish`, it is used up.

    Args:
        rate: of the output in Hz; None for that of the stream.
        channels: of the output, 1 or 2; None for those of the stream.
        file_format: what the stream is, if that is known; otherwise its first bytes tell.
        limits: what it may cost. ``limits.packet`` bounds what is held back.

    Attributes:
        format: what the stream is; None until its first bytes have told.
        track: the track that is decoded, or was last; None until it is known.

    Raises:
        ValueError: if the rate or the number of channels can't be produced.
        UnsupportedFormat: if no stream of this format can be decoded while it arrives.
    """

    def __init__(
        self,
        *,
        rate: int | None = 16000,
        channels: int | None = 1,
        file_format: Format | None = None,
        limits: Limits = _DEFAULT,
    ) -> None:
        if rate is not None and rate <= 0:
            raise ValueError(f"rate is {rate} Hz; it must be positive")
        if channels not in {1, 2, None}:
            raise ValueError(f"{channels} channels can't be produced; ask for 1, 2 or None")
        self.format = file_format
        self.track: Track | None = None
        self._rate = rate
        self._channels = channels
        self._limits = limits
        self._usable = True
        self._received = 0  # bytes
        self._tracks = 0  # that the demuxer has found
        self._head: Backlog | None = Backlog(limits.packet)  # until the format is known
        self._demuxer: Demuxer | None = None
        self._events: Iterator[Event] = iter(())
        self._decoder: TrackDecoder | None = None
        self._decoded: list[Pcm] = []  # of one rate and channel count, not converted yet
        self._collected = 0  # frames in it
        self._resampler: Resampler | None = None
        self._ready: deque[Pcm] = deque()
        self._damaged = 0  # packets of tracks that have ended
        if file_format is not None:
            self._start(file_format)

    @property
    def damaged(self) -> int:
        """Packets that were not understood and left out."""
        return self._damaged + (0 if self._decoder is None else self._decoder.damaged)

    def push(self, data: Buffer) -> Iterator[Pcm]:
        """Take the next bytes; return an iterator over what they complete, decoded as it is asked for.

        Pieces are int16, of about one second at most. What is left in the iterator when it is dropped, the next one
        gives out first; meanwhile up to ``limits.packet`` bytes may wait.

        Raises:
            ValueError: after an error or `finish`.
            RefusedFormat, UnsupportedFormat: at once, if this is nothing that can be decoded while it arrives.
            TooManyBytes: at once, if too much was pushed, or too much waits.
            RoleError: while iterating, if there are tracks and none of them is audio.
            UnsupportedFormat, BrokenMedia, LimitExceeded: while iterating, if it can't go on.
        """
        with self._ends_on_error():
            self._received += len(data)
            if self._received > self._limits.bytes:
                raise TooManyBytes(f"the stream has more than {self._limits.bytes} bytes", self._limits.bytes)
            if self._demuxer is not None:
                self._demuxer.feed(data)
            elif self._head is not None:
                self._head.feed(data)
                self._recognise(self._head, final=False)
        return self._pieces(final=False)

    def finish(self) -> Iterator[Pcm]:
        """Say that the stream has ended; return an iterator over what is left. A cut last packet is left out.

        Raises:
            Like `push`.
        """
        with self._ends_on_error():
            if self._demuxer is None and self._head is not None and self._received:
                self._recognise(self._head, final=True)
            if self._demuxer is not None:
                self._demuxer.finish()
        return self._pieces(final=True)

    @contextmanager
    def _ends_on_error(self) -> Generator[None]:
        if not self._usable:
            raise ValueError("this decoder has finished or failed; make a new one for a new stream")
        try:
            yield
        except CodecError:
            self._usable = False
            raise

    def _recognise(self, head: Backlog, *, final: bool) -> None:
        """Find out the format, once there are enough bytes."""
        while tag := id3_size(head.peek(10)):
            head.skip(tag)
        start = head.peek(HEAD)
        if len(start) < _LEAST_HEAD and not final:
            return
        found = recognise(start)
        if found is DATA and len(start) < _MOST_HEAD and not final:
            return
        self._start(found)
        assert self._demuxer is not None
        self._demuxer.feed(head.take(len(head)))

    def _start(self, file_format: Format) -> None:
        if file_format.name not in _DEMUXERS:
            raise UnsupportedFormat(f"{file_format.title} is not decoded while it arrives")
        self.format = file_format
        self._head = None
        self._demuxer = _DEMUXERS[file_format.name](self._limits)

    def _pieces(self, *, final: bool) -> Iterator[Pcm]:
        with self._ends_on_error():
            while True:
                while self._ready:
                    yield self._ready.popleft()
                event = self._next_event()
                if event is None:
                    break
                if isinstance(event, Packet):
                    self._decode(event)
                else:
                    self._begin(event)
            self._convert()
            if final:
                self._end()
            while self._ready:
                yield self._ready.popleft()
        self._usable = not final

    def _next_event(self) -> Event | None:
        event = next(self._events, None)
        if event is None and self._demuxer is not None:  # the last iterator is used up: look what has come since
            self._events = self._demuxer.events()
            event = next(self._events, None)
        return event

    def _begin(self, track: Track) -> None:
        """Begin to decode a track, if it is the first audio, or what follows it in a chained stream."""
        self._tracks += 1
        if self._tracks > self._limits.streams:
            raise TooManyStreams(f"there are more than {self._limits.streams} streams", self._limits.streams)
        if track.kind != "audio":
            return
        limits, old = self._limits, self._decoder
        if old is not None:
            if track.number != old.track.number:
                return
            self._end_track(old)
            limits = msgspec.structs.replace(limits, duration=limits.duration - old.seconds)
        self._decoder = TrackDecoder(track, limits)
        self.track = track

    def _decode(self, packet: Packet) -> None:
        decoder = self._decoder
        if decoder is None:
            title = "this" if self.format is None else f"this {self.format.title}"
            raise RoleError(f"{title} has no audio; the role audio needs an audio stream")
        if packet.track == decoder.track.number:
            for pcm in decoder.decode(packet):
                self._collect(pcm)

    def _collect(self, pcm: Pcm) -> None:
        """Keep what was decoded until there is a second of it, or the bytes are used up: it is converted at once."""
        first = self._decoded[0] if self._decoded else pcm
        if (pcm.rate, pcm.channels) != (first.rate, first.channels):
            self._convert()
        self._decoded.append(pcm)
        self._collected += pcm.frames
        if self._collected >= pcm.rate:
            self._convert()

    def _convert(self) -> None:
        """Mix and resample what was decoded."""
        if not self._decoded:
            return
        pcm = Pcm.concat(self._decoded)
        self._decoded.clear()
        self._collected = 0
        if self._channels is not None and self._channels != pcm.channels:
            pcm = pcm.mono().with_channels(self._channels)
        if self._rate is None:
            self._ready.append(pcm)
        else:
            self._resample(pcm, self._rate)

    def _resample(self, pcm: Pcm, rate: int) -> None:
        if max(pcm.rate, rate) > _MOST_PHASES * math.gcd(pcm.rate, rate):
            raise UnsupportedFormat(f"a rate of {pcm.rate} Hz is not converted to {rate} Hz while it arrives")
        if self._resampler is None or self._resampler.channels != pcm.channels:
            self._end_resampler()
            self._resampler = Resampler(pcm.rate, rate, channels=pcm.channels)
        samples = cast("Int16", pcm.samples if pcm.channels > 1 else pcm.samples[:, 0])
        self._give_out(self._resampler, self._resampler.push(samples, rate=pcm.rate))

    def _give_out(self, resampler: Resampler, samples: Int16) -> None:
        if len(samples):
            self._ready.append(Pcm(samples.reshape(-1, resampler.channels), resampler.output_rate))

    def _end(self) -> None:
        if self._decoder is not None:
            self._end_track(self._decoder)
        self._end_resampler()

    def _end_track(self, decoder: TrackDecoder) -> None:
        for pcm in decoder.finish():
            self._collect(pcm)
        self._convert()
        self._damaged += decoder.damaged
        self._decoder = None

    def _end_resampler(self) -> None:
        if self._resampler is not None:
            self._give_out(self._resampler, self._resampler.finish())
            self._resampler = None
