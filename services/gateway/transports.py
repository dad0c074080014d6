"""What a realtime connection needs of a WebSocket, so that one session runs on whatever server carries it.

Under `troupe serve` it is `websocket.WebSocketProtocol`, straight on the socket; in another ASGI server it is that
server's, behind ASGI's messages; and `standalone` runs on the servers of the `websockets` package, on asyncio and trio.
The application, which decides who may connect, is the same ASGI application on all of them. A server that offers a
shorter way for frames than ASGI's messages puts it into the scope's extensions.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any, Final

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from .framing import Message

EXTENSION: Final = "troupe.transport"
"""Where a server's scope has a `Transport`, under ``transport``, among its extensions."""


class Disconnected(Exception):
    """The client has gone, or was cut off."""


class Transport(ABC):
    """A WebSocket whose opening handshake is done."""

    @property
    @abstractmethod
    def peer(self) -> str:
        """Address of the client, for people; empty where it has none."""

    @abstractmethod
    async def receive(self) -> Message:
        """Wait for a message. Cancelling is safe; only one task may wait at a time.

        Raises:
            Disconnected: There will be no more.
        """

    async def each(self, function: Callable[[Message], Coroutine[Any, Any, None] | None]) -> None:
        """Call `function` with each message, if possible in the step that brings it.

        It must not raise, as there may be nobody to tell; what it returns, if anything, is awaited, and may. Cancelling
        is safe: a message has been handed out, or is there for `receive`.

        Raises:
            Disconnected: There will be no more.
        """
        while True:
            pending = function(await self.receive())
            if pending is not None:
                await pending

    @abstractmethod
    async def send(self, payload: bytes, *, text: bool = True) -> None:
        """Send a message, waiting while the client is behind. One task at a time.

        A cancelled send may have sent nothing, a part, or all of it: only `abort` makes sense after that.

        Args:
            payload: UTF-8, or anything if it is no text.
            text: Which of the two kinds of message it is.

        Raises:
            Disconnected: The client is gone.
        """

    def put(self, payload: bytes) -> bool:
        """Send a text message if nothing has to be waited for, and return whether it has been sent."""
        return False

    @abstractmethod
    async def close(self, code: int, reason: str = "") -> None:
        """Send a close frame, unless one has gone either way, and wait until the connection is closed.

        How long is up to the caller: a client may never answer. Cancelling is safe.
        """

    @abstractmethod
    def abort(self) -> None:
        """Drop the connection now, with all that has not been sent. Does nothing where it is gone."""


async def accept(socket: WebSocket, subprotocol: str | None = None) -> Transport:
    """Accept a connection, and return the shortest way to its frames.

    Args:
        socket: As the application got it.
        subprotocol: To be selected, one of those that the client offered.
    """
    await socket.accept(subprotocol=subprotocol)
    extension = socket.scope.get("extensions", {}).get(EXTENSION)
    return AsgiTransport(socket) if extension is None else extension["transport"]


class AsgiTransport(Transport):
    """The WebSocket of any ASGI server.

    ASGI knows no way to drop a connection: one that can't be closed goes when the server gives it up.
    """

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    @property
    def peer(self) -> str:
        """See `Transport`."""
        return self._socket.client.host if self._socket.client else ""

    async def receive(self) -> Message:
        """See `Transport`."""
        message: dict[str, Any] = dict(await self._socket.receive())
        if message["type"] == "websocket.disconnect":
            raise Disconnected
        text, data = message.get("text"), message.get("bytes")
        return text if text is not None else data or b""

    async def send(self, payload: bytes, *, text: bool = True) -> None:
        """See `Transport`."""
        try:
            await (self._socket.send_text(payload.decode()) if text else self._socket.send_bytes(payload))
        except WebSocketDisconnect:
            raise Disconnected from None

    async def close(self, code: int, reason: str = "") -> None:
        """See `Transport`; the server waits for the client's close frame after this."""
        socket = self._socket
        if socket.client_state is WebSocketState.CONNECTED and socket.application_state is WebSocketState.CONNECTED:
            await socket.close(code, reason)

    def abort(self) -> None:
        """Leave it to the server."""
