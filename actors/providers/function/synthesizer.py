"""A function that speaks."""

from typing import Final, cast

import numpy as np

from ....codecs.pcm import Samples, to_int16
from ....runtime import Duplex
from ...contracts import Say, Speech, Synthesize, Usage
from ...synthesis import has_letters
from .base import FunctionActor

_FORMS: Final = (np.dtype("i2"), np.dtype("f4"))


class FunctionSynthesizer(FunctionActor):
    """Speaks with the samples that a function makes of each piece of text.

    The function takes a text and returns samples, or gives them piece by piece: ``def speak(text: str) -> samples``.
    Samples are a numpy array of shape ``(n,)``, mono, int16 or float32 from -1 to 1; or bytes, s16le.

    Args:
        provider: Its name, for errors.
        function: Such as ``package.module:function``.
        rate: Of its samples, in Hz.
    """

    def __init__(self, provider: str, function: str, rate: int) -> None:
        super().__init__(provider, function)
        self._rate = rate

    async def synthesize(self, request: Synthesize, caller: Duplex[Speech, Say]) -> None:
        """Speak each piece as it comes."""
        number, meter = 0, self.meter(request.model)
        async for say in caller:
            if has_letters(say.text):
                with meter.call():
                    meter.add(Usage(characters=len(say.text)))
                    async with self._callee.pieces(say.text) as pieces:
                        async for piece in pieces:
                            pcm = self._pcm(piece)
                            meter.add(Usage(seconds=len(pcm) / (2 * self._rate)))
                            await caller.send(Speech(number, pcm, self._rate))
            await caller.send(Speech(number, b"", self._rate, last=True))
            number += 1

    def _pcm(self, piece: object) -> bytes:
        if isinstance(piece, bytes | bytearray) and len(piece) % 2 == 0:
            return bytes(piece)
        samples = cast("Samples", piece)
        if getattr(piece, "dtype", None) in _FORMS and samples.ndim == 1:
            return to_int16(samples).tobytes()
        raise self.misfit(piece, "one-dimensional int16 or float32 samples, or whole samples as bytes")
