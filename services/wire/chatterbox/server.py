"""The server: paths, under ``/v1`` and without, and whether its model is loaded."""

import msgspec
from anyio import to_thread
from starlette.requests import Request

from ..answers import Answer, Break, Refused, json_answer
from ..server import Handler, WireServer
from . import speech
from .refusals import misplaced, refusal
from .voices import Library


class ChatterboxWire(WireServer):
    """A Chatterbox server; `base_url` is what a client is to be given."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded = True
        """Whether the model is there; the server answers before that."""
        self._library = Library()

    @property
    def base_url(self) -> str:
        """Where the API is, such as ``http://127.0.0.1:40123/v1``."""
        return f"{self.url}/v1"

    def reset(self) -> None:
        """Forget requests, faults and voices."""
        super().reset()
        self.loaded = True
        self._library.clear()

    def handlers(self) -> dict[tuple[str, str], Handler]:
        """See `WireServer.handlers`."""
        paths: dict[tuple[str, str], Handler] = {
            ("POST", "/audio/speech"): self._speak,
            ("POST", "/audio/speech/stream"): self._speak,
            ("GET", "/voices"): self._list_voices,
            ("POST", "/voices"): self._add_voice,
            ("GET", "/voices/{name}"): self._get_voice,
            ("DELETE", "/voices/{name}"): self._delete_voice,
            ("GET", "/models"): self._models,
            ("GET", "/health"): self._health,
        }
        return {(method, prefix + path): handler for (method, path), handler in paths.items() for prefix in ("/v1", "")}

    def refuse(self, status: int, code: str | None = None) -> Answer:
        """See `WireServer.refuse`."""
        return refusal(status, code)

    async def _models(self, _request: Request) -> Answer:
        model = {"id": "chatterbox-tts-1", "object": "model", "created": 1677649963, "owned_by": "resemble-ai"}
        return json_answer({"object": "list", "data": [model]})

    async def _health(self, _request: Request) -> Answer:
        return json_answer(
            {
                "status": "healthy" if self.loaded else "initializing",
                "model_loaded": self.loaded,
                "device": "cpu",
                "config": {"max_chunk_length": 280, "max_total_length": speech.LONGEST},
                "memory_info": {"cpu_memory_mb": 1.0, "cpu_memory_percent": 1.0},
                "initialization_state": "ready" if self.loaded else "initializing",
                "initialization_progress": "",
                "initialization_error": None,
            }
        )

    # -- speaking ------------------------------------------------------------------------------------------------------

    async def _speak(self, request: Request) -> Answer:
        asked = _decode(await request.body())
        asked.check()
        streamed = request.url.path.endswith("/stream")
        events = asked.stream_format == "sse" and not streamed
        if not self.loaded and (streamed or events):  # its status line is out before it notices
            return Answer(headers={"content-type": "text/event-stream"}, steps=(Break.CUT,), streamed=True)
        if not self.loaded:
            raise Refused(refusal(500, "model_error", "Model not loaded"))
        speak = speech.stream if streamed else speech.events if events else speech.file
        return await to_thread.run_sync(speak, asked, self._library.voice_of(asked.voice))

    # -- voices --------------------------------------------------------------------------------------------------------

    async def _list_voices(self, _request: Request) -> Answer:
        voices = self._library.listed()
        return json_answer({"voices": voices, "count": len(voices)})

    async def _add_voice(self, request: Request) -> Answer:
        async with request.form() as form:
            return json_answer(await self._library.add(form), 201)

    async def _get_voice(self, request: Request) -> Answer:
        return json_answer({"voice": self._library.get(request.path_params["name"])})

    async def _delete_voice(self, request: Request) -> Answer:
        name = request.path_params["name"]
        self._library.delete(name)
        return json_answer({"message": "Voice deleted successfully", "voice_name": name})


def _decode(body: bytes) -> speech.Asked:
    """Decode a body, or say what is wrong with it as FastAPI does."""
    try:
        return msgspec.json.decode(body, type=speech.Asked)
    except msgspec.DecodeError as error:
        member = str(error).partition("`$.")[2].partition("`")[0] or "input"
        raise misplaced("body", member, str(error).partition(" - ")[0]) from None
