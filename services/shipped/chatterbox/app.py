"""The routes of the server."""

from functools import partial

from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..serving.refusals import HANDLERS, Refused, json_response
from ..serving.slots import Slots
from ..serving.uploads import read_form
from .engine import Engine
from .library import Library
from .settings import Settings
from .speech import Speaker


def application(engine: Engine, settings: Settings) -> Starlette:
    """Return the server, as an ASGI application.

    Args:
        engine: Loaded.
        settings: Limits, and where voices are; those that are there are read now.
    """
    library = Library(engine, settings)
    speaker = Speaker(engine, library, Slots(1, settings.waiting), settings)
    voices = _Voices(library, settings)
    model = {"id": engine.model, "object": "model", "created": 0, "owned_by": "troupe"}

    async def health(_request: Request) -> Response:
        return json_response({"status": "healthy", "model_loaded": True, "model": engine.model})

    async def models(_request: Request) -> Response:
        return json_response({"object": "list", "data": [model]})

    routes = [
        Route("/health", health),
        Route("/models", models),
        Route("/audio/speech", speaker.speak, methods=["POST"]),
        Route("/audio/speech/upload", speaker.speak_alike, methods=["POST"]),
        Route("/voices", voices.listed),
        Route("/voices", voices.add, methods=["POST"]),
        Route("/voices/{name}", voices.get),
        Route("/voices/{name}", voices.delete, methods=["DELETE"]),
    ]
    versioned = [Route(f"/v1{each.path}", each.endpoint, methods=list(each.methods or ())) for each in routes]
    return Starlette(routes=[*routes, *versioned], exception_handlers=HANDLERS)


class _Voices:
    """The library, over HTTP."""

    def __init__(self, library: Library, settings: Settings) -> None:
        self._library = library
        self._settings = settings
        self._turn = CapacityLimiter(1)  # one change after the other

    async def listed(self, _request: Request) -> Response:
        voices = [voice.shown() for voice in self._library.listed()]
        return json_response({"voices": voices, "count": len(voices)})

    async def get(self, request: Request) -> Response:
        return json_response({"voice": self._library.get(request.path_params["name"]).shown()})

    async def add(self, request: Request) -> Response:
        form = await read_form(request, self._settings.largest_upload)
        try:
            name, language, upload = form.get("voice_name"), form.get("language") or "en", form.get("voice_file")
            if not isinstance(name, str) or not isinstance(language, str):
                raise Refused(400, "The voice needs a name.", param="voice_name", code="missing_required_parameter")
            if not isinstance(upload, UploadFile):
                raise Refused(400, "There is no recording.", param="voice_file", code="missing_required_parameter")
            add = partial(self._library.add, name.strip(), language.lower(), upload.file)
            voice = await to_thread.run_sync(add, limiter=self._turn)
        finally:
            await form.close()
        return json_response({"message": "The voice is there.", "voice": voice.shown()}, 201)

    async def delete(self, request: Request) -> Response:
        name: str = request.path_params["name"]
        await to_thread.run_sync(self._library.delete, name, limiter=self._turn)
        return json_response({"message": "The voice is gone.", "voice_name": name})
