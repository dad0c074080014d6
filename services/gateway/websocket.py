"""WebSockets straight on asyncio's transports: what uvicorn hands an upgraded connection to.

An ASGI server carries each message as a dictionary, through a queue, and each answer through checks of what may come
next. At fifty frames a second in both directions that is a large part of what a voice session costs. Here the
application still decides by ASGI's messages who may connect; from then on it reads and writes frames directly.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from http import HTTPStatus
from typing import Any, Final, cast

from starlette.types import ASGIApp
from uvicorn import Config
from uvicorn.server import ServerState
from websockets.frames import CloseCode
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from .asgi import CLOSE_DEADLINE, Answer, Dialogue, ServerTransport, refusal, websocket_scope
from .framing import Framing, Message, frame
from .transports import Disconnected

current_library: ContextVar[str | None] | None
try:
    from sniffio import current_async_library_cvar as current_library
except ImportError:
    current_library = None

WRITE_BUFFER: Final = 32 * 1024
"""Bytes that may wait here for the kernel, before whoever sends has to wait as well."""
READ_BUFFER: Final = 256 * 1024
"""Bytes of messages that may wait for whoever receives, before the kernel has to keep what follows."""
PING_INTERVAL: Final = 20.0
"""Seconds without a word from the client after which it is asked for one; after as many again it is given up."""

_log = logging.getLogger("troupe.gateway")
_quiet = logging.getLogger("troupe.gateway.websocket")  # of the protocol itself: one line per connection and fault
_quiet.setLevel(logging.CRITICAL)


class WebSocketProtocol(asyncio.Protocol, ServerTransport):
    """One connection: an asyncio protocol on one side, a `Transport` on the other.

    Pass the class to ``uvicorn.Config(ws=...)``, which fixes its arguments and the method `shutdown`.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._loop = _loop or asyncio.get_running_loop()
        self._application: ASGIApp = cast("Any", config).loaded_app  # wrapped in what uvicorn's own types describe
        self._server_state: Any = server_state  # it is typed for uvicorn's own protocols
        self._app_state = app_state
        self._protocol = ServerProtocol(max_size=config.ws_max_size, logger=_quiet)
        self._framing = Framing(self._protocol)
        self._response: Response | None = None
        self._accepted = False
        self._transport: asyncio.Transport
        self._messages: deque[Message] = deque()
        self._queued = 0
        self._reading = True
        self._reader: asyncio.Future[None] | None = None
        self._full = False
        self._writer: asyncio.Future[None] | None = None
        self._lost: asyncio.Future[None] = self._loop.create_future()
        self._function: Callable[[Message], Coroutine[Any, Any, None] | None] | None = None
        """Gets messages as they come, while nothing else waits."""
        self._context = copy_context()
        """Of the task that waits while `_function` works."""
        self._pending: Coroutine[Any, Any, None] | None = None
        self._closing = False
        """Whether the application has said that it wants no more messages."""
        self._half_closed = False
        """Whether our half of the connection is closed."""
        self._heard = True
        self._asked = False
        self._keepalive: asyncio.TimerHandle | None = None

    # -- for asyncio and uvicorn -----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(WRITE_BUFFER)
        self._server_state.connections.add(self)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._heard = True
        if self._half_closed:
            return
        if not self._accepted:
            self._open(data)
            return
        messages = self._framing.receive(data)
        if messages:
            if self._function is not None:
                self._hand_out(self._function, messages)
            if messages and not self._closing:
                self._keep(messages)
        if self._protocol.writes:
            self._flush()

    def pause_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self._full = True

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self._full = False
        if self._writer is not None and not self._writer.done():
            self._writer.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._server_state.connections.discard(self)
        if self._keepalive is not None:
            self._keepalive.cancel()
        if not self._lost.done():
            self._lost.set_result(None)
        self._wake_reader()
        self.resume_writing()

    def shutdown(self) -> None:
        """Close, because the server ends."""
        if self._framing.open:
            self._framing.fail(CloseCode.SERVICE_RESTART)
            self._flush()
        elif not self._accepted:
            self._transport.close()

    # -- the opening handshake -------------------------------------------------------------------------------------

    def _open(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if not isinstance(event, Request):
                continue
            self._transport.pause_reading()  # what follows belongs to the connection, if there is to be one
            self._response = self._protocol.accept(event)
            if self._response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
                self._protocol.send_response(self._response)
                break
            task = self._loop.create_task(self._run(event))
            self._server_state.tasks.add(task)
            task.add_done_callback(self._ended)
        self._flush()

    async def _run(self, request: Request) -> None:
        scope = websocket_scope(
            request,
            self._transport.get_extra_info("peername"),
            self._transport.get_extra_info("sockname"),
            secure=self._transport.get_extra_info("sslcontext") is not None,
            state=self._app_state.copy(),
        )
        await Dialogue(self).run(self._application, scope)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._server_state.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a WebSocket connection failed", exc_info=error)
            self._transport.abort()

    async def answer(self, answer: Answer) -> None:
        """Accept the client or send it away; see `ServerTransport`."""
        if self._lost.done():
            raise Disconnected
        if answer.status == HTTPStatus.SWITCHING_PROTOCOLS:
            assert self._response is not None
            self._response.headers.update(answer.headers)
            if answer.subprotocol is not None:
                self._response.headers["Sec-WebSocket-Protocol"] = answer.subprotocol
            self._protocol.send_response(self._response)
            self._accepted = True
            self._flush()
            self._transport.resume_reading()
            self._keepalive = self._loop.call_later(PING_INTERVAL, self._keep_alive)
        else:
            self._protocol.send_response(refusal(answer))
            self._flush()

    # -- for the application ---------------------------------------------------------------------------------------

    @property
    def peer(self) -> str:
        """See `Transport`."""
        peer: tuple[str, int] | str | None = self._transport.get_extra_info("peername")  # a string on a Unix socket
        return peer[0] if isinstance(peer, tuple) else ""

    async def receive(self) -> Message:
        """See `Transport`."""
        while not self._messages:
            if self._lost.done() or not self._framing.open:
                raise Disconnected
            self._reader = self._loop.create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        message = self._messages.popleft()
        self._queued -= len(message)
        if not self._messages:
            self._read_on()
        return message

    async def each(self, function: Callable[[Message], Coroutine[Any, Any, None] | None]) -> None:
        """See `Transport`."""
        self._context = _context_of_task()
        try:
            while True:
                pending, self._pending = self._pending, None
                if pending is None and self._messages:
                    pending = function(await self.receive())
                if pending is not None:
                    await pending
                elif not self._messages:
                    if self._lost.done() or not self._framing.open:
                        raise Disconnected
                    self._function = function
                    self._reader = self._loop.create_future()
                    await self._reader
        finally:
            self._function = self._reader = None
            if self._pending is not None:
                self._pending.close()

    def put(self, payload: bytes) -> bool:
        """See `Transport`."""
        if self._full or not self._framing.open or self._lost.done():
            return False
        self._transport.write(frame(payload, text=True))
        return True

    async def send(self, payload: bytes, *, text: bool = True) -> None:
        """See `Transport`."""
        if not self._framing.open or self._lost.done():
            raise Disconnected
        self._transport.write(frame(payload, text=text))
        if not self._full:
            return
        self._writer = self._loop.create_future()
        try:
            await self._writer
        finally:
            self._writer = None
        if self._lost.done():
            raise Disconnected

    async def close(self, code: int, reason: str = "") -> None:
        """See `Transport`."""
        if self._framing.open and not self._lost.done():
            self._protocol.send_close(code, reason)
            self._flush()
            self._closing = True
            self._read_on()  # the client's close frame is behind what it has said before
        await asyncio.shield(self._lost)

    def abort(self) -> None:
        """See `Transport`."""
        self._transport.abort()

    # -- inside ----------------------------------------------------------------------------------------------------

    def _flush(self) -> None:
        """Send what the protocol has to say; its last word is an empty one."""
        for data in self._protocol.data_to_send():
            if data:
                self._transport.write(data)
            elif not self._half_closed:
                self._half_closed = True
                self._end()
                self._wake_reader()

    def _end(self) -> None:
        """Close our half, and drop the connection if the client does not close its own.

        Closing both at once, while the client may still be sending, would reset the connection, and the client would
        not see what we said last.
        """
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._transport.close()
        self._loop.call_later(CLOSE_DEADLINE, self._transport.abort)

    def _hand_out(
        self, function: Callable[[Message], Coroutine[Any, Any, None] | None], messages: deque[Message]
    ) -> None:
        """Hand out messages until one of them has to be waited for."""
        while messages:
            self._pending = self._context.run(function, messages.popleft())
            if self._pending is not None:
                self._function = None
                self._wake_reader()
                return

    def _keep(self, messages: deque[Message]) -> None:
        """Keep messages for whoever receives."""
        self._messages += messages
        self._queued += sum(map(len, messages))
        if self._queued > READ_BUFFER and self._reading:
            self._reading = False
            self._transport.pause_reading()
        self._wake_reader()

    def _read_on(self) -> None:
        if not self._reading:
            self._reading = True
            self._transport.resume_reading()

    def _wake_reader(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def _keep_alive(self) -> None:
        if self._heard:
            self._heard = self._asked = False
        elif self._asked:
            self._transport.abort()
            return
        elif self._framing.open:
            self._asked = True
            self._protocol.send_ping(b"")
            self._flush()
        self._keepalive = self._loop.call_later(PING_INTERVAL, self._keep_alive)


def _context_of_task() -> Context:
    """Return a copy of the current task's context in which anyio works outside of tasks as well."""
    context = copy_context()
    if current_library is not None:  # anyio asks sniffio where that is installed, and it knows of tasks only
        context.run(current_library.set, "asyncio")
    return context
