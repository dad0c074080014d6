"""The routes of the server."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute

from ..serving.refusals import HANDLERS, Refused, json_response
from ..serving.slots import Slots
from .engine import Engine
from .files import Files
from .realtime import Realtime
from .settings import Settings


def application(engine: Engine, settings: Settings) -> Starlette:
    """Return the server, as an ASGI application.

    Args:
        engine: Loaded, and ready for ``settings.at_once`` threads.
        settings: Limits.
    """
    slots = Slots(settings.at_once, settings.waiting)
    files = Files(engine, slots, settings)
    model = {"id": engine.model, "object": "model", "created": 0, "owned_by": "troupe"}

    async def health(_request: Request) -> Response:
        return json_response({"status": "ok", "model": engine.model})

    async def models(_request: Request) -> Response:
        return json_response({"object": "list", "data": [model]})

    async def one_model(request: Request) -> Response:
        if request.path_params["model"] != engine.model:
            raise Refused(404, f"There is the model {engine.model} here, and no other.", code="model_not_found")
        return json_response(model)

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/v1/models", models),
            Route("/v1/models/{model:path}", one_model),
            Route("/v1/audio/transcriptions", files.transcribe, methods=["POST"]),
            Route("/v1/audio/translations", files.translate, methods=["POST"]),
            WebSocketRoute("/v1/realtime", Realtime(engine, slots, settings).serve),
        ],
        exception_handlers=HANDLERS,
    )
