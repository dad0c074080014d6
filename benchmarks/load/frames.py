"""WebSocket frames for a client that must cost less than the server it measures (RFC 6455, section 5).

A general library spends as much on a frame as the server does, and would be the bottleneck. This client sends frames
that were made before the run, masked with zeros (which leaves the payload as it is, and which section 5.3 allows), and
of what comes in it looks at no more than the header and the first bytes.
"""

import struct
from collections.abc import Iterator
from typing import Final

TEXT: Final = 0x1
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA
_MASK = b"\0\0\0\0"


def frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """Return a whole client frame."""
    size = len(payload)
    if size < 126:
        header = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
    elif size < 2**16:
        header = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
    else:
        header = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, size)
    return header + _MASK + payload


class FrameReader:
    """Cuts what a server sends into frames; fragmented messages come as they are, in pieces."""

    def __init__(self) -> None:
        self._held = b""

    def push(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield the opcode and payload of each frame that is complete with `data`."""
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
            yield data[position] & 0x0F, data[start : start + size]
            position = start + size
        self._held = data[position:]
