"""Recognition of recordings, as an actor: the utterance is collected and sent as a whole."""

from typing import ClassVar

from ....codecs.audio_writer import wav_header
from ....runtime import Actor, Duplex
from ...contracts import GetUsage, ListModels, Model, Transcribe, Transcript, Usage
from ...http import HttpClient
from ...recording import collect
from ...usage import Meter
from .endpoint import DeepgramApi, DeepgramEndpoint
from .wire.listen import ListenOptions, decode_recording, listen_query

LARGEST_ANSWER = 64 * 2**20
"""Bytes: word times take some two hundred per word."""


class DeepgramTranscription(Actor):
    """Writes down recordings: cheaper than `DeepgramRecogniser`, and without partial transcripts.

    Args:
        http: The pool of connections.
        endpoint: Where the API is.
        options: How to listen.
    """

    max_concurrency: ClassVar[int] = 64

    def __init__(self, http: HttpClient, endpoint: DeepgramEndpoint, options: ListenOptions) -> None:
        self._api = DeepgramApi(http, endpoint)
        self._options = options
        self._meter = Meter()

    async def transcribe(self, request: Transcribe, caller: Duplex[Transcript, bytes]) -> None:
        """Hear one utterance; nothing is sent before all of it is there."""
        pcm = await collect(caller, self._api.provider)
        if not pcm:
            await caller.send(Transcript("", final=True))
            return
        path = f"/v1/listen?{listen_query(self._options, request, streamed=False)}"
        body = wav_header(request.rate, 1, len(pcm)) + pcm
        with self._meter.call():
            async with self._api.post(path, body, "audio/wav") as answer:
                await self._api.check_type(answer, "application/json")
                transcript = decode_recording(await answer.read(LARGEST_ANSWER), self._api.provider)
        self._meter.add(Usage(seconds=len(pcm) / (2 * request.rate)))
        await caller.send(transcript)

    async def models(self, request: ListModels) -> tuple[Model, ...]:
        """Return the models that there are."""
        return await self._api.models()

    def usage(self, request: GetUsage) -> Usage:
        """Return what was used so far."""
        return self._meter.usage
