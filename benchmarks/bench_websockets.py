"""What a WebSocket frame costs the server: CPU time of echoing 20 ms of audio, a hundred clients at the pace of speech.

The servers run in processes of their own, the clients write ready-made frames to plain sockets. The floor is the same
event loop with a protocol that sends back the bytes it gets: what sockets and event loop cost by themselves.
"""

import asyncio
import os
import selectors
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from harness import Row, at_most, interleaved

CLIENTS = 100
FRAME = 0.02
PAYLOAD = b'{"type":"input_audio_buffer.append","audio":"' + b"A" * 1280 + b'"}'
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
MASKED = (
    b"\x81\xfe"
    + len(PAYLOAD).to_bytes(2, "big")
    + b"mask"
    + bytes(byte ^ b"mask"[index % 4] for index, byte in enumerate(PAYLOAD))
)
ECHO = 4 + len(PAYLOAD)
SERVERS = ("bytes", "uvicorn", "websockets", "sansio", "ours")


class Echo:
    """A server in a process of its own, and its clients."""

    def __init__(self, kind: str) -> None:
        self._process = subprocess.Popen([sys.executable, __file__, kind], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        port = int(self._process.stdout.readline())
        self._bytes = kind == "bytes"
        self._clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(CLIENTS)]
        for client in self._clients:
            if not self._bytes:
                client.sendall(UPGRADE)
                answer = b""
                while b"\r\n\r\n" not in answer:
                    answer += client.recv(4096)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _cpu(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def measure(self, seconds: float) -> float:
        """Return the server's CPU microseconds for one frame in and one out."""
        selector = selectors.DefaultSelector()
        for client in self._clients:
            selector.register(client, selectors.EVENT_READ)
        before, frames, received = self._cpu(), 0, 0
        start = time.monotonic()
        while (now := time.monotonic()) - start < seconds:
            # client k's frames are k/100 of a frame later than the first one's, as in life
            due = int((now - start) / FRAME * CLIENTS)
            while frames < due:
                self._clients[frames % CLIENTS].sendall(MASKED)
                frames += 1
            for key, _ in selector.select(FRAME / CLIENTS):
                received += len(key.fileobj.recv(65536))  # type: ignore[union-attr]
        wanted = frames * (len(MASKED) if self._bytes else ECHO)
        while received < wanted:
            for key, _ in selector.select():
                received += len(key.fileobj.recv(65536))  # type: ignore[union-attr]
        selector.close()
        return (self._cpu() - before) / frames * 1e6

    def close(self) -> None:
        for client in self._clients:
            client.close()
        self._process.kill()
        self._process.communicate()


def rows(*, quick: bool) -> list[Row]:
    seconds = 0.2 if quick else 2.0
    servers = {kind: Echo(kind) for kind in SERVERS}
    try:
        costs = interleaved(
            *(lambda server=server: server.measure(seconds) for server in servers.values()), rounds=1 if quick else 4
        )
    finally:
        for server in servers.values():
            server.close()
    cost = dict(zip(SERVERS, costs, strict=True))
    floor = {"unit": "µs", "floor": cost["bytes"], "floor_name": "bytes, on uvloop"}
    return [
        Row(what="frame in and out, uvicorn (websockets-sansio)", value=cost["uvicorn"], **floor),
        Row(what="frame in and out, websockets.asyncio", value=cost["websockets"], **floor),
        Row(what="frame in and out, the sans-I/O core of websockets alone", value=cost["sansio"], **floor),
        at_most(2, what="frame in and out, ours", value=cost["ours"], **floor),
    ]


# -- the servers -------------------------------------------------------------------------------------------------------


def serve(kind: str) -> None:
    from troupe.services.gateway.listening import listening_socket

    listener = listening_socket("127.0.0.1", 0)
    print(listener.getsockname()[1], flush=True)
    if kind in ("uvicorn", "ours"):
        import uvicorn
        from starlette.applications import Starlette
        from starlette.routing import WebSocketRoute
        from starlette.websockets import WebSocket
        from troupe.services.gateway.transports import Disconnected, accept
        from troupe.services.gateway.websocket import WebSocketProtocol

        async def echo(socket: WebSocket) -> None:
            transport = await accept(socket)

            def take(message: str | bytes):
                assert isinstance(message, str)
                data = message.encode()
                return None if transport.put(data) else transport.send(data)

            with suppress(Disconnected):
                await transport.each(take)

        config = uvicorn.Config(
            Starlette(routes=[WebSocketRoute("/", echo)]),
            ws=WebSocketProtocol if kind == "ours" else "websockets-sansio",
            ws_per_message_deflate=False,
            ws_ping_interval=None,
            log_level="warning",
            lifespan="off",
        )
        uvicorn.Server(config).run([listener])
    else:
        import uvloop

        uvloop.run({"bytes": serve_bytes, "sansio": serve_sansio, "websockets": serve_websockets}[kind](listener))


async def serve_bytes(listener: socket.socket) -> None:
    class Bytes(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            self.transport.write(data)  # type: ignore[attr-defined]

    await asyncio.get_running_loop().create_server(Bytes, sock=listener)
    await asyncio.Event().wait()


async def serve_sansio(listener: socket.socket) -> None:
    from websockets.frames import Frame
    from websockets.http11 import Request
    from websockets.server import ServerProtocol

    class SansIo(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport, self.protocol = transport, ServerProtocol()

        def data_received(self, data: bytes) -> None:
            protocol = self.protocol
            protocol.receive_data(data)
            for event in protocol.events_received():
                if isinstance(event, Request):
                    protocol.send_response(protocol.accept(event))
                elif isinstance(event, Frame) and event.opcode == 1:
                    protocol.send_text(event.data.decode().encode())
            self.transport.write(b"".join(protocol.data_to_send()))  # type: ignore[attr-defined]

    await asyncio.get_running_loop().create_server(SansIo, sock=listener)
    await asyncio.Event().wait()


async def serve_websockets(listener: socket.socket) -> None:
    from websockets.asyncio.server import ServerConnection
    from websockets.asyncio.server import serve as serve_by_websockets

    async def echo(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)

    async with serve_by_websockets(echo, sock=listener, compression=None, ping_interval=None):
        await asyncio.Event().wait()


if __name__ == "__main__":
    serve(sys.argv[1])
