"""Sessions without an ASGI server: over the `websockets` package's own servers, on asyncio and on trio.

Who may connect is still decided by the gateway's application, which is handed each opening handshake as an ASGI scope;
it answers WebSockets only. It is for programs that have an event loop of their own, and for trio, which uvicorn does
not know.
"""

import asyncio
import functools
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final, TypeAlias

from anyio import Event, create_task_group
from anyio.abc import TaskGroup
from starlette.types import ASGIApp, Scope
from websockets.asyncio.server import ServerConnection as AsyncioConnection
from websockets.asyncio.server import serve as serve_on_asyncio
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from .app import Gateway
from .asgi import Answer, Dialogue, ServerTransport, refusal, websocket_scope
from .framing import Message
from .limits import Limits
from .listening import listening_socket
from .transports import Disconnected

Connection: TypeAlias = Any
"""Of `websockets.asyncio.server` or `websockets.trio.server`: what is used of the two is the same but for names."""

LIMITS: Final = Limits()


@asynccontextmanager
async def serve_websockets(
    gateway: Gateway,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    limits: Limits = LIMITS,
    tls: ssl.SSLContext | None = None,
) -> AsyncGenerator[tuple[str, int]]:
    """Run a gateway and serve its sessions for as long as the block lasts; gives address and port.

    ::

        async with serve_websockets(Gateway(), port=8000) as (host, port):
            print(f"ws://{host}:{port}/v1/realtime")
            await sleep_forever()

    Leaving the block closes all sessions. Works on asyncio, and on trio with `websockets` 17 or newer.

    Args:
        gateway: What to serve; nothing else may run its lifespan.
        host: Address to listen on.
        port: Port to listen on; 0 is any free one.
        limits: Of these, the size of a frame and the time for a handshake; the others are the gateway's.
        tls: Certificate and key; None for plain ``ws:``.

    Raises:
        OSError: The address is taken, or is none of this machine's.
        StartFailed: A part of the gateway did not start.
    """
    listener = listening_socket(host, port)
    address = listener.getsockname()[:2]
    with listener:
        async with gateway.lifespan(), create_task_group() as tasks:
            doorman = _Doorman(gateway.application(), tasks, secure=tls is not None)
            options: dict[str, Any] = {
                "process_request": doorman.process_request,
                "process_response": doorman.process_response,
                "server_header": None,
                "compression": None,  # base64 of noise does not compress
                "ssl": tls,
                "open_timeout": limits.open_timeout,
                "ping_interval": None,  # the kernel finds out who is gone; trio's fail where an answer takes long
                "max_size": limits.max_frame,
            }
            if _on_asyncio():
                async with serve_on_asyncio(doorman.handle, sock=listener, **options) as server:
                    yield address
                    gateway.connections.close()
                    await gateway.connections.wait_closed()
                    server.close()
            else:
                await _start_on_trio(tasks, doorman, listener, options)
                yield address
                gateway.connections.close()
                await gateway.connections.wait_closed()
            tasks.cancel_scope.cancel()


class _Doorman:
    """Lets the application decide about each opening handshake, and lets the server carry that out.

    Args:
        application: The gateway's.
        tasks: Where the application runs for each connection.
        secure: Whether the connections are encrypted.
    """

    def __init__(self, application: ASGIApp, tasks: TaskGroup, *, secure: bool) -> None:
        self._application = application
        self._tasks = tasks
        self._secure = secure
        self._guests: dict[Connection, _Guest] = {}

    async def process_request(self, connection: Connection, request: Request) -> Response | None:
        """Answer a client that may not come in."""
        guest = self._guests[connection] = _Guest(connection)
        scope = websocket_scope(
            request, connection.remote_address, connection.local_address, secure=self._secure, state={}
        )
        self._tasks.start_soon(self._host, guest, scope)
        await guest.answered.wait()
        accepted = guest.decision.status == HTTPStatus.SWITCHING_PROTOCOLS
        return None if accepted else refusal(guest.decision)

    def process_response(self, connection: Connection, _request: Request, response: Response) -> None:
        """Add what the application says to an answer."""
        guest = self._guests[connection]
        if response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            response.headers.update(guest.decision.headers)
            if guest.decision.subprotocol is not None:
                response.headers["Sec-WebSocket-Protocol"] = guest.decision.subprotocol

    async def handle(self, connection: Connection) -> None:
        """Keep a connection for as long as the application converses."""
        guest = self._guests[connection]
        guest.open.set()
        await guest.ended.wait()

    async def _host(self, guest: "_Guest", scope: Scope) -> None:
        try:
            await Dialogue(guest).run(self._application, scope)
        finally:
            guest.ended.set()
            del self._guests[guest.connection]


class _Guest(ServerTransport):
    """A connection of one of the two servers."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.decision = Answer(HTTPStatus.INTERNAL_SERVER_ERROR)
        self.answered = Event()
        """Whether the application has decided."""
        self.open = Event()
        """Whether the server has carried that out, and the client is in."""
        self.ended = Event()
        """Whether the application is done."""

    @property
    def peer(self) -> str:
        """See `Transport`."""
        address = self.connection.remote_address
        return str(address[0]) if address else ""

    async def answer(self, answer: Answer) -> None:
        """See `ServerTransport`."""
        self.decision = answer
        self.answered.set()
        if answer.status != HTTPStatus.SWITCHING_PROTOCOLS:
            await self.connection.wait_closed()  # which the server does when it has sent this
            return
        async with create_task_group() as tasks:
            tasks.start_soon(self._watch, tasks)
            await self.open.wait()
            tasks.cancel_scope.cancel()
        if not self.open.is_set():
            raise Disconnected

    async def _watch(self, waiting: TaskGroup) -> None:
        await self.connection.wait_closed()
        waiting.cancel_scope.cancel()

    async def receive(self) -> Message:
        """See `Transport`."""
        try:
            message: Message = await self.connection.recv()
        except ConnectionClosed:
            raise Disconnected from None
        return message

    async def send(self, payload: bytes, *, text: bool = True) -> None:
        """See `Transport`."""
        try:
            await self.connection.send(payload, text=text)
        except ConnectionClosed:
            raise Disconnected from None

    async def close(self, code: int, reason: str = "") -> None:
        """See `Transport`."""
        if isinstance(self.connection, AsyncioConnection):
            await self.connection.close(code, reason)
        else:
            await self.connection.aclose(code, reason)

    def abort(self) -> None:
        """See `Transport`."""
        if isinstance(self.connection, AsyncioConnection):
            self.connection.transport.abort()
        else:
            stream = self.connection.stream
            getattr(stream, "transport_stream", stream).socket.close()


def _on_asyncio() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def _start_on_trio(tasks: TaskGroup, doorman: _Doorman, listener: Any, options: dict[str, Any]) -> None:
    import trio
    from websockets.trio.server import serve as serve_on_trio

    listeners = [trio.SocketListener(trio.socket.from_stdlib_socket(listener))]
    await tasks.start(functools.partial(serve_on_trio, doorman.handle, listeners=listeners, **options))
