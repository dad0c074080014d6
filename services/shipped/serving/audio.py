"""Audio of strangers in, audio of ours out.

libav reads no format but those of recordings, opens nothing beside what it is given, and stops at the longest that is
allowed. A container around all of this is what stands between a broken decoder and the machine.
"""

import struct
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.error import FFmpegError, InvalidDataError
from numpy.typing import NDArray

from .refusals import Refused

DEMUXERS: Final = "aac,aiff,amr,flac,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,mp3,ogg,wav,w64"
"""Of libav; none of them is a playlist or a description that refers to other files."""
_UNKNOWN: Final = 0xFFFFFFFF
_LENIENT: Final[dict[str, Any]] = {} if int(av.__version__.partition(".")[0]) >= 19 else {"metadata_errors": "ignore"}
"""For tags that are no UTF-8; PyAV 19 takes them always."""


def decode(file: BinaryIO, rate: int, longest: float) -> NDArray[np.float32]:
    """Decode the first recording in a file.

    Args:
        file: Its bytes; it is read at arbitrary positions.
        rate: Of the result, in Hz.
        longest: Seconds that it may have.

    Returns:
        Mono samples from -1 to 1.

    Raises:
        Refused: It is no recording that can be read (400), or too long (413).
    """
    try:
        pieces = list(_decoded(file, rate, longest))
    except (FFmpegError, ValueError, IndexError):
        raise Refused(400, "The file is broken, or of a format that is not supported.", param="file") from None
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


def _decoded(file: BinaryIO, rate: int, longest: float) -> Iterator[NDArray[np.float32]]:
    left = round(longest * rate)
    options = {"format_whitelist": DEMUXERS, "protocol_whitelist": "none"}
    with av.open(file, "r", options=options, **_LENIENT) as container:
        stream = container.streams.audio[0]
        resampler = Resampler(rate)
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except InvalidDataError:  # a damaged packet, as players take it
                continue
            for frame in frames:
                frame.pts = None  # gaps are not filled
                piece = resampler.push(frame)
                left -= len(piece)
                if left < 0:
                    raise Refused(413, f"The recording may have {longest:g} seconds at most.", param="file")
                yield piece
        yield resampler.finish()


class Resampler:
    """Turns frames, or mono s16le samples as they come, into mono float32 samples at another rate."""

    def __init__(self, rate: int) -> None:
        self._resampler = AudioResampler(format="flt", layout="mono", rate=rate)

    def push(self, frame: av.AudioFrame) -> NDArray[np.float32]:
        """Return the samples that are complete."""
        return _joined(self._resampler.resample(frame))

    def push_pcm(self, pcm: NDArray[np.int16], rate: int) -> NDArray[np.float32]:
        """Return the samples that are complete."""
        if not len(pcm):
            return np.zeros(0, np.float32)
        frame = av.AudioFrame.from_ndarray(pcm[None, :], format="s16", layout="mono")
        frame.sample_rate = rate
        return self.push(frame)

    def finish(self) -> NDArray[np.float32]:
        """Return the rest; it is of no use afterwards."""
        return _joined(self._resampler.resample(None))


def _joined(frames: list[av.AudioFrame]) -> NDArray[np.float32]:
    pieces = [frame.to_ndarray()[0] for frame in frames]
    return np.concatenate(pieces).astype(np.float32) if pieces else np.zeros(0, np.float32)


def s16le(samples: NDArray[np.float32]) -> bytes:
    """Return samples from -1 to 1 as 16-bit integers, little endian; louder ones are clipped."""
    return np.rint(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()


def wav_header(rate: int, size: int | None = None) -> bytes:
    """Return the header of a WAV file of mono s16le audio.

    Args:
        rate: In Hz.
        size: Of the audio in bytes; None if that is not known yet. Then both sizes are the largest number there is,
            as OpenAI's API has it.
    """
    riff, data = (_UNKNOWN, _UNKNOWN) if size is None else (36 + size, size)
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", riff, b"WAVE", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16, b"data", data
    )
