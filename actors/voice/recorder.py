"""Recording sessions while they live: what crosses a session's border is noted on the way, and written by a thread.

A session says what its client said and was told; the rest is noted by the references to providers that it is given
(`Recorder.services`). See `tape` for the file, `replay` for what it is good for.
"""

import logging
import os
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TypeVar, cast

import msgspec
from anyio import CancelScope, CapacityLimiter, move_on_after, sleep, to_thread

from ...runtime import Duplex, DuplexRequest, Receiver, Ref, StreamRequest
from ...runtime.errors import EndOfChannel
from ..errors import provider_error
from ..realtime.client_events import ClientEvent
from ..realtime.errors import ClientMistake
from ..realtime.names import Dialect
from ..realtime.response_events import ResponseOutputAudioDelta
from ..realtime.server_events import ServerEvent
from ..realtime.session_config import Session
from . import tape
from .activity import Activity, Listener
from .services import Services

MOST: Final = 64 * 2**20
"""Bytes of a recording, unless told otherwise: a quarter of an hour and more."""
UNWRITTEN: Final = 4 * 2**20
"""Bytes that may wait for the disk; a recording that would take more ends there."""
EVERY: Final = 0.5
"""Seconds between two times that what was noted is written: what a crash costs at most."""
_FAREWELL: Final = 2.0
"""Seconds that the last of it has to be written in when a session ends."""

_log = logging.getLogger("troupe.voice")

R = TypeVar("R")
S = TypeVar("S")
E_co = TypeVar("E_co", covariant=True)


class Recorder:
    """The recording of one session, under way; made by `recording`.

    Args:
        write: Takes bytes, in a thread.
        now: The event loop's clock.
        most: Bytes that it may have.
    """

    def __init__(self, write: Callable[[bytes], object], now: Callable[[], float], most: int = MOST) -> None:
        self._write = write
        self._now = now
        self._began = now()
        self._left = most - len(tape.MAGIC)
        self._noted = bytearray(tape.MAGIC)
        self._calls = 0
        self._full = False
        self._limiter = CapacityLimiter(1)

    # -- what happens ----------------------------------------------------------------------------------------------

    def note(self, kind: Callable[..., tape.Record], *members: Any, **more: Any) -> None:
        """Note that something happens now."""
        if self._full:
            return
        at = self._now() - self._began
        packed = tape.packed(kind(at, *members, **more))
        if len(packed) > self._left or len(self._noted) > UNWRITTEN:
            self._full = True
            packed = tape.packed(tape.Full(at))
        self._left -= len(packed)
        self._noted += packed

    def began(self, session: Session, dialect: Dialect, services: Services) -> None:
        """The session's client is there."""
        self._began = self._now()
        self.note(
            tape.Began,
            version=tape.VERSION,
            session=session,
            dialect=dialect,
            **{name: getattr(services, name) for name in tape.SETTINGS},
        )

    def heard(self, event: ClientEvent | ClientMistake) -> None:
        """The client has said something."""
        if isinstance(event, ClientMistake):
            self.note(tape.Misheard, event.code, event.message, event.param, event.event_id)
        else:
            self.note(tape.Heard, tape.raw(event))

    def told(self, event: ServerEvent) -> None:
        """The client is told something."""
        self.note(tape.Told, told(event))

    def asked(self, part: str, request: Any) -> int:
        """A provider is asked; return the number of the call."""
        call, self._calls = self._calls, self._calls + 1
        self.note(tape.Asked, call, part, tape.raw(request))
        return call

    def over(self, call: int, error: Exception | None) -> None:
        """A provider's answer has ended."""
        self.note(tape.Over, call, None if error is None else provider_error(error, "").code)

    def services(self, services: Services) -> Services:
        """Return references to the same services that note what passes."""
        return replace(
            services,
            recogniser=_Taped(services.recogniser, "stt", self),
            model=_Taped(services.model, "llm", self),
            synthesizer=_Taped(services.synthesizer, "tts", self),
            activity=_TapedActivity(services.activity, self),
        )

    # -- writing ---------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Write what was noted, now and then, until cancelled."""
        while True:
            await sleep(EVERY)
            await self.flush()

    async def flush(self) -> None:
        """Write what was noted. Cancelling leaves it to the thread, which ends in its own time."""
        if self._noted:
            noted, self._noted = self._noted, bytearray()
            await to_thread.run_sync(self._write, bytes(noted), limiter=self._limiter)


@asynccontextmanager
async def recording(folder: Path, session: str, now: Callable[[], float], most: int = MOST) -> AsyncGenerator[Recorder]:
    """Record a session into a new file of a folder, which nobody but the owner of the process can read.

    A disk that takes nothing, or no more, ends the recording, and not the session.

    Args:
        folder: It has to be there.
        session: The session's id, for the file's name.
        now: The event loop's clock.
        most: Bytes that the file may have.
    """
    file = await to_thread.run_sync(_File, folder / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{session}.tape")
    recorder = Recorder(file.write, now, most)
    try:
        yield recorder
    finally:
        with CancelScope(shield=True), move_on_after(_FAREWELL):
            await recorder.flush()
            await to_thread.run_sync(file.close)


class _File:
    """A file that is only added to, until the disk refuses."""

    def __init__(self, path: Path) -> None:
        self._descriptor: int | None = None
        with self._enduring():
            self._descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)

    def write(self, data: bytes) -> None:
        """Add to it."""
        with self._enduring():
            while data and self._descriptor is not None:
                data = data[os.write(self._descriptor, data) :]

    def close(self) -> None:
        """Close it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @contextmanager
    def _enduring(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            _log.warning("the recording of a session ends here: %s", error.strerror)
            self.close()


def told(event: ServerEvent) -> msgspec.Raw:
    """Return how an event is kept: with a digest in place of its audio."""
    if not isinstance(event, ResponseOutputAudioDelta):
        return tape.raw(event)
    members = {name: getattr(event, name) for name in event.__struct_fields__}
    return tape.raw({"type": "response.output_audio.delta", **members, "delta": tape.Digest.of(event.delta)})


def sent(item: Any) -> msgspec.Raw:
    """Return how what a provider is sent is kept: audio as its digest."""
    return tape.raw(tape.Digest.of(item) if isinstance(item, bytes) else item)


# -- what passes ---------------------------------------------------------------------------------------------------


class _Taped(Ref):
    """A reference to a provider whose calls are noted."""

    __slots__ = ("_part", "_recorder")

    def __init__(self, ref: Ref, part: str, recorder: Recorder) -> None:
        super().__init__(ref.cell)
        self._part = part
        self._recorder = recorder

    def stream(self, request: StreamRequest[R], **options: Any) -> AbstractAsyncContextManager[Receiver[R]]:
        call = self._recorder.asked(self._part, request)
        return _Opening[Receiver[R]](super().stream(request, **options), call, self._recorder)

    def open(self, request: DuplexRequest[S, R], **options: Any) -> AbstractAsyncContextManager[Duplex[S, R]]:
        call = self._recorder.asked(self._part, request)
        return _Opening[Duplex[S, R]](super().open(request, **options), call, self._recorder)


class _Opening(AbstractAsyncContextManager[E_co]):
    """A call for as long as its block lasts."""

    def __init__(self, opened: AbstractAsyncContextManager[Any], call: int, recorder: Recorder) -> None:
        self._opened = opened
        self._call = call
        self._recorder = recorder

    async def __aenter__(self) -> E_co:
        try:
            end = _TapedCall[Any, Any](await self._opened.__aenter__(), self._call, self._recorder)
        except Exception as error:
            self._recorder.over(self._call, error)
            raise
        return cast("E_co", end)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._opened.__aexit__(kind, error, trace)


class Detour(Duplex[S, R]):
    """One end of a conversation that has no channels of its own: all goes through `receive`, `poll` and `send`."""

    __slots__ = ()

    @property
    def waiting(self) -> int:
        """How many items are there can't be told."""
        return 0

    async def each(self, function: Callable[[R], Coroutine[Any, Any, None] | None]) -> None:
        """Call `function` with each item."""
        async for item in self:
            if (work := function(item)) is not None:
                await work

    async def __anext__(self) -> R:
        try:
            return await self.receive()
        except EndOfChannel:
            raise StopAsyncIteration from None


class _TapedCall(Detour[S, R]):
    """The session's end of a call: what a session does with one, and a note of it."""

    __slots__ = ("_call", "_peer", "_recorder")

    def __init__(self, peer: Duplex[S, R], call: int, recorder: Recorder) -> None:  # has no channels of its own
        self._peer = peer
        self._call = call
        self._recorder = recorder

    async def receive(self) -> R:
        try:
            item = await self._peer.receive()
        except Exception as error:
            self._recorder.over(self._call, None if isinstance(error, EndOfChannel) else error)
            raise
        self._recorder.note(tape.Got, self._call, tape.raw(item), waited=True)
        return item

    def poll(self) -> R | None:
        item = self._peer.poll()
        if item is not None:
            self._recorder.note(tape.Got, self._call, tape.raw(item), waited=False)
        return item

    async def send(self, item: S) -> None:
        self._recorder.note(tape.Sent, self._call, sent(item))
        await self._peer.send(item)

    def send_nowait(self, item: S) -> None:
        self._peer.send_nowait(item)
        self._recorder.note(tape.Sent, self._call, sent(item))

    def finish(self) -> None:
        self._peer.finish()


class _TapedActivity(Activity):
    """The judge of voice activity, with a note of each judgement."""

    def __init__(self, activity: Activity, recorder: Recorder) -> None:  # has no model of its own
        self._judge = activity
        self._recorder = recorder

    @contextmanager
    def listen(self, heard: Callable[[float], None], failed: Callable[[Exception], None]) -> Generator[Listener]:
        def noted(probability: float) -> None:
            self._recorder.note(tape.Judged, probability)
            heard(probability)

        with self._judge.listen(noted, failed) as listener:
            yield listener
