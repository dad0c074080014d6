"""Raw audio as realtime and telephone protocols carry it: PCM16 and G.711, mono, in base64 or in bytes.

A protocol cuts the bytes where it likes, also in the middle of a sample; `AudioDecoder` puts such a sample together.
"""

from binascii import a2b_base64, b2a_base64
from collections.abc import Callable
from dataclasses import dataclass, replace

from .errors import BrokenMedia
from .g711 import decode_alaw, decode_ulaw, encode_alaw, encode_ulaw
from .pcm import Buffer, Int16, int16_from_bytes


def _encode_pcm16(samples: Int16) -> bytes:
    return samples.tobytes()


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """How mono samples become bytes.

    Attributes:
        name: as in the beta of the OpenAI Realtime protocol.
        mime_type: as in its final form.
        rate: samples per second, in Hz.
        sample_size: bytes per sample.
        decode: from bytes, a whole number of samples, to int16 of shape ``(n,)``; may be a view of the bytes.
        encode: from int16 of shape ``(n,)`` to bytes.
    """

    name: str
    mime_type: str
    rate: int
    sample_size: int
    decode: Callable[[Buffer], Int16]
    encode: Callable[[Int16], bytes]

    def encode_base64(self, samples: Int16) -> str:
        """Encode int16 samples of shape ``(n,)`` to base64."""
        return b2a_base64(self.encode(samples), newline=False).decode("ascii")


PCM16 = AudioFormat("pcm16", "audio/pcm", 24000, 2, int16_from_bytes, _encode_pcm16)
"""Signed, 16 bits, little-endian; 24 kHz, as the OpenAI Realtime protocol has it."""
G711_ULAW = AudioFormat("g711_ulaw", "audio/pcmu", 8000, 1, decode_ulaw, encode_ulaw)
G711_ALAW = AudioFormat("g711_alaw", "audio/pcma", 8000, 1, decode_alaw, encode_alaw)

AUDIO_FORMATS = {key: form for form in (PCM16, G711_ULAW, G711_ALAW) for key in (form.name, form.mime_type)}
"""The formats by name and by MIME type."""


def pcm16(rate: int) -> AudioFormat:
    """Return PCM16 at another rate, as telephone gateways use it ("L16": 8 or 16 kHz)."""
    return replace(PCM16, rate=rate)


class AudioDecoder:
    """Turn the chunks of one stream into samples, wherever the chunks were cut.

    Attributes:
        format: of the stream.
        pending: bytes of an incomplete sample, held until the rest of it comes; empty or one byte.
    """

    __slots__ = ("format", "pending")

    def __init__(self, form: AudioFormat) -> None:
        self.format = form
        self.pending = b""

    def push_base64(self, text: str | Buffer) -> Int16:
        """Decode one chunk of base64, which stands for itself: padded, and without line breaks.

        Returns:
            int16 of shape ``(n,)``, read-only.

        Raises:
            BrokenMedia: if it is not base64. Nothing of the chunk was taken; the stream may go on.
        """
        try:
            data = a2b_base64(text, strict_mode=True)
        except ValueError as error:
            raise BrokenMedia(f"the chunk of audio is not base64: {error}") from None
        return self.push(data)

    def push(self, data: bytes) -> Int16:
        """Decode one chunk of bytes.

        Returns:
            int16 of shape ``(n,)``, read-only; it may be a view of `data`.
        """
        if self.pending:
            data, self.pending = self.pending + data, b""
        if rest := len(data) % self.format.sample_size:
            data, self.pending = data[:-rest], data[-rest:]
        return self.format.decode(data)

    def reset(self) -> None:
        """Forget an incomplete sample, as at the end of an utterance or after a cleared buffer."""
        self.pending = b""
