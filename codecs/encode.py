"""Encoding audio: whole, or as it comes.

What can be exact is exact: what an encoder puts in front (its delay, Opus's pre-skip) and behind (padding) is declared
where the format has a place for it, and a player leaves it out. `encodings.ENCODINGS` names the formats.
"""

import io
from pathlib import Path
from typing import BinaryIO

import numpy as np

from .audio_writer import AudioWriter, audio_writer
from .encodings import encoding_named
from .pcm import Int16, Pcm, to_int16


def encode(pcm: Pcm, form: str, *, bit_rate: int | None = None) -> bytes:
    """Encode audio to a file.

    Args:
        pcm: the audio; float samples are clamped.
        form: ``wav``, ``mp3``, ``ogg`` (Opus), ``webm`` (Opus), ``m4a`` (AAC in MP4), ``aac`` (ADTS), ``flac``, or
            ``pcm`` for bare s16le samples.
        bit_rate: in bit/s, for all channels together; None for a default that suits speech.

    Returns:
        The file. Decoded it has as many frames as `pcm`, if the format knows its rate. Exceptions: ``aac`` has no place
        for the encoder's delay and padding; libav (8.1 still) takes the padding of an ``m4a`` for audio, although the
        file says to the sample where it ends, and that of ``webm`` of less than 14 ms.

    Raises:
        UnsupportedFormat: if there is no such format here.
        ValueError: if the format can't hold so many channels, so much audio, or a bit rate.
    """
    file = io.BytesIO()
    encode_to(file, pcm, form, bit_rate=bit_rate)
    return file.getvalue()


def encode_to(target: str | Path | BinaryIO, pcm: Pcm, form: str | None = None, *, bit_rate: int | None = None) -> None:
    """Encode audio to a path, or to a binary file that can seek, at its present position.

    Args:
        target: where to; a file that exists is overwritten.
        pcm: as for `encode`.
        form: as for `encode`; None for what the path's extension says.
        bit_rate: as for `encode`.

    Raises:
        OSError: if the file can't be written.
        Otherwise as `encode`.
    """
    if isinstance(target, str | Path):
        encoding = encoding_named(form or Path(target).suffix.removeprefix(".").lower())
        with Path(target).open("w+b") as opened:
            encode_to(opened, pcm, encoding.name, bit_rate=bit_rate)
        return
    if form is None:
        raise ValueError("a file object does not tell the format; name it")
    writer = audio_writer(encoding_named(form), pcm.rate, pcm.channels, bit_rate, target)
    for start in range(0, pcm.frames, pcm.rate):
        writer.encode(to_int16(pcm.samples[start : start + pcm.rate]))
    writer.finish()


class StreamEncoder:
    """Encodes one stream of audio while it comes, such as the speech of a synthesizer.

    `push` returns bytes that can be sent on at once; all that was returned, joined, is the file. It needs no thread and
    no file. Dropping it frees everything.

    A stream can't be corrected at its start once its length is known. So WAV says that its size is unknown (the usual
    sign for it is 0xFFFFFFFF), MP4 is fragmented, WebM and FLAC don't say how long they are; and MP3 can't have its
    encoder's delay and padding left out. Ogg and WebM end exactly all the same.

    Args:
        form: as for `encode`.
        rate: of the samples, in Hz.
        channels: how many there are.
        bit_rate: in bit/s, for all channels together; None for a default that suits speech.

    Attributes:
        encoding: the format.
        rate: of the samples, in Hz.
        channels: how many there are.
        frames: pushed so far.

    Raises:
        UnsupportedFormat: if there is no such format here.
        ValueError: if the rate or number of channels can't be written, or the bit rate can't be chosen.
    """

    def __init__(self, form: str, rate: int, channels: int = 1, *, bit_rate: int | None = None) -> None:
        self.encoding = encoding_named(form)
        self.rate = rate
        self.channels = channels
        self.frames = 0
        self._writer: AudioWriter | None = audio_writer(self.encoding, rate, channels, bit_rate)

    @property
    def mime_type(self) -> str:
        """The MIME type of the stream."""
        return self.encoding.mime_type

    def push(self, samples: Int16) -> bytes:
        """Take int16 samples, shape ``(n,)`` if there is one channel, else ``(n, channels)``; any n.

        Returns:
            What is complete with them, which may be nothing: codecs work on frames of 20 to 100 ms.

        Raises:
            TypeError: if the samples are not int16.
            ValueError: after `finish`, or if the samples have another shape.
        """
        if self._writer is None:
            raise ValueError("this encoder is finished; make a new one for a new stream")
        if samples.dtype != np.int16:
            raise TypeError(f"samples are {samples.dtype}, not int16; troupe.codecs.pcm.to_int16 converts them")
        if samples.shape[1:] != (() if self.channels == 1 else (self.channels,)):
            raise ValueError(f"samples have shape {samples.shape}; there are {self.channels} channels")
        self.frames += len(samples)
        return self._writer.encode(samples.reshape(-1, self.channels))

    def finish(self) -> bytes:
        """Return what is left.

        Raises:
            ValueError: if it was called before.
        """
        writer, self._writer = self._writer, None
        if writer is None:
            raise ValueError("this encoder is finished; make a new one for a new stream")
        return writer.finish()
