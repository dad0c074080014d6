"""The server: keys, paths, and the two conversations."""

import hmac
from collections.abc import Iterable
from typing import Any

import msgspec
from anyio import to_thread
from starlette.datastructures import Headers
from starlette.requests import Request

from ..answers import Answer, Refused, json_answer
from ..hearing import Heard, HearingWire
from ..server import Handler
from ..socket import SocketHandler, WireSocket
from . import speech
from .refusals import REQUEST_ID, bad_request, error_object, refusal

STT_MODELS = frozenset({"ink-2", "ink-whisper"})
WINDOW = 1.5
"""Seconds of audio after which what was heard is final."""


class CartesiaWire(HearingWire):
    """Cartesia's API; `url` is what a client is to be given.

    Args:
        keys: Which are accepted; empty for any, and none.
        syllables: Whether it hears words that are sung; see `troupe.services.wire.syllables`.
    """

    def __init__(self, *, keys: Iterable[str] = (), syllables: bool = False) -> None:
        super().__init__(syllables=syllables)
        self._keys = tuple(keys)

    # -- what a provider is --------------------------------------------------------------------------------------------

    def handlers(self) -> dict[tuple[str, str], Handler]:
        """See `WireServer.handlers`."""
        return {
            ("POST", "/tts/bytes"): self._say,
            ("GET", "/voices"): self._voices,
            ("GET", "/voices/"): self._voices,
        }

    def sockets(self) -> dict[str, SocketHandler]:
        """See `WireServer.sockets`."""
        return {"/tts/websocket": self._say_stream, "/stt/websocket": self._hear_stream}

    def refuse(self, status: int, code: str | None = None) -> Answer:
        """See `WireServer.refuse`."""
        return refusal(status, code)

    def headers(self) -> dict[str, str]:
        """See `WireServer.headers`."""
        return {"x-request-id": REQUEST_ID}

    def _check(self, headers: Headers, query: dict[str, str]) -> None:
        key = (
            headers.get("x-api-key")
            or headers.get("authorization", "").removeprefix("Bearer ")
            or query.get("api_key", "")
        )
        if self._keys and not any(hmac.compare_digest(key, known) for known in self._keys):
            raise Refused(refusal(401))
        if not (headers.get("cartesia-version") or query.get("cartesia_version")):
            raise bad_request("The header Cartesia-Version is missing.")

    def admit(self, request: Request) -> None:
        """See `WireServer.admit`."""
        self._check(request.headers, dict(request.query_params))

    async def _voices(self, request: Request) -> Answer:
        query = request.query_params
        return json_answer(speech.listed_voices(query.get("starting_after"), int(query.get("limit", 10))))

    # -- speaking ------------------------------------------------------------------------------------------------------

    async def _say(self, request: Request) -> Answer:
        try:
            asked = msgspec.json.decode(await request.body(), type=speech.Asked)
        except msgspec.DecodeError as error:
            raise bad_request(str(error)) from None
        asked.check()
        return await to_thread.run_sync(speech.answer, asked)

    async def _say_stream(self, socket: WireSocket) -> None:
        self._check(socket.headers, dict(socket.query))
        await socket.accept(self.headers())
        said: dict[str, float] = {}  # seconds, by context
        while True:
            message = await socket.receive()
            context: str | None = None
            try:
                order = msgspec.json.decode(message, type=_Order)
                context = order.context_id
                if order.cancel:
                    said.pop(context, None)
                    continue
                asked = msgspec.json.decode(message, type=speech.Asked)
                asked.check()
            except msgspec.DecodeError as error:
                await _complain(socket, context, error_object(400, message=str(error)))
                continue
            except Refused as refused:
                body = b"".join(step for step in refused.answer.steps if isinstance(step, bytes))
                await _complain(socket, context, msgspec.json.decode(body))
                continue
            start = said.get(context, 0.0)
            pcm = asked.samples()
            for one in speech.messages(asked, pcm, context, start):
                if one["type"] == "chunk" or order.add_timestamps:
                    await socket.send(one)
            said[context] = start + len(pcm) / 2 / asked.output_format.sample_rate
            about = {"context_id": context, "done": False, "status_code": 206}
            if order.flush:
                await socket.send({"type": "flush_done", **about, "flush_id": 1, "flush_done": True})
            if not order.continues:
                del said[context]
                await socket.send({"type": "done", "context_id": context, "done": True, "status_code": 200})

    # -- listening -----------------------------------------------------------------------------------------------------

    async def _hear_stream(self, socket: WireSocket) -> None:
        query = dict(socket.query)
        self._check(socket.headers, query)
        rate = query.get("sample_rate", "")
        if query.get("model") not in STT_MODELS:
            raise Refused(refusal(404, "model_not_found", "There is no such model."))
        if query.get("encoding") != "pcm_s16le" or not rate.isdecimal():
            raise bad_request("This server hears pcm_s16le only.")
        await socket.accept(self.headers())
        hearing = self.next_hearing(int(rate))
        size = given = shown = 0
        start = 0.0
        while True:
            message = await socket.receive()
            if isinstance(message, bytes):
                size += len(message)
                hearing.push(message)
            now = size / (2 * int(rate))
            words = hearing.words(now, whole=message in {"close", "done"})
            if message in {"finalize", "close", "done"} or (isinstance(message, bytes) and now - start >= WINDOW):
                if now > start or len(words) > given:
                    await socket.send(_transcript(words[given:], now - start, query, final=True))
                given, start = len(words), now
            elif isinstance(message, str):
                await _complain(socket, None, error_object(400, message="This message is not understood."))
                await socket.close(1008, "invalid_request")
            elif len(words) > shown:
                await socket.send(_transcript(words[given:], now - start, query, final=False))
            shown = len(words)
            if message == "finalize":
                await socket.send({"type": "flush_done", "request_id": REQUEST_ID})
            if message in {"close", "done"}:
                await socket.send({"type": "done", "request_id": REQUEST_ID})
                return


class _Order(msgspec.Struct, rename={"continues": "continue"}):
    context_id: str
    continues: bool = False
    flush: bool = False
    cancel: bool = False
    add_timestamps: bool = False


async def _complain(socket: WireSocket, context: str | None, error: dict[str, Any]) -> None:
    about = {"context_id": context} if context else {}
    await socket.send({"type": "error", "done": True, **about, **error})


def _transcript(words: list[Heard], seconds: float, query: dict[str, str], *, final: bool) -> dict[str, Any]:
    text = " ".join(word.text for word in words)
    return {
        "type": "transcript",
        "is_final": final,
        "request_id": REQUEST_ID,
        "text": f"{text} " if text and final else text,  # finals are joined as they are
        "duration": round(seconds, 3),
        "language": query.get("language", "en"),
        "words": [
            {
                "words": [word.text for word in words],
                "start": [word.start for word in words],
                "end": [word.end for word in words],
            }
        ],
    }
