"""A function that hears."""

from ....codecs.pcm import Pcm, to_float32
from ....codecs.resample import resample
from ....runtime import Duplex
from ...contracts import Transcribe, Transcript, Usage
from ...recording import collect
from .base import FunctionActor


class FunctionRecogniser(FunctionActor):
    """Writes down what a function understands of an utterance, once it is over.

    The function takes samples and returns a text, or gives it piece by piece: ``def hear(samples: NDArray[float32]) ->
    str``; the samples are mono, of shape ``(n,)``, from -1 to 1.

    Args:
        provider: Its name, for errors.
        function: Such as ``package.module:function``.
        rate: Of the samples, in Hz.
    """

    def __init__(self, provider: str, function: str, rate: int) -> None:
        super().__init__(provider, function)
        self._rate = rate

    async def transcribe(self, request: Transcribe, caller: Duplex[Transcript, bytes]) -> None:
        """Hear one utterance."""
        heard = Pcm.from_bytes(await collect(caller, self._provider), request.rate)
        samples = to_float32(resample(heard, self._rate).samples[:, 0])
        text, meter = "", self.meter(request.model)
        with meter.call():
            meter.add(Usage(seconds=heard.duration))
            async with self._callee.pieces(samples) as pieces:
                async for piece in pieces:
                    if not isinstance(piece, str):
                        raise self.misfit(piece, "text")
                    text += piece
                    await caller.send(Transcript(text))
        await caller.send(Transcript(text, final=True))
