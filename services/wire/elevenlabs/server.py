"""The server: keys, paths, and the conversations."""

import hmac
from collections.abc import Iterable
from typing import Final, TypeVar

import msgspec
from anyio import to_thread
from starlette.datastructures import Headers, UploadFile
from starlette.requests import Request

from ..answers import Answer, Refused, json_answer
from ..hearing import HearingWire, heard, seconds_of
from ..server import Handler
from ..socket import SocketHandler, WireSocket
from . import conversations, speech
from .conversations import Realtime, timed, written
from .refusals import REQUEST_ID, misplaced, refusal
from .voices import Library, listed_models

T = TypeVar("T")

PATIENCE: Final = 20.0
"""Seconds without a message after which a speaker closes."""
STT_MODELS: Final = frozenset({"scribe_v1", "scribe_v2", "scribe_v3"})
REALTIME_MODELS: Final = frozenset({"scribe_v2_realtime", "scribe_v3_live"})


class ElevenLabsWire(HearingWire):
    """ElevenLabs' API; `url` is what a client is to be given.

    Args:
        keys: Which are accepted; empty for any, and none.
        patience: Seconds without a message after which a speaker closes, unless the client says otherwise.
    """

    def __init__(self, *, keys: Iterable[str] = (), patience: float = PATIENCE) -> None:
        super().__init__()
        self._keys = tuple(keys)
        self._patience = patience
        self._library = Library()

    def reset(self) -> None:
        """Forget requests, faults, texts, and voices that were made."""
        super().reset()
        self._library.clear()

    # -- what a provider is --------------------------------------------------------------------------------------------

    def handlers(self) -> dict[tuple[str, str], Handler]:
        """See `WireServer.handlers`."""
        speak = "/v1/text-to-speech/{voice}"
        return {
            ("POST", speak): self._say,
            ("POST", f"{speak}/stream"): self._say,
            ("POST", f"{speak}/with-timestamps"): self._say_timed,
            ("POST", f"{speak}/stream/with-timestamps"): self._say_timed,
            ("POST", "/v1/speech-to-text"): self._hear_recording,
            ("GET", "/v2/voices"): self._voices,
            ("POST", "/v1/voices/add"): self._add_voice,
            ("DELETE", "/v1/voices/{voice}"): self._delete_voice,
            ("GET", "/v1/models"): self._models,
        }

    def sockets(self) -> dict[str, SocketHandler]:
        """See `WireServer.sockets`."""
        speak = "/v1/text-to-speech/{voice}"
        return {
            f"{speak}/stream-input": self._say_stream,
            f"{speak}/multi-stream-input": self._say_stream,
            "/v1/speech-to-text/realtime": self._hear_stream,
        }

    def refuse(self, status: int, code: str | None = None) -> Answer:
        """See `WireServer.refuse`."""
        return refusal(status, code)

    def headers(self) -> dict[str, str]:
        """See `WireServer.headers`."""
        return {"request-id": REQUEST_ID, "x-region": "us-central1"}

    def _check_key(self, headers: Headers) -> None:
        key = headers.get("xi-api-key", "")
        if self._keys and not any(hmac.compare_digest(key, known) for known in self._keys):
            raise Refused(refusal(401))

    def admit(self, request: Request) -> None:
        """See `WireServer.admit`."""
        self._check_key(request.headers)

    async def _models(self, _request: Request) -> Answer:
        return json_answer(listed_models())

    async def _voices(self, request: Request) -> Answer:
        start, size = (
            int(request.query_params.get(name, usual)) for name, usual in (("next_page_token", 0), ("page_size", 10))
        )
        return json_answer(self._library.page(start, size))

    async def _add_voice(self, request: Request) -> Answer:
        async with request.form() as form:
            name, files = form.get("name"), form.getlist("files")
            if not isinstance(name, str) or not name:
                raise misplaced("name")
            if not files or not all(isinstance(file, UploadFile) for file in files):
                raise misplaced("files")
            try:
                labels = msgspec.json.decode(str(form.get("labels") or "null"), type=dict[str, str] | None)
            except msgspec.DecodeError:
                raise misplaced("labels") from None
        return json_answer({"voice_id": self._library.add(name, labels or {}), "requires_verification": False})

    async def _delete_voice(self, request: Request) -> Answer:
        self._library.delete(request.path_params["voice"])
        return json_answer({"status": "ok"})

    # -- speaking ------------------------------------------------------------------------------------------------------

    async def _asked(self, request: Request) -> tuple[speech.Asked, str, speech.Format]:
        form = speech.read_format(request.query_params.get("output_format", "mp3_44100_128"))
        voice = request.path_params["voice"]
        if voice not in self._library:
            raise Refused(refusal(404))
        asked = _decode(await request.body(), speech.Asked)
        asked.check()
        return asked, voice, form

    async def _say(self, request: Request) -> Answer:
        answer = await to_thread.run_sync(speech.whole, *await self._asked(request))
        return answer.with_headers(character_cost="12")

    async def _say_timed(self, request: Request) -> Answer:
        parts = list(speech.timed(*await self._asked(request)))
        if request.url.path.endswith("/stream/with-timestamps"):
            lines = tuple(msgspec.json.encode(part) + b"\n\n" for part in parts)
            return Answer(headers={"content-type": "application/json"}, steps=lines, streamed=True)
        if len(parts) > 1:
            raise Refused(refusal(400, message="This server says no more than ten characters in one piece."))
        return json_answer(parts[0])

    async def _say_stream(self, socket: WireSocket) -> None:
        self._check_key(socket.headers)
        form = speech.read_format(socket.query.get("output_format", "mp3_44100_128"))
        await socket.accept(self.headers())
        several = socket.exchange.path.endswith("/multi-stream-input")
        talk = conversations.speak_in_contexts if several else conversations.speak
        model = socket.query.get("model_id", "eleven_multilingual_v2")
        patience = float(socket.query.get("inactivity_timeout", self._patience))
        voice = socket.path_params["voice"]
        await talk(socket, voice if voice in self._library else None, model, form, patience)

    # -- listening -----------------------------------------------------------------------------------------------------

    async def _hear_recording(self, request: Request) -> Answer:
        async with request.form() as form:
            file, model = form.get("file"), form.get("model_id")
            if not isinstance(file, UploadFile):
                raise misplaced("file")
            if model not in STT_MODELS:
                raise Refused(refusal(400, "model_not_found", "A model with this id does not exist."))
            audio, raw = await file.read(), form.get("file_format") == "pcm_s16le_16"
            language = str(form.get("language_code") or "eng")
        seconds = len(audio) / 32_000 if raw else await seconds_of(audio)
        if seconds is None:
            raise Refused(refusal(400, "invalid_content", "The file is corrupted."))
        words = heard(self.next_text(), seconds, whole=True)
        return json_answer(
            {
                "language_code": language,
                "language_probability": 0.98,
                "text": written(words),
                "words": timed(words),
                "transcription_id": "9Z8y",
                "audio_duration_secs": seconds,
            }
        )

    async def _hear_stream(self, socket: WireSocket) -> None:
        self._check_key(socket.headers)
        query = socket.query
        kind, _, rate = query.get("audio_format", "pcm_16000").partition("_")
        if query.get("model_id") not in REALTIME_MODELS:
            raise Refused(refusal(400, "model_not_found", "A model with this id does not exist."))
        if kind != "pcm" or not rate.isdecimal():
            raise Refused(refusal(400, "invalid_audio_format", "This audio format does not exist."))
        await socket.accept(self.headers())
        asked = Realtime(
            model=query["model_id"],
            rate=int(rate),
            timestamps=query.get("include_timestamps") == "true",
            language=query.get("language_code", "eng"),
        )
        await conversations.listen(socket, asked, self.next_text())


def _decode(body: bytes, form: type[T]) -> T:
    """Decode a body, or say what is wrong with it as the API does."""
    try:
        return msgspec.json.decode(body, type=form)
    except msgspec.ValidationError as error:
        raise misplaced(str(error).partition("`")[2].partition("`")[0]) from None
    except msgspec.DecodeError:
        raise misplaced("body") from None
