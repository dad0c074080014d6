"""``/v1/realtime``: the WebSocket of a transcription session."""

from contextlib import suppress

import msgspec
from anyio import CancelScope, Event, create_task_group
from starlette.websockets import WebSocket, WebSocketDisconnect

from ..serving.refusals import EngineFailed, Refused
from ..serving.slots import Slots
from .engine import Engine
from .session import Job, Session
from .settings import Settings

TRY_AGAIN_LATER = 1013
POLICY_VIOLATION = 1008


class Realtime:
    """Serves transcription sessions."""

    def __init__(self, engine: Engine, slots: Slots, settings: Settings) -> None:
        self._engine = engine
        self._slots = slots
        self._settings = settings
        self._open = 0

    async def serve(self, socket: WebSocket) -> None:
        """Serve a connection until the client leaves."""
        offered: list[str] = socket.scope.get("subprotocols", [])
        await socket.accept("realtime" if "realtime" in offered else None)  # browsers insist on an answer
        if self._open >= self._settings.sockets:
            await socket.close(TRY_AGAIN_LATER, "as many sessions are open as may be")
            return
        self._open += 1
        try:
            await _Connection(socket, self._engine, self._slots, self._settings).serve()
        finally:
            self._open -= 1


class _Connection:
    def __init__(self, socket: WebSocket, engine: Engine, slots: Slots, settings: Settings) -> None:
        self._socket = socket
        self._engine = engine
        self._slots = slots
        self._session = Session(engine.model, settings)
        self._news = Event()

    async def serve(self) -> None:
        async with create_task_group() as tasks:
            tasks.start_soon(self._listen, tasks.cancel_scope)
            await self._work()

    async def _listen(self, scope: CancelScope) -> None:
        """Take what the client says; its leaving ends all."""
        try:
            await self._send([self._session.begin()])
            while True:
                message = await self._socket.receive()
                if message["type"] == "websocket.disconnect":
                    break
                text: str | None = message.get("text")
                await self._send(self._session.receive(message["bytes"] if text is None else text))
                self._news.set()
        except WebSocketDisconnect:
            pass  # it left while something was sent
        scope.cancel()

    async def _work(self) -> None:
        """Have the engine do what there is to be done."""
        while True:
            await self._news.wait()
            self._news = Event()
            while (job := self._session.job(idle=self._slots.idle)) is not None:
                await self._do(job)

    async def _do(self, job: Job) -> None:
        try:
            async with self._slots.taken() as slot:
                segments = await slot.run(lambda: list(self._engine.transcribe(job.audio, job.task).segments))
        except (EngineFailed, Refused):
            events = self._session.failed(job)
        else:
            events = self._session.done(job, segments)
        with suppress(WebSocketDisconnect):  # `_listen` notices, too
            await self._send(events)

    async def _send(self, events: list[dict[str, object]]) -> None:
        for event in events:
            await self._socket.send_text(msgspec.json.encode(event).decode())
