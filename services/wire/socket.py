"""The server's end of a WebSocket: it remembers what comes, and what goes out meets the faults that were asked for.

Frames are put onto the transport as bytes, so that a connection can break in the middle of one. A fault's `after`
counts the server's messages, its `at` the bytes of their frames.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Final, NoReturn, TypeAlias

import msgspec
from anyio import CancelScope, create_task_group, move_on_after, sleep
from starlette.datastructures import Headers, QueryParams
from starlette.responses import Response
from starlette.websockets import WebSocket
from websockets.frames import Frame, Opcode

from .answers import Answer, Break, Refused
from .exchange import Exchange, break_off
from .faults import Close, Cut, Deaf, Drip, End, Fault, Insert, Late, Pace, Refuse, Replace, Reset, Stall, spoil

WRITE_BUFFER: Final = 64 * 1024
"""Bytes that wait for a client that does not read; then the server waits, too."""


class Gone(Exception):
    """The connection has ended, by a fault or by the client; nothing more can be said."""


class WireSocket:
    """One connection; made by `talk`."""

    def __init__(self, socket: WebSocket, exchange: Exchange, faults: Sequence[Fault]) -> None:
        self.exchange = exchange
        """What the test sees of it."""
        self._socket = socket
        self.faults = faults
        """What goes wrong with it."""
        self._transport: asyncio.Transport = socket.scope["state"]["transport"]
        self._number = 0  # of the next message
        self._asked = True  # whether the client has said something since the last message
        self._messages: asyncio.Queue[str | bytes] = asyncio.Queue()

    @property
    def query(self) -> QueryParams:
        """What stands behind the path."""
        return self._socket.query_params

    @property
    def headers(self) -> Headers:
        """Of the handshake."""
        return self._socket.headers

    @property
    def path_params(self) -> dict[str, Any]:
        """What the path's placeholders stand for."""
        return self._socket.path_params

    async def accept(self, headers: dict[str, str]) -> None:
        """Answer the handshake; before this, a handler may raise `Refused`."""
        await self._socket.accept(headers=[(name.encode(), value.encode()) for name, value in headers.items()])

    async def receive(self) -> str | bytes:
        """Return the client's next message; when there is none any more, the handler is cancelled."""
        return await self._messages.get()

    async def receive_within(self, seconds: float) -> str | bytes | None:
        """Return the client's next message, or None if it does not come in time."""
        with move_on_after(seconds):
            return await self._messages.get()
        return None

    async def send(self, message: object) -> None:
        """Send text, bytes, or anything else as JSON.

        Raises:
            Gone: The client has left, or a fault has ended the connection.
        """
        await self._meet_faults()
        self._number += 1
        if isinstance(message, bytes):
            await self._frame(Opcode.BINARY, message)
        else:
            text = message.encode() if isinstance(message, str) else msgspec.json.encode(message)
            await self._frame(Opcode.TEXT, text)

    async def close(self, code: int = 1000, reason: str = "") -> NoReturn:
        """End the connection as the protocol wants it.

        Raises:
            Gone: Always, as there is nothing more to be said.
        """
        await self._meet_faults()
        await self._close(code, reason)

    def hear(self, message: str | bytes) -> None:
        """Take a message of the client's."""
        self._asked = True
        self.exchange.messages.append(message)
        self._messages.put_nowait(message)

    async def mind_strike(self, struck: asyncio.Event, scope: CancelScope) -> None:
        """End the connection when that befalls it; other strikes are met by the next message."""
        await struck.wait()
        match self.exchange.struck:
            case Reset() | Cut():
                self.exchange.outcome = "broken"
                how = Break.RESET if isinstance(self.exchange.struck, Reset) else Break.CUT
                await break_off(self._transport, how)
                scope.cancel()
            case End():
                with suppress(Gone):
                    await self._close(1000, "")
                scope.cancel()
            case _:
                pass

    # -- faults --------------------------------------------------------------------------------------------------------

    async def _meet_faults(self) -> None:
        """Let happen what is to happen before the next message."""
        asked, self._asked = self._asked, False
        for fault in (*self.faults, self.exchange.struck):
            match fault:
                case Pace(first, each):
                    await sleep(first if asked else each)
                case Stall() if fault is self.exchange.struck:
                    await sleep(math.inf)
                case Stall(after, seconds) if after == self._number:
                    await sleep(math.inf if seconds is None else seconds)
                case Insert(after, data) if after == self._number:
                    await self._frame(Opcode.TEXT, data)
                case Close(after, code, reason) if after == self._number:
                    await self._close(code, reason)
                case Replace(body):
                    if body:
                        await self._frame(Opcode.TEXT, body)
                    await self._close(1000, "")
                case _:
                    pass

    async def _frame(self, opcode: Opcode, data: bytes) -> None:
        """Put one frame onto the wire, or as much of it as is to get there."""
        frame = Frame(opcode, data).serialize(mask=False)
        for fault in self.faults:
            match fault:
                case Reset(at) | Cut(at) if self.exchange.sent + len(frame) > at:
                    await self._write(frame[: at - self.exchange.sent])
                    self.exchange.outcome = "broken"
                    await break_off(self._transport, Break.RESET if isinstance(fault, Reset) else Break.CUT)
                    raise Gone
                case End(at) if self.exchange.sent + len(frame) > at:
                    await self._close(1000, "")
                case _:
                    pass
        await self._write(frame)

    async def _write(self, data: bytes) -> None:
        drip = next((fault for fault in self.faults if isinstance(fault, Drip)), Drip(max(1, len(data))))
        for start in range(0, len(data), drip.size):
            piece = data[start : start + drip.size]
            while self._transport.get_write_buffer_size() > WRITE_BUFFER:  # noqa: ASYNC110  (no event tells)
                await sleep(0.001)
            if self._transport.is_closing():
                raise Gone
            self._transport.write(piece)
            self.exchange.sent += len(piece)
            if drip.seconds:
                await sleep(drip.seconds)

    async def _close(self, code: int, reason: str) -> NoReturn:
        self.exchange.outcome = "served"
        await self._socket.close(code, reason)
        raise Gone


SocketHandler: TypeAlias = Callable[[WireSocket], Awaitable[None]]
"""Talks to one client; what it leaves open when it returns is closed in good order."""


async def talk(
    socket: WebSocket,
    handler: SocketHandler,
    exchange: Exchange,
    faults: Sequence[Fault],
    refuse: Callable[[int, str | None], Answer],
) -> None:
    """Serve one connection to its end, and notice when the client leaves before that."""
    wire = WireSocket(socket, exchange, faults)
    try:
        async with create_task_group() as tasks:
            tasks.start_soon(_listen, socket, wire, tasks.cancel_scope)
            tasks.start_soon(wire.mind_strike, exchange.mind(), tasks.cancel_scope)
            await _serve(socket, wire, handler, refuse)
            tasks.cancel_scope.cancel()
    finally:
        exchange.ended.set()


async def _serve(
    socket: WebSocket, wire: WireSocket, handler: SocketHandler, refuse: Callable[[int, str | None], Answer]
) -> None:
    try:
        for fault in wire.faults:
            if isinstance(fault, Late):
                await sleep(math.inf if fault.seconds is None else fault.seconds)
            if isinstance(fault, Refuse):
                raise Refused(spoil(Answer(), fault, refuse))
        await handler(wire)
        await wire.close()
    except Refused as refused:
        wire.exchange.outcome = "served"
        answer = refused.answer
        body = b"".join(step for step in answer.steps if isinstance(step, bytes))
        await socket.send_denial_response(Response(body, answer.status, answer.headers))
    except Gone:
        pass


async def _listen(socket: WebSocket, wire: WireSocket, scope: CancelScope) -> None:
    """Take what the client says until it leaves, or for as long as it is listened to."""
    exchange = wire.exchange
    most = next((fault.after for fault in wire.faults if isinstance(fault, Deaf)), math.inf)
    while len(exchange.messages) < most:
        event = await socket.receive()
        if event["type"] == "websocket.disconnect":
            if exchange.outcome == "under way":
                exchange.outcome = "served" if event["code"] == 1000 else "left"
            scope.cancel()
            return
        if event["type"] == "websocket.receive":
            text: str | None = event.get("text")
            wire.hear(event["bytes"] if text is None else text)
