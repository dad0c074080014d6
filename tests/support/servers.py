"""Real servers on ephemeral ports of the loopback interface, in the event loop of the test."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from anyio import create_task_group, fail_after, sleep
from starlette.types import ASGIApp
from troupe.actors.realtime.limits import MAX_FRAME_IN
from troupe.services.gateway.listening import listening_socket
from troupe.services.gateway.websocket import WebSocketProtocol


@asynccontextmanager
async def serving(app: ASGIApp, websocket: Any = WebSocketProtocol) -> AsyncGenerator[str]:
    """Serve an application over real sockets; gives ``host:port``."""
    server = uvicorn.Server(uvicorn.Config(app, ws=websocket, log_level="warning", ws_max_size=MAX_FRAME_IN))
    listener = listening_socket("127.0.0.1", 0)
    host, port = listener.getsockname()
    async with create_task_group() as tasks:
        tasks.start_soon(server._serve, [listener])  # serve() would take over the signals of the test process
        with fail_after(20):
            while not server.started:
                await sleep(0.01)
        try:
            yield f"{host}:{port}"
        finally:
            server.should_exit = True
