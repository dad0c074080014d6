"""The WebSocket side of ASGI for servers of ours: the application's messages, carried out on a `Transport`.

An application that knows nothing of transports works with these messages alone; ours takes the transport from the
scope once it has accepted, and sends no more of them.
"""

from abc import abstractmethod
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import unquote

from anyio import move_on_after
from msgspec import Struct
from starlette.types import ASGIApp, Message, Scope
from websockets.datastructures import Headers
from websockets.frames import CloseCode
from websockets.http11 import Request, Response

from .transports import EXTENSION, Disconnected, Transport

AS_IT_CAME: Final = "surrogateescape"
"""How `websockets` keeps bytes that are no ASCII where there should be none."""
CLOSE_DEADLINE: Final = 1.0
"""Seconds that a client has to answer a close frame before its connection is dropped."""


class Answer(Struct, frozen=True):
    """What an opening handshake is answered with."""

    status: int
    """101 for yes."""
    headers: tuple[tuple[str, str], ...] = ()
    subprotocol: str | None = None
    body: bytes = b""
    """Of a refusal."""


class ServerTransport(Transport):
    """A transport whose handshake the application has yet to decide on."""

    @abstractmethod
    async def answer(self, answer: Answer) -> None:
        """Accept the client or send it away. Cancelling is safe.

        Raises:
            Disconnected: The client has gone.
        """


class Dialogue:
    """Runs an application for one connection.

    Args:
        transport: The connection.
    """

    def __init__(self, transport: ServerTransport) -> None:
        self._transport = transport
        self._connected = False
        self._refusal: Answer | None = None
        self.answered = False

    async def run(self, application: ASGIApp, scope: Scope) -> None:
        """Let the application decide and converse; whatever it leaves open is closed.

        Cancelling closes the connection, too. An exception of the application is let through after that.
        """
        scope["extensions"] = {"websocket.http.response": {}, EXTENSION: {"transport": self._transport}}
        code = CloseCode.INTERNAL_ERROR
        try:
            await application(scope, self.receive, self.send)
            code = CloseCode.NORMAL_CLOSURE
        except Disconnected:
            pass
        finally:
            if not self.answered:
                with move_on_after(CLOSE_DEADLINE, shield=True):
                    await self._answer(Answer(HTTPStatus.INTERNAL_SERVER_ERROR))
            with move_on_after(CLOSE_DEADLINE, shield=True):
                await self._transport.close(code)
            self._transport.abort()

    async def receive(self) -> Message:
        """Return the next message for the application."""
        if not self._connected:
            self._connected = True
            return {"type": "websocket.connect"}
        try:
            message = await self._transport.receive()
        except Disconnected:
            return {"type": "websocket.disconnect", "code": CloseCode.ABNORMAL_CLOSURE}
        return {"type": "websocket.receive", "text" if isinstance(message, str) else "bytes": message}

    async def send(self, message: Message) -> None:
        """Carry out a message of the application's."""
        match message["type"]:
            case "websocket.accept":
                await self._answer(Answer(101, _headers(message), message.get("subprotocol")))
            case "websocket.close" if not self.answered:
                await self._answer(Answer(HTTPStatus.FORBIDDEN))
            case "websocket.http.response.start":
                self._refusal = Answer(message["status"], _headers(message))
            case "websocket.http.response.body" if self._refusal is not None:
                start = self._refusal
                self._refusal = Answer(start.status, start.headers, None, start.body + message.get("body", b""))
                if not message.get("more_body", False):
                    await self._answer(self._refusal)
            case "websocket.send":
                text = message.get("text")
                await self._transport.send(message["bytes"] if text is None else text.encode(), text=text is not None)
            case "websocket.close":
                with move_on_after(CLOSE_DEADLINE):
                    await self._transport.close(
                        message.get("code", CloseCode.NORMAL_CLOSURE), message.get("reason") or ""
                    )
            case other:
                raise RuntimeError(f"the application sent {other!r}, which has no place here")

    async def _answer(self, answer: Answer) -> None:
        if self.answered:
            raise RuntimeError("the application answered the same opening handshake twice")
        self.answered = True
        await self._transport.answer(answer)


def websocket_scope(request: Request, peer: Any, local: Any, *, secure: bool, state: dict[str, Any]) -> Scope:
    """Describe an opening handshake to an application; what a client said is taken as it is."""
    path, _, query = request.path.partition("?")
    return {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "wss" if secure else "ws",
        "server": local,
        "client": peer,
        "root_path": "",
        "path": unquote(path),
        "raw_path": path.encode("latin-1", AS_IT_CAME),
        "query_string": query.encode("latin-1", AS_IT_CAME),
        "headers": [
            (key.lower().encode(), value.encode("latin-1", AS_IT_CAME)) for key, value in request.headers.raw_items()
        ],
        "subprotocols": offered_subprotocols(request.headers),
        "state": state,
    }


def offered_subprotocols(headers: Headers) -> list[str]:
    """Return the subprotocols that a client offers, in its order."""
    return [each.strip() for header in headers.get_all("Sec-WebSocket-Protocol") for each in header.split(",")]


def refusal(answer: Answer) -> Response:
    """Return the HTTP response that sends a client away."""
    status = HTTPStatus(answer.status)
    headers = Headers(answer.headers)
    headers.setdefault("Content-Length", str(len(answer.body)))
    headers.setdefault("Content-Type", "text/plain; charset=utf-8")
    headers["Connection"] = "close"
    return Response(status.value, status.phrase, headers, answer.body)


def _headers(message: Message) -> tuple[tuple[str, str], ...]:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in message.get("headers", ()))
