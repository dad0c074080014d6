"""Audio as providers send it, turned into whole samples, mono s16le."""

from collections.abc import Callable, Iterator
from typing import Protocol

from ..codecs.errors import CodecError
from ..codecs.incremental import IncrementalDecoder
from ..codecs.pcm import Pcm
from .errors import BrokenStream


class Samples(Protocol):
    """Turns the bytes of one piece into whole samples, mono s16le, however the network cut them."""

    def push(self, data: bytes) -> bytes:
        """Take more bytes; return the samples that are whole."""
        ...

    def finish(self) -> bytes:
        """End the piece; return the samples that were held back."""
        ...


class RawSamples:
    """PCM: only half a sample has to wait for its other half."""

    def __init__(self) -> None:
        self._odd = b""

    def push(self, data: bytes) -> bytes:
        """See `Samples.push`."""
        data = self._odd + data
        whole = len(data) & ~1
        self._odd = data[whole:]
        return data[:whole]

    def finish(self) -> bytes:
        """See `Samples.finish`."""
        return b""


class EncodedSamples:
    """Any other format, as its bytes tell; sizes in its header are not believed.

    Args:
        provider: For errors.
        rate: That the samples shall have, in Hz.
    """

    def __init__(self, provider: str, rate: int) -> None:
        self._provider = provider
        self._decoder = IncrementalDecoder(rate=rate, channels=1)

    def push(self, data: bytes) -> bytes:
        """See `Samples.push`.

        Raises:
            BrokenStream: The bytes can't be decoded.
        """
        return self._joined(lambda: self._decoder.push(data))

    def finish(self) -> bytes:
        """See `Samples.finish`.

        Raises:
            BrokenStream: What came is too little to be decoded.
        """
        return self._joined(self._decoder.finish)

    def _joined(self, decode: Callable[[], Iterator[Pcm]]) -> bytes:
        try:
            return b"".join(pcm.to_bytes() for pcm in decode())
        except CodecError as error:
            raise BrokenStream(self._provider, "the audio can't be decoded") from error
