"""WebSockets for all providers: deadlines that a caller cares about, back-pressure both ways, and an end at once.

This is one shell around the sans-I/O core of `websockets`, over anyio's streams. The library's own two shells differ in
what a cancelled `send` leaves behind, wait without a deadline for a peer that does not read, and know no time but
that from frame to frame; here asyncio and trio run the same lines, and no task could outlive the block.

Nothing is read ahead: what the reader does not fetch stays in the kernel, and holds the provider back. Nothing is
queued for sending either: `WebSocket.send` returns when the operating system has taken the message.
"""

import logging
import math
import socket as sockets
import ssl
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Final, NoReturn, Self
from urllib.parse import urlsplit

from anyio import (
    BrokenResourceError,
    CancelScope,
    CapacityLimiter,
    ClosedResourceError,
    EndOfStream,
    Lock,
    aclose_forcefully,
    connect_tcp,
    current_time,
    move_on_after,
    to_thread,
)
from anyio.abc import ByteStream, SocketAttribute
from anyio.lowlevel import checkpoint_if_cancelled
from msgspec import Struct
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI, PayloadTooBig
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import WebSocketURI, parse_uri

from .errors import BrokenStream, ProviderError, ProviderFailed, ProviderTimeout, ProviderUnavailable
from .http import Deadlines, HttpRequest, trusted
from .http_errors import closed, refused, request_id, unexpected
from .retries import Retries, retried
from .usage import Meter

LARGEST_MESSAGE: Final = 16 * 2**20
"""Bytes: a second of audio is 130 kB in base64, but ElevenLabs has been seen to send more than 1 MiB at once."""
FAREWELL: Final = 1.0
"""Seconds that a provider has for its part of the closing handshake."""
UNACKNOWLEDGED: Final = 10.0
"""Seconds after which a peer that confirms nothing that was sent counts as gone, where the system can tell (Linux). TCP
itself goes on trying for a quarter of an hour."""

_quiet: Final = logging.getLogger("troupe.actors.websocket.frames")
_quiet.disabled = True  # the library logs all headers, keys included, and all frames


class SocketRequest(Struct, frozen=True, kw_only=True):
    """Where to connect to. Its ``repr`` has neither query nor headers."""

    url: str
    """``wss:`` or ``ws:``, with the query."""
    headers: Mapping[str, str] = {}

    @classmethod
    def of(cls, request: HttpRequest) -> Self:
        """Return what connects to the address of an HTTP request, with its headers, and so with its key."""
        return cls(url="ws" + request.url.removeprefix("http"), headers=request.headers)

    def __repr__(self) -> str:
        parts = urlsplit(self.url)
        return f"SocketRequest({parts.scheme}://{parts.hostname}{parts.path})"


class WebSocket(AsyncIterator[str | bytes]):
    """A connection; made by `connect`. One task may send while another one receives.

    Iterating gives the messages up to the end that the provider puts to them.
    """

    def __init__(
        self, stream: ByteStream, protocol: ClientProtocol, response: Response, provider: str, deadlines: Deadlines
    ) -> None:
        self.headers: Mapping[str, str] = response.headers
        """Of the answer to the handshake, looked up in whatever case."""
        self._stream = stream
        self._protocol = protocol
        self._provider = provider
        self._sending = Lock(fast_acquire=True)
        self._torn = False  # whether a part of a frame went out, and no other frame may follow
        self._patience = math.inf
        self._to_send = deadlines.between
        self._left = deadlines.total
        self._waiting: CancelScope | None = None
        self._fragments: list[Frame] = []
        self._ready: deque[str | bytes] = deque()
        self._pinging = False
        self._receive_events()

    @property
    def request_id(self) -> str:
        """What the provider calls the connection in its own log; empty if it does not say."""
        return request_id(self.headers)

    def expect(self, seconds: float) -> None:
        """Say how long the next message may take, and each after it; infinity, as at first, for as long as it likes.

        It counts from now for a reader that waits already, and else from when it begins to wait.
        """
        self._patience = seconds
        if self._waiting is not None:
            self._waiting.deadline = current_time() + min(seconds, self._left)

    # -- sending -------------------------------------------------------------------------------------------------------

    async def send(self, message: str | bytes) -> None:
        """Send one message, as soon as the provider takes it.

        Cancelling it may leave a part of the message on the way: nothing can be sent any more then.

        Raises:
            ProviderTimeout: It was not taken in time.
            ProviderError: The connection has ended.
        """
        async with self._sending:
            if self._protocol.state is not State.OPEN or self._torn:
                self._raise_end()
            if isinstance(message, str):
                self._protocol.send_text(message.encode())
            else:
                self._protocol.send_binary(message)
            await self._write()

    async def ping(self) -> None:
        """Ask for a sign of life; a receiver has to be at work meanwhile to see it.

        Raises:
            ProviderTimeout: The last one that was asked for has not come.
            ProviderError: The connection has ended.
        """
        if self._pinging:
            raise ProviderTimeout(self._provider, "no answer to a ping")
        async with self._sending:
            if self._protocol.state is not State.OPEN or self._torn:
                self._raise_end()
            self._pinging = True
            self._protocol.send_ping(b"")
            await self._write()

    async def _write(self) -> None:
        """Send what the protocol has ready; the caller holds the lock."""
        while self._protocol.writes:
            await checkpoint_if_cancelled()  # as long as nothing has gone out, nothing is torn
            data = b"".join(self._protocol.data_to_send())
            self._torn = True
            with move_on_after(self._to_send) as scope:
                try:
                    await self._stream.send(data)
                except (BrokenResourceError, ClosedResourceError) as error:
                    raise BrokenStream(self._provider, "the connection was lost") from error
            if scope.cancelled_caught:
                raise ProviderTimeout(self._provider, "it does not take what is sent")
            self._torn = False

    # -- receiving -----------------------------------------------------------------------------------------------------

    async def receive(self) -> str | bytes | None:
        """Return the next message: text as `str`, anything else as `bytes`; None if the provider closed in good order.

        Cancelling is safe: no message is lost.

        Raises:
            ProviderTimeout: It did not come in the time that was set by `expect`, or all of them took too long.
            BrokenStream: The connection was lost, or what came makes no sense.
            ProviderError: The provider closed the connection and said why.
        """
        if not self._ready:
            await self._wait()
        if self._ready:
            return self._ready.popleft()
        close = self._protocol.close_rcvd
        if close is not None and close.code in {1000, 1005} and self._protocol.parser_exc is None:
            return None
        return self._raise_end()

    async def __anext__(self) -> str | bytes:
        message = await self.receive()
        if message is None:
            raise StopAsyncIteration
        return message

    async def _wait(self) -> None:
        """Read until there is a message or the end; but not for longer than is allowed."""
        started = current_time()
        with CancelScope(deadline=started + min(self._patience, self._left)) as scope:
            self._waiting = scope
            try:
                while not self._ready and self._protocol.state is State.OPEN:
                    await self._read()
            finally:
                self._waiting = None
        if scope.cancelled_caught and not self._ready:  # timers may be early: what has passed does not tell why
            late = "it is not done in time" if self._left <= self._patience else "the next message did not come in time"
            raise ProviderTimeout(self._provider, late)
        if self._patience < math.inf:  # else it is the user whom one waits for
            self._left -= current_time() - started

    async def _read(self) -> None:
        try:
            data = await self._stream.receive()
        except EndOfStream:
            self._protocol.receive_eof()
            return
        except (BrokenResourceError, ClosedResourceError) as error:
            raise BrokenStream(self._provider, "the connection was lost") from error
        self._protocol.receive_data(data)
        self._receive_events()
        # Pongs, and our part of a closing handshake. Whoever is sending takes them along.
        if self._protocol.writes and not self._torn and not self._sending.locked():
            with CancelScope(shield=True):  # for `deadlines.between` at most: half a pong would spoil the connection
                async with self._sending:
                    await self._write()

    def _receive_events(self) -> None:
        for event in self._protocol.events_received():
            if not isinstance(event, Frame) or self._protocol.parser_exc is not None:
                continue
            match event.opcode:
                case Opcode.TEXT | Opcode.BINARY | Opcode.CONT:
                    self._fragments.append(event)
                    if event.fin:
                        self._ready_message()
                case Opcode.PONG:
                    self._pinging = False
                case _:
                    pass

    def _ready_message(self) -> None:
        frames, self._fragments = self._fragments, []
        data = bytes(frames[0].data) if len(frames) == 1 else b"".join(frame.data for frame in frames)
        if frames[0].opcode is Opcode.BINARY:
            self._ready.append(data)
            return
        try:
            self._ready.append(data.decode())
        except UnicodeDecodeError as error:
            self._protocol.fail(1007)
            self._protocol.parser_exc = error

    # -- the end -------------------------------------------------------------------------------------------------------

    def _raise_end(self) -> NoReturn:
        """Raise what ended the connection."""
        protocol, provider = self._protocol, self._provider
        if isinstance(protocol.parser_exc, PayloadTooBig):
            raise BrokenStream(provider, "a message is too long")
        if protocol.close_rcvd is not None:
            raise closed(provider, protocol.close_rcvd.code, protocol.close_rcvd.reason)
        if protocol.parser_exc is not None and not isinstance(protocol.parser_exc, EOFError):
            raise BrokenStream(provider, "the answer makes no sense")
        raise BrokenStream(provider, "the connection was lost")

    async def abort(self) -> None:
        """Drop the connection, at once."""
        await aclose_forcefully(self._stream)

    async def close(self) -> None:
        """Say goodbye, and wait a moment for the answer; what still comes is not read."""
        with move_on_after(FAREWELL), suppress(ProviderError):
            async with self._sending:
                if self._torn:
                    return
                if self._protocol.state is State.OPEN:
                    self._protocol.send_close(1000)
                await self._write()
            while self._protocol.state is not State.CLOSED:
                self._ready.clear()
                await self._read()


@asynccontextmanager
async def connect(
    request: SocketRequest,
    *,
    provider: str,
    deadlines: Deadlines,
    retries: Retries | None = None,
    meter: Meter | None = None,
    largest: int = LARGEST_MESSAGE,
) -> AsyncGenerator[WebSocket]:
    """Connect, and talk inside the block. At its end the connection is closed in good order.

    Cancelled, or with an error, it is gone at once, and the provider stops.

    Args:
        request: Where to.
        provider: The provider's name, for errors.
        deadlines: How long it may take: `connect` to a connection, `first` to the end of the handshake, `between` to
            take a message. `total` is what it may take all in all to send what is expected of it; see
            `WebSocket.expect`.
        retries: The budget for connecting again; None for never.
        meter: Counts connections, how long it took to make them, and how often it was tried again.
        largest: Bytes that a message may have.

    Raises:
        ProviderError: The provider can't be reached, refused the handshake, or took too long.
    """
    allowed = min(deadlines.first, deadlines.total)
    open_ = partial(_open, request, provider, deadlines, largest, meter)
    socket = await retried(open_, retries, allowed, meter)
    try:
        yield socket
        await socket.close()
    except ProviderError as error:  # whoever looks into it asks the provider for this
        if socket.request_id:
            error.details.setdefault("request_id", socket.request_id)
        raise
    finally:
        await socket.abort()


async def _open(
    request: SocketRequest, provider: str, deadlines: Deadlines, largest: int, meter: Meter | None, left: float
) -> WebSocket:
    stream: ByteStream | None = None
    socket: WebSocket | None = None
    try:
        with move_on_after(left):
            address = _address(request, provider)
            started = current_time()
            stream = await _connected(address, provider, deadlines.connect)
            if meter is not None:
                meter.connects.observe(current_time() - started)
            protocol = ClientProtocol(address, max_size=largest, logger=_quiet)
            response = await _shaken(stream, protocol, request, provider)
            socket = WebSocket(stream, protocol, response, provider, deadlines)
    finally:
        if stream is not None and socket is None:
            await aclose_forcefully(stream)
    if socket is None:
        raise ProviderTimeout(provider, "no answer in time")
    return socket


async def _connected(address: WebSocketURI, provider: str, within: float) -> ByteStream:
    """Connect, by TLS if the address says so."""
    stream: ByteStream | None = None
    try:
        with move_on_after(within):
            if address.secure:
                context = await to_thread.run_sync(trusted, limiter=CapacityLimiter(1))
                # who closes says so in a frame; TLS need not say it again
                stream = await connect_tcp(
                    address.host, address.port, ssl_context=context, tls_standard_compatible=False
                )
            else:
                stream = await connect_tcp(address.host, address.port)
    except (OSError, EndOfStream, BrokenResourceError) as error:
        reason = "no trusted certificate" if isinstance(error, ssl.SSLCertVerificationError) else "no connection"
        raise ProviderUnavailable(provider, reason, details={"error": type(error).__qualname__}) from error
    if stream is None:
        raise ProviderTimeout(provider, "no connection in time")
    if hasattr(sockets, "TCP_USER_TIMEOUT"):
        raw = stream.extra(SocketAttribute.raw_socket)  # noqa: S610  (nothing of Django's)
        raw.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_USER_TIMEOUT, round(UNACKNOWLEDGED * 1000))
    return stream


async def _shaken(stream: ByteStream, protocol: ClientProtocol, request: SocketRequest, provider: str) -> Response:
    """Go through the handshake; return the provider's part of it, if it is a success."""
    handshake = protocol.connect()
    handshake.headers["User-Agent"] = "troupe"
    for name, value in request.headers.items():
        handshake.headers[name] = value
    protocol.send_request(handshake)
    try:
        await stream.send(b"".join(protocol.data_to_send()))
        while protocol.state is State.CONNECTING and protocol.handshake_exc is None:
            try:
                protocol.receive_data(await stream.receive())
            except EndOfStream:
                protocol.receive_eof()
    except BrokenResourceError as error:
        raise ProviderUnavailable(provider, "the connection was lost") from error
    match protocol.handshake_exc:
        case None:
            response = protocol.events.pop(0)
            assert isinstance(response, Response)
            return response
        case InvalidStatus(response=response) if 200 <= response.status_code < 300:
            raise unexpected(provider, response.headers.get("content-type", "").partition(";")[0], bytes(response.body))
        case InvalidStatus(response=response):
            raise refused(provider, response.status_code, response.headers, bytes(response.body))
        case InvalidHandshake(__cause__=EOFError()):
            raise ProviderUnavailable(provider, "the connection was lost")
        case _:
            raise BrokenStream(provider, "the handshake makes no sense")


def _address(request: SocketRequest, provider: str) -> WebSocketURI:
    try:
        return parse_uri(request.url)
    except (InvalidURI, ValueError):  # the text of which repeats it
        raise ProviderFailed(provider, "the request can't be sent") from None
