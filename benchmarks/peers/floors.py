"""The floors: nothing but a WebSocket that sends back what comes, by `websockets` or by uvicorn."""

from collections.abc import Awaitable, Callable
from typing import Any

import uvloop
from scripted import announce, arguments, listener, serve_asgi, stdin_ends


async def websockets_echo() -> None:
    """Echo with the `websockets` library's own asyncio server."""
    from websockets.asyncio.server import ServerConnection, serve

    async def echo(socket: ServerConnection) -> None:
        async for message in socket:
            await socket.send(message)

    listening = listener()
    async with serve(echo, sock=listening, compression=None):
        announce(listening)
        await stdin_ends()


async def uvicorn_echo() -> None:
    """Echo with a bare ASGI application under uvicorn."""

    async def echo(
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})

    await serve_asgi(echo, listener())


if __name__ == "__main__":
    serving = {"websockets": websockets_echo, "uvicorn": uvicorn_echo}
    uvloop.run(serving[arguments(*serving).set_up]())
