"""Audio to the bytes of a file or stream, in any of the formats of `encodings`."""

import os
import struct
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import BinaryIO, cast

import av
import av.codec

from .audio_encoder import AudioEncoder
from .encodings import Encoding
from .errors import UnsupportedFormat
from .ogg_writer import OggOpusWriter
from .output import Output
from .pcm import Int16

_WAV = struct.Struct("<4sI4s4sIHHIIHH4sI")
_MOST_RATE = 384_000
_UNKNOWN_SIZE = 0xFFFF_FFFF
_MOST_OF_A_WAV = _UNKNOWN_SIZE - _WAV.size


class AudioWriter(ABC):
    """Writes one piece or stream of audio; `audio_writer` makes one.

    Without a file its methods return what is to be sent next; with one they write to it, and return nothing.
    """

    def __init__(self, file: BinaryIO | None) -> None:
        self._file = file

    @abstractmethod
    def encode(self, samples: Int16) -> bytes:
        """Take samples of shape ``(n, channels)``."""

    @abstractmethod
    def finish(self) -> bytes:
        """Write what is left; after this it is used up."""

    def _put(self, data: bytes) -> bytes:
        if self._file is None:
            return data
        self._file.write(data)
        return b""


def audio_writer(
    encoding: Encoding, rate: int, channels: int, bit_rate: int | None = None, file: BinaryIO | None = None
) -> AudioWriter:
    """Make a writer.

    Args:
        encoding: the format.
        rate: of the samples, in Hz.
        channels: how many there are.
        bit_rate: in bit/s, for all channels together; None for the usual one.
        file: where it goes, from its present position on: a binary file that can seek. None for a stream.

    Raises:
        UnsupportedFormat: if this build of libav can't write it.
        ValueError: if the format can't hold this rate, so many channels, or a bit rate.
    """
    if not 0 < rate <= _MOST_RATE:
        raise ValueError(f"rate is {rate} Hz; it must be positive, and no more than {_MOST_RATE} Hz")
    if not 1 <= channels <= encoding.most_channels:
        raise ValueError(f"{encoding.name} is written with 1 to {encoding.most_channels} channels, not {channels}")
    if bit_rate is not None and encoding.bit_rate is None:
        raise ValueError(f"{encoding.name} loses nothing; it has no bit rate to choose")
    if encoding.codec is None:
        return _Wav(rate, channels, file) if encoding.name == "wav" else _Raw(file)
    settings = encoding.settings(rate, channels, bit_rate)
    if encoding.muxer is None:
        return _Ogg(encoding.codec, settings, rate, file)
    return _Container(encoding, settings, rate, file)


def wav_header(rate: int, channels: int, size: int | None = None) -> bytes:
    """Return what stands in front of s16le samples in a WAV file.

    Args:
        rate: in Hz.
        channels: how many are interleaved.
        size: of the samples in bytes; None for a stream whose end is not known.

    Raises:
        ValueError: if so much does not fit a WAV file: 4 GiB.
    """
    if size is not None and size > _MOST_OF_A_WAV:
        raise ValueError("a WAV file holds 4 GiB at most; use flac")
    riff, data = (_UNKNOWN_SIZE, _UNKNOWN_SIZE) if size is None else (_WAV.size - 8 + size, size)
    form = (16, 1, channels, rate, rate * channels * 2, channels * 2, 16)  # 16 bytes, PCM
    return _WAV.pack(b"RIFF", riff, b"WAVE", b"fmt ", *form, b"data", data)


class _Raw(AudioWriter):
    """Samples as they are."""

    def encode(self, samples: Int16) -> bytes:
        """Write the samples."""
        return self._put(samples.tobytes())

    def finish(self) -> bytes:
        """Write nothing."""
        return b""


class _Wav(AudioWriter):
    """Samples behind a header, which is corrected at the end if there is a file."""

    def __init__(self, rate: int, channels: int, file: BinaryIO | None) -> None:
        super().__init__(file)
        self._form = (rate, channels)
        self._size = 0
        self._header = wav_header(rate, channels)

    def encode(self, samples: Int16) -> bytes:
        """Write the samples, the first time behind the header."""
        header, self._header = self._header, b""
        self._size += samples.nbytes
        return self._put(header + samples.tobytes())

    def finish(self) -> bytes:
        """Write the header, now with the size, if it can be."""
        header = self._put(self._header)
        if self._file is not None:
            length = _WAV.size + self._size
            self._file.seek(-length, os.SEEK_CUR)
            self._file.write(wav_header(*self._form, self._size))
            self._file.seek(length - _WAV.size, os.SEEK_CUR)
        return header


class _Ogg(AudioWriter):
    """Opus in Ogg."""

    def __init__(self, codec: str, settings: Mapping[str, object], rate: int, file: BinaryIO | None) -> None:
        super().__init__(file)
        try:
            encoder = av.codec.Codec(codec, "w")
        except ValueError as error:  # PyAV's UnknownCodecError
            raise UnsupportedFormat(f"this build of libav has no encoder {codec}") from error
        context = cast("av.AudioCodecContext", av.codec.CodecContext.create(encoder, "w"))
        for name, value in settings.items():
            setattr(context, name, value)
        context.options = {"flags": "+bitexact"}
        context.thread_count = 1
        self._encoder = AudioEncoder(context, rate)
        assert context.extradata is not None
        self._pages = OggOpusWriter(context.extradata)

    def encode(self, samples: Int16) -> bytes:
        """Encode, and write pages."""
        return self._put(self._pages.write(self._encoder.encode(samples)))

    def finish(self) -> bytes:
        """Write the last pages."""
        return self._put(self._pages.write(self._encoder.finish(), final=True))


class _Container(AudioWriter):
    """Any codec in a container of libav."""

    def __init__(self, encoding: Encoding, settings: Mapping[str, object], rate: int, file: BinaryIO | None) -> None:
        super().__init__(file)
        assert encoding.codec is not None
        assert encoding.muxer is not None
        self._output = Output(encoding.muxer, encoding.live if file is None else encoding.whole, file)
        stream = self._output.add_encoder(encoding.codec, {}, **settings)
        self._encoder = AudioEncoder(stream.codec_context, rate, stream.encode)

    def encode(self, samples: Int16) -> bytes:
        """Encode and mux."""
        self._output.write(self._encoder.encode(samples))
        return self._output.take()

    def finish(self) -> bytes:
        """Encode and mux what is left."""
        self._output.write(self._encoder.finish())
        self._output.close()
        return self._output.take()
