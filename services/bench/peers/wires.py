"""What other servers than ours speak, as far as a load has to know it: how audio goes in, and what comes out.

Each makes its frames of input before the run, so that sending costs the generator no more than a write, and of what
comes it reads no more than how long the audio in it is.
"""

from collections.abc import Iterator
from enum import Enum, auto
from typing import ClassVar, Final, Literal, Protocol

from ..frames import BINARY, TEXT, frame

RATE_OUT: Final = 24_000
"""Hertz of the audio that the scripted voices make."""


class Signal(Enum):
    """What else than audio a server says."""

    INTERRUPTED = auto()
    """The caller speaks: what has come of the answer is not to be played any more."""


class Wire(Protocol):
    """One protocol over WebSockets."""

    rate_in: ClassVar[int]
    """Hertz of the audio that the server takes, mono s16le."""

    @staticmethod
    def append(pcm: bytes) -> bytes:
        """Return the frame that carries audio to the server."""
        ...

    @staticmethod
    def read(opcode: int, payload: bytes) -> float | Signal | None:
        """Return how many seconds of audio a message holds, or what else it says; None if nothing that matters."""
        ...


class Pcm:
    """Samples in binary messages, and the text ``clear`` where an answer has been interrupted."""

    rate_in: ClassVar[int] = 16_000

    @staticmethod
    def append(pcm: bytes) -> bytes:
        """Return the frame that carries audio to the server."""
        return frame(pcm, BINARY)

    @staticmethod
    def read(opcode: int, payload: bytes) -> float | Signal | None:
        """Read a message."""
        if opcode == BINARY:
            return len(payload) / 2 / RATE_OUT
        return Signal.INTERRUPTED if opcode == TEXT and payload == b"clear" else None


class Protobuf:
    """Pipecat's own: its `Frame` message, of which field 2 is audio, and field 5 an interruption.

    See ``frames.proto`` in its package, and https://protobuf.dev/programming-guides/encoding/.
    """

    rate_in: ClassVar[int] = 16_000
    _AUDIO: ClassVar[int] = 2
    _INTERRUPTION: ClassVar[int] = 5
    _SAMPLES: ClassVar[int] = 3
    """Of an audio frame: bytes; 4 is the rate, and 5 the number of channels."""

    @staticmethod
    def append(pcm: bytes) -> bytes:
        """Return the frame that carries audio to the server."""
        audio = (
            _field(Protobuf._SAMPLES, pcm) + bytes([4 << 3]) + _varint(Protobuf.rate_in) + bytes([5 << 3]) + _varint(1)
        )
        return frame(_field(Protobuf._AUDIO, audio), BINARY)

    @staticmethod
    def read(opcode: int, payload: bytes) -> float | Signal | None:
        """Read a message."""
        if opcode != BINARY:
            return None
        for number, content in _fields(payload):
            if number == Protobuf._INTERRUPTION:
                return Signal.INTERRUPTED
            if number == Protobuf._AUDIO:
                samples = sum(len(part) for inner, part in _fields(content) if inner == Protobuf._SAMPLES)
                return samples / 2 / RATE_OUT
        return None


WireName = Literal["realtime", "pcm", "protobuf"]
WIRES: Final[dict[WireName, type[Wire]]] = {"pcm": Pcm, "protobuf": Protobuf}
"""Those that are not ours."""


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the number and content of each field that has a length; those that are numbers are skipped."""
    position = 0
    while position < len(message):
        tag, position = _read_varint(message, position)
        size, position = _read_varint(message, position)  # or the number itself
        if tag & 7 == 2:
            yield tag >> 3, message[position : position + size]
            position += size


def _read_varint(message: bytes, position: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = message[position]
        position += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number, position
