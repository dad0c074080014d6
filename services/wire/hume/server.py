"""The server: keys and paths."""

import hmac
from collections.abc import Iterable
from typing import Final, TypeVar

import msgspec
from anyio import to_thread
from starlette.requests import Request

from ..answers import Answer, Refused, json_answer
from ..server import Handler, WireServer
from ..socket import SocketHandler, WireSocket
from . import speech, stream_input
from .refusals import misplaced, refusal
from .voices import Library, Owner

T = TypeVar("T")

OWNERS: Final[dict[str, Owner]] = {"HUME_AI": "HUME_AI", "CUSTOM_VOICE": "CUSTOM_VOICE"}


class HumeWire(WireServer):
    """Hume's API for speech; `url` is what a client is to be given.

    Args:
        keys: Which are accepted; empty for any, and none.
    """

    def __init__(self, *, keys: Iterable[str] = ()) -> None:
        super().__init__()
        self._keys = tuple(keys)
        self._library = Library()

    def save_voice(self, name: str) -> None:
        """Let the account have a voice of its own, as its website does."""
        self._library.save(name)

    def reset(self) -> None:
        """Forget requests, faults, and voices of the account."""
        super().reset()
        self._library.clear()

    def handlers(self) -> dict[tuple[str, str], Handler]:
        """See `WireServer.handlers`."""
        return {
            ("POST", "/v0/tts"): self._whole,
            ("POST", "/v0/tts/file"): self._file,
            ("POST", "/v0/tts/stream/json"): self._lines,
            ("POST", "/v0/tts/stream/file"): self._file,
            ("GET", "/v0/tts/voices"): self._list_voices,
            ("POST", "/v0/tts/voices"): self._save_voice,
            ("DELETE", "/v0/tts/voices"): self._delete_voice,
        }

    def refuse(self, status: int, code: str | None = None) -> Answer:
        """See `WireServer.refuse`."""
        return refusal(status, code)

    def headers(self) -> dict[str, str]:
        """See `WireServer.headers`."""
        return {"x-request-id": speech.REQUEST}

    def sockets(self) -> dict[str, SocketHandler]:
        """See `WireServer.sockets`."""
        return {"/v0/tts/stream/input": self._stream_input}

    def admit(self, request: Request) -> None:
        """See `WireServer.admit`."""
        self._check_key(request.headers.get("x-hume-api-key", ""))

    def _check_key(self, key: str) -> None:
        if self._keys and not any(hmac.compare_digest(key, known) for known in self._keys):
            raise Refused(refusal(401))

    # -- speaking ------------------------------------------------------------------------------------------------------

    async def _asked(self, request: Request) -> tuple[speech.Asked, list[speech.Snippet]]:
        asked = _decode(await request.body(), speech.Asked)
        asked.check()
        return asked, await to_thread.run_sync(lambda: list(speech.snippets(asked, self._library)))

    async def _whole(self, request: Request) -> Answer:
        asked, said = await self._asked(request)
        return json_answer(await to_thread.run_sync(speech.whole, asked, said))

    async def _lines(self, request: Request) -> Answer:
        asked, said = await self._asked(request)
        steps = await to_thread.run_sync(lambda: tuple(speech.lines(asked, said)))
        return Answer(headers={"content-type": "application/json"}, steps=steps, streamed=True)

    async def _file(self, request: Request) -> Answer:
        asked, said = await self._asked(request)
        streamed = "/stream/" in request.url.path
        return await to_thread.run_sync(lambda: speech.file(asked, said, streamed=streamed))

    async def _stream_input(self, socket: WireSocket) -> None:
        self._check_key(socket.query.get("api_key") or socket.headers.get("x-hume-api-key", ""))
        stream = stream_input.Stream.asked(socket.query)
        await socket.accept(self.headers())
        await stream_input.speak(socket, stream, self._library)

    # -- voices --------------------------------------------------------------------------------------------------------

    async def _list_voices(self, request: Request) -> Answer:
        query = request.query_params
        owner = OWNERS.get(query.get("provider", ""))
        if owner is None:
            raise Refused(refusal(400, message="The provider has to be HUME_AI or CUSTOM_VOICE."))
        number, size = int(query.get("page_number", 0)), int(query.get("page_size", 10))
        return json_answer(self._library.page(owner, number, size))

    async def _save_voice(self, request: Request) -> Answer:
        saved = _decode(await request.body(), _Saved)
        if saved.generation_id != speech.GENERATION:
            raise misplaced("generation_id", problem="There is no such generation")
        return json_answer(self._library.save(saved.name))

    async def _delete_voice(self, request: Request) -> Answer:
        self._library.delete(request.query_params.get("name", ""))
        return Answer(status=200)


class _Saved(msgspec.Struct):
    generation_id: str
    name: str


def _decode(body: bytes, form: type[T]) -> T:
    """Decode a body, or say what is wrong with it as the API does."""
    try:
        return msgspec.json.decode(body, type=form)
    except msgspec.DecodeError as error:
        place = str(error).partition("`$.")[2].partition("`")[0] or "utterances"
        raise misplaced(place, problem=str(error).partition(" - ")[0]) from None
