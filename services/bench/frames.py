"""WebSocket frames for a client that must cost less than the server it measures (RFC 6455, section 5).

A general library spends as much on a frame as the server does, and would be the bottleneck. This client sends frames
that were made before the run, masked with zeros, which leaves the payload as it is, and which section 5.3 does not
forbid. It offers no extension, so that what comes in is what was meant.
"""

import struct
from collections.abc import Iterator
from typing import Final

TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA
_CONTINUATION: Final = 0x0
_LAST: Final = 0x80
_MASK: Final = b"\0\0\0\0"


def frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """Return a whole client frame."""
    size = len(payload)
    if size < 126:
        header = struct.pack("!BB", _LAST | opcode, 0x80 | size)
    elif size < 2**16:
        header = struct.pack("!BBH", _LAST | opcode, 0x80 | 126, size)
    else:
        header = struct.pack("!BBQ", _LAST | opcode, 0x80 | 127, size)
    return header + _MASK + payload


class FrameReader:
    """Cuts what a server sends into messages."""

    def __init__(self) -> None:
        self._held = b""
        self._pieces: list[bytes] = []
        self._opcode = 0

    def push(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield the opcode and payload of each message that is complete with `data`."""
        if self._held:
            data = self._held + data
        position, end = 0, len(data)
        while end - position >= 2:
            size = data[position + 1] & 0x7F
            start = position + 2
            if size == 126:
                if end - start < 2:
                    break
                size = int.from_bytes(data[start : start + 2], "big")
                start += 2
            elif size == 127:
                if end - start < 8:
                    break
                size = int.from_bytes(data[start : start + 8], "big")
                start += 8
            if end - start < size:
                break
            first, payload = data[position], data[start : start + size]
            position = start + size
            if first & _LAST and (opcode := first & 0x0F) != _CONTINUATION:
                yield opcode, payload  # nearly always; control frames may come between fragments
            else:
                yield from self._fragment(first, payload)
        self._held = data[position:]

    def _fragment(self, first: int, payload: bytes) -> Iterator[tuple[int, bytes]]:
        if first & 0x0F != _CONTINUATION:
            self._opcode = first & 0x0F
        self._pieces.append(payload)
        if first & _LAST:
            yield self._opcode, b"".join(self._pieces)
            self._pieces.clear()
