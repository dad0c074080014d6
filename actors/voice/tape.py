"""The recording of a session: every message that crossed its border, in order, with its time.

A file begins with `MAGIC`; then come records, each four bytes of length, four of CRC-32 (both little-endian) and that
many bytes of MessagePack: an array of a tag, the seconds since the session began, and the record's members. It is only
ever added to, so that a crash costs no more than what was not written yet. Where the meaning of records changes, or
there are new kinds, `VERSION` does, too.

What comes in from others is kept whole: the client's events, the providers' answers, what voice activity was judged to
be. What goes out is kept as far as a replay has to compare it: of audio, its length and CRC-32.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import Raw, Struct

from ..contracts import GenerationEvent, Speech, Transcript
from ..realtime.client_events import ClientEvent
from ..realtime.names import Dialect
from ..realtime.session_config import RealtimeSession, TranscriptionSession
from .interruption import Interruption
from .opening import Opening
from .patience import Patience

MAGIC: Final = b"TROUPETAPE"
VERSION: Final = 1
LONGEST_RECORD: Final = 64 * 2**20
"""Bytes; what says that it is longer is damaged."""
SETTINGS: Final = (
    *("patience", "interruption", "opening", "speculate", "spoken_fallback", "context_tokens", "recordings", "lead"),
)
"""Members of `troupe.actors.voice.services.Services` that a session's behaviour depends on, beside its providers."""
ANSWERS: Final[dict[str, msgspec.msgpack.Decoder[Any]]] = {
    "stt": msgspec.msgpack.Decoder(Transcript),
    "llm": msgspec.msgpack.Decoder(GenerationEvent),
    "tts": msgspec.msgpack.Decoder(Speech),
}
"""What each part gives."""
RELAYED: Final = "realtime"
"""What a model that hears and speaks by itself is called as a part."""
_HEAD: Final = struct.Struct("<II")
_encode: Final = msgspec.msgpack.Encoder().encode


class NoTape(ValueError):
    """The file is no recording, one of another version, or damaged."""


class _Record(Struct, frozen=True, array_like=True):
    at: float
    """Seconds since the session began."""


class Began(_Record, frozen=True, kw_only=True, tag="began"):
    """The first record: all that a session is made with, but for its providers."""

    version: int
    session: RealtimeSession | TranscriptionSession
    dialect: Dialect
    patience: Patience
    interruption: Interruption
    opening: Opening
    speculate: bool
    spoken_fallback: str
    context_tokens: int
    recordings: int
    lead: float


class Heard(_Record, frozen=True, tag="heard"):
    """The client said something."""

    event: Raw
    """A `troupe.actors.realtime.client_events.ClientEvent`."""


class Misheard(_Record, frozen=True, tag="misheard"):
    """It said something that is no event."""

    code: str | None
    message: str
    param: str | None
    event_id: str | None


class Judged(_Record, frozen=True, tag="judged"):
    """A window of its audio is speech with this probability."""

    probability: float


class Told(_Record, frozen=True, tag="told"):
    """The client was told something."""

    event: Raw
    """A `troupe.actors.realtime.server_events.ServerEvent`; the audio of a delta as `Digest`."""


class Asked(_Record, frozen=True, tag="asked"):
    """A provider was asked."""

    call: int
    """Number of the call, from 0."""
    part: str
    """``stt``, ``llm`` or ``tts``; `RELAYED` for all of them at once, whose answers are what the client is told."""
    request: Raw


class Sent(_Record, frozen=True, tag="sent"):
    """A provider was sent more: text, or audio as `Digest`."""

    call: int
    item: Raw


class Got(_Record, frozen=True, tag="got"):
    """A provider gave something: a `Transcript`, a `GenerationEvent` or a `Speech`."""

    call: int
    item: Raw
    waited: bool
    """Whether it was waited for; else it was there when the session looked."""


class Over(_Record, frozen=True, tag="over"):
    """A provider's answer came to its end."""

    call: int
    error: str | None
    """The code of a `troupe.actors.errors.ProviderError`; None for a good end."""


class Full(_Record, frozen=True, tag="full"):
    """The last record of a recording that has reached its limit; the session went on."""


Record: TypeAlias = Began | Heard | Misheard | Judged | Told | Asked | Sent | Got | Over | Full


class Digest(Struct, frozen=True, array_like=True):
    """Stands for audio."""

    size: int
    """Bytes."""
    crc: int
    """CRC-32."""

    @classmethod
    def of(cls, audio: bytes) -> "Digest":
        """Return what stands for `audio`."""
        return cls(len(audio), zlib.crc32(audio))


def raw(value: Any) -> Raw:
    """Encode what stands inside a record."""
    return Raw(_encode(value))


def packed(record: Record) -> bytes:
    """Encode a record with what stands before it in a file."""
    body = _encode(record)
    return _HEAD.pack(len(body), zlib.crc32(body)) + body


class Tape(Struct, frozen=True):
    """A recording that was read."""

    began: Began
    records: tuple[Record, ...]
    """All after the first."""
    torn: int = 0
    """Bytes at the end that are no whole record: whoever wrote them did not come to finish it."""

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.records[-1].at if self.records else 0.0

    @property
    def relayed(self) -> bool:
        """Whether the session was held by a model that hears and speaks by itself; nothing of it is ours to replay."""
        return any(isinstance(record, Asked) and record.part == RELAYED for record in self.records)


def read_tape(path: Path) -> Tape:
    """Read a recording.

    Raises:
        OSError: The file can't be read.
        NoTape: It is none, is damaged, or was written by a later version.
    """
    data = path.read_bytes()
    if not data.startswith(MAGIC):
        raise NoTape(f"{path.name} is no recording of a session: it does not begin with {MAGIC.decode()}")
    records: list[Record] = []
    end = len(MAGIC)
    for end, record in _records(data, path.name):  # noqa: B007  (what is behind the last one is torn)
        records.append(record)
    if not records or not isinstance(records[0], Began):
        raise NoTape(f"{path.name} ends before the session begins: there is nothing to replay")
    return Tape(records[0], tuple(records[1:]), len(data) - end)


class _Version(Struct, array_like=True):
    tag: str
    at: float
    version: int


_version: Final = msgspec.msgpack.Decoder(_Version)
_record: Final[msgspec.msgpack.Decoder[Record]] = msgspec.msgpack.Decoder(Record)


def _records(data: bytes, name: str) -> Iterator[tuple[int, Record]]:
    """Give each whole record, and where it ends."""
    at = len(MAGIC)
    while at + _HEAD.size <= len(data):
        size, crc = _HEAD.unpack_from(data, at)
        start, end = at + _HEAD.size, at + _HEAD.size + size
        if size > LONGEST_RECORD:
            raise NoTape(f"{name} is damaged at byte {at}: a record can't be {size} bytes long")
        if end > len(data):
            return
        body = data[start:end]
        if zlib.crc32(body) != crc:
            raise NoTape(f"{name} is damaged at byte {at}: the checksum of the record there is wrong")
        try:
            if at == len(MAGIC) and (version := _version.decode(body).version) != VERSION:
                raise NoTape(f"{name} is of version {version}, and this is read by versions of Troupe that know it")
            yield end, _record.decode(body)
        except msgspec.DecodeError as error:
            raise NoTape(f"{name} can't be read at byte {at}: {error}") from None
        at = end


_client_event: Final[msgspec.msgpack.Decoder[ClientEvent]] = msgspec.msgpack.Decoder(ClientEvent)


def client_side(recording: Tape) -> Iterator[tuple[float, ClientEvent]]:
    """Give what the client said, and when, in seconds since the session began: a workload like the one recorded.

    Ids in its events are the recorded session's, and no other session has such items.
    """
    for record in recording.records:
        if isinstance(record, Heard):
            yield record.at, _client_event.decode(record.event)
