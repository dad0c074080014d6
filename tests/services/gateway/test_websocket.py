"""Our WebSockets over real sockets: RFC 6455 by a table, and clients that are broken or mean no good."""

import json
import random
import resource
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from anyio import BrokenResourceError, connect_tcp, create_task_group, fail_after, sleep
from anyio.abc import SocketStream
from conversations import Script, scripted_system
from frames import (
    BINARY,
    CLOSE,
    CONT,
    MASK,
    PING,
    PONG,
    TEXT,
    closing,
    frame,
    read_to_end,
    shake_hands,
    unframed,
    upgrade,
)
from servers import serving
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket
from troupe.services.gateway.app import Gateway
from troupe.services.gateway.framing import frame as server_frame
from troupe.services.gateway.transports import Disconnected, accept

pytestmark = [pytest.mark.real_time, pytest.mark.asyncio_only]


async def echo(socket: WebSocket) -> None:
    transport = await accept(socket)
    try:
        while True:
            message = await transport.receive()
            if isinstance(message, str):
                await transport.send(message.encode())
            else:
                await transport.send(message, text=False)
    except Disconnected:
        pass


async def echo_by_asgi(socket: WebSocket) -> None:
    """The same with ASGI's own messages, as any application would."""
    await socket.accept()
    async for message in socket.iter_text():
        await socket.send_text(message)


APPLICATION = Starlette(routes=[WebSocketRoute("/", echo), WebSocketRoute("/asgi", echo_by_asgi)])


@asynccontextmanager
async def client(address: str, request: bytes | None = None) -> AsyncGenerator[SocketStream]:
    host, _, port = address.rpartition(":")
    async with await connect_tcp(host, int(port)) as stream:
        await shake_hands(stream, request)
        yield stream


def code(value: int) -> tuple[int, bytes]:
    return CLOSE, value.to_bytes(2, "big")


NORMAL = closing(1000)
BYE = code(1000)
FAIL = code(1002)
INVALID = code(1007)
TOO_BIG = code(1009)

RFC: dict[str, tuple[list[bytes], list[tuple[int, bytes]]]] = {
    # 1, 2: what is whole comes back, pings get their pong, pongs nothing
    "text of no length": ([frame(TEXT), NORMAL], [(TEXT, b""), BYE]),
    **{
        f"{kind} of {length}": ([frame(opcode, b"*" * length), NORMAL], [(opcode, b"*" * length), BYE])
        for kind, opcode in (("text", TEXT), ("data", BINARY))
        for length in (125, 126, 127, 128, 65535, 65536)
    },
    "ping": ([frame(PING, b"\x00\xff\xfe"), NORMAL], [(PONG, b"\x00\xff\xfe"), BYE]),
    "ping of 125": ([frame(PING, b"." * 125), NORMAL], [(PONG, b"." * 125), BYE]),
    "ping of 126": ([frame(PING, b"." * 126)], [FAIL]),
    "pong that nobody asked for": ([frame(PONG, b"."), frame(PING), NORMAL], [(PONG, b""), BYE]),
    # 3, 4: reserved bits and opcodes
    **{
        f"reserved bits {rsv}": ([frame(TEXT, b"a"), frame(TEXT, b"b", rsv=rsv)], [(TEXT, b"a"), FAIL])
        for rsv in range(1, 8)
    },
    **{
        f"opcode {opcode}": ([frame(TEXT, b"a"), frame(opcode)], [(TEXT, b"a"), FAIL])
        for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)
    },
    "no mask": ([frame(TEXT, b"a", masked=False)], [FAIL]),
    # 5: fragments
    "ping in fragments": ([frame(PING, b"a", fin=False), frame(CONT, b"b")], [FAIL]),
    "two fragments": ([frame(TEXT, b"a", fin=False), frame(CONT, b"b"), NORMAL], [(TEXT, b"ab"), BYE]),
    "ping between fragments": (
        [frame(BINARY, b"a", fin=False), frame(PING, b"?"), frame(CONT, b"b"), NORMAL],
        [(PONG, b"?"), (BINARY, b"ab"), BYE],
    ),
    "continuation of nothing": ([frame(CONT, b"a")], [FAIL]),
    "continuation of what was whole": ([frame(TEXT, b"a"), frame(CONT, b"b")], [(TEXT, b"a"), FAIL]),
    "text between fragments": ([frame(TEXT, b"a", fin=False), frame(TEXT, b"b")], [FAIL]),
    # 6: UTF-8
    "a letter across fragments": (
        [frame(TEXT, b"\xce", fin=False), frame(CONT, b"\xba"), NORMAL],
        [(TEXT, "κ".encode()), BYE],
    ),
    **{
        f"no UTF-8: {bad.hex()}": ([frame(TEXT, b"a" + bad)], [INVALID])
        for bad in (b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf", b"\xff", b"\xce", b"\xfc\x80\x80\x80\x80\x80")
    },
    # 7: closing
    "closed twice": ([NORMAL, closing(1001)], [BYE]),
    "talk behind a close": ([NORMAL, frame(TEXT, b"a"), frame(PING)], [BYE]),
    "close in the middle": ([frame(TEXT, b"a", fin=False), NORMAL], [BYE]),
    "close without a word": ([frame(CLOSE)], [(CLOSE, b"")]),
    "close with half a code": ([frame(CLOSE, b"\x03")], [FAIL]),
    "close with a reason": ([closing(1000, "☃".encode())], [(CLOSE, b"\x03\xe8" + "☃".encode())]),
    "close with no UTF-8": ([closing(1000, b"\xff")], [INVALID]),
    "close of 126": ([frame(CLOSE, b"\x03\xe8" + b"*" * 124)], [FAIL]),
    **{f"close {value}": ([closing(value)], [code(value)]) for value in (1001, 1003, 1007, 1011, 3000, 4999)},
    **{f"close {value}": ([closing(value)], [FAIL]) for value in (0, 999, 1004, 1005, 1006, 1015, 1100, 2999, 65535)},
    # 9: limits
    "2^63 bytes": ([b"\x81\xff" + b"\x7f" + b"\xff" * 7 + MASK], [TOO_BIG]),
}


WAYS = {
    "frame by frame": lambda out: out,
    "all at once": lambda out: [b"".join(out)],
    "byte by byte": lambda out: [bytes((byte,)) for byte in b"".join(out)] if sum(map(len, out)) < 64 else out,
}


async def test_rfc_6455_by_the_table() -> None:
    async with serving(APPLICATION) as address:
        for name, (out, expected) in RFC.items():
            last = out[-1:] if len(expected) > 1 else []  # what was answered before has to be on its way by then
            for way, cut in WAYS.items():
                async with client(address) as stream:
                    data = b""
                    with fail_after(5):
                        for piece in cut(out[: len(out) - len(last)]):
                            try:
                                await stream.send(piece)
                            except BrokenResourceError:  # it has heard enough
                                break
                        while last and len(unframed(data)) < len(expected) - 1:
                            data += await stream.receive()
                        for piece in last:
                            await stream.send(piece)
                    got = unframed(data + await read_to_end(stream))
                if expected[-1][1] in {each[1] for each in (FAIL, INVALID, TOO_BIG)}:
                    got[-1] = (got[-1][0], got[-1][1][:2])  # without the words that explain the code
                assert got == expected, f"{name}, {way}"


async def test_compression_is_not_for_speech() -> None:
    async with serving(APPLICATION) as address:
        host, _, port = address.rpartition(":")
        async with await connect_tcp(host, int(port)) as stream:
            await stream.send(upgrade("/", **{"Sec-WebSocket-Extensions": "permessage-deflate"}))
            answer = await stream.receive()
            assert b" 101 " in answer
            assert b"extensions" not in answer.lower()
            await stream.send(frame(TEXT, b"deflated", rsv=4))
            assert unframed(await read_to_end(stream))[0][1][:2] == FAIL[1]


async def test_an_application_may_do_with_asgi_alone() -> None:
    async with serving(APPLICATION) as address, client(address, upgrade("/asgi")) as stream:
        await stream.send(frame(TEXT, b"hello"))
        assert unframed(await stream.receive()) == [(TEXT, b"hello")]
        await stream.send(NORMAL)
        assert unframed(await read_to_end(stream)) == [BYE]


async def test_an_application_that_fails_is_an_error_to_the_client(caplog: pytest.LogCaptureFixture) -> None:
    async def silent(socket: WebSocket) -> None:
        pass

    async def broken(socket: WebSocket) -> None:
        await accept(socket)
        raise RuntimeError("it broke")

    async with serving(Starlette(routes=[WebSocketRoute("/", silent), WebSocketRoute("/broken", broken)])) as address:
        host, _, port = address.rpartition(":")
        async with await connect_tcp(host, int(port)) as stream:
            await stream.send(upgrade())
            assert (await read_to_end(stream)).startswith(b"HTTP/1.1 500 ")
        async with await connect_tcp(host, int(port)) as stream:
            data = await shake_hands(stream, upgrade("/broken"))
            assert unframed(data + await read_to_end(stream)) == [code(1011)]
    assert "it broke" in caplog.text


async def test_a_thousand_malformed_frames_harm_nobody(caplog: pytest.LogCaptureFixture) -> None:
    source = random.Random(7)
    async with serving(APPLICATION) as address:
        async with client(address) as other:
            for _ in range(250):
                async with client(address) as stream:
                    noise = b"".join(
                        source.choice((source.randbytes(source.randrange(60)), frame(source.randrange(16), b"x" * 9)))
                        for _ in range(4)
                    )
                    await stream.send(noise)
            await other.send(frame(TEXT, b"still here"))
            assert unframed(await other.receive()) == [(TEXT, b"still here")]
    assert not caplog.records


class Session:
    """A client of the realtime protocol that writes its frames itself."""

    def __init__(self, stream: SocketStream) -> None:
        self._stream = stream
        self._data = b""

    async def send(self, event: str | bytes) -> None:
        """Send text in one frame, with a mask that changes nothing: large ones fast."""
        payload = event.encode() if isinstance(event, str) else event
        await self._stream.send(b"\x81\xff" + len(payload).to_bytes(8, "big") + bytes(4) + payload)

    async def until(self, kind: str) -> dict[str, Any]:
        """Return the first event of a kind, and forget those before it."""
        with fail_after(20):
            while True:
                frames = unframed(self._data)
                for index, (_, payload) in enumerate(frames):
                    event: dict[str, Any] = json.loads(payload)
                    if event["type"] == kind:
                        rest = frames[index + 1 :]
                        self._data = (
                            b"".join(server_frame(each, text=True) for _, each in rest)
                            + self._data[sum(len(server_frame(each, text=True)) for _, each in frames) :]
                        )
                        return event
                self._data += await self._stream.receive()


@asynccontextmanager
async def session(
    script: Script | None = None, lead: float = 5.0
) -> AsyncGenerator[tuple[Session, Gateway, SocketStream]]:
    gateway = Gateway(system=partial(scripted_system, script or Script(), lead))
    async with serving(gateway.application()) as address, client(address, upgrade("/v1/realtime")) as stream:
        talk = Session(stream)
        yield talk, stream


MANUAL = '{"type":"session.update","session":{"type":"realtime","audio":{"input":{"turn_detection":null}}}}'

BAD_JSON = {
    "deep": "[" * 100_000,
    "deep in an event": '{"type":"session.update","session":' + '{"a":' * 50_000,
    "a number of 5,000 digits": '{"type":"response.create","response":{"max_output_tokens":' + "9" * 5000 + "}}",
    "NaN": '{"type":"response.create","response":{"temperature":NaN}}',
    "Infinity": '{"type":"conversation.item.truncate","item_id":"a","content_index":0,"audio_end_ms":Infinity}',
    "half a surrogate": '{"type":"conversation.item.delete","item_id":"\\ud800"}',
    "a list": "[1]",
    "a name as a number": '{"type":7}',
    "a string of a megabyte": '{"type":"' + "x" * 2**20 + '"}',
    "the same name twice": '{"type":"response.cancel","type":"no.such"}',
    "audio that is none": '{"type":"input_audio_buffer.append","audio":"%%%%"}',
}


async def test_json_that_is_no_event_is_answered_with_an_error_and_the_session_lives() -> None:
    async with session() as (talk, _):
        for name, text in BAD_JSON.items():
            await talk.send(text)
            assert (await talk.until("error"))["error"]["type"] == "invalid_request_error", name
        await talk.send('{"type":"response.create"}')
        await talk.until("response.created")


async def test_fifteen_megabytes_of_audio_stall_nobody() -> None:
    event = b'{"type":"input_audio_buffer.append","audio":"' + b"A" * (15 * 2**20 // 3 * 4) + b'"}'
    wire = memoryview(b"\x81\xff" + len(event).to_bytes(8, "big") + bytes(4) + event)
    latest: list[float] = []

    async def watch() -> None:
        while True:
            before = time.perf_counter()
            await sleep(0.001)
            latest.append(time.perf_counter() - before - 0.001)

    async with session() as (talk, stream), create_task_group() as tasks:
        await talk.until("session.created")
        await talk.send(MANUAL)
        await talk.until("session.updated")
        tasks.start_soon(watch)
        for start in range(0, len(wire), 2**16):  # the client's part must not hold up the loop either
            await stream.send(bytes(wire[start : start + 2**16]))
        await talk.send('{"type":"input_audio_buffer.clear"}')
        await talk.until("input_audio_buffer.cleared")
        tasks.cancel_scope.cancel()
    assert (
        max(latest) < 0.2
    )  # 15 ms on a machine with nothing else to do; all in the event loop, it would be 500 to 700


async def test_a_message_over_the_limit_is_refused_before_it_has_come() -> None:
    async with session() as (talk, stream):
        await talk.until("session.created")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        await stream.send(b"\x81\xff" + (50 * 2**20).to_bytes(8, "big") + bytes(4) + b"{" * 1000)
        *_, last = unframed(await read_to_end(stream))
        assert last[0] == CLOSE
        assert last[1][:2] == (1009).to_bytes(2, "big")
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 4096
