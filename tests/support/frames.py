"""WebSocket frames as a client sends them, well formed or not, and as it gets them, made by hand."""

import struct
from typing import Any

from anyio import fail_after
from anyio.abc import ByteStream

MASK = bytes((0x37, 0xFA, 0x21, 0x3D))
TEXT, BINARY, CONT, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool = True) -> bytes:
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    bit = 0x80 if masked else 0
    if len(payload) < 126:
        head = struct.pack("!BB", first, bit | len(payload))
    elif len(payload) < 65536:
        head = struct.pack("!BBH", first, bit | 126, len(payload))
    else:
        head = struct.pack("!BBQ", first, bit | 127, len(payload))
    if not masked:
        return head + payload
    return head + MASK + bytes(byte ^ MASK[index % 4] for index, byte in enumerate(payload))


def closing(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, struct.pack("!H", code) + reason)


def upgrade(path: str = "/", **headers: str) -> bytes:
    lines = {
        "Host": "localhost",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
        **headers,
    }
    return "\r\n".join((f"GET {path} HTTP/1.1", *(f"{key}: {value}" for key, value in lines.items()), "", "")).encode()


def unframed(data: bytes) -> list[tuple[int, bytes]]:
    """Return a server's frames as opcodes and payloads, as far as they are whole."""
    frames = []
    while len(data) >= 2:
        opcode, length, head = data[0] & 15, data[1], 2
        if length == 126:
            length, head = int.from_bytes(data[2:4]), 4
        elif length == 127:
            length, head = int.from_bytes(data[2:10]), 10
        if len(data) < head + length:
            break
        frames.append((opcode, data[head : head + length]))
        data = data[head + length :]
    return frames


async def read_to_end(stream: ByteStream, within: float = 5) -> bytes:
    """Return what comes until the other side ends or drops the connection."""
    from anyio import BrokenResourceError, EndOfStream

    data = b""
    with fail_after(within):
        try:
            while True:
                data += await stream.receive(2**20)
        except (EndOfStream, BrokenResourceError):
            return data


async def shake_hands(stream: ByteStream, request: Any = None) -> bytes:
    """Open a WebSocket; return what the server sent behind its answer."""
    await stream.send(request or upgrade())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += await stream.receive()
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert b" 101 " in head.split(b"\r\n")[0], head
    return rest
