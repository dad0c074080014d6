"""WebSocket frames as bytes, both ways, without input or output: RFC 6455 behind the opening handshake.

Nearly everything that a voice session receives is a whole text frame in one piece, and all that it sends is: these take
a short way here. Everything else (fragments, control frames, whatever is wrong) goes frame by frame to the `websockets`
package's sans-I/O protocol, which knows all of the RFC and answers for us.
"""

import struct
from collections import deque
from encodings.utf_8 import IncrementalDecoder
from typing import Final

from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

try:
    from websockets.speedups import apply_mask
except ImportError:  # a platform for which the package has no compiled part
    from websockets.utils import apply_mask

LARGE: Final = 256 * 1024
"""Bytes of a message that is worked on as it comes in, and then in a thread: all at once, it would hold up others."""

_TEXT: Final = 0x81  # the last, or only, frame of a text message
_BINARY: Final = 0x82
_CONTROL: Final = 0x08
_RESERVED: Final = 0x70
_OPCODE: Final = 0x0F
_MASKED: Final = 0x80

_MEDIUM: Final = struct.Struct("!BBH").pack
_LONG: Final = struct.Struct("!BBQ").pack

Message = str | bytes
"""What a client sent: text, or binary data."""


class Framing:
    """One connection's frames, from the moment in which its opening handshake is done.

    What it has to answer by itself (pongs, close frames) is in `protocol.data_to_send()` after `receive`.

    Args:
        protocol: The connection's; it has accepted the handshake, agreed on no extension, and its ``max_size`` is how
            many bytes a message may have.
    """

    def __init__(self, protocol: ServerProtocol) -> None:
        assert isinstance(protocol.max_message_size, int)
        self.protocol = protocol
        self._limit = protocol.max_message_size
        self._buffer = bytearray()
        self._wanted = 0
        """Bytes that have to be there before looking again makes sense."""
        self._pieces: bytearray | None = None
        """A message in fragments, as far as it is there."""
        self._pieces_are_text = False
        self._large: _LargeText | None = None
        self._strict = False
        """Whether all goes to the protocol: somebody does what has no short way."""

    @property
    def open(self) -> bool:
        """Whether messages may be sent."""
        return self.protocol.state is State.OPEN

    def receive(self, data: bytes) -> deque[Message]:
        """Take what came in, and return the messages that are complete now."""
        messages: deque[Message] = deque()
        if self._strict:
            self._delegate(data, messages)
            return messages
        if self._buffer:
            self._buffer += data
            if len(self._buffer) < self._wanted:
                return messages
            data = bytes(self._buffer)
            self._buffer.clear()
        self._split(data, messages)
        return messages

    def _split(self, data: bytes, messages: deque[Message]) -> None:
        at, size, self._wanted = 0, len(data), 0
        pieces = len(self._pieces) if self._pieces is not None else 0
        if self._large is not None:
            at = self._continue_large(data, messages)
        while size - at >= 2:
            first, second = data[at], data[at + 1]
            length, header = second & 0x7F, 6
            if length == 126:
                header = 8
                if size - at < header:
                    break
                length = int.from_bytes(data[at + 2 : at + 4], "big")
            elif length == 127:
                header = 14
                if size - at < header:
                    break
                length = int.from_bytes(data[at + 2 : at + 10], "big")
            odd = not second & _MASKED or first & _RESERVED or (first & _CONTROL and length > 125)
            if odd or length + pieces > self._limit:
                self._strict = True  # it will refuse before there is more to keep
                self._delegate(data[at:], messages)
                return
            start, end = at + header, at + header + length
            whole = first == _TEXT and self._pieces is None
            if size < end:
                if not whole or length < LARGE or size < start:
                    self._wanted = end - at
                    break
                self._large = _LargeText(length, data[start - 4 : start])
                at = start + self._continue_large(data[start:], messages)
            elif whole:
                try:
                    messages.append(str(apply_mask(data[start:end], data[start - 4 : start]), "utf-8"))
                except UnicodeDecodeError:
                    self.fail(CloseCode.INVALID_DATA)
                    return
                at = end
            else:
                if first & _OPCODE == Opcode.CLOSE:
                    self.protocol.current_size = None  # who closes in the middle of a message breaks no rule
                self._delegate(data[at:end], messages)
                pieces = len(self._pieces) if self._pieces is not None else 0
                at = end
            if not self.open:
                return
        if at < size:
            self._buffer += data[at:]

    def _continue_large(self, data: bytes, messages: deque[Message]) -> int:
        """Decode more of a large text frame; return how many bytes of `data` were its."""
        assert self._large is not None
        taken = min(len(data), self._large.missing)
        try:
            if self._large.add(data[:taken]):
                messages.append(self._large.text())
                self._large = None
        except UnicodeDecodeError:
            self.fail(CloseCode.INVALID_DATA)
        return taken

    def _delegate(self, data: bytes, messages: deque[Message]) -> None:
        self.protocol.receive_data(data)
        for event in self.protocol.events_received():
            if isinstance(event, Frame) and event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                self._fragment(event, messages)

    def _fragment(self, frame: Frame, messages: deque[Message]) -> None:
        if self._pieces is None:
            self._pieces = bytearray()
            self._pieces_are_text = frame.opcode is Opcode.TEXT
        self._pieces += frame.data  # in one piece: a list of millions of tiny ones would cost far more than its bytes
        if not frame.fin:
            return
        pieces, self._pieces = self._pieces, None
        try:
            messages.append(pieces.decode() if self._pieces_are_text else bytes(pieces))
        except UnicodeDecodeError:
            self.fail(CloseCode.INVALID_DATA)

    def fail(self, code: int, reason: str = "") -> None:
        """End the connection because of what the client sent."""
        self.protocol.fail(code, reason)


def frame(payload: bytes, *, text: bool) -> bytes:
    """Return a message in the one frame, unmasked, in which a server sends it; text is UTF-8."""
    first, length = _TEXT if text else _BINARY, len(payload)
    if length < 126:
        return bytes((first, length)) + payload
    if length < 65536:
        return _MEDIUM(first, 126, length) + payload
    return _LONG(first, 127, length) + payload


class _LargeText:
    """The payload of a text frame that comes in little by little."""

    def __init__(self, length: int, mask: bytes) -> None:
        self.missing = length
        self._mask = mask
        self._decoder = IncrementalDecoder()
        self._parts: list[str] = []

    def add(self, data: bytes) -> bool:
        """Take the next bytes; return whether that was the last of them."""
        self.missing -= len(data)
        self._parts.append(self._decoder.decode(apply_mask(data, self._mask), final=not self.missing))
        turn = len(data) % 4
        self._mask = self._mask[turn:] + self._mask[:turn]
        return not self.missing

    def text(self) -> str:
        return "".join(self._parts)
