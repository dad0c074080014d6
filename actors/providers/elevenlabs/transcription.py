"""Recognition of recordings, as an actor: the utterance is collected and sent as a whole."""

from typing import ClassVar, Final

from ....runtime import Actor, Duplex
from ...contracts import GetUsage, ListModels, Model, Transcribe, Transcript, Usage
from ...http import HttpClient
from ...recording import collect
from ...usage import Meter
from .endpoint import ElevenLabsApi, ElevenLabsEndpoint
from .wire.recognition import SHORTEST, RecognitionOptions, decode_recording, encode_recording

LARGEST_ANSWER: Final = 64 * 2**20
"""Bytes: word times take some hundred and fifty per word."""


class ElevenLabsTranscription(Actor):
    """Writes down recordings.

    Args:
        http: The pool of connections.
        endpoint: Where the API is.
        options: How to listen.
    """

    max_concurrency: ClassVar[int] = 64

    def __init__(self, http: HttpClient, endpoint: ElevenLabsEndpoint, options: RecognitionOptions) -> None:
        self._api = ElevenLabsApi(http, endpoint)
        self._options = options
        self._meter = Meter()

    async def transcribe(self, request: Transcribe, caller: Duplex[Transcript, bytes]) -> None:
        """Hear one utterance; nothing is sent before all of it is there."""
        pcm = await collect(caller, self._api.provider)
        seconds = len(pcm) / (2 * request.rate)
        if seconds < SHORTEST:
            await caller.send(Transcript("", final=True))
            return
        form = encode_recording(pcm, request, self._options)
        with self._meter.call():
            async with self._api.post("/v1/speech-to-text", form.body, form.content_type) as answer:
                await self._api.check_type(answer, "application/json")
                transcript = decode_recording(await answer.read(LARGEST_ANSWER), self._api.provider)
        self._meter.add(Usage(seconds=seconds))
        await caller.send(transcript)

    async def models(self, request: ListModels) -> tuple[Model, ...]:
        """Return the models that there are."""
        return await self._api.models()

    def usage(self, request: GetUsage) -> Usage:
        """Return what was used so far."""
        return self._meter.usage
