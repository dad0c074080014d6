"""A WebSocket server that says what it hears, behind our own protocol: prints its port, and serves."""

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket
from troupe.services.gateway.listening import listening_socket
from troupe.services.gateway.transports import Disconnected, accept
from troupe.services.gateway.websocket import WebSocketProtocol
from uvicorn import Config, Server


async def echo(socket: WebSocket) -> None:
    transport = await accept(socket)
    try:
        while True:
            message = await transport.receive()
            if isinstance(message, str):
                await transport.send(message.encode())
            else:
                await transport.send(message, text=False)
    except Disconnected:
        pass


if __name__ == "__main__":
    application = Starlette(routes=[WebSocketRoute("/", echo)])
    listener = listening_socket("127.0.0.1", 0)
    print(listener.getsockname()[1], flush=True)
    config = Config(application, ws=WebSocketProtocol, ws_max_size=24 * 2**20, log_level="warning", lifespan="off")
    Server(config).run(sockets=[listener])
