"""Transcription, as an actor: the utterance is collected and sent as a whole; its text comes back in pieces."""

from ....runtime import Duplex
from ...contracts import Transcribe, Transcript, Usage
from ...http import HttpAnswer, HttpClient
from ...provider import ProviderActor
from ...recording import collect
from .api import OpenAiApi
from .endpoint import Endpoint
from .wire.transcription import (
    LARGEST_ANSWER,
    LARGEST_UPLOAD,
    SHORTEST,
    HeardSoFar,
    TranscriptionOptions,
    decode_transcript_event,
    decode_transcription,
    encode_transcription,
)


class OpenAiTranscription(ProviderActor[OpenAiApi]):
    """Writes down utterances of up to 25 MiB: about 13 minutes at 16 kHz.

    Args:
        http: The pool of connections.
        endpoint: Where the API is.
        options: How to transcribe.
    """

    def __init__(self, http: HttpClient, endpoint: Endpoint, options: TranscriptionOptions) -> None:
        super().__init__(OpenAiApi(http, endpoint))
        self._options = options

    async def transcribe(self, request: Transcribe, caller: Duplex[Transcript, bytes]) -> None:
        """Hear one utterance; nothing is sent before all of it is there."""
        pcm = await collect(caller, self._api.provider, LARGEST_UPLOAD)
        seconds = len(pcm) / (2 * request.rate)
        if seconds < SHORTEST:
            await caller.send(Transcript("", final=True))
            return
        form = encode_transcription(
            pcm,
            request.rate,
            self._options,
            model=request.model,
            language=request.language,
            prompt=request.prompt,
        )
        api = self._api.of(request.model or self._options.model)
        with api.meter.call():
            async with api.post("/audio/transcriptions", form.body, form.content_type) as answer:
                if answer.content_type == "text/event-stream":
                    await self._read_events(api, answer, caller)
                else:  # a model that does not stream, though it was asked to
                    await self._read_whole(api, answer, caller)
            api.meter.add(Usage(seconds=seconds))

    async def _read_events(self, api: OpenAiApi, answer: HttpAnswer, caller: Duplex[Transcript, bytes]) -> None:
        heard = HeardSoFar()
        async for event in answer.events():
            news = decode_transcript_event(event.data, api.provider)
            more = heard.take(news)
            if news.last:
                api.meter.add(news.tokens)
                break
            if more:
                await caller.send(Transcript(heard.text))
        await caller.send(heard.result(api.provider))
        await answer.drain()

    async def _read_whole(self, api: OpenAiApi, answer: HttpAnswer, caller: Duplex[Transcript, bytes]) -> None:
        whole = decode_transcription(await answer.read(LARGEST_ANSWER), api.provider)
        api.meter.add(whole.tokens)
        await caller.send(Transcript(whole.text or "", final=True, words=whole.timed()))
