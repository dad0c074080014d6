"""Recognition of recordings, as an actor: the utterance is collected and sent as a whole."""

from ....codecs.audio_writer import wav_header
from ....runtime import Duplex
from ...contracts import Transcribe, Transcript, Usage
from ...http import HttpClient
from ...provider import ProviderActor
from ...recording import collect
from .endpoint import DeepgramApi, DeepgramEndpoint
from .wire.listen import ListenOptions, decode_recording, listen_query

LARGEST_ANSWER = 64 * 2**20
"""Bytes: word times take some two hundred per word."""


class DeepgramTranscription(ProviderActor[DeepgramApi]):
    """Writes down recordings: cheaper than `DeepgramRecogniser`, and without partial transcripts.

    Args:
        http: The pool of connections.
        endpoint: Where the API is.
        options: How to listen.
    """

    def __init__(self, http: HttpClient, endpoint: DeepgramEndpoint, options: ListenOptions) -> None:
        super().__init__(DeepgramApi(http, endpoint))
        self._options = options

    async def transcribe(self, request: Transcribe, caller: Duplex[Transcript, bytes]) -> None:
        """Hear one utterance; nothing is sent before all of it is there."""
        pcm = await collect(caller, self._api.provider)
        if not pcm:
            await caller.send(Transcript("", final=True))
            return
        path = f"/v1/listen?{listen_query(self._options, request, streamed=False)}"
        body = wav_header(request.rate, 1, len(pcm)) + pcm
        api = self._api.of(request.model or self._options.model)
        with api.meter.call():
            async with api.post(path, body, "audio/wav") as answer:
                await api.check_type(answer, "application/json")
                transcript = decode_recording(await answer.read(LARGEST_ANSWER), api.provider)
        api.meter.add(Usage(seconds=len(pcm) / (2 * request.rate)))
        await caller.send(transcript)
