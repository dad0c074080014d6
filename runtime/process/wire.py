"""The wire format between a process and its worker: frames in, bytes out, no I/O.

A frame is a msgpack array ``[tag, field, ...]`` with its length in front, four bytes, little-endian. Which frames may
come from which side is in the two unions `ToWorker` and `FromWorker`; anything else is a `ProtocolError`. Messages,
replies and items travel as msgpack inside the frames, undecoded here: only the two actors' annotations say what they
are (see `troupe.runtime.process.vocabulary`).

A conversation, seen from the parent::

    <- Hello                                who is there, in which version
    -> Start                                what actor to be
    <- Ready                                its lifespan has been entered; or at once Ended, with the reason
    -> Begin 1 (a tell, ask, stream, open)
    <- Reply 1                              done; or Failure, or Refused: not begun, do it with the next incarnation
    -> Begin 2   <- Items 2 ...  -> Credit 2 ...  -> Items 2 ...  -> Finish 2   <- Reply 2
    -> Begin 3   -> Cancel 3  <- Reply 3    a cancelled call is over when its handler is
    -> Ping      <- Pong
    -> Stop      <- Ended                   and the connection is closed

Every `Begin` gets exactly one of `Reply`, `Failure`, `Refused` and `Died`, unless the worker is lost.
"""

from struct import Struct as Layout
from typing import Annotated, Any, Final, Generic, Literal, TypeAlias, TypeVar

from msgspec import Meta, MsgspecError, Raw, Struct
from msgspec.msgpack import Decoder, Encoder

from ..errors import NotSendable, ProtocolError

VERSION: Final = 1
"""Of this protocol. A parent and its worker have to speak the same one."""

WINDOW: Final = 32
"""Items of one stream that may be on their way in one direction."""

NOTHING: Final = Raw(b"\xc0")
"""The reply of what replies nothing: msgpack's nil."""

UNREADABLE: Final = (MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are not what they should be."""

_encoder = Encoder()
_length = Layout("<I")

F = TypeVar("F")


class Frame(Struct, frozen=True, array_like=True, gc=False):
    """What all frames share."""


# -- both ways ---------------------------------------------------------------------------------------------------------


class Items(Frame, frozen=True, tag=1):
    """Items of a stream; at most as many as the receiver gave credit for."""

    id: int
    items: list[Raw]


class Credit(Frame, frozen=True, tag=2):
    """So many more items of a stream may be sent. It begins with `WINDOW`."""

    id: int
    count: Annotated[int, Meta(ge=1)]


# -- to the worker -----------------------------------------------------------------------------------------------------


class Start(Frame, frozen=True, tag=10, gc=True):
    """What actor to be. Names are ``module:qualified.name``."""

    search_path: list[str]
    """Where Python looks for modules."""
    main: tuple[Literal["", "module", "path"], str]
    """How to get the main module, if names refer to it: by name or by path."""
    factory: str
    actor: str
    arguments: Raw
    """An array."""
    name: str
    shutdown: float
    """Seconds that its lifespan has to end where nobody has asked for its end."""
    max_concurrency: int
    messages: list[str]
    """The message classes that the parent knows the actor to handle; `Begin.message` is an index into it."""


class Begin(Frame, frozen=True, tag=11):
    """Handle a message. Numbers rise; both lanes share them."""

    id: int
    message: int
    """Index of the message class."""
    left: float
    """Seconds until the deadline, because clocks differ; infinity if there is none."""
    buffer: int
    """Items of a stream that may wait on each side of the connection."""
    payload: Raw


class Cancel(Frame, frozen=True, tag=12):
    """The caller left, or the deadline passed."""

    id: int


class Finish(Frame, frozen=True, tag=13):
    """The caller has sent its last item."""

    id: int


class Stop(Frame, frozen=True, tag=14):
    """End."""

    drain: bool
    """Whether to work off all that was begun first; otherwise, only what is being worked on."""


class Ping(Frame, frozen=True, tag=15):
    """Are you there?"""


# -- from the worker ---------------------------------------------------------------------------------------------------


class Fault(Struct, frozen=True, array_like=True):
    """An exception; see `troupe.runtime.process.faults`."""

    type: str
    """Its class, as ``module:qualified.name``."""
    arguments: list[Any] | None
    """Its ``args``, or None if they can't travel."""
    state: dict[str, Any]
    """Its attributes."""
    trace: str
    """Its traceback, as text."""


class Hello(Frame, frozen=True, tag=20):
    """The first frame."""

    version: int
    token: str


class Ready(Frame, frozen=True, tag=21):
    """The actor is ready."""


class Reply(Frame, frozen=True, tag=22):
    """The handler is done."""

    id: int
    payload: Raw = NOTHING


class Failure(Frame, frozen=True, tag=23, gc=True):
    """The handler raised."""

    id: int
    fault: Fault


class Refused(Frame, frozen=True, tag=24):
    """The message was not begun, and will not be: it belongs to the next incarnation."""

    id: int


class Died(Frame, frozen=True, tag=25):
    """The actor died while working on this; `Stopping` has said of what."""

    id: int


class Stopping(Frame, frozen=True, tag=26, gc=True):
    """The actor ends by itself, or crashes: begin nothing more."""

    fault: Fault | None


class Ended(Frame, frozen=True, tag=27, gc=True):
    """The actor has ended. The last frame."""

    reason: Literal["normal", "shutdown", "killed"] | Fault
    seen: int
    """The number of the last `Begin` that was read. What came later was not begun."""


class Suppressed(Frame, frozen=True, tag=28):
    """An error that nobody was there to receive, for the parent's events."""

    error: str
    where: str


class Pong(Frame, frozen=True, tag=29):
    """Yes."""


ToWorker: TypeAlias = Items | Credit | Start | Begin | Cancel | Finish | Stop | Ping
FromWorker: TypeAlias = (
    Items | Credit | Hello | Ready | Reply | Failure | Refused | Died | Stopping | Ended | Suppressed | Pong
)


def pack(frame: Frame, limit: int) -> bytes:
    """Return the bytes of a frame.

    Raises:
        NotSendable: It is longer than `limit` bytes.
    """
    body = _encoder.encode(frame)
    if len(body) > limit:
        raise NotSendable(f"{len(body)} bytes are more than the {limit} that Process(max_frame=...) allows")
    return _length.pack(len(body)) + body


class Unpacker(Generic[F]):
    """Cuts a stream of bytes into frames.

    Args:
        frames: The union of frames that may come.
        limit: Bytes a frame may have; what claims to be longer is not waited for.
    """

    def __init__(self, frames: Any, limit: int) -> None:
        self._decode = Decoder[F](frames).decode
        self._limit = limit
        self._parts: list[bytes] = []  # of a frame that is not complete; joined once, when it is
        self._missing = 0

    @property
    def missing(self) -> int:
        """Bytes that are known to be missing of the current frame, at least 1 and no more than that frame's."""
        return max(self._missing, 1)

    def feed(self, data: bytes) -> list[F]:
        """Take the next bytes, cut anywhere, and return the frames that they complete.

        Raises:
            ProtocolError: This is not our protocol. The connection is of no further use.
        """
        if self._parts:
            self._parts.append(data)
            self._missing -= len(data)
            if self._missing > 0:
                return []
            data = b"".join(self._parts)
            self._parts.clear()
        frames: list[F] = []
        view = memoryview(data)
        at, end = 0, len(data)
        self._missing = 0
        while at < end:
            stop = at + 4
            if stop <= end:
                stop += self._checked(_length.unpack_from(data, at)[0])
            if stop > end:
                self._missing = stop - end
                self._parts.append(data[at:])
                break
            try:
                frames.append(self._decode(view[at + 4 : stop]))
            except UNREADABLE as error:
                raise ProtocolError(f"a frame of {stop - at} bytes makes no sense: {error}") from None
            at = stop
        return frames

    def _checked(self, length: int) -> int:
        if length > self._limit:
            raise ProtocolError(f"a frame claims to have {length} bytes; the limit is {self._limit}")
        return length
