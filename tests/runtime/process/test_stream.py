"""Streams of bytes over sockets, and how two processes get one."""

import os
import socket
from pathlib import Path

import pytest
from anyio import create_task_group, move_on_after, to_thread, wait_all_tasks_blocked
from anyio.lowlevel import checkpoint
from troupe.runtime.process.stream import LISTENERS, SocketStream, TcpListener, Transport, UnixListener, connect

pytestmark = pytest.mark.real_time


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    stream = SocketStream(ours)
    yield stream, theirs
    stream.close()
    theirs.close()


async def test_bytes_in_both_directions(pair) -> None:
    stream, peer = pair
    assert stream.send_nowait(bytearray(b"there")) == 5
    assert peer.recv(10) == b"there"
    for data in (b"and", b"back"):
        peer.send(data)
        assert await stream.receive(1) == data


async def test_receiving_waits(pair) -> None:
    stream, peer = pair
    received: list[bytes] = []

    async def receive() -> None:
        received.append(await stream.receive(1))

    async with create_task_group() as tasks:
        tasks.start_soon(receive)
        await wait_all_tasks_blocked()
        assert received == []
        peer.send(b"late")
    assert received == [b"late"]


async def test_a_cancelled_receive_loses_nothing(pair) -> None:
    stream, peer = pair
    sent = received = b""
    for number in range(200):
        data = bytes([number])
        sent += data
        with move_on_after(0 if number % 2 else 0.001):
            if number % 3:
                peer.send(data)
            received += await stream.receive(1)
        if not number % 3:
            peer.send(data)
    while len(received) < len(sent):
        received += await stream.receive(1)
    assert received == sent


async def test_what_nobody_takes_stays_in_the_socket(pair) -> None:
    stream, peer = pair
    peer.send(b"a")
    assert await stream.receive(1) == b"a"
    total = 0
    while total < 10_000_000:  # it ends when the socket is full
        try:
            total += peer.send(b"x" * 65536)
        except BlockingIOError:
            break
        await checkpoint()
    assert total < 10_000_000
    received = 0
    while received < total:
        received += len(await stream.receive(100_000))
    assert received == total


async def test_sending_takes_what_goes_and_waits_for_the_rest(pair) -> None:
    stream, peer = pair
    data = bytearray(5_000_000)
    received = 0

    async def send() -> None:
        while data:
            del data[: stream.send_nowait(data)]
            if data:
                await stream.wait_sendable()

    async with create_task_group() as tasks:
        assert 0 < stream.send_nowait(data) < 5_000_000
        assert stream.send_nowait(data) == 0
        tasks.start_soon(send)
        while received < 5_000_000 + 1:
            try:
                received += len(peer.recv(1_000_000))
            except BlockingIOError:
                if not data:
                    break
                await checkpoint()
    assert received > 5_000_000


async def test_the_end_of_the_peer(pair) -> None:
    stream, peer = pair
    peer.send(b"last words")
    peer.close()
    assert await stream.receive(1) == b"last words"
    assert await stream.receive(1) == b""
    assert stream.send_nowait(bytearray(b"anybody?")) == 8


async def test_a_peer_that_resets_the_connection() -> None:
    with TcpListener() as listener:
        peer = await to_thread.run_sync(socket.create_connection, ("127.0.0.1", int(listener.address[4:])))
        stream = await listener.accept()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        peer.close()
        assert await stream.receive(1) == b""
        stream.close()


async def test_a_listener_for_one_that_inherits() -> None:
    with UnixListener() as listener:
        copy = os.dup(listener.inherited[0])  # as the worker has one
        theirs = connect(f"fd:{copy}")
        assert not os.get_inheritable(copy)
        ours = await listener.accept()
        theirs.send_nowait(bytearray(b"hello"))
        assert await ours.receive(1) == b"hello"
        with move_on_after(0.01):
            await listener.accept()
            pytest.fail("nobody else can come")
    theirs.close()
    assert await ours.receive(1) == b""
    ours.close()


async def test_a_listener_that_anybody_can_connect_to() -> None:
    with TcpListener() as listener:
        assert listener.inherited == ()
        theirs = await to_thread.run_sync(connect, listener.address)
        ours = await listener.accept()
        theirs.send_nowait(bytearray(b"hello"))
        assert await ours.receive(1) == b"hello"
        theirs.close()
        ours.close()


@pytest.mark.parametrize("transport", Transport)
def test_listeners_that_nobody_came_to_close_everything(transport: Transport) -> None:
    before = set(Path("/proc/self/fd").iterdir())
    with LISTENERS[transport]():
        pass
    assert set(Path("/proc/self/fd").iterdir()) == before
