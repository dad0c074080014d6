"""Speech, as an actor: each piece of text is a request, and so is each voice that is made from a recording."""

from functools import partial

from ....runtime import Duplex
from ...contracts import DeleteVoice, Say, Speech, Synthesize
from ...errors import BrokenStream, ModelNotFound
from ...http import HttpClient
from ...provider import CloningActor
from ...samples import RawSamples
from ...synthesis import Piece, speak_each
from .endpoint import ChatterboxApi, ChatterboxEndpoint
from .wire.speech import MODEL, SpeechEvents, SpeechOptions, encode_speech, wished


class ChatterboxSpeech(CloningActor[ChatterboxApi]):
    """Speaks texts of up to 3000 characters, in voices that `CloneVoice` makes from one recording each.

    The id of such a voice is its name. Ten seconds of a recording count.

    Args:
        http: The pool of connections.
        endpoint: Where the server is.
        options: How to speak.
    """

    def __init__(self, http: HttpClient, endpoint: ChatterboxEndpoint, options: SpeechOptions) -> None:
        super().__init__(ChatterboxApi(http, endpoint))
        self._options = options
        self._known: frozenset[str] = frozenset()

    async def synthesize(self, request: Synthesize, caller: Duplex[Speech, Say]) -> None:
        """Speak the pieces in their order. Cancelling closes the requests that are under way."""
        options = wished(self._options, request, self._api.provider)
        await self._check(options.voice)
        api = self._api.of(MODEL)
        await speak_each(caller, options.rate, partial(self._speak, api, options), api.meter, api.provider)

    async def _check(self, voice: str) -> None:
        """See that there is a voice: for one that it does not know the server speaks in another, and says nothing.

        Raises:
            ModelNotFound: There is none of that name.
        """
        if voice and voice not in self._known:
            self._known = await self._api.voice_names()
            if voice not in self._known:
                raise ModelNotFound(self._api.provider, "it is not in the library of voices")

    async def _speak(self, api: ChatterboxApi, options: SpeechOptions, text: str, piece: Piece) -> None:
        samples, events = RawSamples(), SpeechEvents(api.provider, options.rate)
        async with api.post("/audio/speech", encode_speech(text, options, api.provider)) as answer:
            await api.check_type(answer, "text/event-stream")
            async for data in answer.event_data():
                await piece.push(samples.push(events.push(data)))
                if events.done:
                    await answer.drain()
                    return
        raise BrokenStream(api.provider, "the stream ended before the speech did")

    async def delete(self, request: DeleteVoice) -> None:
        """Delete a voice, and forget that it was there."""
        self._known -= {request.id}
        await super().delete(request)
