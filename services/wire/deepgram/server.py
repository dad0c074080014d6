"""The server: keys, paths, and the two conversations."""

import hmac
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from anyio import to_thread
from starlette.datastructures import Headers
from starlette.requests import Request

from ....codecs.asset import load
from ....codecs.decode import read_audio
from ....codecs.errors import CodecError
from ..answers import Answer, Refused, json_answer
from ..hearing import HearingWire
from ..server import Handler
from ..socket import SocketHandler, WireSocket
from ..tone import pieces
from . import listen, models, speak
from .refusals import REQUEST_ID, bad_request, refusal

PATIENCE: Final = 10.0
"""Seconds without a message after which a listener closes."""


class DeepgramWire(HearingWire):
    """Deepgram's API; `url` is what a client is to be given.

    Args:
        keys: Which are accepted; empty for any, and none.
        patience: Seconds without a message after which a listener closes.
        syllables: Whether it hears words that are sung; see `troupe.services.wire.syllables`.
    """

    def __init__(self, *, keys: Iterable[str] = (), patience: float = PATIENCE, syllables: bool = False) -> None:
        super().__init__(syllables=syllables)
        self._keys = tuple(keys)
        self._patience = patience

    # -- what a provider is --------------------------------------------------------------------------------------------

    def handlers(self) -> dict[tuple[str, str], Handler]:
        """See `WireServer.handlers`."""
        return {
            ("POST", "/v1/listen"): self._hear_recording,
            ("POST", "/v1/speak"): self._say,
            ("GET", "/v1/models"): self._models,
        }

    def sockets(self) -> dict[str, SocketHandler]:
        """See `WireServer.sockets`."""
        return {"/v1/listen": self._hear_stream, "/v1/speak": self._say_stream}

    def refuse(self, status: int, code: str | None = None) -> Answer:
        """See `WireServer.refuse`."""
        return refusal(status, code)

    def headers(self) -> dict[str, str]:
        """See `WireServer.headers`."""
        return {"dg-request-id": REQUEST_ID}

    def _check_key(self, headers: Headers) -> None:
        scheme, _, key = headers.get("authorization", "").partition(" ")
        known = scheme.lower() in {"token", "bearer"} and any(hmac.compare_digest(key, known) for known in self._keys)
        if self._keys and not known:
            raise Refused(refusal(401))

    def admit(self, request: Request) -> None:
        """See `WireServer.admit`."""
        self._check_key(request.headers)

    async def _models(self, _request: Request) -> Answer:
        return json_answer(models.listed())

    # -- listening -----------------------------------------------------------------------------------------------------

    async def _hear_recording(self, request: Request) -> Answer:
        asked = listen.read_query(request.query_params, streamed=False)
        audio = await request.body()
        if not audio:
            raise bad_request("failed to process audio: corrupt or unsupported data")
        if "encoding" in request.query_params:
            seconds = asked.seconds(len(audio))
        else:
            try:
                seconds = await to_thread.run_sync(lambda: read_audio(load(audio)).duration)
            except CodecError:
                raise bad_request("failed to process audio: corrupt or unsupported data") from None
        return listen.recording(asked, audio, seconds, self.next_text())

    async def _hear_stream(self, socket: WireSocket) -> None:
        self._check_key(socket.headers)
        asked = listen.read_query(socket.query, streamed=True)
        listener = listen.Listener(asked, self.next_hearing(asked.rate))
        await socket.accept(self.headers())
        while True:
            message = await socket.receive_within(self._patience)
            if message is None:
                await socket.close(1011, "NET-0001: no audio data or message was received within the timeout window")
            answers: Iterable[dict[str, Any]] = ()
            match message:
                case bytes() if message:
                    answers = listener.push(message)
                case bytes():
                    break
                case _:
                    kind = _kind(message)
                    if kind == "CloseStream":
                        break
                    if kind not in {"KeepAlive", "Finalize"}:
                        await socket.send(_SCHEMA_ERROR)
                        await socket.close(1008, "DATA-0000")
                    if kind == "Finalize":
                        answers = listener.finalize()
            for answer in answers:
                await socket.send(answer)
        for answer in listener.finish():
            await socket.send(answer)

    # -- speaking ------------------------------------------------------------------------------------------------------

    async def _say(self, request: Request) -> Answer:
        asked = speak.read_query(request.query_params, streamed=False)
        try:
            text = msgspec.json.decode(await request.body(), type=_Text).text
        except msgspec.DecodeError:
            raise bad_request(
                "Failed to deserialize JSON payload. Please specify exactly one of `text` or `url`"
            ) from None
        if not text.strip():
            raise bad_request("Input text is empty")
        if len(text) > speak.LONGEST:
            raise Refused(refusal(413, "Input text exceeds maximum character limit of 2000"))
        return await to_thread.run_sync(speak.answer, asked, text)

    async def _say_stream(self, socket: WireSocket) -> None:
        self._check_key(socket.headers)
        asked = speak.read_query(socket.query, streamed=True)
        await socket.accept(self.headers())
        await socket.send(speak.metadata(asked))
        text, flushed, cleared = "", 0, 0
        while True:
            message = await socket.receive()
            kind = _kind(message) if isinstance(message, str) else ""
            match kind:
                case "Speak":
                    more = msgspec.json.decode(message, type=_Text).text
                    if len(more) > speak.LONGEST:
                        await socket.close(1008, "DATA-0001: input text is too long")
                    text += more
                case "Flush" | "Close":
                    for piece in pieces(speak.samples(asked, text), asked.rate):
                        await socket.send(piece)
                    text = ""
                    if kind == "Close":
                        return
                    await socket.send({"type": "Flushed", "sequence_id": flushed})
                    flushed += 1
                case "Clear":
                    text = ""
                    await socket.send({"type": "Cleared", "sequence_id": cleared})
                    cleared += 1
                case _:
                    await socket.close(1003, "MESSAGE-0000: this message is not understood")


class _Text(msgspec.Struct):
    text: str


class _Kind(msgspec.Struct):
    type: str


_SCHEMA_ERROR: Final[dict[str, Any]] = {
    "type": "Error",
    "variant": "SchemaError",
    "description": "Could not deserialize last text message: check the format of your message",
    "message": "unknown variant",
}


def _kind(message: str) -> str:
    try:
        return msgspec.json.decode(message, type=_Kind).type
    except msgspec.DecodeError:
        return ""
