"""A recorded session, once more: the same client, the same providers, without a network, in virtual time.

The session is a real one. What came in when it was recorded comes in again, at its time and in its place: after
everything that the recording has before it, be it something else that came in, or something that the session had said
by then. So the interleaving is the recorded one, however long the steps of the session took then. What it says, to its
client and to its providers, is compared with the recording, byte by byte.

Ids are drawn anew. The first time that an event has one where the recording has another, the two are taken to be the
same from there on; an id that is not where it belongs is a difference like any other.

`replay` has to run on a virtual clock; `troupe.runtime.testing.run` has one.
"""

import math
import re
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from itertools import takewhile
from types import TracebackType
from typing import Any, Final, TypeVar, cast

import msgspec
from anyio import Event, create_task_group, current_time, move_on_after, sleep_until
from msgspec import Struct

from ...runtime import Duplex, DuplexRequest, Receiver, Ref, Restart, StreamRequest, child, open_system
from ...runtime.errors import EndOfChannel
from ..errors import ProviderError
from ..realtime.client_events import ClientEvent
from ..realtime.errors import ClientMistake
from ..realtime.page_events import PageEvent
from ..realtime.response_events import RateLimit, RateLimitsUpdated
from . import tape
from .activity import Activity, Listener
from .recorder import Detour, sent, told
from .services import Services
from .session import Connect, FromClient, ToClient, VoiceSession

GRACE: Final = 30.0
"""Seconds, of virtual time, that something may be late before it counts as missing."""
TOGETHER: Final = 0.005
"""Seconds within which two events are told at the same time, so that either may have been first: tasks that have
nothing to do with each other, such as the end of an interrupted answer and the transcript of what interrupted it."""
MOST: Final = 20
"""Differences that are kept; one mostly brings others."""

_ID: Final = re.compile(rb"\b(?:sess|conv|item|resp|call|event)_[0-9a-f]{24}\b")
_client_event: Final[msgspec.msgpack.Decoder[ClientEvent]] = msgspec.msgpack.Decoder(ClientEvent)
_errors: Final = {kind.code: kind for kind in ProviderError.__subclasses__()}

R = TypeVar("R")
S = TypeVar("S")
E_co = TypeVar("E_co", covariant=True)


class Difference(Struct, frozen=True):
    """Something that went otherwise than in the recording."""

    record: int
    """Which record it is about, from 1; the first one tells how the session began."""
    at: float
    """When that was, in seconds since the session began."""
    what: str
    """What is different; without what anybody said."""


class Replayed(Struct, frozen=True):
    """What came of a replay."""

    events: int
    """Events that the client was told as in the recording."""
    requests: int
    """Requests to providers, and pieces of text and audio for them, that were as in the recording."""
    swapped: int
    """How many of them came before another one that was told first, within `TOGETHER`."""
    differences: tuple[Difference, ...]
    drift: float
    """Seconds, at most, between when an event was told and when it was in the recording: what the session's own steps
    took then, as they take no virtual time."""

    @property
    def exact(self) -> bool:
        """Whether all was as in the recording."""
        return not self.differences


async def replay(recording: tape.Tape) -> Replayed:
    """Have a recorded session once more, on a virtual clock."""
    began = recording.began
    course = _Course(recording.records)
    services = Services(
        recogniser=_Played("stt", course),
        model=_Played("llm", course),
        synthesizer=_Played("tts", course),
        activity=_PlayedActivity(course),
        rate_limits=course.rate_limits if course.limited else None,
        **{name: getattr(began, name) for name in tape.SETTINGS},
    )
    session = child(VoiceSession, began.session, services, name="session", restart=Restart.TEMPORARY)
    async with open_system(session) as system:
        course.began = current_time()
        async with (
            system.ref("session").open(Connect(dialect=began.dialect), timeout=math.inf, buffer=1 << 20) as peer,
            create_task_group() as tasks,
        ):
            tasks.start_soon(peer.each, course.compare)
            await course.speak(peer)
            tasks.cancel_scope.cancel()
    return course.result()


class _Course:
    """The recording as it goes by: what has come to pass of it, and what is next."""

    def __init__(self, records: tuple[tape.Record, ...]) -> None:
        self.began = 0.0
        self._records = records
        self._passed = [isinstance(record, tape.Full) for record in records]
        self._next = 0
        self._waiting: dict[int, Event] = {}
        self._told = deque(index for index, record in enumerate(records) if isinstance(record, tape.Told))
        self._asked: dict[str, deque[int]] = {part: deque() for part in tape.ANSWERS}
        self._sent: dict[int, deque[int]] = {}
        self._given: dict[int, deque[int]] = {}
        for index, record in enumerate(records):
            match record:
                case tape.Asked():
                    self._asked[record.part].append(index)
                    self._sent[record.call], self._given[record.call] = deque(), deque()
                case tape.Sent():
                    self._sent[record.call].append(index)
                case tape.Got() | tape.Over():
                    self._given[record.call].append(index)
                case _:
                    pass
        self._theirs: dict[bytes, bytes] = {}  # the recording's ids by ours
        self._ours: dict[bytes, bytes] = {}
        self._limits = deque(self._recorded_limits())
        self.limited = bool(self._limits)
        """Whether the client had an allowance."""
        self._differences: list[Difference] = []
        self._events = self._requests = self._swapped = 0
        self._drift = 0.0
        self._pass_on()

    def result(self) -> Replayed:
        """Say how it went, when it is over."""
        differences = tuple(sorted(self._differences, key=lambda each: each.record))
        return Replayed(self._events, self._requests, self._swapped, differences, self._drift)

    # -- what is next ----------------------------------------------------------------------------------------------

    async def turn(self, index: int) -> None:
        """Wait until all before a record has come to pass, and it is time; behind the last one, until the end."""
        due = self.began + (self._records[index].at if index < len(self._records) else 0)
        if self._next < index:
            with move_on_after(max(due - current_time(), 0) + GRACE) as scope:
                event = self._waiting.setdefault(index, Event())
                await event.wait()
            if scope.cancelled_caught:
                for missed in range(self._next, index):
                    if not self._passed[missed]:
                        self._miss(missed)
                self._pass_on()
        if current_time() < due:  # else without another task in between: what came in one step comes in one
            await sleep_until(due)

    def passed(self, index: int) -> None:
        """A record has come to pass."""
        self._passed[index] = True
        if index == self._next:
            self._pass_on()

    def _pass_on(self) -> None:
        while self._next < len(self._passed) and self._passed[self._next]:
            self._next += 1
        for index in [index for index in self._waiting if index <= self._next]:
            self._waiting.pop(index).set()

    # -- the client ------------------------------------------------------------------------------------------------

    async def speak(self, peer: Duplex[FromClient, ToClient]) -> None:
        """Say what the client said, and let pass what else there is, up to the end of the recording."""
        for index, record in enumerate(self._records):
            match record:
                case tape.Heard(_, event):
                    await self.turn(index)
                    self.passed(index)
                    peer.send_nowait(_client_event.decode(_renamed(bytes(event), self._ours)))
                case tape.Misheard(_, code, message, param, event_id):
                    await self.turn(index)
                    self.passed(index)
                    peer.send_nowait(ClientMistake(code, message, param, event_id=event_id))
                case tape.Judged():
                    await self.turn(index)
                    self.passed(index)
                    self.judge(record.probability)
                case _:
                    pass
        await self.turn(len(self._records))

    judge: Callable[[float], None]
    """Tells the session how a window was judged; set while it listens."""

    def compare(self, event: ToClient) -> None:
        """Compare what the client is told with what it was."""
        if isinstance(event, PageEvent):
            return  # recordings hold nothing of the side channel
        if not self._told:
            self._surplus(f"{event.__struct_config__.tag} more than there was")
            return
        ours, first = bytes(told(event)), self._told[0]
        together = takewhile(lambda index: self._records[index].at <= self._records[first].at + TOGETHER, self._told)
        index = next((index for index in together if self._is(ours, self._event(index))), None)
        if index is None:
            index = first
            self._differ(index, _unlike(self._event(index), _renamed(ours, self._theirs)))
        else:
            self._events += 1
            self._swapped += index != first
        self._told.remove(index)
        self._drift = max(self._drift, abs(current_time() - self.began - self._records[index].at))
        self.passed(index)

    def _event(self, index: int) -> bytes:
        return bytes(cast("tape.Told", self._records[index]).event)

    def rate_limits(self) -> tuple[RateLimit, ...]:
        """Return what was left of the client's allowance."""
        return self._limits.popleft() if self._limits else ()

    def _recorded_limits(self) -> Iterator[tuple[RateLimit, ...]]:
        for index in self._told:
            event = msgspec.msgpack.decode(self._event(index))
            if event["type"] == RateLimitsUpdated.__struct_config__.tag:
                yield msgspec.convert(event["rate_limits"], tuple[RateLimit, ...])

    # -- the providers ---------------------------------------------------------------------------------------------

    def ask(self, part: str, request: Any) -> int | None:
        """A provider is asked; return the number of the call in the recording, or None if there was none."""
        if not self._asked[part]:
            self._surplus(f"{part} is asked once more than it was")
            return None
        index = self._asked[part].popleft()
        record = cast("tape.Asked", self._records[index])
        self._compare(index, bytes(tape.raw(request)), bytes(record.request))
        return record.call

    def send(self, call: int, item: Any) -> None:
        """A provider is sent more."""
        if self._sent[call]:
            index = self._sent[call].popleft()
            self._compare(index, bytes(sent(item)), bytes(cast("tape.Sent", self._records[index]).item))

    def leave(self, call: int) -> None:
        """The session has left a call: how much of it had passed by then is of no consequence."""
        for index in (*self._sent[call], *self._given[call]):
            self.passed(index)
        self._sent[call].clear()
        self._given[call].clear()

    def poll(self, call: int, part: str) -> Any:
        """Return what a provider has given by now without being waited for, or None."""
        given = self._given[call]
        record = self._records[given[0]] if given else None
        if not isinstance(record, tape.Got) or record.waited or self._next != given[0]:
            return None
        self.passed(given.popleft())
        return tape.ANSWERS[part].decode(record.item)

    async def receive(self, call: int, part: str) -> Any:
        """Wait for what a provider gives next.

        Raises:
            EndOfChannel: That was all.
            ProviderError: It failed.
        """
        given = self._given[call]
        if not given:
            await Event().wait()  # the session has left before there was more
        index = given[0]
        await self.turn(index)
        given.popleft()
        self.passed(index)
        record = self._records[index]
        if isinstance(record, tape.Got):
            return tape.ANSWERS[part].decode(record.item)
        error = cast("tape.Over", record).error
        raise EndOfChannel if error is None else _errors[error]("recording")

    def _compare(self, index: int, ours: bytes, theirs: bytes) -> None:
        if self._is(ours, theirs):
            self._requests += 1
        else:
            self._differ(index, _unlike(theirs, _renamed(ours, self._theirs)))
        self.passed(index)

    # -- comparing -------------------------------------------------------------------------------------------------

    def _is(self, ours: bytes, theirs: bytes) -> bool:
        """Whether something is what the recording has, but for ids; if so, take those for the same from now on."""
        new = {
            mine: other
            for mine, other in zip(_ID.findall(ours), _ID.findall(theirs), strict=False)
            if mine not in self._theirs and other not in self._ours
        }
        if _renamed(ours, self._theirs | new) != theirs:
            return False
        self._theirs |= new
        self._ours |= {other: mine for mine, other in new.items()}
        return True

    def _miss(self, index: int) -> None:
        """Go on without something that should have come to pass."""
        record = self._records[index]
        if isinstance(record, tape.Told):
            self._differ(index, f"{_name(self._event(index))} is missing")
            self._told.remove(index)
        elif isinstance(record, tape.Asked):
            self._differ(index, f"{record.part} is not asked")
            self._asked[record.part].remove(index)
        self._passed[index] = True

    def _surplus(self, what: str) -> None:
        """Something happens for which there is no record; at the end of the recording it may just not be there yet."""
        if self._next < len(self._records):
            self._differ(len(self._records) - 1, what)

    def _differ(self, index: int, what: str) -> None:
        if len(self._differences) < MOST:
            self._differences.append(Difference(index + 2, self._records[index].at, what))


def _renamed(data: bytes, names: dict[bytes, bytes]) -> bytes:
    """Put one id in place of another; all have the same length, so MessagePack stays what it is."""
    return _ID.sub(lambda match: names.get(match[0], match[0]), data)


def _name(event: bytes) -> str:
    """Return the type of an event."""
    return str(msgspec.msgpack.decode(event)["type"])


def _unlike(theirs: bytes, ours: bytes) -> str:
    """Say where two values differ, but not what stands there: it may be what somebody said."""
    one, other = msgspec.msgpack.decode(theirs), msgspec.msgpack.decode(ours)
    path = ".".join(_path(one, other))
    named = isinstance(one, dict) and "type" in one
    if path == "type":
        return f"{other['type']} instead of {one['type']}"
    return f"{one['type'] if named else 'what a provider is given'} differs in {path or 'its value'}"


def _path(one: Any, other: Any) -> list[str]:
    """Return the way to the first difference."""
    pairs, others = _members(one), _members(other)
    key = next((key for key in pairs | others if pairs.get(key) != others.get(key)), None)
    return [] if key is None else [str(key), *_path(pairs.get(key), others.get(key))]


def _members(value: Any) -> dict[Any, Any]:
    members: dict[Any, Any] = {}
    items: list[Any]
    match value:
        case {**members}:
            pass
        case [*items]:
            members = dict(enumerate(items))
        case _:
            pass
    return members


# -- providers from the recording --------------------------------------------------------------------------------------


class _Played(Ref):
    """A reference to a provider that is not there: its answers are the recorded ones."""

    __slots__ = ("_course", "_part")

    def __init__(self, part: str, course: _Course) -> None:  # there is no actor
        self._part = part
        self._course = course

    def stream(self, request: StreamRequest[R], **_options: Any) -> AbstractAsyncContextManager[Receiver[R]]:
        return _Opening[Receiver[R]](self._part, self._course, request)

    def open(self, request: DuplexRequest[S, R], **_options: Any) -> AbstractAsyncContextManager[Duplex[S, R]]:
        return _Opening[Duplex[S, R]](self._part, self._course, request)


class _Opening(AbstractAsyncContextManager[E_co]):
    def __init__(self, part: str, course: _Course, request: Any) -> None:
        self._part = part
        self._course = course
        self._request = request
        self._call: int | None = None

    async def __aenter__(self) -> E_co:
        self._call = self._course.ask(self._part, self._request)
        end = _PlayedCall[Any, Any](self._call, self._part, self._course)
        return cast("E_co", end)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._call is not None:
            self._course.leave(self._call)


class _PlayedCall(Detour[S, R]):
    """The session's end of a call whose other end is the recording."""

    __slots__ = ("_call", "_course", "_part")

    def __init__(self, call: int | None, part: str, course: _Course) -> None:  # has no channels
        self._call = call
        self._part = part
        self._course = course

    async def receive(self) -> R:
        if self._call is None:
            await Event().wait()
        item: R = await self._course.receive(cast("int", self._call), self._part)
        return item

    def poll(self) -> R | None:
        item: R | None = None if self._call is None else self._course.poll(self._call, self._part)
        return item

    async def send(self, item: S) -> None:
        if self._call is not None:
            self._course.send(self._call, item)

    def send_nowait(self, item: S) -> None:
        if self._call is not None:
            self._course.send(self._call, item)

    def finish(self) -> None:
        pass


class _PlayedActivity(Activity):
    """Judges as in the recording, whatever the audio."""

    def __init__(self, course: _Course) -> None:  # has no model
        self._course = course

    @contextmanager
    def listen(self, heard: Callable[[float], None], failed: Callable[[Exception], None]) -> Generator[Listener]:
        listener = _Deaf(self, heard, failed)
        self._course.judge = listener.tell
        yield listener


class _Deaf(Listener):
    """Takes audio, and does nothing with it."""

    def push(self, samples: object) -> None:
        pass
