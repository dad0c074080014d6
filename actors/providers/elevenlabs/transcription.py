"""Recognition of recordings, as an actor: the utterance is collected and sent as a whole."""

from typing import Final

from ....runtime import Duplex
from ...contracts import Transcribe, Transcript, Usage
from ...http import HttpClient
from ...provider import ProviderActor
from ...recording import collect
from .endpoint import ElevenLabsApi, ElevenLabsEndpoint
from .wire.recognition import SHORTEST, RecognitionOptions, decode_recording, encode_recording

LARGEST_ANSWER: Final = 64 * 2**20
"""Bytes: word times take some hundred and fifty per word."""


class ElevenLabsTranscription(ProviderActor[ElevenLabsApi]):
    """Writes down recordings.

    Args:
        http: The pool of connections.
        endpoint: Where the API is.
        options: How to listen.
    """

    def __init__(self, http: HttpClient, endpoint: ElevenLabsEndpoint, options: RecognitionOptions) -> None:
        super().__init__(ElevenLabsApi(http, endpoint))
        self._options = options

    async def transcribe(self, request: Transcribe, caller: Duplex[Transcript, bytes]) -> None:
        """Hear one utterance; nothing is sent before all of it is there."""
        pcm = await collect(caller, self._api.provider)
        seconds = len(pcm) / (2 * request.rate)
        if seconds < SHORTEST:
            await caller.send(Transcript("", final=True))
            return
        form = encode_recording(pcm, request, self._options)
        api = self._api.of(request.model or self._options.model)
        with api.meter.call():
            async with api.post("/v1/speech-to-text", form.body, form.content_type) as answer:
                await api.check_type(answer, "application/json")
                transcript = decode_recording(await answer.read(LARGEST_ANSWER), api.provider)
        api.meter.add(Usage(seconds=seconds))
        await caller.send(transcript)
