"""Server-sent events, as they come: bytes in, complete events out, however the network cut them.

The format is that of the WHATWG's HTML standard, section 9.2.6 "Interpreting an event stream". Bytes are cut at line
ends before anything is decoded (no byte of a UTF-8 sequence is a line end), so a character may come in pieces, too.
"""

from typing import Final

from msgspec import Struct

BOM: Final = b"\xef\xbb\xbf"
LARGEST_EVENT: Final = 8 * 2**20
"""Bytes of one event, which holds an image or a second of audio in base64; more is a server gone mad."""


class EventTooLong(ValueError):
    """An event is longer than the decoder holds."""


class SseEvent(Struct, frozen=True, gc=False):
    """One event."""

    data: bytes
    """Its ``data`` lines, joined with line feeds; UTF-8, and not checked: a JSON decoder does that anyway."""
    type: str = "message"
    id: str = ""
    """Of this event, or of the last one before it that had one."""


class SseDecoder:
    """Decodes one stream.

    An event that no empty line ended is not complete and does not come out, as the standard has it; `pending` says so.

    Args:
        limit: Bytes that one event may have.
    """

    __slots__ = ("_after_cr", "_data", "_id", "_length", "_limit", "_line", "_start", "_type")

    def __init__(self, limit: int = LARGEST_EVENT) -> None:
        self._limit = limit
        self._line = bytearray()  # a line that has not ended yet
        self._start = True
        self._after_cr = False
        self._data: list[bytes] = []
        self._length = 0  # of the event's lines so far
        self._type = ""
        self._id = ""

    @property
    def pending(self) -> bool:
        """Whether there is the beginning of an event."""
        return bool(self._line or self._data)

    def push(self, chunk: bytes) -> list[SseEvent]:
        """Take the next bytes of the stream; return the events that they complete.

        Raises:
            EventTooLong: One is longer than the limit; the decoder is of no use any more.
        """
        plain = self._plain(chunk)
        if plain is not None:
            return [SseEvent(data, "message", self._id) for data in plain]
        if self._after_cr and chunk:  # the line feed of a CRLF that was cut in two
            self._after_cr = False
            if chunk.startswith(b"\n"):
                chunk = chunk[1:]
        if b"\r" in chunk:
            self._after_cr = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, rest = chunk.split(b"\n")
        events: list[SseEvent] = []
        for line in lines:
            if self._line:
                self._line += line
                self._take(bytes(self._line), events)
                self._line.clear()
            else:
                self._take(line, events)
        self._line += rest
        self._check(len(self._line))
        return events

    def push_data(self, chunk: bytes) -> list[bytes]:
        """As `push`, but return only the events' data, for streams whose types and ids say nothing more."""
        plain = self._plain(chunk)
        return [event.data for event in self.push(chunk)] if plain is None else plain

    def _plain(self, chunk: bytes) -> list[bytes] | None:
        """Cut a chunk that consists of whole events, each a line of data, which is how most of them come.

        Going through such a chunk line by line takes four times as long. None is for all others.
        """
        if not (chunk.startswith(b"data: ") and chunk.endswith(b"\n\n")) or len(chunk) > self._limit:
            return None
        if self._line or self._length or b"\r" in chunk:
            return None
        plain = chunk[6:-2].split(b"\n\ndata: ")
        if chunk.count(b"\n") != 2 * len(plain):
            return None
        self._start = self._after_cr = False
        return plain

    def _check(self, more: int) -> None:
        if self._length + more > self._limit:
            raise EventTooLong(f"an event of the stream has more than {self._limit} bytes")

    def _take(self, line: bytes, events: list[SseEvent]) -> None:
        self._check(len(line))
        self._length += len(line)
        if self._start:
            self._start = False
            line = line.removeprefix(BOM)
        if not line:
            if self._data:
                events.append(SseEvent(b"\n".join(self._data), self._type or "message", self._id))
                self._data.clear()
            self._type, self._length = "", 0
            return
        name, _, value = line.partition(b":")  # a comment has no name
        value = value.removeprefix(b" ")
        match name:
            case b"data":
                self._data.append(value)
            case b"event":
                self._type = value.decode("utf-8", "replace")
            case b"id" if b"\0" not in value:
                self._id = value.decode("utf-8", "replace")
            case _:  # comments, `retry`, and whatever comes up
                pass
