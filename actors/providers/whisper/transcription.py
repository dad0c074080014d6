"""Transcription, as an actor: the utterance is collected and sent as a whole."""

from typing import Final

from ....runtime import Duplex
from ...contracts import Transcribe, Transcript, Usage
from ...http import HttpClient
from ...provider import ProviderActor
from ...recording import collect
from .endpoint import WhisperApi, WhisperEndpoint
from .wire.transcription import LARGEST_ANSWER, SHORTEST, TranscriptionOptions, decode, encode

MODEL: Final = "whisper"
"""What the model is called that a server has, where a request does not say."""


class WhisperTranscription(ProviderActor[WhisperApi]):
    """Writes down utterances, with the times of words; a server hears one after the other, with the model that it has.

    Args:
        http: The pool of connections.
        endpoint: Where the server is, and which one.
        options: How to listen.
    """

    def __init__(self, http: HttpClient, endpoint: WhisperEndpoint, options: TranscriptionOptions) -> None:
        super().__init__(WhisperApi(http, endpoint))
        self._options = options

    async def transcribe(self, request: Transcribe, caller: Duplex[Transcript, bytes]) -> None:
        """Hear one utterance; nothing is sent before all of it is there. Cancelling closes the request."""
        api = self._api.of(request.model or MODEL)
        pcm = await collect(caller, api.provider)
        seconds = len(pcm) / (2 * request.rate)
        if seconds < SHORTEST:
            await caller.send(Transcript("", final=True))
            return
        path, form = encode(pcm, request, self._options, api.dialect)
        with api.meter.call():
            async with api.post(path, form.body, form.content_type) as answer:
                await api.check_type(answer, "application/json", "text/plain")
                transcript = decode(await answer.read(LARGEST_ANSWER), api.dialect, api.provider)
        api.meter.add(Usage(seconds=seconds))
        await caller.send(transcript)
