"""Speech over HTTP, as an actor: each piece of text is a request."""

from functools import partial

from ....runtime import Duplex
from ...contracts import Say, Speech, Synthesize
from ...errors import RequestTooLong
from ...http import HttpClient
from ...provider import SpeakingActor
from ...samples import RawSamples
from ...synthesis import Piece, speak_each
from .endpoint import DeepgramApi, DeepgramEndpoint
from .wire.speak import LONGEST, SpeakOptions, encode_text, speak_query


class DeepgramSpeech(SpeakingActor[DeepgramApi]):
    """Speaks texts of up to 2000 characters.

    Args:
        http: The pool of connections.
        endpoint: Where the API is.
        options: How to speak.
    """

    def __init__(self, http: HttpClient, endpoint: DeepgramEndpoint, options: SpeakOptions) -> None:
        super().__init__(DeepgramApi(http, endpoint))
        self._options = options

    async def synthesize(self, request: Synthesize, caller: Duplex[Speech, Say]) -> None:
        """Speak the pieces in their order. Cancelling closes the requests that are under way."""
        api = self._api.of(request.model or self._options.model)
        path = f"/v1/speak?{speak_query(self._options, request, api.provider, streamed=False)}"
        await speak_each(caller, self._options.rate, partial(self._speak, api, path), api.meter, api.provider)

    async def _speak(self, api: DeepgramApi, path: str, text: str, piece: Piece) -> None:
        if len(text) > LONGEST:
            raise RequestTooLong(api.provider, f"more than {LONGEST} characters in a piece")
        samples = RawSamples()
        async with api.post(path, encode_text(text)) as answer:
            await api.check_type(answer, "audio/", "application/octet-stream")
            async for chunk in answer.chunks():
                await piece.push(samples.push(chunk))
