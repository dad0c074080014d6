"""WAV: RIFF chunks up to the samples, then samples."""

import struct
from collections.abc import Iterator

from ..errors import BrokenMedia, UnsupportedFormat
from .packets import Demuxer, Event, Packet, Track

_PCM, _FLOAT, _ALAW, _MULAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE  # mmreg.h
_CODECS = {
    (_PCM, 8): "pcm_u8",
    (_PCM, 16): "pcm_s16le",
    (_PCM, 24): "pcm_s24le",
    (_PCM, 32): "pcm_s32le",
    (_FLOAT, 32): "pcm_f32le",
    (_FLOAT, 64): "pcm_f64le",
    (_ALAW, 8): "pcm_alaw",
    (_MULAW, 8): "pcm_mulaw",
}
_FORMAT = struct.Struct("<HHIIHH")
_CHUNK = struct.Struct("<4sI")
_STREAMED = {0, 0xFFFF_FFFF}
"""Sizes of a ``data`` chunk whose writer did not know it: it lasts to the end."""
_ENDLESS = 2**63
_MOST_IN_A_PACKET = 1 << 16


class WavDemuxer(Demuxer):
    """RIFF, or its 64-bit forms, with PCM of any usual width, float, A-law or µ-law."""

    _frame = 0  # bytes of one sample of all channels, once the format is known
    _in_samples = False
    _left = _ENDLESS  # bytes of them
    _started = False

    def events(self) -> Iterator[Event]:
        """Yield one track, then packets of whole sample frames; see `Demuxer.events`."""
        backlog = self._backlog
        if not self._started:
            if not backlog.has(12):
                return
            backlog.skip(12)
            self._started = True
        while not self._in_samples:
            if not backlog.has(_CHUNK.size):
                return
            name, size = _CHUNK.unpack(backlog.peek(_CHUNK.size))
            if name == b"data":
                if not self._frame:
                    raise BrokenMedia("the WAV file has samples before it says of what form they are")
                backlog.skip(_CHUNK.size)
                self._in_samples = True
                if size not in _STREAMED:
                    self._left = size
            elif name in {b"fmt ", b"ds64"}:
                if not backlog.has(_CHUNK.size + size + size % 2):
                    return
                backlog.skip(_CHUNK.size)
                chunk = backlog.take(size + size % 2)
                if name == b"fmt ":
                    yield self._describe(chunk[:size])
                else:  # EBU Tech 3306: the sizes that don't fit 32 bits, the second one that of `data`
                    self._left = int.from_bytes(chunk[8:16], "little") or _ENDLESS
            else:
                backlog.skip(_CHUNK.size + size + size % 2)
        while (size := min(len(backlog), self._left, _MOST_IN_A_PACKET) // self._frame * self._frame) > 0:
            self._left -= size
            yield Packet(0, backlog.take(size))
        if self._left < self._frame:  # what follows are tags
            backlog.skip(len(backlog))

    def _describe(self, chunk: bytes) -> Track:
        if len(chunk) < _FORMAT.size:
            raise BrokenMedia("the WAV file's format is cut short")
        code, channels, rate, _, frame, bits = _FORMAT.unpack(chunk[: _FORMAT.size])
        if code == _EXTENSIBLE and len(chunk) >= 26:  # the code is the start of the GUID behind size, bits and mask
            code = int.from_bytes(chunk[24:26], "little")
        codec = _CODECS.get((code, bits))
        if codec is None:
            raise UnsupportedFormat(f"WAV of code {code} with {bits} bits is not decoded while it arrives")
        if channels < 1 or rate < 1 or frame != channels * bits // 8:
            raise BrokenMedia("the WAV file's format contradicts itself")
        self._frame = frame
        return Track(number=0, kind="audio", codec=codec, rate=rate, channels=channels)
