"""The server: keys, models, headers, and whose turn it is to answer."""

import hmac
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from itertools import count
from typing import ClassVar, Final, TypeVar

import msgspec
from anyio import to_thread
from starlette.requests import Request

from ..answers import Answer, Refused, json_answer
from ..replies import ModelWire, Reply
from ..server import Handler
from ..socket import SocketHandler
from . import chat, embeddings, images, speech, transcription
from .realtime_connections import RealtimeConnections
from .refusals import invalid, missing_key, no_such_model, refusal, wrong_key

T = TypeVar("T")

MODELS: Final = ("gpt-4o-mini", "gpt-4o-mini-transcribe", "gpt-4o-mini-tts", "gpt-realtime", "tts-1", "whisper-1")


class OpenAiWire(ModelWire):
    """OpenAI's HTTP API; `base_url` is what a client is to be given.

    Args:
        keys: Which are accepted; empty for any, and none.
        models: Those there are; None for any name.
        quirks: In what it differs from OpenAI's own.
    """

    prefix: ClassVar[str] = "/v1"
    """Of all paths."""
    realtime: ClassVar[bool] = True
    """Whether it has the realtime API, which those that speak the rest of it have not."""

    def __init__(
        self, *, keys: Iterable[str] = (), models: Iterable[str] | None = None, quirks: chat.Quirks | None = None
    ) -> None:
        super().__init__()
        self.quirks = quirks or chat.Quirks()
        self._keys = tuple(keys)
        self._models = None if models is None else tuple(models)
        self._heard: deque[transcription.Heard] = deque()
        self._realtime = RealtimeConnections(self._keys, self._models, self.next_reply, self._hear_turn)
        self._numbers = count(1)

    @property
    def base_url(self) -> str:
        """Where the API is, such as ``http://127.0.0.1:40123/v1``."""
        return self.url + self.prefix

    # -- what a test asks for ------------------------------------------------------------------------------------------

    def hear(self, text: str, language: str = "english") -> None:
        """Say what is heard in the next upload, or turn, that has no text yet; by default how long it is."""
        self._heard.append(transcription.Heard(text, language))

    def reset(self) -> None:
        """Forget requests, faults, replies and texts."""
        super().reset()
        self._heard.clear()
        self.quirks = chat.Quirks()

    # -- what a provider is --------------------------------------------------------------------------------------------

    def handlers(self) -> dict[tuple[str, str], Handler]:
        """See `WireServer.handlers`."""
        minting = {("POST", f"{self.prefix}/realtime/client_secrets"): self._guarded(self._realtime.mint)}
        return (minting if self.realtime else {}) | {
            ("GET", f"{self.prefix}/models"): self._guarded(self._list_models),
            ("GET", f"{self.prefix}/models/{{model:path}}"): self._guarded(self._get_model),
            ("POST", f"{self.prefix}/chat/completions"): self._guarded(self._chat),
            ("POST", f"{self.prefix}/embeddings"): self._guarded(self._embeddings),
            ("POST", f"{self.prefix}/images/generations"): self._guarded(self._images),
            ("POST", f"{self.prefix}/audio/speech"): self._guarded(self._speech),
            ("POST", f"{self.prefix}/audio/transcriptions"): self._guarded(self._transcription),
        }

    def sockets(self) -> dict[str, SocketHandler]:
        """See `WireServer.sockets`."""
        return {f"{self.prefix}/realtime": self._realtime.talk} if self.realtime else {}

    def refuse(self, status: int, code: str | None = None) -> Answer:
        """See `WireServer.refuse`."""
        return refusal(status, code)

    def headers(self) -> dict[str, str]:
        """See `WireServer.headers`."""
        return {
            "openai-organization": "troupe-wire",
            "openai-processing-ms": "12",
            "openai-version": "2020-10-01",
            "x-ratelimit-limit-requests": "10000",
            "x-ratelimit-limit-tokens": "200000",
            "x-ratelimit-remaining-requests": "9999",
            "x-ratelimit-remaining-tokens": "199000",
            "x-ratelimit-reset-requests": "8.64s",
            "x-ratelimit-reset-tokens": "6m0s",
            "x-request-id": f"req_{next(self._numbers):032x}",
            "server": "cloudflare",
        }

    def list_models(self, names: tuple[str, ...]) -> object:
        """Return the body of the list of models."""
        return {"object": "list", "data": [_model(name) for name in names]}

    def answer_chat(self, asked: chat.Asked, reply: Reply, number: int) -> Answer:
        """Return the answer to a chat completion; `number` makes its id."""
        return chat.answer(asked, reply, number, self.quirks)

    def answer_images(self, body: bytes) -> Answer:
        """Return the answer to a request for pictures; this takes its time, in a thread."""
        asked = decode_body(body, images.Asked)
        asked.check()
        self.check_model(asked.model)
        return images.answer(asked)

    def answer_speech(self, body: bytes) -> Answer:
        """Return the answer to a request for speech; this takes its time, in a thread."""
        asked = decode_body(body, speech.Asked)
        asked.check()
        self.check_model(asked.model)
        return speech.answer(asked)

    def answer_transcription(self, upload: transcription.Upload, said: transcription.Heard) -> Answer:
        """Return the answer to a recording."""
        return transcription.answer(upload, said)

    def unsaid(self, upload: transcription.Upload) -> transcription.Heard:
        """Return what is heard in a recording of which a test has said nothing."""
        return transcription.Heard(f"{upload.seconds:.2f} seconds of audio")

    def _hear_turn(self, seconds: float) -> str:
        return self._heard.popleft().text if self._heard else f"{seconds:.2f} seconds of audio"

    def check_model(self, model: str) -> None:
        """Raise `Refused` if there is no such model."""
        if self._models is not None and model not in self._models:
            raise no_such_model(model)

    def refusal(self, answer: Answer) -> Answer:
        """Return an error as the provider writes it; `answer` is as OpenAI does."""
        return answer

    def _guarded(self, handler: Callable[[Request], Awaitable[Answer]]) -> Handler:
        async def guarded(request: Request) -> Answer:
            scheme, _, key = request.headers.get("authorization", "").partition(" ")
            if self._keys and (scheme.lower() != "bearer" or not key):
                return self.refusal(missing_key())
            if self._keys and not any(hmac.compare_digest(key, known) for known in self._keys):
                return self.refusal(wrong_key(key))
            try:
                return await handler(request)
            except Refused as refused:
                return self.refusal(refused.answer)

        return guarded

    async def _list_models(self, _request: Request) -> Answer:
        return json_answer(self.list_models(self._models or MODELS))

    async def _get_model(self, request: Request) -> Answer:
        name = request.path_params["model"]
        if name not in (self._models or MODELS):
            raise no_such_model(name)
        return json_answer(_model(name))

    async def _chat(self, request: Request) -> Answer:
        asked = decode_body(await request.body(), chat.Asked)
        asked.check()
        self.check_model(asked.model)
        return self.answer_chat(asked, self.next_reply(asked.last_text()), next(self._numbers))

    async def _embeddings(self, request: Request) -> Answer:
        asked = decode_body(await request.body(), embeddings.Asked)
        asked.check()
        self.check_model(asked.model)
        return embeddings.answer(asked)

    async def _images(self, request: Request) -> Answer:
        return await to_thread.run_sync(self.answer_images, await request.body())

    async def _speech(self, request: Request) -> Answer:
        return await to_thread.run_sync(self.answer_speech, await request.body())

    async def _transcription(self, request: Request) -> Answer:
        async with request.form() as form:
            upload = await transcription.read_upload(form)
        self.check_model(upload.model)
        return self.answer_transcription(upload, self._heard.popleft() if self._heard else self.unsaid(upload))


def _model(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": chat.CREATED, "owned_by": "system", "shutdown_date": None}


def decode_body(body: bytes, form: type[T]) -> T:
    """Decode a body, or say what is wrong with it as the API does."""
    try:
        return msgspec.json.decode(body, type=form)
    except msgspec.ValidationError as error:
        missing = str(error).partition("missing required field `")[2].partition("`")[0]
        if missing:
            raise invalid(f"Missing required parameter: '{missing}'.", missing, "missing_required_parameter") from None
        path = str(error).partition("at `$.")[2].partition("`")[0].partition("[")[0]
        raise invalid(f"Invalid type for '{path}'.", path, "invalid_type") from None
    except msgspec.DecodeError:
        raise Refused(refusal(400)) from None
